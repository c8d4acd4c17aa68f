//! The topics of this broker: built in, created by hand, created by the first send. `topics.json`.
//!
//! [`TopicTable`] holds the rules; [`Topics`] shares it, and keeps its file. A topic that an operator makes is durable
//! before the answer; one that a send makes is used at once and saved shortly after.
//! Source: `broker/topic/TopicConfigManager`.

mod table;
#[cfg(test)]
mod tests;

pub use table::{BuiltIn, TopicTable};

use crate::live::Live;
use crate::settings::BrokerSettings;
use crate::table_file::{SharedTable, Table, TableFile};
use compat::body::DataVersion;
use compat::body::namesrv::TopicConfigTable;
use compat::time::Clock;
use compat::topic::{Perm, TopicConfig};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use store::config_file::{ConfigFile, Unreadable};
use tokio::sync::watch;

/// The table of topics. Reading it is cheap.
pub struct Topics {
    table: SharedTable<TopicTable>,
    settings: Arc<Live<BrokerSettings>>,
    clock: Clock,
}

/// What a send says of a topic that may have to be made.
#[derive(Clone, Copy, Debug)]
pub struct AutoCreate<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Its template.
    pub default_topic: &'a str,
    /// Queues wanted.
    pub queue_count: i32,
    /// System flag bits.
    pub sys_flag: i32,
}

impl Topics {
    /// The built-in topics and those of the file, which win.
    pub fn load(
        file: ConfigFile,
        built_in: &BuiltIn<'_>,
        settings: Arc<Live<BrokerSettings>>,
        clock: Clock,
    ) -> Result<Self, Unreadable> {
        let file = TableFile::new(file);
        let mut table = TopicTable::new(built_in, clock.now());
        if let Some(stored) = file.load::<TopicConfigTable>()? {
            for name in table.merge(stored) {
                tracing::warn!(%name, "topics.json names a topic that could not be a directory: it is left out");
            }
        }
        Ok(Self { table: SharedTable::new(table, file), settings, clock })
    }

    /// Changes with every change of any topic: whoever keeps a topic compares it once a turn.
    pub fn generation(&self) -> u64 {
        self.table.generation()
    }

    /// A topic.
    pub fn find(&self, name: &str) -> Option<Arc<TopicConfig>> {
        self.table.read().find(name).cloned()
    }

    /// The topic of a send, made after its template where that is allowed; `None` where it is not.
    pub fn find_or_create(&self, wanted: &AutoCreate<'_>) -> Option<Arc<TopicConfig>> {
        if let Some(topic) = self.find(wanted.topic) {
            return Some(topic);
        }
        let auto_create = self.settings.get().auto_create_topic;
        let now = self.clock.now();
        let made = self.table.change(|table| {
            let made = table.create_after_template(wanted, auto_create, now);
            (made.is_some(), made)
        });
        match &made {
            Some(topic) => tracing::info!(%topic, template = wanted.default_topic, "topic made by a send"),
            None => {
                tracing::debug!(topic = wanted.topic, template = wanted.default_topic, "topic not made: not allowed");
            }
        }
        made
    }

    /// A retry or dead letter topic, made when missing. `None` for a name that cannot be a topic.
    pub fn find_or_create_internal(
        &self,
        name: &str,
        queue_count: i32,
        perm: Perm,
        sys_flag: i32,
    ) -> Option<Arc<TopicConfig>> {
        if let Some(topic) = self.find(name) {
            return Some(topic);
        }
        let now = self.clock.now();
        let made = TopicConfig { topic_sys_flag: sys_flag, ..TopicConfig::new(name, queue_count, perm) };
        let topic = self.table.change(|table| {
            let topic = table.create(made, now);
            (topic.is_some(), topic)
        });
        if let Some(topic) = &topic {
            tracing::info!(%topic, "topic made");
        }
        topic
    }

    /// Makes or replaces a topic. Durable when this returns: may wait for the disk.
    pub fn put(&self, topic: TopicConfig) -> io::Result<()> {
        tracing::info!(%topic, "topic set");
        let now = self.clock.now();
        self.table.change(|table| (true, table.put(topic, now)));
        self.save()
    }

    /// Removes a topic; `false` when there is none. Durable when this returns: may wait for the disk.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        let now = self.clock.now();
        let removed = self.table.change(|table| {
            let removed = table.remove(name, now);
            (removed, removed)
        });
        tracing::info!(topic = name, removed, "topic removed");
        self.save()?;
        Ok(removed)
    }

    /// These topics are ordered, all others are not: what the name server says.
    pub fn set_ordered(&self, names: &BTreeSet<&str>) {
        let now = self.clock.now();
        self.table.change(|table| {
            let changed = table.set_ordered(names, now);
            (changed, ())
        });
    }

    /// Makes name servers take the whole table again: the permission of the broker has changed.
    pub fn touch(&self) {
        let now = self.clock.now();
        self.table.change(|table| (true, table.touch(now)));
    }

    /// Names of the topics that every broker has (code 305).
    pub fn built_in(&self) -> Vec<String> {
        self.table.read().built_in().iter().cloned().collect()
    }

    /// Names of all topics.
    pub fn names(&self) -> BTreeSet<String> {
        self.table.read().topics().map(|topic| topic.topic_name.clone()).collect()
    }

    /// The whole table.
    pub fn snapshot(&self) -> TopicConfigTable {
        self.table.read().snapshot()
    }

    /// Version of the table.
    pub fn data_version(&self) -> DataVersion {
        self.table.read().version()
    }

    /// The number of the last change; whoever holds this can wait for the next.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.table.changes()
    }

    /// Makes every change so far durable. May wait for the disk.
    pub fn save(&self) -> io::Result<()> {
        self.table.save()
    }
}
