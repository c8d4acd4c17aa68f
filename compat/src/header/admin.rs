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
}
