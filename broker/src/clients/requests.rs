//! What clients ask about themselves: codes 34, 35, 38, 46.

use super::{Consumers, Member, Producers};
use crate::groups::Groups;
use crate::live::Live;
use crate::refusal::Refusal;
use crate::service::Call;
use crate::settings::BrokerSettings;
use crate::topics::Topics;
use compat::body::client::{CheckClientRequest, ConsumerData, ConsumerIdList, HeartbeatData};
use compat::header::EmptyHeader;
use compat::header::client::{ConsumerGroupRequest, UnregisterClientRequest};
use compat::json;
use compat::names::retry_topic;
use compat::time::Millis;
use compat::topic::Perm;
use remoting::output::Output;
use remoting::peer::Peer;
use std::sync::Arc;

/// Answers clients that come, stay and go.
pub struct ClientRequests {
    /// Consumers.
    pub consumers: Arc<Consumers>,
    /// Producers.
    pub producers: Arc<Producers>,
    /// A consumer's first heartbeat may make its group.
    pub groups: Arc<Groups>,
    /// And its retry topic.
    pub topics: Arc<Topics>,
    /// Whether members are told of changes.
    pub settings: Arc<Live<BrokerSettings>>,
}

/// System flag of the retry topic of a group in unit mode.
const UNIT_SUBSCRIPTION: i32 = 2;

impl ClientRequests {
    /// Code 34: a client says what it is.
    pub fn heartbeat(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let mut data: HeartbeatData = call.body()?;
        let member = Member {
            peer: call.peer.clone(),
            client_id: std::mem::take(&mut data.client_id),
            language: call.request.language,
            version: call.request.version,
            last_heartbeat: call.now,
        };
        let tells = self.settings.get().notify_consumer_ids_changed;
        for mut consumer in data.consumers {
            // A client that leaves the version out made its subscription just now.
            for subscription in consumer.subscriptions.iter_mut().filter(|one| one.sub_version == 0) {
                subscription.sub_version = call.now.0;
            }
            let tell = tells && self.prepare(&consumer);
            self.consumers.on_heartbeat(member.clone(), consumer, tell);
        }
        for producer in data.producers {
            self.producers.on_heartbeat(&producer.group_name, member.clone());
        }
        call.done(out)
    }

    /// Makes what a consumer needs. Returns whether its group wants to be told of changes.
    fn prepare(&self, consumer: &ConsumerData) -> bool {
        let Some(group) = self.groups.find_or_create(&consumer.group_name) else { return true };
        let sys_flag = if consumer.unit_mode { UNIT_SUBSCRIPTION } else { 0 };
        let retry = retry_topic(&consumer.group_name);
        self.topics.find_or_create_internal(&retry, group.retry_queue_count, Perm::READ_WRITE, sys_flag);
        group.notify_consumer_ids_changed_enable
    }

    /// Code 35: a client leaves.
    pub fn unregister(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: UnregisterClientRequest<'_> = call.request.header()?;
        if let Some(group) = request.producer_group {
            self.producers.on_unregister(call.peer, &group);
        }
        if let Some(name) = request.consumer_group {
            let group_tells = self.groups.find(&name).is_none_or(|group| group.notify_consumer_ids_changed_enable);
            let tell = group_tells && self.settings.get().notify_consumer_ids_changed;
            self.consumers.on_unregister(call.peer, &name, tell);
        }
        call.done_with_empty_header(out)
    }

    /// Code 38: the client ids of a group.
    pub fn consumer_list(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: ConsumerGroupRequest<'_> = call.request.header()?;
        let consumer_id_list = self.consumers.client_ids(&request.group);
        if consumer_id_list.is_empty() {
            return Err(Refusal::NoConsumer { group: request.group.into_owned() });
        }
        call.answer(out, &EmptyHeader, &json::to_vec(&ConsumerIdList { consumer_id_list }))
    }

    /// Code 46: whether a filter expression can be used.
    pub fn check(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request = if call.request.body.is_empty() { CheckClientRequest::default() } else { call.body()? };
        match request.subscription_data.map(|subscription| subscription.expression_type) {
            None => call.done(out),
            Some(kind) if kind.is_empty() || kind == "TAG" => call.done(out),
            Some(kind) if !self.settings.get().property_filter => Err(Refusal::FilterTypeForbidden { kind }),
            Some(_) => Err(Refusal::NotYet { what: "filtering by SQL92" }),
        }
    }

    /// A connection is gone.
    pub fn on_closed(&self, peer: &Peer) {
        self.producers.on_closed(peer);
        self.consumers.on_closed(peer, self.settings.get().notify_consumer_ids_changed);
    }

    /// Forgets silent clients. Called every ten seconds.
    pub fn on_time(&self, now: Millis) {
        self.producers.on_time(now);
        self.consumers.on_time(now, self.settings.get().notify_consumer_ids_changed);
    }
}
