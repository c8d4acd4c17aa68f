//! Dispatch: what follows from a stored record, derived in log order by one path for live traffic and recovery.
//!
//! An [`Entry`] is all of a record that queue, index and readers in waiting need. An append hands out the entries of
//! what it stored, in log order; whoever appended drains them after the append lock is free. One thread drains for all
//! that appended meanwhile; nobody waits for it. Recovery makes the same entries from the log ([`Tags::entry`]).
//!
//! What may not be seen yet is not dispatched: entries wait until the log says that their records are there, under
//! `SYNC_FLUSH` that they are durable.
//! Source: `store/DefaultMessageStore$ReputMessageService`, `store/CommitLog#checkMessageAndReturnSize`.

use crate::arrivals::{Arrival, Arrivals};
use crate::index::Index;
use crate::queue::{Placed, Queue};
use crate::queues::Queues;
use compat::java::hash;
use compat::message::TransactionType;
use compat::message::properties::Marks;
use compat::message::record::Record;
use compat::names::SCHEDULE_TOPIC;
use compat::offset::{PhysicalOffset, QueueId, QueueOffset};
use compat::time::Millis;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

/// Hashes of the keys of one message.
pub(crate) type KeyHashes = SmallVec<[i32; 6]>;

/// What a stored record means to those who find messages.
pub(crate) struct Entry {
    /// Its queue.
    pub queue: Arc<Queue>,
    /// Whether it has a place in the queue (half messages and roll backs do not).
    pub queued: bool,
    /// Its place in the queue.
    pub queue_offset: QueueOffset,
    /// Where the record starts.
    pub position: PhysicalOffset,
    /// Length of the record, bytes.
    pub size: u32,
    /// What the consume queue says of it: see [`Tags::code`].
    pub tags_code: i64,
    /// When it was stored.
    pub store_timestamp: Millis,
    /// What the index finds it by: see [`key_hashes`]. Empty when it is not to be indexed.
    pub key_hashes: KeyHashes,
}

/// Brings entries to queues, index and those who wait for messages.
pub(crate) struct Dispatcher {
    index: Arc<Index>,
    arrivals: OnceLock<Arc<dyn Arrivals>>,
    pending: Mutex<VecDeque<Entry>>,
    /// Held by whoever drains.
    work: Mutex<Work>,
    /// Behind the last record that was dispatched.
    dispatched: AtomicI64,
    /// Store time of the last record that was dispatched.
    stamp: AtomicI64,
}

/// Memory of a round, kept for the next one.
#[derive(Default)]
struct Work {
    round: Vec<Entry>,
    arrivals: Vec<Arrival>,
}

/// Most entries of a round.
const ROUND: usize = 256;

impl Dispatcher {
    /// Everything before `at` is dispatched.
    pub fn new(index: Arc<Index>, at: PhysicalOffset, stamp: Millis) -> Self {
        Self {
            index,
            arrivals: OnceLock::new(),
            pending: Mutex::default(),
            work: Mutex::default(),
            dispatched: AtomicI64::new(at.to_java()),
            stamp: AtomicI64::new(stamp.0),
        }
    }

    /// Who is told of messages in watched queues. The first call counts.
    pub fn tell(&self, arrivals: Arc<dyn Arrivals>) {
        let _ = self.arrivals.set(arrivals);
    }

    /// Adds an entry behind the others: under the append lock.
    pub fn push(&self, entry: Entry) {
        lock(&self.pending).push_back(entry);
    }

