//! Settings of the broker. Source: `common/BrokerConfig`.

use compat::java::time::Zone;
use compat::settings::{Ms, Settings};
use compat::time::Millis;

compat::settings! {
    /// What the broker can be told. Thread and queue sizes of Java that have no counterpart here are read and shown.
    pub struct BrokerSettings {
        /// Home directory of a Java installation, `ROCKETMQ_HOME` unless told otherwise; unused.
        home: Option<String> = "rocketmqHome", None;
        /// Name servers, `host:port` joined with `;`: `NAMESRV_ADDR` unless told otherwise.
        name_servers: Option<String> = "namesrvAddr", None;
        /// Address that clients are told.
        ip1: Option<String> = "brokerIP1", None;
        /// Address that slaves are told.
        ip2: Option<String> = "brokerIP2", None;
        /// Name of this broker.
        name: Option<String> = "brokerName", None;
        /// Cluster.
        cluster: String = "brokerClusterName", "DefaultCluster".to_owned();
        /// 0 for a master.
        id: i64 = "brokerId", 0;
        /// Permission bits of the whole broker.
        permission: i32 = "brokerPermission", 6;
        /// Queues of the template topic.
        default_topic_queue_count: i32 = "defaultTopicQueueNums", 8;
        /// Whether a send may make a topic.
        auto_create_topic: bool = "autoCreateTopicEnable", true;
        /// Whether the topic named as the cluster can be used.
        cluster_topic: bool = "clusterTopicEnable", true;
        /// Whether the topic named as the broker can be used.
        broker_topic: bool = "brokerTopicEnable", true;
        /// Whether a pull may make a group.
        auto_create_group: bool = "autoCreateSubscriptionGroup", true;
        /// Store plugins of Java; refused when set.
        store_plugin: String = "messageStorePlugIn", String::new();
        /// Send threads of Java; unused.
        send_threads: i32 = "sendMessageThreadPoolNums", 1;
        /// Pull threads of Java; unused.
        pull_threads: i32 = "pullMessageThreadPoolNums", 16 + 2 * processors();
        /// Query threads of Java; unused.
        query_threads: i32 = "queryMessageThreadPoolNums", 8 + processors();
        /// Threads for requests that may wait.
        admin_threads: i32 = "adminBrokerThreadPoolNums", 16;
        /// Client threads of Java; unused.
        client_threads: i32 = "clientManageThreadPoolNums", 32;
        /// Consumer threads of Java; unused.
        consumer_threads: i32 = "consumerManageThreadPoolNums", 32;
        /// Heartbeat threads of Java; unused.
        heartbeat_threads: i32 = "heartbeatThreadPoolNums", processors().min(32);
        /// Pause between writes of `consumerOffset.json`.
        flush_consumer_offset_interval: Ms = "flushConsumerOffsetInterval", Ms(5000);
        /// Unused by Java.
        flush_consumer_offset_history_interval: Ms = "flushConsumerOffsetHistoryInterval", Ms(60_000);
        /// Whether transactional messages are refused.
        reject_transactions: bool = "rejectTransactionMessage", false;
        /// Whether name servers are asked for over HTTP.
        fetch_name_servers: bool = "fetchNamesrvAddrByAddressServer", false;
        /// Queue size of Java; unused.
        send_queue_capacity: i32 = "sendThreadPoolQueueCapacity", 10_000;
        /// Queue size of Java; unused.
        pull_queue_capacity: i32 = "pullThreadPoolQueueCapacity", 100_000;
        /// Queue size of Java; unused.
        query_queue_capacity: i32 = "queryThreadPoolQueueCapacity", 20_000;
        /// Queue size of Java; unused.
        client_queue_capacity: i32 = "clientManagerThreadPoolQueueCapacity", 1_000_000;
        /// Queue size of Java; unused.
        consumer_queue_capacity: i32 = "consumerManagerThreadPoolQueueCapacity", 1_000_000;
        /// Queue size of Java; unused.
        heartbeat_queue_capacity: i32 = "heartbeatThreadPoolQueueCapacity", 50_000;
        /// Filter servers to start; refused when not 0.
        filter_servers: i32 = "filterServerNums", 0;
        /// Whether pulls are held until a message comes.
        long_polling: bool = "longPollingEnable", true;
        /// How long a pull is held without long polling.
        short_polling_time: Ms = "shortPollingTimeMills", Ms(1000);
        /// Whether consumers are told when their group changes.
        notify_consumer_ids_changed: bool = "notifyConsumerIdsChangedEnable", true;
        /// Unused by Java.
        high_speed: bool = "highSpeedMode", false;
        /// Unused by Java.
        commercial: bool = "commercialEnable", true;
        /// Unused by Java.
        commercial_timer_count: i32 = "commercialTimerCount", 1;
        /// Unused by Java.
        commercial_trans_count: i32 = "commercialTransCount", 1;
        /// Unused by Java.
        commercial_big_count: i32 = "commercialBigCount", 1;
        /// Hooks of Java; unused.
        commercial_base_count: i32 = "commercialBaseCount", 1;
        /// Copy choice of Java; unused.
        transfer_by_heap: bool = "transferMsgByHeap", true;
        /// Unused by Java.
        max_delay_time: i32 = "maxDelayTime", 40;
        /// Region that send answers name.
        region: String = "regionId", compat::names::DEFAULT_REGION.to_owned();
        /// How long a registration may take.
        register_timeout: Ms = "registerBrokerTimeoutMills", Ms(6000);
        /// Whether a slave serves pulls.
        slave_read: bool = "slaveReadEnable", false;
        /// Whether a group that is far behind is disabled.
        disable_slow_consumers: bool = "disableConsumeIfConsumerReadSlowly", false;
        /// Bytes from which a group is far behind.
        consumer_fall_behind_threshold: i64 = "consumerFallbehindThreshold", 16 << 30;
        /// Whether requests that waited too long are refused.
        fast_failure: bool = "brokerFastFailureEnable", true;
        /// How long a send may wait.
        wait_in_send_queue: Ms = "waitTimeMillsInSendQueue", Ms(200);
        /// How long a pull may wait.
        wait_in_pull_queue: Ms = "waitTimeMillsInPullQueue", Ms(5000);
        /// How long a heartbeat may wait.
        wait_in_heartbeat_queue: Ms = "waitTimeMillsInHeartbeatQueue", Ms(31_000);
        /// Sends are refused before this time, ms since 1970.
        accept_sends_from: i64 = "startAcceptSendRequestTimeStamp", 0;
        /// Whether clients should trace.
        trace_on: bool = "traceOn", true;
        /// Whether filter bitmaps are made.
        filter_bit_map: bool = "enableCalcFilterBitMap", false;
        /// Consumers that a filter bitmap is made for.
        expected_filter_consumers: i32 = "expectConsumerNumUseFilter", 32;
        /// Percent of wrong matches of a filter bitmap.
        bloom_error_rate: i32 = "maxErrorRateOfBloomFilter", 20;
        /// How long the filter of a dead consumer is kept.
        filter_clean_time: Ms = "filterDataCleanTimeSpan", Ms(86_400_000);
        /// Whether retried messages are filtered.
        filter_retry: bool = "filterSupportRetry", false;
        /// Whether SQL92 filters are allowed.
        property_filter: bool = "enablePropertyFilter", false;
        /// Whether registrations are compressed.
        compressed_register: bool = "compressedRegister", false;
        /// Whether each registration is sent in full.
        force_register: bool = "forceRegister", true;
        /// Pause between registrations.
        register_period: Ms = "registerNameServerPeriod", Ms(30_000);
        /// Age from which a half message is checked.
        transaction_timeout: Ms = "transactionTimeOut", Ms(3000);
        /// How often a half message is checked.
        transaction_check_max: i32 = "transactionCheckMax", 5;
        /// Pause between checks.
        transaction_check_interval: Ms = "transactionCheckInterval", Ms(60_000);
        /// Pulls of one connection that wait for a message; further ones are answered at once.
        max_held_pulls_per_connection: usize = "maxHeldPullsPerConnection", 10_000;
        /// Pulls that wait for a message; further ones are answered at once.
        max_held_pulls: usize = "maxHeldPulls", 1_000_000;
        /// Requests that wait for a thread (those of operators, reads from the disk); further ones are refused.
        max_waiting_requests: usize = "maxWaitingRequests", 10_000;
    }
}

