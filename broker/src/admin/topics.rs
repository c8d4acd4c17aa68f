//! Topics: codes 17, 21, 202, 215, 300, 305, 306, 316.

use super::{not_durable, stored_before};
use crate::clients::Consumers;
use crate::identity::Identity;
use crate::offsets::ConsumerOffsets;
use crate::refusal::Refusal;
use crate::service::Call;
use crate::stats::Stats;
use crate::topics::Topics;
use compat::body::MessageQueue;
use compat::body::admin::{GroupList, TopicOffset, TopicStatsTable};
use compat::body::namesrv::TopicList;
use compat::header::EmptyHeader;
use compat::header::admin::{CreateTopicRequest, TopicRequest};
use compat::json;
use compat::offset::QueueId;
use compat::topic::{Perm, TopicConfig, TopicFilterType, is_legal_name};
use remoting::output::Output;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::Store;

/// Most queues of one topic: everything that walks them stays short.
const MAX_QUEUE_COUNT: i32 = 65_536;

/// Answers what is asked about topics.
pub struct TopicAdmin {
    /// The topics.
    pub topics: Arc<Topics>,
    /// Their messages.
    pub store: Store,
    /// Their counters.
    pub stats: Arc<Stats>,
    /// Who has consumed them.
    pub offsets: Arc<ConsumerOffsets>,
    /// Who consumes them.
    pub consumers: Arc<Consumers>,
    /// Names of this broker and its cluster.
    pub identity: Arc<Identity>,
}

impl TopicAdmin {
    /// Code 17: makes or replaces a topic. Differs: 4.3.0 answers first, and takes any name.
    pub fn put(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: CreateTopicRequest<'_> = call.request.header()?;
        let topic = self.checked(&request)?;
        self.topics.put(topic).map_err(not_durable)?;
        call.done(out)
    }

    fn checked(&self, request: &CreateTopicRequest<'_>) -> Result<TopicConfig, Refusal> {
        let name = request.topic.as_ref();
        if name == self.identity.cluster {
            return Err(Refusal::ReservedTopic { topic: name.to_owned() });
        }
        if !is_legal_name(name) && self.topics.find(name).is_none() {
            return Err(Refusal::IllegalTopicName);
        }
        let filter_type = TopicFilterType::from_name(&request.filter_type)
            .ok_or_else(|| Refusal::FilterType { value: request.filter_type.to_string() })?;
        for count in [request.read_queue_count, request.write_queue_count] {
            if !(0..=MAX_QUEUE_COUNT).contains(&count) {
                return Err(Refusal::QueueCount { count, max: MAX_QUEUE_COUNT });
            }
        }
        Ok(TopicConfig {
            order: false,
            perm: Perm(request.perm),
            read_queue_count: request.read_queue_count,
            topic_filter_type: filter_type,
            topic_name: name.to_owned(),
            topic_sys_flag: request.sys_flag.unwrap_or_default(),
            write_queue_count: request.write_queue_count,
        })
    }

    /// Code 215: removes a topic and its messages. The offsets of its groups stay.
    pub fn delete(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: TopicRequest<'_> = call.request.header()?;
        self.topics.remove(&request.topic).map_err(not_durable)?;
        self.store.retain_topics(&self.topics.names());
        self.stats.forget_topic(&request.topic);
        call.done(out)
    }

    /// Code 21: the whole table.
    pub fn all(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        call.answer(out, &EmptyHeader, &json::to_vec(&self.topics.snapshot()))
    }

    /// Code 305: topics that every broker has.
    pub fn built_in(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let list = TopicList { broker_addr: None, topic_list: self.topics.built_in() };
        call.answer_body(out, &json::to_vec(&list))
    }

    /// Code 202: where the queues of a topic begin and end.
    pub fn stats(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: TopicRequest<'_> = call.request.header()?;
        let topic = self.topics.find(&request.topic);
        let topic = topic.ok_or_else(|| Refusal::AskedTopicMissing { topic: request.topic.to_string() })?;
        let mut table = TopicStatsTable::default();
        for queue_id in 0..topic.write_queue_count {
            let broker_name = self.identity.name.clone();
            let queue = MessageQueue { broker_name, queue_id, topic: topic.topic_name.clone() };
            table.offset_table.insert(queue, self.ends(&topic.topic_name, queue_id));
        }
        call.answer_body(out, &json::to_vec(&table))
    }

    fn ends(&self, topic: &str, queue_id: i32) -> TopicOffset {
        let queue = QueueId::from_java(queue_id).and_then(|id| self.store.existing_queue(topic, id));
        let Some(queue) = queue else { return TopicOffset::default() };
        let max_offset = queue.max().to_java();
        let last_update_timestamp = stored_before(&self.store, &queue, max_offset);
        TopicOffset { last_update_timestamp, max_offset, min_offset: queue.min().to_java() }
    }

    /// Code 300: groups that subscribe to a topic, or have an offset of it.
    pub fn consumed_by(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: TopicRequest<'_> = call.request.header()?;
        let groups = self.consumers.groups_of(&request.topic).into_iter().chain(self.offsets.groups_of(&request.topic));
        let groups: BTreeSet<String> = groups.collect();
        call.answer_body(out, &json::to_vec(&GroupList { group_list: groups.into_iter().collect() }))
    }

    /// Code 316: removes the messages of topics that are no more.
    pub fn clean_unused(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        self.store.retain_topics(&self.topics.names());
        call.done(out)
    }

    /// Code 306: removes queues whose messages are all gone.
    pub fn clean_expired(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        self.store.clean_expired_queues();
        call.done(out)
    }
}
