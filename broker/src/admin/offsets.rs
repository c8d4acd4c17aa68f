//! How far groups are: codes 43 and 208.

use super::stored_before;
use crate::clients::Consumers;
use crate::identity::Identity;
use crate::offsets::ConsumerOffsets;
use crate::refusal::Refusal;
use crate::service::Call;
use crate::stats::{Span, Stats};
use crate::topics::Topics;
use compat::body::MessageQueue;
use compat::body::admin::{ConsumeOffset, ConsumeStats};
use compat::header::admin::ConsumeStatsRequest;
use compat::json;
use compat::offset::QueueId;
use compat::topic::TopicConfig;
use remoting::output::Output;
use std::sync::Arc;
use store::Store;

/// Answers how far groups are.
pub struct OffsetAdmin {
    /// The offsets.
    pub offsets: Arc<ConsumerOffsets>,
    /// Which topics there are.
    pub topics: Arc<Topics>,
    /// Who is connected.
    pub consumers: Arc<Consumers>,
    /// The messages.
    pub store: Store,
    /// How fast they are consumed.
    pub stats: Arc<Stats>,
    /// Name of this broker.
    pub identity: Arc<Identity>,
}

impl OffsetAdmin {
    /// Code 43: the whole table.
    pub fn all(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        call.answer_body(out, &json::to_vec(&self.offsets.snapshot()))
    }

    /// Code 208: how far a group is in each queue that can be read, of one topic or of all it has an offset of.
    pub fn consume_stats(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: ConsumeStatsRequest<'_> = call.request.header()?;
        let group = request.group.as_ref();
        let topics = match request.topic.as_deref().map(str::trim) {
            Some(topic) if !topic.is_empty() => vec![topic.to_owned()],
            _ => self.offsets.topics_of(group),
        };
        let mut stats = ConsumeStats::default();
        for topic in topics.iter().filter_map(|topic| self.topics.find(topic)) {
            if self.is_consumed(group, &topic.topic_name) {
                self.add(group, &topic, &mut stats);
            }
        }
        call.answer_body(out, &json::to_vec(&stats))
    }

    /// `false` where the group is connected and subscribes to other topics only.
    fn is_consumed(&self, group: &str, topic: &str) -> bool {
        let group = self.consumers.group(group);
        group.is_none_or(|group| group.subscriptions.is_empty() || group.subscriptions.contains_key(topic))
    }

    fn add(&self, group: &str, topic: &TopicConfig, stats: &mut ConsumeStats) {
        let name = &topic.topic_name;
        for queue_id in 0..topic.read_queue_count {
            let broker_name = self.identity.name.clone();
            let place = MessageQueue { broker_name, queue_id, topic: name.clone() };
            let consumer_offset = self.offsets.query(group, name, queue_id).unwrap_or_default();
            let queue = QueueId::from_java(queue_id).and_then(|id| self.store.existing_queue(name, id));
            let offset = match queue {
                None => ConsumeOffset { broker_offset: 0, consumer_offset, last_timestamp: 0 },
                Some(queue) => ConsumeOffset {
                    broker_offset: queue.max().to_java(),
                    consumer_offset,
                    last_timestamp: stored_before(&self.store, &queue, consumer_offset).max(0),
                },
            };
            stats.offset_table.insert(place, offset);
        }
        let speed = self.stats.summary("GROUP_GET_NUMS", &format!("{name}@{group}"), Span::Minute);
        stats.consume_tps += speed.map_or(0.0, |speed| speed.tps);
    }
}
