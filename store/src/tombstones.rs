//! Where in the log queues ended: `config/deletedQueues.json`, so that a recovery does not bring a deleted topic back.
//!
//! The log keeps the records of a deleted topic until their files go, and recovery makes queues from it that are
//! missing. So before the files of a queue are deleted, this file says at which place of the log the queue ended: what
//! lies before that is in no queue, what lies behind it belongs to a queue of the same name that was made later. A
//! tombstone goes when the log begins behind it.
//!
//! Not here: how a queue is ended (`queues`), what recovery does with one (`recovery`).
//! Differs: 4.3.0 has no such file, and ignores it; its own recovery after a kill may bring queues of deleted topics
//! back. Opened here again, they go.

use crate::config_file::ConfigFile;
use crate::disk::Disk;
use crate::open_error::OpenError;
use crate::queue::Queue;
use compat::json;
use compat::offset::{PhysicalOffset, QueueId};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// All tombstones. Who changes them does so one at a time: see [`crate::queues::Queues::destroy`].
pub(crate) struct Tombstones {
    file: ConfigFile,
    ends: RwLock<Ends>,
}

/// By topic and queue: behind the last record that may be of the queue that ended.
type Ends = BTreeMap<String, BTreeMap<QueueId, PhysicalOffset>>;

/// The same in the file: places by number of the queue, by topic.
type Document = BTreeMap<String, BTreeMap<String, i64>>;

impl Tombstones {
    /// Reads the file of a store; without one there are none.
    pub fn load(disk: Arc<dyn Disk>, root: &Path) -> Result<Self, OpenError> {
        let file = ConfigFile::new(disk, root.join("config").join("deletedQueues.json"));
        let ends = file.load(parse).map_err(|unreadable| OpenError::Damaged {
            file: unreadable.path,
            what: format!("neither it nor its .bak can be read ({})", unreadable.cause),
            advice:
                "Restore one of them, or move both away to start without: messages of deleted topics that are still \
                     in the commit log may then come back"
                    .to_owned(),
        })?;
        Ok(Self { file, ends: RwLock::new(ends.unwrap_or_default()) })
    }

    /// Where a queue of this name ended.
    pub fn end(&self, topic: &str, id: QueueId) -> Option<PhysicalOffset> {
        let ends = self.ends.read().unwrap_or_else(PoisonError::into_inner);
        ends.get(topic)?.get(&id).copied()
    }

    /// Whether a record at a place belongs to a queue that ended.
    pub fn hides(&self, topic: &str, id: QueueId, position: PhysicalOffset) -> bool {
        self.end(topic, id).is_some_and(|end| position < end)
    }

    /// These queues end at a place. After an error either state may be in the file: to be called again.
    pub fn add(&self, queues: &[Arc<Queue>], end: PhysicalOffset) -> io::Result<()> {
        self.change(|ends| {
            for queue in queues {
                ends.entry(queue.topic().to_owned()).or_default().insert(queue.id(), end);
            }
        })
    }

    /// The log ends here: what comes next is in no queue that ended, even where the log was longer before a crash.
    pub fn clamp(&self, log_end: PhysicalOffset) -> io::Result<()> {
        self.change(|ends| {
            ends.values_mut().flat_map(BTreeMap::values_mut).for_each(|end| *end = log_end.min(*end));
        })
    }

    /// The log begins here: tombstones of what it no longer holds go.
    pub fn forget(&self, log_min: PhysicalOffset) -> io::Result<()> {
        self.change(|ends| {
            ends.values_mut().for_each(|queues| queues.retain(|_, end| *end > log_min));
            ends.retain(|_, queues| !queues.is_empty());
        })
    }

    /// Changes the file and then the memory, if there is something to change.
    fn change(&self, change: impl FnOnce(&mut Ends)) -> io::Result<()> {
        let before = self.ends.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            self.file.persist(&format(&after))?;
            *self.ends.write().unwrap_or_else(PoisonError::into_inner) = after;
        }
        Ok(())
    }
}

fn format(ends: &Ends) -> Vec<u8> {
    let queues = |queues: &BTreeMap<QueueId, PhysicalOffset>| {
        queues.iter().map(|(id, end)| (id.to_string(), end.to_java())).collect()
    };
    let document: Document = ends.iter().map(|(topic, ids)| (topic.clone(), queues(ids))).collect();
    json::to_vec_pretty(&document)
}

fn parse(bytes: &[u8]) -> Result<Ends, String> {
    let document: Document = json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut ends = Ends::new();
    for (topic, queues) in document {
        let of_topic = ends.entry(topic).or_default();
        for (id, end) in queues {
            let number = id.parse().ok().and_then(QueueId::from_java);
            let number = number.ok_or_else(|| format!("{id} is not the number of a queue"))?;
            let end =
                PhysicalOffset::from_java(end).ok_or_else(|| format!("{end} is not a place in the commit log"))?;
            of_topic.insert(number, end);
        }
    }
    Ok(ends)
}

#[cfg(test)]
mod tests;
