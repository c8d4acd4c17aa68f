//! Routes, clusters and registrations.

use super::DataVersion;
use crate::topic::{Perm, TopicConfig};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The queues of a topic on one broker. Source: `common/protocol/route/QueueData`.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueData {
    /// Broker name.
    pub broker_name: String,
    /// Permission bits.
    pub perm: Perm,
    /// Queues that can be read.
    #[serde(rename = "readQueueNums")]
    pub read_queue_count: i32,
    /// System flag bits, under Java's spelling.
    #[serde(rename = "topicSynFlag")]
    pub topic_sys_flag: i32,
    /// Queues that can be written.
    #[serde(rename = "writeQueueNums")]
    pub write_queue_count: i32,
}

/// The addresses of the brokers of one name. Source: `common/protocol/route/BrokerData`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BrokerData {
    /// Broker id to `ip:port`; 0 is the master.
    pub broker_addrs: BTreeMap<i64, String>,
    /// Broker name.
    pub broker_name: String,
    /// Cluster.
    pub cluster: String,
}

/// Where a topic is. Source: `common/protocol/route/TopicRouteData`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicRouteData {
    /// Brokers that have it.
    pub broker_datas: Vec<BrokerData>,
    /// Filter servers of each broker address.
    pub filter_server_table: BTreeMap<String, Vec<String>>,
    /// Queues in order, for ordered topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_topic_conf: Option<String>,
    /// Its queues.
    pub queue_datas: Vec<QueueData>,
}

/// Clusters and brokers. Source: `common/protocol/body/ClusterInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterInfo {
    /// Broker name to addresses.
    pub broker_addr_table: BTreeMap<String, BrokerData>,
    /// Cluster to broker names.
    pub cluster_addr_table: BTreeMap<String, BTreeSet<String>>,
}

/// Names of topics. Source: `common/protocol/body/TopicList`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicList {
    /// One broker (code 304 only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_addr: Option<String>,
    /// The names.
    pub topic_list: Vec<String>,
}

/// Keys and values. Source: `common/protocol/body/KVTable`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KvTable {
    /// The pairs.
    pub table: BTreeMap<String, String>,
}

/// All topics of a broker: `topics.json`, code 21, registrations. Source: `common/protocol/body/TopicConfigSerializeWrapper`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicConfigTable {
    /// Version of the table.
    pub data_version: DataVersion,
    /// Topics by name.
    pub topic_config_table: BTreeMap<String, TopicConfig>,
}

/// Body of a registration. Source: `common/protocol/body/RegisterBrokerBody`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterBrokerBody {
    /// Addresses of filter servers; absent in registrations of old brokers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_server_list: Option<Vec<String>>,
    /// The topics.
    pub topic_config_serialize_wrapper: TopicConfigTable,
}
