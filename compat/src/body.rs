//! Bodies: the JSON documents that requests, responses and config files hold.
//!
//! Members are declared in ascending order of their wire names, as fastjson writes them. Maps keep their order
//! (`BTreeMap`), so the same state has the same bytes. Source: `common/protocol/body`, `route`, `heartbeat`.

pub mod admin;
pub mod client;
pub mod namesrv;

use serde::{Deserialize, Serialize};

/// A version of a table: equal only when both numbers are. Source: `common/DataVersion`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataVersion {
    /// Changes so far.
    #[serde(default)]
    pub counter: i64,
    /// Time of the last change, ms.
    #[serde(default)]
    pub timestamp: i64,
}

impl DataVersion {
    /// The version after one more change.
    pub fn next(self, now: crate::time::Millis) -> Self {
        Self { counter: self.counter.wrapping_add(1), timestamp: now.0 }
    }
}

/// A queue of a topic on a broker. Source: `common/message/MessageQueue`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageQueue {
    /// Broker name.
    pub broker_name: String,
    /// Queue.
    pub queue_id: i32,
    /// Topic.
    pub topic: String,
}
