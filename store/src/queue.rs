//! A consume queue: where each message of one queue of a topic lies in the log.
//!
//! Entries come from the dispatcher alone, in log order. Readers need no more than [`Queue::max`], which moves after an
//! entry can be read. Not here: which queues there are and when they are written (`queues`), what an entry looks like
//! (`format::queue_entry`). Source: `store/ConsumeQueue`.

mod entries;

use crate::dispatch;
use crate::format::queue_entry::{self, QueueEntry};
use crate::open_error::OpenError;
use crate::queues::Home;
use crate::read::Reading;
use compat::java::hash;
use compat::offset::{PhysicalOffset, QueueId, QueueOffset};
use entries::Source;
pub(crate) use entries::{Entries, Unsynced};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// One queue. Held by whoever sends to it or pulls from it, so that a message costs no look-up.
pub struct Queue {
    topic: Box<str>,
    id: QueueId,
    key_hash_prefix: i32,
    /// Offset of the next message to be appended. Written under the append lock only.
    next: AtomicI64,
    min: AtomicI64,
    max: AtomicI64,
    watchers: AtomicU32,
    closed: AtomicBool,
    destroyed: AtomicBool,
    dirty: AtomicBool,
    unsynced: AtomicBool,
    home: Arc<Home>,
    entries: Mutex<Entries>,
    itself: Weak<Self>,
}

/// What dispatching did to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// The entry is there to be read.
    Stored,
    /// It was there already.
    Already,
    /// The queue does not take it.
    Dropped,
}

