//! The rules of topics: which there are, and which may be made. Pure.

use super::AutoCreate;
use crate::table_file::Table;
use compat::body::DataVersion;
use compat::body::namesrv::TopicConfigTable;
use compat::names;
use compat::time::Millis;
use compat::topic::{Perm, TopicConfig, is_legal_name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All topics of a broker by name.
pub struct TopicTable {
    topics: BTreeMap<String, Arc<TopicConfig>>,
    built_in: BTreeSet<String>,
    version: DataVersion,
}

/// What decides which topics a broker has from the start.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn<'a> {
    /// Cluster.
    pub cluster: &'a str,
    /// Broker name.
    pub broker: &'a str,
    /// Queues of the template topic.
    pub default_queue_count: i32,
    /// Whether a send may make a topic.
    pub auto_create: bool,
    /// Whether the topic named as the cluster can be used.
    pub cluster_topic: bool,
    /// Whether the topic named as the broker can be used.
    pub broker_topic: bool,
}

impl TopicTable {
    /// The built-in topics.
    ///
    /// Differs: `TBW102`, the template of the clients of every other version, is there beside `AUTO_CREATE_TOPIC_KEY`.
    pub fn new(built_in: &BuiltIn<'_>, now: Millis) -> Self {
        let usable = |yes| Perm(if yes { Perm::READ_WRITE.0 | Perm::INHERIT } else { Perm::INHERIT });
        let mut topics = vec![TopicConfig::new(names::SELF_TEST_TOPIC, 1, Perm::READ_WRITE)];
        if built_in.auto_create {
            for template in [names::AUTO_CREATE_TOPIC, names::AUTO_CREATE_TOPIC_LEGACY] {
                topics.push(TopicConfig::new(template, built_in.default_queue_count, usable(true)));
            }
        }
        topics.push(TopicConfig::new(names::BENCHMARK_TOPIC, 1024, Perm::READ_WRITE));
        topics.push(TopicConfig::new(built_in.cluster, 16, usable(built_in.cluster_topic)));
        topics.push(TopicConfig::new(built_in.broker, 1, usable(built_in.broker_topic)));
        topics.push(TopicConfig::new(names::OFFSET_MOVED_EVENT, 1, Perm::READ_WRITE));
        let topics: BTreeMap<_, _> =
            topics.into_iter().map(|topic| (topic.topic_name.clone(), Arc::new(topic))).collect();
        let built_in = topics.keys().cloned().collect();
        Self { topics, built_in, version: DataVersion { counter: 0, timestamp: now.0 } }
    }

    /// Adds what a file holds; it wins over what is there. Returns the names that cannot be topics and were left out.
    pub fn merge(&mut self, stored: TopicConfigTable) -> Vec<String> {
        let mut left_out = Vec::new();
        for (name, mut topic) in stored.topic_config_table {
            if !is_legal_name(&name) && !self.built_in.contains(&name) {
                left_out.push(name);
                continue;
            }
            topic.topic_name.clone_from(&name);
            self.topics.insert(name, Arc::new(topic));
        }
        self.version = stored.data_version;
        left_out
    }

    /// A topic.
    pub fn find(&self, name: &str) -> Option<&Arc<TopicConfig>> {
        self.topics.get(name)
    }

    /// All topics.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicConfig>> {
        self.topics.values()
    }

    /// Names of the topics that were there from the start.
    pub fn built_in(&self) -> &BTreeSet<String> {
        &self.built_in
    }

    /// Changes so far.
    pub fn version(&self) -> DataVersion {
        self.version
    }
    /// The topic of a send: the one there is, or one made after a template that can be inherited.
    pub fn create_after_template(
        &mut self,
        wanted: &AutoCreate<'_>,
        auto_create: bool,
        now: Millis,
    ) -> Option<Arc<TopicConfig>> {
        if let Some(topic) = self.topics.get(wanted.topic) {
            return Some(Arc::clone(topic));
        }
        let template = self.topics.get(wanted.default_topic)?;
        let is_general = [names::AUTO_CREATE_TOPIC, names::AUTO_CREATE_TOPIC_LEGACY].contains(&wanted.default_topic);
        if !template.perm.inherited() || (is_general && !auto_create) {
            return None;
        }
        let queue_count = wanted.queue_count.min(template.write_queue_count).max(0);
        let perm = template.perm.without(Perm::INHERIT);
        let topic_filter_type = template.topic_filter_type;
        let topic_sys_flag = wanted.sys_flag;
        let topic = TopicConfig::new(wanted.topic, queue_count, perm);
        self.create(TopicConfig { topic_filter_type, topic_sys_flag, ..topic }, now)
    }

    /// The topic there is, or else this one; `None` for a name that cannot be a topic.
    pub fn create(&mut self, topic: TopicConfig, now: Millis) -> Option<Arc<TopicConfig>> {
        if let Some(topic) = self.topics.get(&topic.topic_name) {
            return Some(Arc::clone(topic));
        }
        if !is_legal_name(&topic.topic_name) {
            return None;
        }
        let topic = Arc::new(topic);
        self.topics.insert(topic.topic_name.clone(), Arc::clone(&topic));
        self.touch(now);
        Some(topic)
    }

    /// Sets a topic, whatever was there. Whether it is ordered is the name server's to say.
    pub fn put(&mut self, topic: TopicConfig, now: Millis) {
        self.topics.insert(topic.topic_name.clone(), Arc::new(topic));
        self.touch(now);
    }

    /// Removes a topic, if there is one.
    pub fn remove(&mut self, name: &str, now: Millis) -> bool {
        let removed = self.topics.remove(name).is_some();
        if removed {
            self.touch(now);
        }
        removed
    }

    /// Marks these topics as ordered and no other. Returns whether that changes anything.
    pub fn set_ordered(&mut self, names: &BTreeSet<&str>, now: Millis) -> bool {
        let mut changed = false;
        for (name, topic) in &mut self.topics {
            let order = names.contains(name.as_str());
            if topic.order != order {
                *topic = Arc::new(TopicConfig { order, ..TopicConfig::clone(topic) });
                changed = true;
            }
        }
        if changed {
            self.touch(now);
        }
        changed
    }

    /// Counts a change.
    pub fn touch(&mut self, now: Millis) {
        self.version = self.version.next(now);
    }
}

impl Table for TopicTable {
    type Stored = TopicConfigTable;

    fn snapshot(&self) -> TopicConfigTable {
        let topics = self.topics.iter().map(|(name, topic)| (name.clone(), TopicConfig::clone(topic)));
        TopicConfigTable { data_version: self.version, topic_config_table: topics.collect() }
    }
}
