//! All consume queues of a store: which there are, and when they are written.
//!
//! Queues with new entries stand in a list, so that a round of writing looks at those and not at all 10,000. Files are
//! opened when they are needed and closed again when too many are open.
//! Source: `store/DefaultMessageStore#findConsumeQueue`, `#loadConsumeQueue`, `store/DefaultMessageStore$FlushConsumeQueueService`.

use crate::disk::Disk;
use crate::format::queue_entry;
use crate::open_error::OpenError;
use crate::queue::{Entries, Queue};
use crate::settings::StoreSettings;
use crate::tombstones::Tombstones;
use compat::offset::{PhysicalOffset, QueueId};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

/// Where queues live: shared by all of them.
pub(crate) struct Home {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file_len: u64,
    /// Queues with entries that are not in files.
    dirty: Mutex<Vec<Arc<Queue>>>,
    /// Queues with entries in files that may not be durable.
    unsynced: Mutex<Vec<Arc<Queue>>>,
    /// Queues with open files, oldest first.
    open: Mutex<VecDeque<Weak<Queue>>>,
    open_limit: usize,
}

type ByTopic = HashMap<Box<str>, BTreeMap<QueueId, Arc<Queue>>>;

/// All queues.
pub(crate) struct Queues {
    home: Arc<Home>,
    by_topic: RwLock<ByTopic>,
    tombstones: Tombstones,
    /// Whether a queue is closed that could not be destroyed yet. Held by whoever destroys queues.
    leftovers: Mutex<bool>,
    /// Queues that were written in the last round: their memory goes when they are not written in the next one.
    resting: Mutex<Vec<Arc<Queue>>>,
}

impl Home {
    /// The entries of a queue, not yet looked at.
    pub fn entries(&self, topic: &str, id: QueueId) -> Entries {
        Entries::new(self.disk.clone(), self.dir.join(topic).join(id.to_string()), self.file_len)
    }

    pub fn remember_dirty(&self, queue: Arc<Queue>) {
        lock(&self.dirty).push(queue);
    }

    pub fn remember_unsynced(&self, queue: Arc<Queue>) {
        lock(&self.unsynced).push(queue);
    }

    /// A queue has opened a file: another one may have to close its own. No lock of a queue may be held.
    pub fn remember_open(&self, queue: Weak<Queue>) {
        let mut open = lock(&self.open);
        open.push_back(queue);
        for _ in 0..open.len().saturating_sub(self.open_limit) {
            let Some(oldest) = open.pop_front() else { break };
            if oldest.upgrade().is_some_and(|queue| !queue.try_close()) {
                open.push_back(oldest);
            }
        }
    }
}

impl Queues {
    /// Finds the queues in the directories of a store. Opens and changes nothing.
    pub fn load(settings: &StoreSettings, disk: Arc<dyn Disk>) -> Result<Self, OpenError> {
        let home = home(settings, Arc::clone(&disk))?;
        let tombstones = Tombstones::load(Arc::clone(&disk), Path::new(&settings.store_path_root))?;
        let dir = home.dir.clone();
        let mut by_topic = HashMap::new();
        let io = |dir: &Path| {
            let what = format!("list {}", dir.display());
            move |cause| OpenError::Io { what, cause }
        };
        for topic in disk.list(&dir).map_err(io(&dir))?.into_iter().filter(|entry| entry.is_dir) {
            let topic_dir = dir.join(&topic.name);
            let mut queues = BTreeMap::new();
            for queue in disk.list(&topic_dir).map_err(io(&topic_dir))?.into_iter().filter(|entry| entry.is_dir) {
                let Some(id) = queue.name.parse().ok().and_then(QueueId::from_java) else { continue };
                if id.to_string() == queue.name {
                    let found = Queue::new(&home, &topic.name, id);
                    found.load()?;
                    queues.insert(id, found);
                }
            }
            if !queues.is_empty() {
                by_topic.insert(topic.name.into(), queues);
            }
        }
        Ok(Self {
            home,
            by_topic: RwLock::new(by_topic),
            tombstones,
            leftovers: Mutex::default(),
            resting: Mutex::default(),
        })
    }

    /// The queue, made when it is missing.
    pub fn queue(&self, topic: &str, id: QueueId) -> Arc<Queue> {
        if let Some(queue) = self.existing(topic, id) {
            return queue;
        }
        let mut by_topic = self.by_topic.write().unwrap_or_else(PoisonError::into_inner);
        let queues = by_topic.entry(topic.into()).or_default();
        queues.entry(id).or_insert_with(|| Queue::new(&self.home, topic, id)).clone()
    }

    /// A queue that is not found by its name: for records of one that ended.
    pub fn outside(&self, topic: &str, id: QueueId) -> Arc<Queue> {
        Queue::new(&self.home, topic, id)
    }

    /// The queue, if it is there.
    pub fn existing(&self, topic: &str, id: QueueId) -> Option<Arc<Queue>> {
        let by_topic = self.by_topic.read().unwrap_or_else(PoisonError::into_inner);
        by_topic.get(topic)?.get(&id).cloned()
    }

    /// All queues, by topic and number.
    pub fn all(&self) -> Vec<Arc<Queue>> {
        let by_topic = self.by_topic.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = by_topic.values().flat_map(|queues| queues.values().cloned()).collect();
        all.sort_unstable_by(|a, b| (a.topic(), a.id()).cmp(&(b.topic(), b.id())));
        all
    }

    /// Where queues ended.
    pub fn tombstones(&self) -> &Tombstones {
        &self.tombstones
    }

