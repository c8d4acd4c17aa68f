//! Pulling: code 11. Source: `common/protocol/header/PullMessageRequestHeader`, `common/sysflag/PullSysFlag`.

use crate::header;
use std::borrow::Cow;

header! {
    /// Asks for messages of one queue.
    pub struct PullRequest<'a> {
        /// Consumer group.
        group: Cow<'a, str> = "consumerGroup",
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Queue.
        queue_id: i32 = "queueId",
        /// First queue offset wanted.
        queue_offset: i64 = "queueOffset",
        /// At most so many messages.
        max_count: i32 = "maxMsgNums",
        /// See [`PullFlag`].
        sys_flag: i32 = "sysFlag",
        /// Offset to store for the group when [`PullFlag::COMMIT`] is set.
        commit_offset: i64 = "commitOffset",
        /// How long the broker may hold the request, ms.
        suspend_timeout_ms: i64 = "suspendTimeoutMillis",
        /// Filter expression, with [`PullFlag::SUBSCRIPTION`].
        subscription: Option<Cow<'a, str>> = "subscription",
        /// Version of the subscription the client knows.
        subscription_version: i64 = "subVersion",
        /// `TAG` or `SQL92`.
        expression_type: Option<Cow<'a, str>> = "expressionType",
    }

    /// Where the group goes on.
    pub struct PullResponse {
        /// Broker id to pull from next time.
        suggested_broker: i64 = "suggestWhichBrokerId",
        /// Queue offset of the next pull.
        next_begin_offset: i64 = "nextBeginOffset",
        /// First queue offset there is.
        min_offset: i64 = "minOffset",
        /// Queue offset behind the last message.
        max_offset: i64 = "maxOffset",
    }
}

/// Bits of the `sysFlag` of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullFlag(pub i32);

impl PullFlag {
    /// Store `commitOffset`.
    pub const COMMIT: i32 = 1;
    /// The broker may hold the request.
    pub const SUSPEND: i32 = 2;
    /// The request carries its subscription.
    pub const SUBSCRIPTION: i32 = 4;
    /// A class filter, which brokers ignore.
    pub const CLASS_FILTER: i32 = 8;

    /// Whether a bit is set.
    pub const fn has(self, bit: i32) -> bool {
        self.0 & bit != 0
    }
}
