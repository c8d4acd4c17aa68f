//! Finding messages: codes 12 and 33. Source: `common/protocol/header/QueryMessageRequestHeader`, `ViewMessageRequestHeader`.

use crate::header;
use std::borrow::Cow;

header! {
    /// Asks for messages by key.
    pub struct QueryMessageRequest<'a> {
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Key.
        key: Cow<'a, str> = "key",
        /// At most so many.
        max_count: i32 = "maxNum",
        /// First store time, ms.
        begin_timestamp: i64 = "beginTimestamp",
        /// Last store time, ms.
        end_timestamp: i64 = "endTimestamp",
        /// Whether `key` is a unique key.
        unique_key: Option<bool> = "_UNIQUE_KEY_QUERY",
    }

    /// How far the index reaches.
    pub struct QueryMessageResponse {
        /// Store time of the last entry, ms.
        index_last_timestamp: i64 = "indexLastUpdateTimestamp",
        /// Place of the last entry in the commit log.
        index_last_offset: i64 = "indexLastUpdatePhyoffset",
    }

    /// Asks for the message at a place of the commit log.
    pub struct ViewMessageRequest {
        /// Place in the commit log.
        offset: i64 = "offset",
    }
}