    /// Ends queues: they take no more messages, their tombstones are written, their files are deleted, and they are no
    /// longer found. Only then can a queue of the same name come, so that files never mix the entries of two.
    ///
    /// `log_end` waits until no append runs, and says where the log then ends. What fails is tried again by
    /// [`Queues::destroy_leftovers`]; until that has worked, a queue is found, takes no message, and is after a crash
    /// either whole or gone.
    pub fn destroy(&self, which: impl Fn(&Queue) -> bool, log_end: impl FnOnce() -> PhysicalOffset) -> Vec<Arc<Queue>> {
        let mut leftovers = lock(&self.leftovers);
        let (mut ending, mut chosen) = (Vec::new(), Vec::new());
        for queue in self.all() {
            if queue.is_closed() {
                ending.push(queue);
            } else if which(&queue) {
                queue.close();
                chosen.push(queue);
            }
        }
        if ending.is_empty() && chosen.is_empty() {
            return Vec::new();
        }
        let end = log_end();
        for queue in chosen {
            // A message may have come before it was closed.
            if which(&queue) {
                ending.push(queue);
            } else {
                queue.reopen();
            }
        }
        let done = self.tombstones.add(&ending, end).and_then(|()| self.delete(&ending));
        *leftovers = done.is_err();
        if let Err(error) = done {
            tracing::warn!(%error, "deleted queues stay until the disk takes it, tried again in the next round");
            return Vec::new();
        }
        ending
    }

    /// Tries again what [`Queues::destroy`] could not finish.
    pub fn destroy_leftovers(&self, log_end: impl FnOnce() -> PhysicalOffset) {
        let any = *lock(&self.leftovers);
        if any {
            self.destroy(|_| false, log_end);
        }
    }

    /// Lets tombstones follow a log that begins at `min`.
    pub fn forget_ended(&self, min: PhysicalOffset) -> io::Result<()> {
        let leftovers = lock(&self.leftovers);
        if *leftovers { Ok(()) } else { self.tombstones.forget(min) }
    }

    /// Deletes the files of queues, makes that durable, and lets nobody find them any more.
    pub fn delete(&self, queues: &[Arc<Queue>]) -> io::Result<()> {
        queues.iter().try_for_each(|queue| queue.destroy())?;
        let topics: BTreeSet<&str> = queues.iter().map(|queue| queue.topic()).collect();
        for topic in topics {
            unless_missing(self.home.disk.sync_dir(&self.home.dir.join(topic)))?;
        }
        let mut by_topic = self.by_topic.write().unwrap_or_else(PoisonError::into_inner);
        for queue in queues {
            if let Some(queues) = by_topic.get_mut(queue.topic()) {
                queues.remove(&queue.id());
                if queues.is_empty() {
                    by_topic.remove(queue.topic());
                }
            }
        }
        Ok(())
    }

    /// Writes what is new in any queue. All of them are tried; the first error is the answer.
    pub fn write(&self) -> io::Result<()> {
        let dirty = std::mem::take(&mut *lock(&self.home.dirty));
        let result = each(&dirty, Queue::write, &self.home.dirty);
        let rested = std::mem::replace(&mut *lock(&self.resting), dirty);
        rested.iter().for_each(|queue| queue.rest());
        result
    }

    /// Closes all files. They are opened again when they are needed.
    pub fn close(&self) {
        self.all().iter().for_each(|queue| _ = queue.try_close());
    }

    /// Makes durable what was written.
    pub fn sync(&self) -> io::Result<()> {
        let unsynced = std::mem::take(&mut *lock(&self.home.unsynced));
        if unsynced.len() >= SYNC_ALL_FROM {
            let taken: Vec<_> = unsynced.iter().map(|queue| queue.take_unsynced()).collect();
            let synced = self.home.disk.sync_all(&self.home.dir);
            if matches!(synced, Ok(true)) {
                return Ok(());
            }
            unsynced.iter().zip(taken).for_each(|(queue, taken)| queue.put_unsynced(taken));
            if let Err(error) = synced {
                tracing::warn!(%error, "the file system could not be synced at once");
            }
        }
        each(&unsynced, Queue::sync, &self.home.unsynced)
    }
}

/// Where the queues of a store live.
pub(crate) fn home(settings: &StoreSettings, disk: Arc<dyn Disk>) -> Result<Arc<Home>, OpenError> {
    let entry_len = queue_entry::LEN as u64;
    let file_len = u64::from(settings.consume_queue_file_len).next_multiple_of(entry_len);
    if file_len < 2 * entry_len {
        return Err(OpenError::Setting(format!("mapedFileSizeConsumeQueue={file_len} is too small for two messages")));
    }
    Ok(Arc::new(Home {
        disk,
        dir: Path::new(&settings.store_path_root).join("consumequeue"),
        file_len,
        dirty: Mutex::default(),
        unsynced: Mutex::default(),
        open: Mutex::default(),
        open_limit: open_limit(),
    }))
}

fn each(
    queues: &[Arc<Queue>],
    work: impl Fn(&Queue) -> io::Result<()>,
    again: &Mutex<Vec<Arc<Queue>>>,
) -> io::Result<()> {
    let mut result = Ok(());
    for queue in queues {
        if let Err(error) = work(queue) {
            lock(again).push(queue.clone());
            result = result.and(Err(error));
        }
    }
    result
}

/// From so many queues on, syncing the file system costs less than syncing each file: 0.2 s against 2 s for 10,000.
const SYNC_ALL_FROM: usize = 64;

/// A quarter of what the process may open, at two files a queue: the rest is for connections and the log.
fn open_limit() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit / 4).unwrap_or(usize::MAX)).max(64)
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
