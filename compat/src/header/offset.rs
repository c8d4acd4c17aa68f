//! Offsets of queues and groups: codes 14, 15, 29-32. Source: `common/protocol/header/*OffsetRequestHeader`.

use crate::header;
use std::borrow::Cow;

header! {
    /// Asks for the offset of a group.
    pub struct QueryConsumerOffsetRequest<'a> {
        /// Consumer group.
        group: Cow<'a, str> = "consumerGroup",
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Queue.
        queue_id: i32 = "queueId",
    }

    /// Stores the offset of a group.
    pub struct UpdateConsumerOffsetRequest<'a> {
        /// Consumer group.
        group: Cow<'a, str> = "consumerGroup",
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Queue.
        queue_id: i32 = "queueId",
        /// Queue offset.
        commit_offset: i64 = "commitOffset",
    }

    /// Names one queue (codes 30, 31, 32).
    pub struct QueueRequest<'a> {
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Queue.
        queue_id: i32 = "queueId",
    }

    /// Asks for the queue offset of a time.
    pub struct SearchOffsetRequest<'a> {
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Queue.
        queue_id: i32 = "queueId",
        /// Store time, ms.
        timestamp: i64 = "timestamp",
    }

    /// A queue offset.
    pub struct OffsetResponse {
        /// Queue offset.
        offset: i64 = "offset",
    }

    /// A store time.
    pub struct TimestampResponse {
        /// Store time, ms; -1 for none.
        timestamp: i64 = "timestamp",
    }
}
