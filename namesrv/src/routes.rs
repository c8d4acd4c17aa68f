//! Which broker has which topic: five tables that change together.
//!
//! Brokers register, leave, go silent or lose their connection; each is one `on_*` call. Only masters bring topics. An
//! address has one place, a broker name and an id: what registers under another place leaves the one it had. So an address
//! in [`BrokerData`] always has an entry among the live brokers, and goes away with it.
//!
//! Not here: sockets, the clock, the lock and the encoded answers (`server`), keys and values (`kv`).
//! Source: `namesrv/RouteInfoManager`.

use compat::body::DataVersion;
use compat::body::namesrv::{BrokerData, ClusterInfo, QueueData, TopicList, TopicRouteData};
use compat::time::Millis;
use compat::topic::{Perm, TopicConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A broker that was not heard of for longer is gone.
const MAX_SILENCE: Duration = Duration::from_secs(120);
const MASTER_ID: i64 = 0;

/// The tables.
#[derive(Default)]
pub struct RouteTable {
    /// Topic to broker name to queues.
    topics: BTreeMap<String, BTreeMap<String, QueueData>>,
    /// By name.
    brokers: BTreeMap<String, BrokerData>,
    /// Cluster to broker names.
    clusters: BTreeMap<String, BTreeSet<String>>,
    /// By address.
    live: BTreeMap<String, Live>,
    /// By address of the broker.
    filter_servers: BTreeMap<String, Vec<String>>,
    generation: u64,
}

/// What a broker says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registration {
    /// Broker name.
    pub name: String,
    /// 0 for a master.
    pub id: i64,
    /// `ip:port`.
    pub address: String,
    /// Cluster.
    pub cluster: String,
    /// `ip:port` of its replication.
    pub ha_address: Option<String>,
    /// Version of its topics.
    pub version: DataVersion,
    /// Its topics, or the one that changed.
    pub topics: Vec<TopicConfig>,
    /// `None` leaves those of the last registration.
    pub filter_servers: Option<Vec<String>>,
}

/// What a slave learns of its master.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Master {
    /// `ip:port`.
    pub address: Option<String>,
    /// `ip:port` of its replication.
    pub ha_address: Option<String>,
}

/// Whether a broker has to register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// It has to.
    pub is_changed: bool,
    /// The version that is known.
    pub known: Option<DataVersion>,
}

/// A broker that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its address.
    pub address: String,
    /// The connection it registered by.
    pub peer: u64,
}

/// Which topics by their system flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitTopics {
    /// Unit topics.
    Unit,
    /// Topics with unit subscriptions.
    UnitSub,
    /// Topics with unit subscriptions that are no unit topics.
    UnitSubNotUnit,
}

/// What becomes of the write permission of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WritePerm {
    /// Taken away.
    Wipe,
    /// Given back, with the right to read.
    Add,
}

struct Live {
    name: String,
    id: i64,
    seen: Millis,
    version: DataVersion,
    /// Whether all topics of the version were seen, not only one that changed.
    is_complete: bool,
    peer: u64,
    ha_address: Option<String>,
}

impl RouteTable {
    /// A number that grows when the answer to any query may have changed.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// A broker registers, by the connection `peer`.
    ///
    /// Topics are taken from a master whose version is not the known one, or whose place or topics are not known.
    /// Topics that are missing from the registration stay.
    ///
    /// Differs: in 4.3.0 a registration of one topic with a version that the name server did not know makes it ignore
    /// the full one of the same version; here topics of a version are taken until a full registration has brought them.
    /// In 4.3.0 a broker that changes its id or its name keeps its old place too.
    pub fn on_register(&mut self, registration: Registration, peer: u64, now: Millis) -> Master {
        let Registration { name, id, address, cluster, ha_address, version, topics, filter_servers } = registration;
        let has_all = self.has_all_topics(&name, id, &address, version);
        let is_known_place = self.settle(&name, id, &address, &cluster);
        let before = self.live.get(&address).map(|live| (live.version, live.is_complete));
        let is_complete = match before {
            _ if id != MASTER_ID || topics.len() != 1 => true,
            Some((known, true)) if is_known_place => version == known || follows(version, known),
            _ => false,
        };
        if !has_all {
            topics.into_iter().for_each(|topic| self.put_topic(&name, topic));
        }
        self.put_filter_servers(&address, filter_servers);
        let live = Live { name: name.clone(), id, seen: now, version, is_complete, peer, ha_address };
        if let Some(old) = self.live.insert(address.clone(), live).filter(|old| old.name != name || old.id != id) {
            self.vacate(&old.name, old.id, &address);
        }
        if id == MASTER_ID { Master::default() } else { self.master_of(&name) }
    }

