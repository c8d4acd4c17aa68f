//! What `mqadmin` asks a broker. Source: `common/protocol/header`.

use crate::header;
use std::borrow::Cow;

header! {
    /// Creates or changes a topic (code 17).
    pub struct CreateTopicRequest<'a> {
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Unused by brokers.
        default_topic: Option<Cow<'a, str>> = "defaultTopic",
        /// Queues that can be read.
        read_queue_count: i32 = "readQueueNums",
        /// Queues that can be written.
        write_queue_count: i32 = "writeQueueNums",
        /// Permission bits.
        perm: i32 = "perm",
        /// `SINGLE_TAG` or `MULTI_TAG`.
        filter_type: Cow<'a, str> = "topicFilterType",
        /// System flag bits.
        sys_flag: Option<i32> = "topicSysFlag",
        /// Ignored by brokers of 4.3.0.
        order: Option<bool> = "order",
    }

    /// Names one topic (codes 202, 215, 216, 300, 105).
    pub struct TopicRequest<'a> {
        /// Topic.
        topic: Cow<'a, str> = "topic",
    }

    /// Names one group (code 207).
    pub struct DeleteGroupRequest<'a> {
        /// Group.
        group: Cow<'a, str> = "groupName",
        /// Whether its offsets go too (clients from 4.9 on).
        remove_offset: Option<bool> = "removeOffset",
    }

    /// Asks how far a group is (code 208).
    pub struct ConsumeStatsRequest<'a> {
        /// Consumer group.
        group: Cow<'a, str> = "consumerGroup",
        /// Topic; blank for all.
        topic: Option<Cow<'a, str>> = "topic",
    }

    /// Answer of code 26.
    pub struct BrokerConfigResponse<'a> {
        /// Data version as JSON.
        version: Cow<'a, str> = "version",
    }

    /// A filter server announces itself (code 301).
    pub struct RegisterFilterServerRequest<'a> {
        /// Address of the filter server.
        address: Cow<'a, str> = "filterServerAddr",
    }

    /// Answer of code 301.
    pub struct RegisterFilterServerResponse<'a> {
        /// Broker name.
        broker_name: Cow<'a, str> = "brokerName",
        /// Broker id.
        broker_id: i64 = "brokerId",
    }

    /// Moves the offsets of a group (code 222), or tells a running consumer to (code 220).
    pub struct ResetOffsetRequest<'a> {
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Consumer group.
        group: Cow<'a, str> = "group",
        /// Store time to go to, ms; -1 for the end.
        timestamp: i64 = "timestamp",
        /// Whether offsets may also move forward.
        is_force: Option<bool> = "isForce",
    }

    /// Asks how far running consumers are (codes 221 and 223).
    pub struct ConsumerStatusRequest<'a> {
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Consumer group.
        group: Cow<'a, str> = "group",
        /// Client id of the one consumer that is asked; blank for all.
        client_id: Option<Cow<'a, str>> = "clientAddr",
    }

    /// Asks for the times of a group (code 303).
    pub struct ConsumeTimeSpanRequest<'a> {
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Consumer group.
        group: Cow<'a, str> = "group",
    }

    /// Asks what a consumer is doing (code 307).
    pub struct ConsumerRunningInfoRequest<'a> {
        /// Consumer group.
        group: Cow<'a, str> = "consumerGroup",
        /// Client id.
        client_id: Cow<'a, str> = "clientId",
        /// Whether the answer holds the stacks of its threads.
        with_stacks: Option<bool> = "jstackEnable",
    }

    /// Asks for the smallest offsets of a topic (code 308).
    pub struct CorrectionOffsetRequest<'a> {
        /// Groups that do not count, joined with commas.
        filter_groups: Option<Cow<'a, str>> = "filterGroups",
        /// Group whose queues are answered.
        compare_group: Cow<'a, str> = "compareGroup",
        /// Topic.
        topic: Cow<'a, str> = "topic",
    }

    /// Makes a consumer consume one message (code 309).
    pub struct ConsumeDirectlyRequest<'a> {
        /// Consumer group.
        group: Cow<'a, str> = "consumerGroup",
        /// Client id.
        client_id: Option<Cow<'a, str>> = "clientId",
        /// Offset id of the message.
        message_id: Option<Cow<'a, str>> = "msgId",
        /// Broker that has the message; set by that broker.
        broker_name: Option<Cow<'a, str>> = "brokerName",
    }

    /// Copies the offsets of a group (code 314).
    pub struct CloneGroupOffsetRequest<'a> {
        /// Group to copy from.
        from_group: Cow<'a, str> = "srcGroup",
        /// Group to copy to.
        to_group: Cow<'a, str> = "destGroup",
        /// Topic; blank for all.
        topic: Option<Cow<'a, str>> = "topic",
        /// Whether topics count that nobody subscribes to at the moment.
        offline: Option<bool> = "offline",
    }

    /// Asks for one statistic (code 315).
    pub struct BrokerStatsRequest<'a> {
        /// Which statistic.
        name: Cow<'a, str> = "statsName",
        /// Of what.
        key: Cow<'a, str> = "statsKey",
    }

    /// Asks how far all groups are (code 317).
    pub struct BrokerConsumeStatsRequest {
        /// Whether only ordered topics count.
        is_order: Option<bool> = "isOrder",
    }

    /// Asks for entries of a queue (code 321).
    pub struct ConsumeQueueRequest<'a> {
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Queue.
        queue_id: i32 = "queueId",
        /// First entry.
        index: i64 = "index",
        /// At most so many entries.
        count: i32 = "count",
        /// Consumer group whose filter is applied.
        group: Option<Cow<'a, str>> = "consumerGroup",
    }
}
