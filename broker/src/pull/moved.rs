//! The message that tells of an offset which the broker had to move.
//! Source: `broker/processor/PullMessageProcessor#generateOffsetMovedEvent`.

use crate::identity::Identity;
use compat::body::MessageQueue;
use compat::body::admin::OffsetMovedEvent;
use compat::header::pull::PullRequest;
use compat::java::hash_map;
use compat::json;
use compat::message::SysFlag;
use compat::message::properties::{self, name};
use compat::names::OFFSET_MOVED_EVENT;
use compat::offset::QueueId;
use compat::time::Millis;
use store::{Batch, NewRecord, Store};

/// What is told.
pub(super) fn event(request: &PullRequest<'_>, next: i64, broker: &str) -> OffsetMovedEvent {
    OffsetMovedEvent {
        consumer_group: request.group.clone().into_owned(),
        message_queue: MessageQueue {
            broker_name: broker.to_owned(),
            queue_id: request.queue_id,
            topic: request.topic.clone().into_owned(),
        },
        offset_new: next,
        offset_request: request.queue_offset,
    }
}

/// Stores it. Nobody is told when that fails, as in 4.3.0.
pub(super) fn store(event: &OffsetMovedEvent, store: &Store, identity: &Identity, now: Millis) {
    let group = &event.consumer_group;
    let marks = [(name::TAGS, group.as_str()), (name::DELAY, "0"), (name::KEYS, group)];
    let mut text = Vec::new();
    for (name, value) in hash_map::in_order(marks.map(|(name, value)| (name.to_owned(), value))) {
        properties::push(&name, value, &mut text);
    }
    let mut batch = Batch::default();
    batch.push(&NewRecord {
        queue: &store.queue(OFFSET_MOVED_EVENT, QueueId::ZERO),
        flag: 0,
        sys_flag: SysFlag(0),
        born_timestamp: now,
        born_host: identity.address,
        store_host: identity.address,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: &json::to_vec(event),
        properties: &text,
    });
    store.append(&mut batch);
}