/// What a run of entries points to, in one number: two runs that point to the same records in the same order have the
/// same one, and others hardly ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Digest {
    /// Adds the next record.
    pub fn add(&mut self, position: PhysicalOffset, size: u32) {
        let record = (position.to_java() as u64) ^ u64::from(size).rotate_right(16);
        self.0 = (self.0.rotate_left(5) ^ record).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// The most entries that may be missing in front of one that is added; then blank ones take their places.
const WIDEST_GAP: u64 = 1 << 20;

impl Queue {
    pub(crate) fn new(home: &Arc<Home>, topic: &str, id: QueueId) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            topic: topic.into(),
            id,
            key_hash_prefix: hash::continue_hash(hash::hash(topic), b"#"),
            next: AtomicI64::new(0),
            min: AtomicI64::new(0),
            max: AtomicI64::new(0),
            watchers: AtomicU32::new(0),
            closed: AtomicBool::new(false),
            destroyed: AtomicBool::new(false),
            dirty: AtomicBool::new(false),
            unsynced: AtomicBool::new(false),
            home: home.clone(),
            entries: Mutex::new(home.entries(topic, id)),
            itself: itself.clone(),
        })
    }

    /// A queue without a store around it.
    #[cfg(test)]
    pub(crate) fn detached(topic: &str, id: QueueId) -> Arc<Self> {
        use crate::disk::sim::SimDisk;
        let disk = SimDisk::new(compat::time::Clock::by_hand(compat::time::Millis(0)), 0);
        let home = crate::queues::home(&crate::StoreSettings::default(), Arc::new(disk));
        Self::new(&home.expect("default settings"), topic, id)
    }

    /// Topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Number of the queue.
    pub fn id(&self) -> QueueId {
        self.id
    }

    /// First offset there is.
    pub fn min(&self) -> QueueOffset {
        offset(self.min.load(Ordering::Acquire))
    }

    /// Behind the last message that can be pulled.
    pub fn max(&self) -> QueueOffset {
        offset(self.max.load(Ordering::SeqCst))
    }

    /// Asks for [`crate::Arrivals`] of this queue, until as many [`Queue::unwatch`] have come. Costs nothing while
    /// nobody watches. Who looks at [`Queue::max`] after this misses nothing: what was there before is seen, what
    /// comes later is told.
    pub fn watch(&self) {
        self.watchers.fetch_add(1, Ordering::SeqCst);
    }

    /// Ends one [`Queue::watch`].
    pub fn unwatch(&self) {
        self.watchers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether the queue was destroyed (its topic deleted): handles to it must be dropped and looked up again.
    pub fn is_destroyed(&self) -> bool {
        self.destroyed.load(Ordering::Acquire)
    }

    /// Whether the queue takes no more messages, because it is about to be destroyed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Takes no more messages. Those whose append runs still come: see [`crate::log::Log::let_append_finish`].
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Takes messages again.
    pub(crate) fn reopen(&self) {
        self.closed.store(false, Ordering::Release);
    }

    /// Offset of the next message to be appended: under the append lock.
    pub(crate) fn next_offset(&self) -> QueueOffset {
        offset(self.next.load(Ordering::Relaxed))
    }

    /// Moves [`Queue::next_offset`]: under the append lock.
    pub(crate) fn set_next_offset(&self, to: QueueOffset) {
        self.next.store(to.to_java(), Ordering::Relaxed);
    }

    /// Java hash of the topic and `#`: what the hash of each key of this queue goes on from.
    pub(crate) fn key_hash_prefix(&self) -> i32 {
        self.key_hash_prefix
    }

    /// Whether somebody waits for messages.
    pub(crate) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::SeqCst) > 0
    }

    /// Adds the entry of a record, unless it or a later one is there. Records come in log order; where the offset in one
    /// says that its queue began anew before it (the topic was deleted in between), the older entries go.
    pub(crate) fn place(&self, entry: &dispatch::Entry) -> Placed {
        if self.is_destroyed() {
            return Placed::Dropped;
        }
        let mut entries = self.lock();
        if entries.last().is_some_and(|last| !last.is_blank() && last.position >= entry.position) {
            return Placed::Already;
        }
        let at = bytes(entry.queue_offset);
        if entries.end() != at
            && let Err(error) = self.make_way(&mut entries, at)
        {
            tracing::error!(topic = %self.topic, queue = %self.id, offset = %entry.queue_offset, %error, "queue cannot take a message");
            return Placed::Dropped;
        }
        let had_open = entries.has_open();
        let added = QueueEntry { position: entry.position, size: entry.size, tags_code: entry.tags_code };
        if entries.push(&added)
            && let Err(error) = entries.write()
        {
            tracing::warn!(topic = %self.topic, queue = %self.id, %error, "queue entries stay in memory until the disk takes them");
        }
        let end = entries.end() / queue_entry::LEN as u64;
        self.remember_open(had_open, entries);
        self.max.store(end as i64, Ordering::SeqCst);
        if !self.dirty.swap(true, Ordering::AcqRel)
            && let Some(itself) = self.itself.upgrade()
        {
            self.home.remember_dirty(itself);
        }
        Placed::Stored
    }

    fn make_way(&self, entries: &mut Entries, at: u64) -> io::Result<()> {
        let offset = (at / queue_entry::LEN as u64) as i64;
        if entries.is_empty() && entries.end() == 0 {
            entries.start_at(at);
            self.min.store(offset, Ordering::Release);
        } else if at < entries.end() {
            tracing::warn!(topic = %self.topic, queue = %self.id, offset, end = entries.end() / queue_entry::LEN as u64, "queue began anew");
            if at <= entries.first() {
                entries.destroy()?;
                entries.start_at(at);
            } else {
                entries.truncate(at)?;
                entries.repair()?;
            }
            self.min.fetch_min(offset, Ordering::AcqRel);
        } else {
            let missing = (at - entries.end()) / queue_entry::LEN as u64;
            if missing > WIDEST_GAP {
                return Err(io::Error::other(format!("{missing} messages are missing in front of it")));
            }
            tracing::warn!(topic = %self.topic, queue = %self.id, offset, missing, "messages are missing in the log");
            for _ in 0..missing {
                entries.push(&QueueEntry::BLANK);
            }
        }
        Ok(())
    }

    /// Reads entries from an offset on into `out`; how many bytes of it were filled is the answer, `None` when that
    /// would wait for the disk. May give less than there is.
    pub(crate) fn read(&self, from: u64, out: &mut [u8], reading: Reading) -> io::Result<Option<usize>> {
        let source = {
            let mut entries = self.lock();
            let had_open = entries.has_open();
            let source = entries.source(from * queue_entry::LEN as u64, out, reading == Reading::MayWait)?;
            self.remember_open(had_open, entries);
            source
        };
        match source {
            Source::Copied(len) => Ok(Some(len)),
            Source::Closed => Ok(None),
            Source::File(file, at, len) => match reading {
                Reading::MemoryOnly => file.read_resident_at(&mut out[..len], at),
                Reading::MayWait => file.read_at(&mut out[..len], at).map(Some),
            },
        }
    }

    /// The entry of an offset. May wait for the disk.
    pub(crate) fn entry(&self, at: QueueOffset) -> io::Result<Option<QueueEntry>> {
        let mut entries = self.lock();
        let had_open = entries.has_open();
        let entry = entries.entry(at.to_java() as u64);
        self.remember_open(had_open, entries);
        entry
    }

    /// Whether it has neither entries nor files.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Whether all messages that were appended can be pulled: while the queue is closed.
    pub(crate) fn is_dispatched(&self) -> bool {
        self.next_offset() == self.max()
    }

    /// Whether there is an entry, and every one points to or behind a place of the log.
    pub(crate) fn begins_behind(&self, position: PhysicalOffset) -> Result<bool, OpenError> {
        let last = self.last_entry().filter(|last| !last.is_blank());
        Ok(last.is_some_and(|last| last.position >= position) && self.first_at(position)? == self.min())
    }

    /// The last entry.
    pub(crate) fn last_entry(&self) -> Option<QueueEntry> {
        self.lock().last()
    }

    /// Looks which files there are: see [`Entries::load`].
    pub(crate) fn load(&self) -> Result<(), OpenError> {
        self.lock().load()
    }

    /// Finds the end: the first entry that is missing, or that lies at or behind `limit`.
    pub(crate) fn find_end(&self, limit: Option<PhysicalOffset>) -> Result<(), OpenError> {
        let mut entries = self.lock();
        let had_open = entries.has_open();
        let found = entries.find_end(limit).map_err(|cause| self.cannot_read(&entries, cause));
        self.set_ends(&entries);
        self.remember_open(had_open, entries);
        found
    }

    /// Forgets the entries from `end` on. On disk they go with [`Queue::repair`].
    pub(crate) fn truncate(&self, end: QueueOffset) -> Result<(), OpenError> {
        let mut entries = self.lock();
        let cut = entries.truncate(bytes(end)).map_err(|cause| self.cannot_read(&entries, cause));
        self.set_ends(&entries);
        cut
    }

    /// Number of the first entry at or behind a place of the log.
    pub(crate) fn first_at(&self, position: PhysicalOffset) -> Result<QueueOffset, OpenError> {
        let mut entries = self.lock();
        let found = entries.first_at(position).map_err(|cause| self.cannot_read(&entries, cause))?;
        Ok(offset(found as i64))
    }

    /// What the entries from `from` up to `to` point to; `None` when one is missing.
    pub(crate) fn digest(&self, from: QueueOffset, to: QueueOffset) -> Result<Option<Digest>, OpenError> {
        let mut digest = Digest::default();
        let mut scratch = [0; 512 * queue_entry::LEN];
        let (mut at, to) = (from.to_java() as u64, to.to_java() as u64);
        while at < to {
            let len = scratch.len().min((to - at) as usize * queue_entry::LEN);
            let read = self.read(at, &mut scratch[..len], Reading::MayWait);
            let read = read.map_err(|cause| self.cannot_read(&self.lock(), cause))?.unwrap_or(0);
            let (entries, _) = scratch[..read].as_chunks::<{ queue_entry::LEN }>();
            for entry in entries {
                let Some(entry) = QueueEntry::decode(entry) else { return Ok(None) };
                digest.add(entry.position, entry.size);
            }
            if entries.is_empty() {
                return Ok(None);
            }
            at += entries.len() as u64;
        }
        Ok(Some(digest))
    }

    /// After a crash: the entries from `from` on are what the log says, but may not be durable.
    pub(crate) fn suspect(&self, from: QueueOffset) {
        self.lock().suspect(bytes(from));
    }

    pub(crate) fn needs_repair(&self) -> bool {
        self.lock().needs_repair()
    }

    /// Brings the files in line with what loading and truncating found.
    pub(crate) fn repair(&self) -> Result<(), OpenError> {
        let mut entries = self.lock();
        let had_open = entries.has_open();
        let repaired = entries.repair().map_err(|cause| self.cannot_read(&entries, cause));
        self.remember_open(had_open, entries);
        if !self.unsynced.swap(true, Ordering::AcqRel)
            && let Some(itself) = self.itself.upgrade()
        {
            self.home.remember_unsynced(itself);
        }
        repaired
    }

    /// Sets [`Queue::min`] to the first message that is still in the log.
    pub(crate) fn correct_min(&self, log_min: PhysicalOffset) -> io::Result<()> {
        let mut entries = self.lock();
        let had_open = entries.has_open();
        let first = entries.first_at(log_min)?;
        self.min.store(first as i64, Ordering::Release);
        self.remember_open(had_open, entries);
        Ok(())
    }

    /// Deletes files of messages that are no longer in the log. How many went is the answer.
    pub(crate) fn expire(&self, log_min: PhysicalOffset) -> io::Result<usize> {
        let gone = {
            let mut entries = self.lock();
            let had_open = entries.has_open();
            let gone = entries.expire(log_min)?;
            self.remember_open(had_open, entries);
            gone
        };
        self.correct_min(log_min)?;
        Ok(gone)
    }

    /// Writes what is new. `true` when all of it is in files.
    pub(crate) fn write(&self) -> io::Result<()> {
        self.dirty.store(false, Ordering::Release);
        let mut entries = self.lock();
        if self.is_destroyed() {
            return Ok(());
        }
        let had_open = entries.has_open();
        let written = entries.write();
        self.remember_open(had_open, entries);
        if !self.unsynced.swap(true, Ordering::AcqRel)
            && let Some(itself) = self.itself.upgrade()
        {
            self.home.remember_unsynced(itself);
        }
        if written.is_err() {
            self.dirty.store(true, Ordering::Release);
        }
        written
    }

    /// Gives memory back that an idle queue does not need.
    pub(crate) fn rest(&self) {
        if !self.dirty.load(Ordering::Acquire) {
            self.lock().release_tail();
        }
    }

    /// Makes what is written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.unsynced.store(false, Ordering::Release);
        let mut entries = self.lock();
        if self.is_destroyed() {
            return Ok(());
        }
        let had_open = entries.has_open();
        let synced = entries.sync();
        self.remember_open(had_open, entries);
        if synced.is_err() {
            self.unsynced.store(true, Ordering::Release);
        }
        synced
    }

    /// Takes what is not durable for durable, before the file system is synced: what is written while that runs counts
    /// again. Comes back by [`Queue::put_unsynced`] when that fails.
    pub(crate) fn take_unsynced(&self) -> Unsynced {
        let mut entries = self.lock();
        self.unsynced.store(false, Ordering::Release);
        std::mem::take(&mut entries.unsynced)
    }

    pub(crate) fn put_unsynced(&self, unsynced: Unsynced) {
        self.lock().unsynced.add(unsynced);
        self.unsynced.store(true, Ordering::Release);
    }

    /// Ends the queue: its files are deleted, and it takes no more entries. Where that fails, it can be tried again.
    pub(crate) fn destroy(&self) -> io::Result<()> {
        self.close();
        self.destroyed.store(true, Ordering::Release);
        self.lock().destroy()
    }

    /// Closes files to stay below the limit of open ones; `false` when the queue is busy.
    pub(crate) fn try_close(&self) -> bool {
        self.entries.try_lock().is_ok_and(|mut entries| {
            entries.close();
            true
        })
    }

    fn set_ends(&self, entries: &Entries) {
        let end = (entries.end() / queue_entry::LEN as u64) as i64;
        self.min.store((entries.first() / queue_entry::LEN as u64) as i64, Ordering::Release);
        self.max.store(end, Ordering::SeqCst);
        self.next.store(end, Ordering::Relaxed);
    }

    fn remember_open(&self, had_open: bool, entries: MutexGuard<'_, Entries>) {
        let opened = !had_open && entries.has_open();
        drop(entries);
        if opened {
            self.home.remember_open(self.itself.clone());
        }
    }

    fn cannot_read(&self, entries: &Entries, cause: io::Error) -> OpenError {
        OpenError::Io { what: format!("consume queue {}", entries.dir().display()), cause }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn offset(number: i64) -> QueueOffset {
    QueueOffset::from_java(number).unwrap_or_default()
}

fn bytes(offset: QueueOffset) -> u64 {
    (offset.to_java() as u64).saturating_mul(queue_entry::LEN as u64)
}
