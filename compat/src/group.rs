//! Consumer groups as configured. Source: `common/subscription/SubscriptionGroupConfig`.

use serde::{Deserialize, Serialize};

/// A group: an element of `subscriptionGroup.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupConfig {
    /// Broker id to pull from.
    pub broker_id: i64,
    /// Whether the group may broadcast.
    pub consume_broadcast_enable: bool,
    /// Whether the group may pull.
    pub consume_enable: bool,
    /// Unused.
    pub consume_from_min_enable: bool,
    /// Name.
    pub group_name: String,
    /// Whether members are told when the group changes.
    pub notify_consumer_ids_changed_enable: bool,
    /// How often a message is tried.
    pub retry_max_times: i32,
    /// Queues of the retry topic.
    #[serde(rename = "retryQueueNums")]
    pub retry_queue_count: i32,
    /// Broker id to pull old messages from.
    pub which_broker_when_consume_slowly: i64,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            broker_id: 0,
            consume_broadcast_enable: true,
            consume_enable: true,
            consume_from_min_enable: true,
            group_name: String::new(),
            notify_consumer_ids_changed_enable: true,
            retry_max_times: 16,
            retry_queue_count: 1,
            which_broker_when_consume_slowly: 1,
        }
    }
}

impl GroupConfig {
    /// A group with the defaults of 4.3.0.
    pub fn new(name: &str) -> Self {
        Self { group_name: name.to_owned(), ..Self::default() }
    }
}
