//! What clients say of themselves, and what they lock.

use super::MessageQueue;
use crate::json::known_or_default;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Body of a heartbeat. Source: `common/protocol/heartbeat/HeartbeatData`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeartbeatData {
    /// Client id.
    #[serde(rename = "clientID")]
    pub client_id: String,
    /// Consumer groups it is a member of.
    #[serde(rename = "consumerDataSet")]
    pub consumers: Vec<ConsumerData>,
    /// Producer groups it is a member of.
    #[serde(rename = "producerDataSet")]
    pub producers: Vec<ProducerData>,
}

/// A producer group of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProducerData {
    /// Name.
    pub group_name: String,
}

/// A consumer group of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerData {
    /// Where a new group begins.
    #[serde(deserialize_with = "known_or_default")]
    pub consume_from_where: ConsumeFromWhere,
    /// Pull or push.
    #[serde(deserialize_with = "known_or_default")]
    pub consume_type: ConsumeType,
    /// Name.
    pub group_name: String,
    /// Clustering or broadcasting.
    #[serde(deserialize_with = "known_or_default")]
    pub message_model: MessageModel,
    /// What it subscribes to.
    #[serde(rename = "subscriptionDataSet")]
    pub subscriptions: Vec<SubscriptionData>,
    /// Unit mode.
    pub unit_mode: bool,
}

impl Default for ConsumerData {
    fn default() -> Self {
        Self {
            consume_from_where: ConsumeFromWhere::LastOffset,
            consume_type: ConsumeType::Passively,
            group_name: String::new(),
            message_model: MessageModel::Clustering,
            subscriptions: Vec::new(),
            unit_mode: false,
        }
    }
}

/// How a consumer gets its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsumeType {
    /// It pulls by itself.
    #[serde(rename = "CONSUME_ACTIVELY")]
    Actively,
    /// Its client library pulls for it.
    #[default]
    #[serde(rename = "CONSUME_PASSIVELY")]
    Passively,
}

/// Who gets a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageModel {
    /// Every member.
    #[serde(rename = "BROADCASTING")]
    Broadcasting,
    /// One member.
    #[default]
    #[serde(rename = "CLUSTERING")]
    Clustering,
}

/// Where a group without offsets begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say all there is to say")]
pub enum ConsumeFromWhere {
    #[default]
    #[serde(rename = "CONSUME_FROM_LAST_OFFSET")]
    LastOffset,
    #[serde(rename = "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST")]
    LastOffsetAndMinWhenBootFirst,
    #[serde(rename = "CONSUME_FROM_MIN_OFFSET")]
    MinOffset,
    #[serde(rename = "CONSUME_FROM_MAX_OFFSET")]
    MaxOffset,
    #[serde(rename = "CONSUME_FROM_FIRST_OFFSET")]
    FirstOffset,
    #[serde(rename = "CONSUME_FROM_TIMESTAMP")]
    Timestamp,
}

/// A subscription to one topic. Source: `common/protocol/heartbeat/SubscriptionData`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubscriptionData {
    /// Whether a class filters, which brokers ignore.
    pub class_filter_mode: bool,
    /// Java hashes of the tags.
    pub code_set: BTreeSet<i32>,
    /// `TAG` or `SQL92`.
    pub expression_type: String,
    /// The expression.
    pub sub_string: String,
    /// When the client made it, ms. Absent: 0, which the receiver takes for "now".
    pub sub_version: i64,
    /// The tags.
    pub tags_set: BTreeSet<String>,
    /// Topic.
    pub topic: String,
}

impl Default for SubscriptionData {
    fn default() -> Self {
        Self {
            class_filter_mode: false,
            code_set: BTreeSet::new(),
            expression_type: "TAG".to_owned(),
            sub_string: String::new(),
            sub_version: 0,
            tags_set: BTreeSet::new(),
            topic: String::new(),
        }
    }
}

/// Client ids of a group (code 38).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerIdList {
    /// The ids.
    pub consumer_id_list: Vec<String>,
}

/// Queues to lock or unlock (codes 41, 42).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LockBatchRequest {
    /// Client id.
    pub client_id: String,
    /// Consumer group.
    pub consumer_group: String,
    /// The queues.
    pub mq_set: BTreeSet<MessageQueue>,
}

/// Queues that are locked (code 41).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockBatchResponse {
    /// The queues.
    #[serde(rename = "lockOKMQSet")]
    pub locked: BTreeSet<MessageQueue>,
}

/// A filter expression to check (code 46).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CheckClientRequest {
    /// Client id.
    pub client_id: String,
    /// Consumer group.
    pub group: String,
    /// The subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_data: Option<SubscriptionData>,
}
