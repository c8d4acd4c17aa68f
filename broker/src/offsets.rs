//! How far each group has consumed. `consumerOffset.json`, codes 14 and 15.
//!
//! A commit of a known queue writes one number and allocates nothing. The file follows every
//! `flushConsumerOffsetInterval`, when something has changed.
//! Source: `broker/offset/ConsumerOffsetManager`, `broker/processor/ConsumerManageProcessor`.

mod requests;
#[cfg(test)]
mod tests;

pub use requests::OffsetRequests;

use crate::table_file::TableFile;
use compat::body::admin::ConsumerOffsetTable;
use compat::json;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use store::config_file::{ConfigFile, Unreadable};

/// The table of offsets.
pub struct ConsumerOffsets {
    groups: RwLock<Groups>,
    commits: AtomicU64,
    file: TableFile,
}

/// Group to topic to queue.
type Groups = HashMap<Box<str>, HashMap<Box<str>, Queues>>;
type Queues = BTreeMap<i32, AtomicI64>;

impl ConsumerOffsets {
    /// The offsets of the file.
    pub fn load(file: ConfigFile) -> Result<Self, Unreadable> {
        let file = TableFile::new(file);
        let stored = file.load::<ConsumerOffsetTable>()?.unwrap_or_default();
        let mut groups = Groups::new();
        for (key, offsets) in stored.offset_table {
            let Some((topic, group)) = key.split_once('@') else {
                tracing::warn!(%key, "consumerOffset.json names no topic@group: left out");
                continue;
            };
            let queues = offsets.into_iter().map(|(queue, offset)| (queue, AtomicI64::new(offset)));
            groups.entry(group.into()).or_default().insert(topic.into(), queues.collect());
        }
        Ok(Self { groups: RwLock::new(groups), commits: AtomicU64::new(0), file })
    }

    /// Stores an offset, backwards too. Costs no allocation once the group is known.
    pub fn commit(&self, group: &str, topic: &str, queue_id: i32, offset: i64) {
        let swap = |stored: &AtomicI64| stored.swap(offset, Ordering::Relaxed);
        let known = self.read().get(group).and_then(|topics| topics.get(topic)?.get(&queue_id)).map(swap);
        let before = known.unwrap_or_else(|| {
            let mut groups = self.write();
            let topics = groups.entry(group.into()).or_default();
            let queues = topics.entry(topic.into()).or_default();
            swap(queues.entry(queue_id).or_insert(AtomicI64::new(-1)))
        });
        if before != offset {
            self.commits.fetch_add(1, Ordering::Release);
        }
        if offset < before {
            tracing::debug!(group, topic, queue_id, offset, before, "consumer offset moved back");
        }
    }

    /// The stored offset.
    pub fn query(&self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        let groups = self.read();
        let offset = groups.get(group)?.get(topic)?.get(&queue_id)?.load(Ordering::Relaxed);
        (offset >= 0).then_some(offset)
    }

    /// Topics of which a group has an offset.
    pub fn topics_of(&self, group: &str) -> Vec<String> {
        self.read().get(group).into_iter().flat_map(HashMap::keys).map(|topic| topic.to_string()).collect()
    }

    /// Groups that have an offset of a topic.
    pub fn groups_of(&self, topic: &str) -> Vec<String> {
        let groups = self.read();
        groups.iter().filter(|(_, topics)| topics.contains_key(topic)).map(|(group, _)| group.to_string()).collect()
    }

    /// Forgets all offsets of a group.
    pub fn remove_group(&self, group: &str) {
        if self.write().remove(group).is_some() {
            self.commits.fetch_add(1, Ordering::Release);
        }
    }

    /// The whole table.
    pub fn snapshot(&self) -> ConsumerOffsetTable {
        let mut offset_table = BTreeMap::new();
        for (group, topics) in &*self.read() {
            for (topic, queues) in topics {
                let offsets = queues.iter().map(|(&queue, offset)| (queue, offset.load(Ordering::Relaxed)));
                offset_table.insert(format!("{topic}@{group}"), offsets.collect());
            }
        }
        ConsumerOffsetTable { offset_table }
    }

    /// Makes every commit so far durable. May wait for the disk.
    pub fn save(&self) -> io::Result<()> {
        self.file.save(self.commits.load(Ordering::Acquire), || {
            let commits = self.commits.load(Ordering::Acquire);
            (commits, json::to_vec_pretty(&self.snapshot()))
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Groups> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Groups> {
        self.groups.write().unwrap_or_else(PoisonError::into_inner)
    }
}
