//! Tables of a broker, as `mqadmin`, slaves and config files see them.

use super::{DataVersion, MessageQueue};
use crate::body::client::{ConsumeFromWhere, ConsumeType, MessageModel, SubscriptionData};
use crate::group::GroupConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All groups of a broker: `subscriptionGroup.json`, code 201.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupConfigTable {
    /// Version of the table.
    pub data_version: DataVersion,
    /// Groups by name.
    pub subscription_group_table: BTreeMap<String, GroupConfig>,
}

/// Offsets of all groups: `consumerOffset.json`, code 43. Keys are `topic@group`, then the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerOffsetTable {
    /// The offsets.
    pub offset_table: BTreeMap<String, BTreeMap<i32, i64>>,
}

/// Offsets of the delay levels: `delayOffset.json`, code 45.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DelayOffsetTable {
    /// Level to queue offset.
    pub offset_table: BTreeMap<i32, i64>,
}

/// Offsets of one queue (code 202).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicOffset {
    /// Store time of the last message, ms.
    pub last_update_timestamp: i64,
    /// Behind the last message.
    pub max_offset: i64,
    /// First message.
    pub min_offset: i64,
}

/// Offsets of the queues of a topic (code 202).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicStatsTable {
    /// By queue.
    pub offset_table: BTreeMap<MessageQueue, TopicOffset>,
}

/// How far a group is in one queue (code 208).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumeOffset {
    /// Behind the last message of the broker.
    pub broker_offset: i64,
    /// Next message of the group.
    pub consumer_offset: i64,
    /// Store time of the last consumed message, ms.
    pub last_timestamp: i64,
}

/// How far a group is (code 208).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumeStats {
    /// Messages a second.
    pub consume_tps: f64,
    /// By queue.
    pub offset_table: BTreeMap<MessageQueue, ConsumeOffset>,
}

/// One connection of a client (codes 203, 204).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Connection {
    /// `ip:port`.
    pub client_addr: String,
    /// Client id.
    pub client_id: String,
    /// Java's name of the language.
    pub language: String,
    /// Ordinal of the version.
    pub version: i32,
}

/// Connections of a consumer group (code 203).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerConnection {
    /// The connections.
    pub connection_set: Vec<Connection>,
    /// Where a new group begins.
    pub consume_from_where: ConsumeFromWhere,
    /// Pull or push.
    pub consume_type: ConsumeType,
    /// Clustering or broadcasting.
    pub message_model: MessageModel,
    /// By topic.
    pub subscription_table: BTreeMap<String, SubscriptionData>,
}

/// Connections of a producer group (code 204).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProducerConnection {
    /// The connections.
    pub connection_set: Vec<Connection>,
}

/// Names of groups (code 300).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupList {
    /// The names.
    pub group_list: Vec<String>,
}

/// Body of a message in `OFFSET_MOVED_EVENT`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OffsetMovedEvent {
    /// Consumer group.
    pub consumer_group: String,
    /// The queue.
    pub message_queue: MessageQueue,
    /// Where it goes on.
    pub offset_new: i64,
    /// What it asked for.
    pub offset_request: i64,
}