    /// Whether nobody would look at the topics of a registration.
    pub fn has_all_topics(&self, name: &str, id: i64, address: &str, version: DataVersion) -> bool {
        let is_known_place = self.brokers.get(name).is_some_and(|broker| broker.broker_addrs.contains_key(&id));
        let is_known_version = self.live.get(address).is_some_and(|live| live.is_complete && live.version == version);
        id != MASTER_ID || is_known_place && is_known_version
    }

    /// A broker asks whether its topics are known; if they are, it is not silent. Its connection stays the one by which it
    /// registered: whoever else asks does not take the broker with it.
    pub fn on_query_version(&mut self, address: &str, version: Option<DataVersion>, now: Millis) -> Freshness {
        let Some(live) = self.live.get_mut(address) else { return Freshness { is_changed: true, known: None } };
        let is_changed = !live.is_complete || version != Some(live.version);
        if !is_changed {
            live.seen = now;
        }
        Freshness { is_changed, known: Some(live.version) }
    }

    /// A broker leaves. The words of one that is not registered under that name and id, any more, change nothing.
    ///
    /// Differs: 4.3.0 then removes whoever has the id by now.
    pub fn on_unregister(&mut self, name: &str, id: i64, address: &str) {
        if self.live.get(address).is_some_and(|live| live.name == name && live.id == id) {
            self.remove(address);
        }
    }

    /// Time passes: brokers that were silent for too long are removed.
    pub fn on_silence(&mut self, now: Millis) -> Vec<Removed> {
        self.remove_where(|live| live.seen.plus(MAX_SILENCE) < now)
    }

    /// A connection is gone, and with it all brokers whose last registration came by it.
    pub fn on_closed(&mut self, peer: u64) -> Vec<Removed> {
        self.remove_where(|live| live.peer == peer)
    }

    /// Changes the write permission of all topics of a broker, until it registers them changed. Returns how many.
    pub fn on_write_perm(&mut self, name: &str, to: WritePerm) -> usize {
        let mut count = 0;
        for queues in self.topics.values_mut().filter_map(|queues| queues.get_mut(name)) {
            queues.perm = match to {
                WritePerm::Wipe => queues.perm.without(Perm::WRITE),
                WritePerm::Add => Perm::READ_WRITE,
            };
            count += 1;
        }
        self.generation += 1;
        count
    }

    /// Removes a topic, or what the brokers of one cluster have of it, until they register it changed.
    pub fn on_delete_topic(&mut self, topic: &str, cluster: Option<&str>) {
        self.generation += 1;
        let Some(queues) = self.topics.get_mut(topic) else { return };
        match cluster {
            None => queues.clear(),
            Some(cluster) => {
                let names = self.clusters.get(cluster);
                queues.retain(|name, _| !names.is_some_and(|names| names.contains(name)));
            }
        }
        if queues.is_empty() {
            self.topics.remove(topic);
        }
    }

    /// Where a topic is; `None` unless at least one of its brokers is there.
    pub fn route(&self, topic: &str) -> Option<TopicRouteData> {
        let queues = self.topics.get(topic)?;
        let brokers: Vec<BrokerData> = queues.keys().filter_map(|name| self.brokers.get(name)).cloned().collect();
        if brokers.is_empty() {
            return None;
        }
        let addresses = brokers.iter().flat_map(|broker| broker.broker_addrs.values());
        let filter_servers = addresses.filter_map(|address| self.filter_servers.get_key_value(address));
        Some(TopicRouteData {
            filter_server_table: filter_servers.map(|(address, servers)| (address.clone(), servers.clone())).collect(),
            broker_datas: brokers,
            order_topic_conf: None,
            queue_datas: queues.values().cloned().collect(),
        })
    }

    /// All clusters and brokers.
    pub fn cluster_info(&self) -> ClusterInfo {
        ClusterInfo { broker_addr_table: self.brokers.clone(), cluster_addr_table: self.clusters.clone() }
    }

    /// All topics.
    pub fn topics(&self) -> TopicList {
        topic_list(self.topics.keys())
    }

    /// Topics that a broker of the cluster has; none for an unknown cluster.
    pub fn topics_of_cluster(&self, cluster: &str) -> TopicList {
        let Some(names) = self.clusters.get(cluster) else { return TopicList::default() };
        let is_there = |queues: &BTreeMap<String, QueueData>| queues.keys().any(|name| names.contains(name));
        topic_list(self.topics.iter().filter(|(_, queues)| is_there(queues)).map(|(topic, _)| topic))
    }

