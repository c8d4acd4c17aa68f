//! Tables of a broker, as `mqadmin`, slaves and config files see them.

use super::{DataVersion, MessageQueue};
use crate::body::client::{ConsumeFromWhere, ConsumeType, MessageModel, SubscriptionData};
use crate::group::GroupConfig;
use crate::java::time::Zone;
use crate::time::Millis;
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
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

/// How far all groups are (code 317).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumeStatsList {
    /// Address of the broker.
    pub broker_addr: String,
    /// For each group the figures of each of its topics.
    pub consume_stats_list: Vec<BTreeMap<String, Vec<ConsumeStats>>>,
    /// Messages that are still to be consumed.
    pub total_diff: i64,
}

/// The offsets that a group is moved to (codes 220 and 222).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResetOffsets {
    /// By queue.
    pub offset_table: BTreeMap<MessageQueue, i64>,
}

/// The same for clients in C++ (code 220).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResetOffsetsForCpp {
    /// The offsets.
    pub offset_table: Vec<QueueOffsetForCpp>,
}

/// One offset of [`ResetOffsetsForCpp`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueOffsetForCpp {
    /// Broker name.
    pub broker_name: String,
    /// Where to go on.
    pub offset: i64,
    /// Queue.
    pub queue_id: i32,
    /// Topic.
    pub topic: String,
}

/// How far running consumers are: a consumer answers 221 with the one table, a broker 223 with the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerStatus {
    /// Offsets by client id and queue.
    pub consumer_table: BTreeMap<String, BTreeMap<MessageQueue, i64>>,
    /// Offsets by queue.
    pub message_queue_table: BTreeMap<MessageQueue, i64>,
}

/// The smallest offset of each queue (code 308).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CorrectionOffsets {
    /// By queue.
    pub correction_offsets: BTreeMap<i32, i64>,
}

/// Times of a group (code 303).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumeTimeSpans {
    /// A span for each queue.
    pub consume_time_span_set: Vec<QueueTimeSpan>,
}

/// Times of a group in one queue (code 303). The texts are the numbers again, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueTimeSpan {
    /// Store time of the last consumed message, ms.
    pub consume_time_stamp: i64,
    /// As text.
    pub consume_time_stamp_str: String,
    /// How long the group is behind, ms.
    pub delay_time: i64,
    /// Store time of the last message, ms.
    pub max_time_stamp: i64,
    /// As text.
    pub max_time_stamp_str: String,
    /// The queue.
    pub message_queue: MessageQueue,
    /// Store time of the first message, ms.
    pub min_time_stamp: i64,
    /// As text.
    pub min_time_stamp_str: String,
}

impl QueueTimeSpan {
    /// The span with its texts in the time of `zone`.
    pub fn new(queue: MessageQueue, min: i64, max: i64, consumed: i64, delay_ms: i64, zone: &Zone) -> Self {
        let text = |time| zone.at(Millis(time)).with_hash();
        Self {
            consume_time_stamp: consumed,
            consume_time_stamp_str: text(consumed),
            delay_time: delay_ms,
            max_time_stamp: max,
            max_time_stamp_str: text(max),
            message_queue: queue,
            min_time_stamp: min,
            min_time_stamp_str: text(min),
        }
    }
}

/// One statistic over three spans (code 315).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BrokerStats {
    /// The last day.
    pub stats_day: StatsItem,
    /// The last hour.
    pub stats_hour: StatsItem,
    /// The last minute.
    pub stats_minute: StatsItem,
}

/// One statistic over one span (code 315).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatsItem {
    /// The sum of one event.
    pub avgpt: f64,
    /// Sum of all events.
    pub sum: i64,
    /// The sum of one second.
    pub tps: f64,
}

/// How a consumer consumed one message (code 309).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumeDirectlyResult {
    /// Whether it commits by itself.
    pub auto_commit: bool,
    /// Java's name of the outcome: `CR_SUCCESS`, `CR_LATER` ...
    pub consume_result: Option<String>,
    /// Whether it consumes in order.
    pub order: bool,
    /// What it says.
    pub remark: Option<String>,
    /// How long it took, ms.
    #[serde(rename = "spentTimeMills")]
    pub spent_time_ms: i64,
}

impl Default for ConsumeDirectlyResult {
    fn default() -> Self {
        Self { auto_commit: true, consume_result: None, order: false, remark: None, spent_time_ms: 0 }
    }
}

