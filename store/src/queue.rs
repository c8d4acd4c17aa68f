//! A consume queue: where each message of one queue of a topic lies in the log.

use compat::java::hash;
use compat::offset::{QueueId, QueueOffset};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

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
    destroyed: AtomicBool,
}

impl Queue {
    pub(crate) fn new(topic: &str, id: QueueId) -> Self {
        Self {
            topic: topic.into(),
            id,
            key_hash_prefix: hash::continue_hash(hash::hash(topic), b"#"),
            next: AtomicI64::new(0),
            min: AtomicI64::new(0),
            max: AtomicI64::new(0),
            watchers: AtomicU32::new(0),
            destroyed: AtomicBool::new(false),
        }
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
        QueueOffset::from_java(self.min.load(Ordering::Acquire)).unwrap_or_default()
    }

    /// Behind the last message that can be pulled.
    pub fn max(&self) -> QueueOffset {
        QueueOffset::from_java(self.max.load(Ordering::Acquire)).unwrap_or_default()
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

    /// Offset of the next message to be appended: under the append lock.
    pub(crate) fn next_offset(&self) -> QueueOffset {
        QueueOffset::from_java(self.next.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// Moves [`Queue::next_offset`]: under the append lock.
    pub(crate) fn set_next_offset(&self, to: QueueOffset) {
        self.next.store(to.to_java(), Ordering::Relaxed);
    }

    /// Java hash of the topic and `#`: what the hash of each key of this queue goes on from.
    pub(crate) fn key_hash_prefix(&self) -> i32 {
        self.key_hash_prefix
    }
}