    /// Clusters and brokers as topics, and the address of one broker.
    pub fn system_topics(&self) -> TopicList {
        let names: BTreeSet<&String> =
            self.clusters.iter().flat_map(|(cluster, names)| std::iter::once(cluster).chain(names)).collect();
        let broker_addr = self.brokers.values().find_map(|broker| broker.broker_addrs.values().next()).cloned();
        TopicList { broker_addr, ..topic_list(names) }
    }

    /// Topics by the system flags of their first queues.
    pub fn unit_topics(&self, which: UnitTopics) -> TopicList {
        const UNIT: i32 = 1;
        const UNIT_SUB: i32 = 2;
        let is_wanted = |queues: &BTreeMap<String, QueueData>| {
            let flags = queues.values().next().map_or(0, |first| first.topic_sys_flag);
            match which {
                UnitTopics::Unit => flags & UNIT != 0,
                UnitTopics::UnitSub => flags & UNIT_SUB != 0,
                UnitTopics::UnitSubNotUnit => flags & (UNIT | UNIT_SUB) == UNIT_SUB,
            }
        };
        topic_list(self.topics.iter().filter(|(_, queues)| is_wanted(queues)).map(|(topic, _)| topic))
    }

    /// Gives a broker its place, and says whether some broker had it already.
    fn settle(&mut self, name: &str, id: i64, address: &str, cluster: &str) -> bool {
        let is_new_name = self.clusters.entry(cluster.to_owned()).or_default().insert(name.to_owned());
        let broker = self.brokers.entry(name.to_owned()).or_insert_with(|| BrokerData {
            broker_addrs: BTreeMap::new(),
            broker_name: name.to_owned(),
            cluster: cluster.to_owned(),
        });
        let before = broker.broker_addrs.insert(id, address.to_owned());
        if is_new_name || before.as_deref() != Some(address) {
            self.generation += 1;
        }
        before.is_some()
    }

    fn put_topic(&mut self, name: &str, topic: TopicConfig) {
        let queues = QueueData {
            broker_name: name.to_owned(),
            perm: topic.perm,
            read_queue_count: topic.read_queue_count,
            topic_sys_flag: topic.topic_sys_flag,
            write_queue_count: topic.write_queue_count,
        };
        let brokers = self.topics.entry(topic.topic_name).or_default();
        if brokers.get(name) != Some(&queues) {
            brokers.insert(name.to_owned(), queues);
            self.generation += 1;
        }
    }

    fn put_filter_servers(&mut self, address: &str, servers: Option<Vec<String>>) {
        let Some(servers) = servers else { return };
        let is_changed = match servers.is_empty() {
            true => self.filter_servers.remove(address).is_some(),
            false => self.filter_servers.insert(address.to_owned(), servers.clone()) != Some(servers),
        };
        self.generation += u64::from(is_changed);
    }

    fn master_of(&self, name: &str) -> Master {
        let address = self.brokers.get(name).and_then(|broker| broker.broker_addrs.get(&MASTER_ID));
        let live = address.and_then(|address| self.live.get(address));
        Master { address: address.cloned(), ha_address: live.and_then(|live| live.ha_address.clone()) }
    }

    fn remove_where(&mut self, is_gone: impl Fn(&Live) -> bool) -> Vec<Removed> {
        let gone = self.live.iter().filter(|(_, live)| is_gone(live));
        let gone: Vec<Removed> =
            gone.map(|(address, live)| Removed { address: address.clone(), peer: live.peer }).collect();
        gone.iter().for_each(|removed| self.remove(&removed.address));
        gone
    }

    fn remove(&mut self, address: &str) {
        let Some(live) = self.live.remove(address) else { return };
        self.filter_servers.remove(address);
        self.vacate(&live.name, live.id, address);
        self.generation += 1;
    }

    /// An address leaves its place, unless somebody else has that. The last one of a broker takes its name and its
    /// topics with it.
    fn vacate(&mut self, name: &str, id: i64, address: &str) {
        let Some(broker) = self.brokers.get_mut(name) else { return };
        if broker.broker_addrs.get(&id).is_none_or(|there| there != address) {
            return;
        }
        broker.broker_addrs.remove(&id);
        self.generation += 1;
        if !broker.broker_addrs.is_empty() {
            return;
        }
        self.brokers.remove(name);
        self.clusters.retain(|_, names| {
            names.remove(name);
            !names.is_empty()
        });
        self.topics.retain(|_, queues| {
            queues.remove(name);
            !queues.is_empty()
        });
    }
}

/// Whether nothing happened between two versions.
fn follows(version: DataVersion, known: DataVersion) -> bool {
    version.counter == known.counter.wrapping_add(1)
}

fn topic_list<'a>(names: impl IntoIterator<Item = &'a String>) -> TopicList {
    TopicList { broker_addr: None, topic_list: names.into_iter().cloned().collect() }
}

#[cfg(test)]
mod tests;