/// What a consumer is doing (code 307).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerRunningInfo {
    /// Stacks of its threads.
    pub jstack: Option<String>,
    /// Its queues.
    pub mq_table: BTreeMap<MessageQueue, ProcessQueueInfo>,
    /// Its settings.
    pub properties: BTreeMap<String, String>,
    /// Its figures by topic.
    pub status_table: BTreeMap<String, ConsumeStatus>,
    /// Its subscriptions.
    pub subscription_set: Vec<SubscriptionData>,
}

/// What a consumer holds of one queue (code 307).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names say all there is to say")]
pub struct ProcessQueueInfo {
    #[serde(rename = "cachedMsgCount")]
    pub cached_count: i32,
    #[serde(rename = "cachedMsgMaxOffset")]
    pub cached_max_offset: i64,
    #[serde(rename = "cachedMsgMinOffset")]
    pub cached_min_offset: i64,
    #[serde(rename = "cachedMsgSizeInMiB")]
    pub cached_size_mib: i32,
    pub commit_offset: i64,
    #[serde(rename = "droped")]
    pub dropped: bool,
    pub last_consume_timestamp: i64,
    pub last_lock_timestamp: i64,
    pub last_pull_timestamp: i64,
    pub locked: bool,
    #[serde(rename = "transactionMsgCount")]
    pub transaction_count: i32,
    #[serde(rename = "transactionMsgMaxOffset")]
    pub transaction_max_offset: i64,
    #[serde(rename = "transactionMsgMinOffset")]
    pub transaction_min_offset: i64,
    pub try_unlock_times: i64,
}

/// Figures of a consumer in one topic (code 307).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumeStatus {
    /// Failed messages.
    #[serde(rename = "consumeFailedMsgs")]
    pub failed: i64,
    /// Failed messages a second.
    #[serde(rename = "consumeFailedTPS")]
    pub failed_tps: f64,
    /// Consumed messages a second.
    #[serde(rename = "consumeOKTPS")]
    pub ok_tps: f64,
    /// How long consuming takes, ms.
    #[serde(rename = "consumeRT")]
    pub consume_rt: f64,
    /// How long a pull takes, ms.
    #[serde(rename = "pullRT")]
    pub pull_rt: f64,
    /// Pulled messages a second.
    #[serde(rename = "pullTPS")]
    pub pull_tps: f64,
}

/// Entries of a queue (code 321).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumeQueueEntries {
    /// The filter of the group.
    pub filter_data: Option<String>,
    /// Behind the last entry.
    pub max_queue_index: i64,
    /// First entry.
    pub min_queue_index: i64,
    /// The entries; absent where nothing was looked up.
    pub queue_data: Option<Vec<ConsumeQueueEntry>>,
    /// The subscription of the group.
    pub subscription_data: Option<SubscriptionData>,
}

/// One entry of a queue (code 321).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumeQueueEntry {
    /// Bits of the filters that match.
    pub bit_map: Option<String>,
    /// Whether the filter of the group matches.
    pub eval: bool,
    /// What the extension file holds.
    pub extend_data_json: Option<String>,
    /// What is wrong with the entry.
    pub msg: Option<String>,
    /// Place in the commit log.
    pub physic_offset: i64,
    /// Length of the record, bytes.
    pub physic_size: i32,
    /// Hash of the tags.
    pub tags_code: i64,
}

/// Filters of all groups: `consumerFilter.json`. Source: `broker/filter/ConsumerFilterManager`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerFilterTable {
    /// By topic.
    pub filter_data_by_topic: BTreeMap<String, TopicFilters>,
}

/// Filters of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicFilters {
    /// By group.
    pub group_filter_data: BTreeMap<String, ConsumerFilterData>,
    /// Topic.
    pub topic: String,
}

/// A filter of one group for one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerFilterData {
    /// Its bits in the extension file.
    pub bloom_filter_data: Option<BloomFilterData>,
    /// When it came to this broker, ms.
    pub born_time: i64,
    /// Version of the subscription.
    pub client_version: i64,
    /// Consumer group.
    pub consumer_group: String,
    /// Whether it is no longer in use. Derived from the times; not read.
    pub dead: bool,
    /// When it went out of use, ms; 0 for never.
    pub dead_time: i64,
    /// The expression.
    pub expression: String,
    /// `SQL92`.
    pub expression_type: String,
    /// Topic.
    pub topic: String,
}

/// Bits of a filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BloomFilterData {
    /// How many bits there are.
    pub bit_num: i32,
    /// Which of them are set.
    pub bit_pos: Vec<i32>,
}
