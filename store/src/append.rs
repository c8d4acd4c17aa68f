//! Appending: the records of one turn are encoded outside of any lock, then placed and written together.

use crate::queue::Queue;
use compat::message::SysFlag;
use compat::offset::{PhysicalOffset, QueueOffset};
use compat::time::Millis;
use std::net::SocketAddrV4;
use std::sync::Arc;

/// A message to be stored.
#[derive(Clone, Copy)]
pub struct NewRecord<'a> {
    /// Where it goes: topic and queue.
    pub queue: &'a Arc<Queue>,
    /// The application's flag.
    pub flag: i32,
    /// System flag.
    pub sys_flag: SysFlag,
    /// When the producer made it.
    pub born_timestamp: Millis,
    /// Address of the producer.
    pub born_host: SocketAddrV4,
    /// Address of the broker.
    pub store_host: SocketAddrV4,
    /// How often it was consumed before.
    pub reconsume_times: i32,
    /// Place of its half message, or 0.
    pub prepared_transaction_offset: i64,
    /// Body.
    pub body: &'a [u8],
    /// Properties text.
    pub properties: &'a [u8],
}

/// Records that are appended together. Reused turn after turn: no allocation in steady state.
#[derive(Default)]
pub struct Batch {
    _later: (),
}

/// What became of one message or one client batch, in the order of the pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Written.
    Stored {
        /// Place of the (first) record.
        position: PhysicalOffset,
        /// Behind the last record: what a flush must reach.
        end: PhysicalOffset,
        /// Queue offset of the (first) record.
        queue_offset: QueueOffset,
        /// How many records.
        count: u32,
    },
    /// Not written, and nothing was changed.
    Refused(AppendError),
}

/// Why a message was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The store is shut down, not started, a slave, or its disk is full.
    #[error("the store does not take messages")]
    NotWriteable,
    /// The record is longer than `maxMessageSize`, or its topic or properties are too long.
    #[error("the record is too long")]
    TooLong,
    /// A batch with delay or transaction, or with items that are not well formed.
    #[error("the message is not well formed")]
    Illegal,
    /// No new log file could be made.
    #[error("no log file could be made")]
    NoFile,
    /// An append has been stuck for longer than `osPageCacheBusyTimeOutMills`.
    #[error("the page cache is busy")]
    Busy,
    /// The disk refused the write.
    #[error("the disk refused the write")]
    Disk,
}

impl Batch {
    /// Forgets all records and outcomes, keeps the memory.
    pub fn clear(&mut self) {
        todo!()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        todo!()
    }

    /// Adds a message. What is wrong with the message itself becomes its outcome. Returns the number of its outcome.
    pub fn push(&mut self, record: &NewRecord<'_>) -> usize {
        let _ = record;
        todo!()
    }

    /// Adds the items of a client batch (`record.body` holds them): consecutive in one file, one outcome.
    pub fn push_items(&mut self, record: &NewRecord<'_>) -> usize {
        let _ = record;
        todo!()
    }

    /// The outcomes, after [`crate::Store::append`].
    pub fn outcomes(&self) -> &[Appended] {
        todo!()
    }

    /// Place of each record of an outcome, for message ids of batches.
    pub fn positions(&self, outcome: usize) -> impl Iterator<Item = PhysicalOffset> + '_ {
        let _ = outcome;
        std::iter::empty()
    }
}
