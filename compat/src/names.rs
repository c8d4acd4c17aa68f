//! Names that mean something to every RocketMQ client. Source: `common/MixAll`, `common/topic`, `broker/TransactionalMessageUtil`.

/// Template of automatically created topics for 4.3.0 clients.
pub const AUTO_CREATE_TOPIC: &str = "AUTO_CREATE_TOPIC_KEY";
/// Template of automatically created topics for the clients of every other version.
pub const AUTO_CREATE_TOPIC_LEGACY: &str = "TBW102";
/// Topic of the benchmark programs.
pub const BENCHMARK_TOPIC: &str = "BenchmarkTest";
/// Topic of the self test.
pub const SELF_TEST_TOPIC: &str = "SELF_TEST_TOPIC";
/// Topic that tells of consumer offsets which a broker had to move.
pub const OFFSET_MOVED_EVENT: &str = "OFFSET_MOVED_EVENT";
/// Topic that holds delayed messages, one queue a level.
pub const SCHEDULE_TOPIC: &str = "SCHEDULE_TOPIC_XXXX";
/// Topic that holds half (prepared) messages.
pub const HALF_TOPIC: &str = "RMQ_SYS_TRANS_HALF_TOPIC";
/// Topic that tells which half messages have ended.
pub const OP_TOPIC: &str = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
/// Topic of message traces (clients from 4.4 on).
pub const TRACE_TOPIC: &str = "RMQ_SYS_TRACE_TOPIC";
/// First letters of a group's retry topic.
pub const RETRY_PREFIX: &str = "%RETRY%";
/// First letters of a group's dead letter topic.
pub const DLQ_PREFIX: &str = "%DLQ%";
/// First letters of groups that belong to the broker itself.
pub const SYSTEM_GROUP_PREFIX: &str = "CID_RMQ_SYS_";
/// Key-value namespace of ordered topics on the name server.
pub const ORDER_TOPIC_NAMESPACE: &str = "ORDER_TOPIC_CONFIG";
/// Region that send answers name unless configured otherwise.
pub const DEFAULT_REGION: &str = "DefaultRegion";
/// Header field that marks a query by unique key.
pub const UNIQUE_KEY_QUERY: &str = "_UNIQUE_KEY_QUERY";
/// What the error remarks of 4.3.0 end with.
pub const SEE_FAQ: &str = "\nSee http://rocketmq.apache.org/docs/faq/ for further details.";

/// Groups that exist on every broker.
pub const BUILT_IN_GROUPS: [&str; 7] = [
    "TOOLS_CONSUMER",
    "FILTERSRV_CONSUMER",
    "SELF_TEST_C_GROUP",
    "CID_ONS-HTTP-PROXY",
    "CID_ONSAPI_PULL",
    "CID_ONSAPI_PERMISSION",
    "CID_ONSAPI_OWNER",
];

/// The retry topic of a group.
pub fn retry_topic(group: &str) -> String {
    format!("{RETRY_PREFIX}{group}")
}

/// The dead letter topic of a group.
pub fn dlq_topic(group: &str) -> String {
    format!("{DLQ_PREFIX}{group}")
}