/// Processors of this machine.
pub fn processors() -> i32 {
    std::thread::available_parallelism().map_or(1, |count| count.get().min(1024) as i32)
}

/// Keys of this broker that 4.3.0 does not have.
const OURS: &[&str] = &[
    "eventLoops",
    "maxConnections",
    "maxPendingOutputBytes",
    "maxHeldPullsPerConnection",
    "maxHeldPulls",
    "maxWaitingRequests",
];

/// The keys that Java marks as important.
const IMPORTANT: &[&str] = &[
    "namesrvAddr",
    "brokerIP1",
    "brokerName",
    "brokerClusterName",
    "brokerId",
    "autoCreateTopicEnable",
    "autoCreateSubscriptionGroup",
    "rejectTransactionMessage",
    "fetchNamesrvAddrByAddressServer",
    "transactionTimeOut",
    "transactionCheckMax",
    "transactionCheckInterval",
    "storePathRootDir",
    "storePathCommitLog",
    "flushIntervalCommitLog",
    "commitIntervalCommitLog",
    "flushCommitLogTimed",
    "deleteWhen",
    "fileReservedTime",
    "maxTransferBytesOnMessageInMemory",
    "maxTransferCountOnMessageInMemory",
    "maxTransferBytesOnMessageInDisk",
    "maxTransferCountOnMessageInDisk",
    "accessMessageInMemoryMaxRatio",
    "messageIndexEnable",
    "messageIndexSafe",
    "haMasterAddress",
    "brokerRole",
    "flushDiskType",
    "cleanFileForciblyEnable",
    "transientStorePoolEnable",
];

/// Which keys are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// All there are.
    All,
    /// All that 4.3.0 has.
    Java,
    /// Those that 4.3.0 calls important (`-m`).
    Important,
}

/// The lines of `-p` and `-m`, in the form of Java's console log.
pub fn lines(tables: &[&dyn Settings], show: Show, now: Millis) -> String {
    let time = Zone::system().at(now).with_comma();
    let is_shown = |key: &str| match show {
        Show::All => true,
        Show::Java => !OURS.contains(&key),
        Show::Important => IMPORTANT.contains(&key),
    };
    let mut lines = Vec::new();
    for table in tables {
        for key in table.keys().iter().filter(|key| is_shown(key.name)) {
            lines.push(format!("{time} INFO main - {}={}", key.name, table.text(key.name).unwrap_or_default()));
        }
    }
    lines.join("\n")
}
