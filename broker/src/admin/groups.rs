//! Groups and who is in them: codes 200, 201, 203, 204, 207.

use super::not_durable;
use crate::clients::{Consumers, Member, Producers};
use crate::groups::Groups;
use crate::offsets::ConsumerOffsets;
use crate::refusal::Refusal;
use crate::service::Call;
use crate::stats::Stats;
use compat::body::admin::{ConsumerConnection, ProducerConnection};
use compat::body::client::SubscriptionData;
use compat::group::GroupConfig;
use compat::header::admin::DeleteGroupRequest;
use compat::header::client::{ConsumerGroupRequest, ProducerGroupRequest};
use compat::json;
use remoting::output::Output;
use std::sync::Arc;

/// Answers what is asked about groups.
pub struct GroupAdmin {
    /// The groups.
    pub groups: Arc<Groups>,
    /// Connected consumers.
    pub consumers: Arc<Consumers>,
    /// Connected producers.
    pub producers: Arc<Producers>,
    /// How far they are.
    pub offsets: Arc<ConsumerOffsets>,
    /// Their counters.
    pub stats: Arc<Stats>,
}

impl GroupAdmin {
    /// Code 200: makes or replaces a group. The document `null` is ignored, as in 4.3.0.
    pub fn put(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        if call.request.body.trim_ascii() == b"null" {
            return call.done(out);
        }
        let group: GroupConfig = call.body()?;
        if group.group_name.is_empty() {
            return Err(Refusal::Body("the group has no name".to_owned()));
        }
        self.groups.put(group).map_err(not_durable)?;
        call.done(out)
    }

    /// Code 201: the whole table.
    pub fn all(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        call.answer_body(out, &json::to_vec(&self.groups.snapshot()))
    }

    /// Code 207: removes a group; its offsets too, where the client asks for that (clients from 4.9 on).
    pub fn delete(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: DeleteGroupRequest<'_> = call.request.header()?;
        self.groups.remove(&request.group).map_err(not_durable)?;
        if request.remove_offset == Some(true) {
            self.offsets.remove_group(&request.group);
            self.offsets.save().map_err(not_durable)?;
        }
        self.stats.forget_group(&request.group);
        call.done(out)
    }

    /// Code 203: the connections of a consumer group.
    pub fn consumers(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: ConsumerGroupRequest<'_> = call.request.header()?;
        let group = self.consumers.group(&request.group);
        let group = group.ok_or_else(|| Refusal::GroupOffline { group: request.group.to_string() })?;
        let subscriptions = group.subscriptions.iter();
        let body = ConsumerConnection {
            connection_set: group.members.values().map(Member::connection).collect(),
            consume_from_where: group.consume_from_where,
            consume_type: group.consume_type,
            message_model: group.message_model,
            subscription_table: subscriptions
                .map(|(topic, subscription)| (topic.clone(), SubscriptionData::clone(subscription)))
                .collect(),
        };
        call.answer_body(out, &json::to_vec(&body))
    }

    /// Code 204: the connections of a producer group.
    pub fn producers(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: ProducerGroupRequest<'_> = call.request.header()?;
        let connections = self.producers.connections(&request.group);
        let connection_set =
            connections.ok_or_else(|| Refusal::ProducerGroupMissing { group: request.group.to_string() })?;
        call.answer_body(out, &json::to_vec(&ProducerConnection { connection_set }))
    }
}
