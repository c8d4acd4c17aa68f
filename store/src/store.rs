//! The store as a whole: opening, appending, reading, closing.

use crate::append::Batch;
use crate::disk::Disk;
use crate::queue::Queue;
use crate::read::{Filter, Found, LogSlice, QueueEnds, Read, ReadRequest};
use crate::settings::StoreSettings;
use crate::watermark::Watermark;
use compat::offset::{PhysicalOffset, QueueId, QueueOffset};
use compat::time::{Clock, Millis};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The store of one broker. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    _later: (),
}

/// Why a store could not be opened. Nothing on disk was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("Lock failed,MQ already started")]
    Locked,
    /// A file is not what a store holds.
    #[error("{file}: {what}. {advice}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
    /// A setting that the store cannot work with.
    #[error("{0}")]
    Setting(String),
    /// The system refused.
    #[error("{what}: {cause}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
}

/// A message that can be pulled.
#[derive(Clone)]
pub struct Arrival {
    /// Its queue.
    pub queue: Arc<Queue>,
    /// Its offset in the queue.
    pub queue_offset: QueueOffset,
    /// Java hash of its tags.
    pub tags_code: i64,
    /// When it was stored.
    pub store_timestamp: Millis,
    /// Where it lies.
    pub position: PhysicalOffset,
    /// Length of its record, bytes.
    pub size: u32,
}

/// Told of messages in watched queues, in queue order. Called by whichever thread dispatches: must not block.
pub trait Arrivals: Send + Sync {
    /// These messages can be pulled.
    fn arrived(&self, arrivals: &[Arrival]);
}

/// What a query by key found.
#[derive(Clone, Default)]
pub struct QueryFound {
    /// The records, by ascending place.
    pub records: Vec<LogSlice>,
    /// Store time of the last index entry, ms.
    pub index_last_timestamp: i64,
    /// Place of the last index entry.
    pub index_last_position: i64,
}

impl Store {
    /// Locks the directory, reads and checks everything, recovers, and only then writes. No thread runs yet.
    pub fn open(settings: StoreSettings, disk: Arc<dyn Disk>, clock: Clock) -> Result<Self, OpenError> {
        let _ = (settings, disk, clock);
        todo!()
    }

    /// Starts the threads that flush, prepare files and clean, and takes messages from now on.
    pub fn start(&self, arrivals: Arc<dyn Arrivals>) -> Result<(), OpenError> {
        let _ = arrivals;
        todo!()
    }

    /// Takes no more messages, flushes, writes the checkpoint, removes `abort`, unlocks. Safe to call twice.
    pub fn shutdown(&self) {
        todo!()
    }

    /// The queue, made when it is missing (its files come with its first message).
    pub fn queue(&self, topic: &str, id: QueueId) -> Arc<Queue> {
        let _ = (topic, id);
        todo!()
    }

    /// The queue, if it has ever had a message or a handle.
    pub fn existing_queue(&self, topic: &str, id: QueueId) -> Option<Arc<Queue>> {
        let _ = (topic, id);
        todo!()
    }

    /// Places and writes the records of a batch under one short lock with one write a file, then dispatches what may
    /// be seen. The outcomes are in the batch.
    pub fn append(&self, batch: &mut Batch) {
        let _ = batch;
        todo!()
    }

    /// Why no message would be taken just now, if so. Cheap: asked before each turn of sends.
    pub fn refusal(&self) -> Option<crate::AppendError> {
        todo!()
    }

    /// How far the log is on the disk. Under `SYNC_FLUSH` an answer waits for it.
    pub fn flushed(&self) -> &Watermark {
        todo!()
    }

    /// Asks the flusher to go at once (group commit).
    pub fn request_flush(&self) {
        todo!()
    }

    /// Reads messages of one queue.
    pub fn read(&self, request: &ReadRequest<'_>, filter: &dyn Filter, found: &mut Found) -> Read {
        let _ = (request, filter, found);
        todo!()
    }

    /// The record at a place, if one starts there.
    pub fn record_at(&self, position: PhysicalOffset) -> Option<LogSlice> {
        let _ = position;
        todo!()
    }

    /// The record of a queue offset.
    pub fn record_in_queue(&self, queue: &Queue, offset: QueueOffset) -> Option<LogSlice> {
        let _ = (queue, offset);
        todo!()
    }

    /// Queue offset of the first message stored at or after a time (4.3.0's answer for exact hits).
    pub fn offset_by_time(&self, queue: &Queue, time: Millis) -> i64 {
        let _ = (queue, time);
        todo!()
    }

    /// Store time of the first message of a queue; -1 for none.
    pub fn earliest_time(&self, queue: &Queue) -> i64 {
        let _ = queue;
        todo!()
    }

    /// Ends of a queue; zero for an unknown one.
    pub fn ends(&self, topic: &str, id: QueueId) -> QueueEnds {
        let _ = (topic, id);
        todo!()
    }

    /// Whether a message is so old that it is taken to be on disk only.
    pub fn is_on_disk(&self, queue: &Queue, offset: QueueOffset) -> bool {
        let _ = (queue, offset);
        todo!()
    }

    /// Messages of a key. May wait for the disk: not for a loop.
    pub fn query(&self, topic: &str, key: &str, max_count: i32, begin: Millis, end: Millis) -> QueryFound {
        let _ = (topic, key, max_count, begin, end);
        todo!()
    }

    /// First place of the log, and the one behind its last byte.
    pub fn log_ends(&self) -> (PhysicalOffset, PhysicalOffset) {
        todo!()
    }

    /// Destroys the queues of every topic that is neither in `keep` nor a system topic.
    pub fn retain_topics(&self, keep: &BTreeSet<String>) {
        let _ = keep;
        todo!()
    }

    /// Destroys queues whose messages are all gone from the log (code 306).
    pub fn clean_expired_queues(&self) {
        todo!()
    }

    /// The store's part of the runtime info (code 28), in Java's words.
    pub fn runtime_info(&self) -> Vec<(String, String)> {
        todo!()
    }
}