    /// Dispatches entries of records that end at or before `limit()`, unless another thread does so just then: that one
    /// sees to these too.
    pub fn drain(&self, limit: impl Fn() -> PhysicalOffset) {
        loop {
            let mut work = match self.work.try_lock() {
                Ok(work) => work,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            while self.round(&mut work, limit()) {}
            drop(work);
            // One that was pushed meanwhile found the work taken, and went away.
            if !self.has_ready(limit()) {
                return;
            }
        }
    }

    /// As [`Dispatcher::drain`], and waits for another thread that does so. `work` then runs while nobody dispatches.
    pub fn settle<T>(&self, limit: impl Fn() -> PhysicalOffset, work: impl FnOnce() -> T) -> T {
        let mut held = lock(&self.work);
        while self.round(&mut held, limit()) {}
        work()
    }

    /// Behind the last record that was dispatched.
    pub fn dispatched(&self) -> PhysicalOffset {
        PhysicalOffset::from_java(self.dispatched.load(Ordering::Acquire)).unwrap_or_default()
    }

    /// Store time of the last record that was dispatched.
    pub fn stamp(&self) -> Millis {
        Millis(self.stamp.load(Ordering::Acquire))
    }

    fn has_ready(&self, limit: PhysicalOffset) -> bool {
        lock(&self.pending).front().is_some_and(|entry| entry.end() <= limit)
    }

    fn round(&self, work: &mut Work, limit: PhysicalOffset) -> bool {
        {
            let mut pending = lock(&self.pending);
            let ready = pending.iter().take(ROUND).take_while(|entry| entry.end() <= limit).count();
            work.round.extend(pending.drain(..ready));
        }
        let Some(last) = work.round.last() else { return false };
        let (end, stamp) = (last.end(), last.store_timestamp);
        for entry in &work.round {
            self.dispatch(entry, &mut work.arrivals);
        }
        self.stamp.store(stamp.0, Ordering::Release);
        self.dispatched.store(end.to_java(), Ordering::Release);
        if let Some(arrivals) = self.arrivals.get().filter(|_| !work.arrivals.is_empty()) {
            arrivals.arrived(&work.arrivals);
        }
        work.arrivals.clear();
        work.round.clear();
        true
    }

    fn dispatch(&self, entry: &Entry, arrivals: &mut Vec<Arrival>) {
        if apply(entry, &self.index) == Placed::Stored && entry.queue.is_watched() {
            arrivals.push(Arrival {
                queue: Arc::clone(&entry.queue),
                queue_offset: entry.queue_offset,
                tags_code: entry.tags_code,
                store_timestamp: entry.store_timestamp,
                position: entry.position,
                size: entry.size,
            });
        }
    }
}

/// Brings one entry to its queue and to the index. The only way into both.
pub(crate) fn apply(entry: &Entry, index: &Index) -> Placed {
    let placed = if entry.queued { entry.queue.place(entry) } else { Placed::Already };
    index.put(entry);
    placed
}

impl Entry {
    /// Behind the record.
    pub fn end(&self) -> PhysicalOffset {
        self.position.plus(u64::from(self.size))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The hashes that the index holds for a message of a topic, the unique key first. `prefix` is
/// [`Queue::key_hash_prefix`]. Source: `store/index/IndexService#buildIndex`, `IndexFile#indexKeyHashMethod`.
pub(crate) fn key_hashes(prefix: i32, marks: &Marks<'_>) -> KeyHashes {
    marks.index_keys().map(|key| key_hash(prefix, key)).collect()
}

/// The hash of one key: never negative.
pub(crate) fn key_hash(prefix: i32, key: &[u8]) -> i32 {
    hash::continue_hash(prefix, key).checked_abs().unwrap_or(0)
}

/// Makes the tags codes of consume queues. Knows the delay levels, because a delayed message's code is its time.
pub(crate) struct Tags {
    delays: Vec<Duration>,
}

impl Tags {
    /// Reads `messageDelayLevel`; `None` for a text that Java does not start with.
    /// Source: `store/schedule/ScheduleMessageService#parseDelayLevel`.
    pub fn new(levels: &str) -> Option<Self> {
        let delays = levels.split(' ').map(delay).collect::<Option<_>>()?;
        Some(Self { delays })
    }

    /// The code of a message: the Java hash of its tags, or when a delayed one is due.
    pub fn code(&self, topic: &[u8], marks: &Marks<'_>, store_timestamp: Millis) -> i64 {
        let due = if topic == SCHEDULE_TOPIC.as_bytes() { self.due(marks, store_timestamp) } else { None };
        due.unwrap_or_else(|| hash::tags_code(marks.tags))
    }

    /// The entry of a record that stands at a place of the log; `None` when its queue number or offset is none. A record
    /// of a queue that ended has no place in a queue.
    pub fn entry(&self, record: &Record<'_>, position: PhysicalOffset, queues: &Queues) -> Option<Entry> {
        let topic = String::from_utf8_lossy(record.topic());
        let id = QueueId::from_java(record.queue_id())?;
        let is_of_ended = queues.tombstones().hides(&topic, id, position);
        let queue = if is_of_ended { queues.outside(&topic, id) } else { queues.queue(&topic, id) };
        let marks = Marks::of(record.properties());
        let is_indexed = record.sys_flag().transaction() != TransactionType::Rollback;
        Some(Entry {
            queued: record.sys_flag().is_queued() && !is_of_ended,
            queue_offset: QueueOffset::from_java(record.queue_offset())?,
            position,
            size: record.size(),
            tags_code: self.code(record.topic(), &marks, record.store_timestamp()),
            store_timestamp: record.store_timestamp(),
            key_hashes: if is_indexed { key_hashes(queue.key_hash_prefix(), &marks) } else { KeyHashes::new() },
            queue,
        })
    }

    fn due(&self, marks: &Marks<'_>, store_timestamp: Millis) -> Option<i64> {
        let level: i32 = str::from_utf8(marks.delay?).ok()?.parse().ok()?;
        let level = usize::try_from(level).ok().filter(|&level| level > 0)?.min(self.delays.len());
        Some(store_timestamp.plus(self.delays[level - 1]).0)
    }
}

fn delay(text: &str) -> Option<Duration> {
    let unit = text.char_indices().next_back()?;
    let millis = match unit.1 {
        's' => 1000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    let count: u64 = text[..unit.0].parse().ok()?;
    Some(Duration::from_millis(count.checked_mul(millis)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_java_wrote() {
        let marks = Marks::of(b"KEYS\x01k1 k2\x02UNIQ_KEY\x010A0102030001\x02TAGS\x01TagA\x02");
        let prefix = hash::hash("TopicTest#");
        assert_eq!(key_hashes(prefix, &marks).as_slice(), [0x5531_f226, 0x0029_e6a8, 0x0029_e6a9]);
        assert_eq!(key_hash(0, b"polygenelubricants"), 0);
    }

    #[test]
    fn a_delayed_message_has_its_time_for_a_code() {
        let tags = Tags::new("1s 5s 10s 2h").unwrap();
        let code = |topic: &[u8], text: &[u8]| tags.code(topic, &Marks::of(text), Millis(0x1A2_03F7_9A70));
        assert_eq!(code(b"SCHEDULE_TOPIC_XXXX", b"DELAY\x011\x02TAGS\x01TagB\x02"), 0x1A2_03F7_9E58);
        assert_eq!(code(b"SCHEDULE_TOPIC_XXXX", b"DELAY\x0199\x02"), 0x1A2_03F7_9A70 + 7_200_000);
        assert_eq!(code(b"SCHEDULE_TOPIC_XXXX", b"DELAY\x010\x02TAGS\x01TagA\x02"), 2_598_919);
        assert_eq!(code(b"T", b"DELAY\x011\x02TAGS\x01TagA\x02"), 2_598_919);
    }

    #[test]
    fn level_texts_that_java_refuses_are_refused() {
        for text in ["", "1s  5s", "1x", "s", "1S"] {
            assert!(Tags::new(text).is_none(), "{text}");
        }
    }
}
