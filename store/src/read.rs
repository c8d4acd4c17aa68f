//! Reading a queue. Source: `store/DefaultMessageStore#getMessage`.

use crate::queue::Queue;
use compat::offset::{PhysicalOffset, QueueOffset};
use std::ops::Range;
use std::sync::Arc;

/// What is asked of a queue.
#[derive(Clone, Copy)]
pub struct ReadRequest<'a> {
    /// The queue; `None` when the topic has none yet (it then reads as empty).
    pub queue: &'a Arc<Queue>,
    /// First offset wanted; may be any number a client sends.
    pub offset: i64,
    /// At most so many messages.
    pub max_count: i32,
    /// Whether reading may wait for the disk.
    pub reading: Reading,
}

/// Whether a reader may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// On a loop: answers [`Read::Cold`] instead.
    MemoryOnly,
    /// On a thread that may wait.
    MayWait,
}

/// How a read ended. The names are Java's: clients see them as remarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Java's")]
pub enum GetStatus {
    Found,
    NoMatchedMessage,
    MessageWasRemoving,
    OffsetFoundNull,
    OffsetOverflowBadly,
    OffsetOverflowOne,
    OffsetTooSmall,
    NoMatchedLogicQueue,
    NoMessageInQueue,
}

impl GetStatus {
    /// Java's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Found => "FOUND",
            Self::NoMatchedMessage => "NO_MATCHED_MESSAGE",
            Self::MessageWasRemoving => "MESSAGE_WAS_REMOVING",
            Self::OffsetFoundNull => "OFFSET_FOUND_NULL",
            Self::OffsetOverflowBadly => "OFFSET_OVERFLOW_BADLY",
            Self::OffsetOverflowOne => "OFFSET_OVERFLOW_ONE",
            Self::OffsetTooSmall => "OFFSET_TOO_SMALL",
            Self::NoMatchedLogicQueue => "NO_MATCHED_LOGIC_QUEUE",
            Self::NoMessageInQueue => "NO_MESSAGE_IN_QUEUE",
        }
    }
}

/// First offset of a queue, and the one behind its last message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueEnds {
    /// First.
    pub min: QueueOffset,
    /// Behind the last.
    pub max: QueueOffset,
}

/// What a read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The store is shut down or its files cannot be read.
    Unavailable,
    /// The messages are not in memory: read again with [`Reading::MayWait`], elsewhere.
    Cold,
    /// Done.
    Done {
        /// How it ended.
        status: GetStatus,
        /// Offset to go on with.
        next: i64,
        /// Ends of the queue.
        ends: QueueEnds,
        /// Whether the messages are so old that a slave should serve them.
        from_slave: bool,
    },
}

/// A slice of the log that stays readable while it is held.
#[derive(Clone)]
pub struct LogSlice {
    /// Where the bytes are: an `Arc` of a mapped log file.
    pub region: Arc<dyn AsRef<[u8]> + Send + Sync>,
    /// Which of them.
    pub range: Range<usize>,
}

impl LogSlice {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.region.as_ref().as_ref().get(self.range.clone()).unwrap_or_default()
    }
}

/// The messages of a read. Reused read after read: no allocation in steady state.
#[derive(Default)]
pub struct Found {
    /// The records, in queue order.
    pub records: Vec<LogSlice>,
    /// Bytes of all records.
    pub bytes: usize,
    /// How far behind the end of the log the last looked at message lies, bytes.
    pub fall_behind: u64,
    /// Place of the last record.
    pub last_position: PhysicalOffset,
}

/// Which messages a reader wants.
pub trait Filter {
    /// By what the consume queue says; `None` when that cannot be read. A `true` too many is corrected by the next question.
    fn by_tags_code(&self, tags_code: Option<i64>) -> bool;
    /// By the record itself.
    fn by_record(&self, record: &[u8]) -> bool;
}

/// Every message.
pub struct Everything;

impl Filter for Everything {
    fn by_tags_code(&self, _: Option<i64>) -> bool {
        true
    }
    fn by_record(&self, _: &[u8]) -> bool {
        true
    }
}
