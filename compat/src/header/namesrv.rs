//! What brokers and tools ask a name server. Source: `common/protocol/header/namesrv`.

use crate::header;
use std::borrow::Cow;

header! {
    /// A broker announces itself (code 103).
    pub struct RegisterBrokerRequest<'a> {
        /// Broker name.
        broker_name: Cow<'a, str> = "brokerName",
        /// `ip:port` of the broker.
        broker_addr: Cow<'a, str> = "brokerAddr",
        /// Cluster.
        cluster: Cow<'a, str> = "clusterName",
        /// `ip:port` of its replication.
        ha_addr: Option<Cow<'a, str>> = "haServerAddr",
        /// 0 for a master.
        broker_id: i64 = "brokerId",
        /// Whether the body is compressed.
        compressed: Option<bool> = "compressed",
        /// CRC-32 of the body, 31 bits; 0 for unchecked.
        body_crc32: Option<i32> = "bodyCrc32",
    }

    /// What a slave learns of its master.
    pub struct RegisterBrokerResponse<'a> {
        /// Replication address of the master.
        ha_addr: Option<Cow<'a, str>> = "haServerAddr",
        /// Address of the master.
        master_addr: Option<Cow<'a, str>> = "masterAddr",
    }

    /// A broker leaves (code 104), or asks whether its topics are known (code 322).
    pub struct BrokerRequest<'a> {
        /// Broker name.
        broker_name: Cow<'a, str> = "brokerName",
        /// `ip:port` of the broker.
        broker_addr: Cow<'a, str> = "brokerAddr",
        /// Cluster.
        cluster: Cow<'a, str> = "clusterName",
        /// 0 for a master.
        broker_id: i64 = "brokerId",
    }

    /// Answer of code 322.
    pub struct DataVersionResponse {
        /// Whether the broker has to register.
        changed: bool = "changed",
    }

    /// Sets a key (code 100).
    pub struct PutKvRequest<'a> {
        /// Namespace.
        namespace: Cow<'a, str> = "namespace",
        /// Key.
        key: Cow<'a, str> = "key",
        /// Value.
        value: Cow<'a, str> = "value",
    }

    /// Names a key (codes 101, 102).
    pub struct KvRequest<'a> {
        /// Namespace.
        namespace: Cow<'a, str> = "namespace",
        /// Key.
        key: Cow<'a, str> = "key",
    }

    /// Answer of code 101.
    pub struct KvResponse<'a> {
        /// Value.
        value: Option<Cow<'a, str>> = "value",
    }

    /// Names a namespace (code 219).
    pub struct NamespaceRequest<'a> {
        /// Namespace.
        namespace: Cow<'a, str> = "namespace",
    }

    /// Names a broker (code 205).
    pub struct WipeWritePermRequest<'a> {
        /// Broker name.
        broker_name: Cow<'a, str> = "brokerName",
    }

    /// Answer of code 205.
    pub struct WipeWritePermResponse {
        /// Topics that lost the permission.
        topic_count: i32 = "wipeTopicCount",
    }

    /// Names a cluster (code 224).
    pub struct ClusterRequest<'a> {
        /// Cluster.
        cluster: Cow<'a, str> = "cluster",
    }
}
