//! Appending: the records of one turn are encoded outside of any lock, then placed and written together.
//!
//! A [`Batch`] holds the records of a turn, byte for byte as they will stand in the log, except for what their place
//! decides: queue offset, position, store time. `log` places them. What is wrong with a message by itself is found here.
//! Source: `store/CommitLog$DefaultAppendMessageCallback`, `store/CommitLog$MessageExtBatchEncoder`.

use crate::dispatch::{self, Entry, KeyHashes, Tags};
use crate::queue::Queue;
use compat::java::hash;
use compat::message::properties::Marks;
use compat::message::record::{self, CheckBody, Draft, Parsed};
use compat::message::{SysFlag, TransactionType, batch};
use compat::names::SCHEDULE_TOPIC;
use compat::offset::{PhysicalOffset, QueueOffset};
use compat::time::Millis;
use compat::topic::MAX_TOPIC_LEN;
use std::net::SocketAddrV4;
use std::ops::Range;
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
    /// The records, back to back.
    bytes: Vec<u8>,
    records: Vec<Pending>,
    units: Vec<Unit>,
    outcomes: Vec<Appended>,
}

/// A record that waits for its place.
struct Pending {
    /// Where its bytes end in the batch; they start where those of the record before it end.
    end: usize,
    /// Its queue, until the dispatcher gets it.
    queue: Option<Arc<Queue>>,
    queued: bool,
    /// Whether its tags code is the time when it is due, which the store time decides.
    delayed: bool,
    queue_offset: QueueOffset,
    position: PhysicalOffset,
    tags_code: i64,
    key_hashes: KeyHashes,
}

/// What is stored or refused as a whole: a message, or a client's batch. As many as there are outcomes.
struct Unit {
    /// Its records end before this number; they start where those of the unit before it end.
    end: usize,
    /// Whether it is still to be stored: neither refused nor stored before.
    pending: bool,
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
    /// The store is shut down, not started, a slave, or its disk is full; or the queue was destroyed just then.
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
        if self.bytes.capacity() > KEPT_LEN {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.records.clear();
        self.units.clear();
        self.outcomes.clear();
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds a message. What is wrong with the message itself becomes its outcome. Returns the number of its outcome.
    pub fn push(&mut self, record: &NewRecord<'_>) -> usize {
        let done = self.encode(record);
        self.close_unit(done)
    }

    /// Adds the items of a client batch (`record.body` holds them): consecutive in one file, one outcome.
    pub fn push_items(&mut self, record: &NewRecord<'_>) -> usize {
        let (bytes, records) = (self.bytes.len(), self.records.len());
        let done = self.encode_items(record);
        if done.is_err() {
            self.bytes.truncate(bytes);
            self.records.truncate(records);
        }
        self.close_unit(done)
    }

    /// The outcomes, after [`crate::Store::append`].
    pub fn outcomes(&self) -> &[Appended] {
        &self.outcomes
    }

    /// Place of each record of an outcome, for message ids of batches.
    pub fn positions(&self, outcome: usize) -> impl Iterator<Item = PhysicalOffset> + '_ {
        let stored = matches!(self.outcomes.get(outcome), Some(Appended::Stored { .. }));
        let records = if stored { self.records_of(outcome) } else { 0..0 };
        self.records[records].iter().map(|record| record.position)
    }

    fn encode_items(&mut self, record: &NewRecord<'_>) -> Result<(), AppendError> {
        let delay =
            Marks::of(record.properties).delay.and_then(|level| str::from_utf8(level).ok()?.parse::<i32>().ok());
        if record.sys_flag.transaction() != TransactionType::None || delay.is_some_and(|level| level > 0) {
            return Err(AppendError::Illegal);
        }
        let mut count = 0;
        for item in batch::items(record.body) {
            let batch::Item { flag, body, properties } = item.map_err(|_| AppendError::Illegal)?;
            self.encode(&NewRecord { flag, body, properties, prepared_transaction_offset: 0, ..*record })?;
            count += 1;
        }
        if count == 0 { Err(AppendError::Illegal) } else { Ok(()) }
    }

    fn encode(&mut self, record: &NewRecord<'_>) -> Result<(), AppendError> {
        let topic = record.queue.topic();
        if topic.len() > MAX_TOPIC_LEN || record.properties.len() > record::MAX_PROPERTIES_LEN {
            return Err(AppendError::TooLong);
        }
        let draft = Draft {
            queue_id: record.queue.id(),
            flag: record.flag,
            sys_flag: record.sys_flag,
            born_timestamp: record.born_timestamp,
            born_host: record.born_host,
            store_host: record.store_host,
            reconsume_times: record.reconsume_times,
            prepared_transaction_offset: record.prepared_transaction_offset,
            body: record.body,
            topic,
            properties: record.properties,
        };
        // Its length is written as 32 bits, and `maxMessageSize` is no larger.
        if draft.len() > i32::MAX as usize {
            return Err(AppendError::TooLong);
        }
        draft.encode(&mut self.bytes);
        let marks = Marks::of(record.properties);
        let indexed = record.sys_flag.transaction() != TransactionType::Rollback;
        self.records.push(Pending {
            end: self.bytes.len(),
            queue: Some(Arc::clone(record.queue)),
            queued: record.sys_flag.is_queued(),
            delayed: topic == SCHEDULE_TOPIC,
            queue_offset: QueueOffset::ZERO,
            position: PhysicalOffset::ZERO,
            tags_code: hash::tags_code(marks.tags),
            key_hashes: if indexed {
                dispatch::key_hashes(record.queue.key_hash_prefix(), &marks)
            } else {
                KeyHashes::new()
            },
        });
        Ok(())
    }

    fn close_unit(&mut self, encoded: Result<(), AppendError>) -> usize {
        self.units.push(Unit { end: self.records.len(), pending: encoded.is_ok() });
        self.outcomes.push(Appended::Refused(encoded.err().unwrap_or(AppendError::NotWriteable)));
        self.outcomes.len() - 1
    }
}

/// The memory of a longer batch is given back when it is cleared.
const KEPT_LEN: usize = 4 << 20;

/// What the log does with a batch: it takes runs of units, gives them places, and writes the bytes of a run at once.
impl Batch {
    /// How many units there are.
    pub(crate) fn unit_count(&self) -> usize {
        self.units.len()
    }

    /// Whether a unit is still to be stored.
    pub(crate) fn is_pending(&self, unit: usize) -> bool {
        self.units[unit].pending
    }

    /// Length of a unit, bytes.
    pub(crate) fn unit_len(&self, unit: usize) -> usize {
        self.bytes_of(unit..unit + 1).len()
    }

    /// The bytes of a run of units.
    pub(crate) fn run_bytes(&self, units: Range<usize>) -> &[u8] {
        &self.bytes[self.bytes_of(units)]
    }

    /// Refuses a unit.
    pub(crate) fn refuse(&mut self, unit: usize, error: AppendError) {
        self.units[unit].pending = false;
        self.outcomes[unit] = Appended::Refused(error);
    }

    /// Refuses all units from one on that are still to be stored.
    pub(crate) fn refuse_from(&mut self, first: usize, error: AppendError) {
        for unit in first..self.units.len() {
            if self.is_pending(unit) {
                self.refuse(unit, error);
            }
        }
    }

    /// Refuses what goes to a queue that is closed: under the append lock.
    pub(crate) fn refuse_closed(&mut self) {
        for unit in 0..self.units.len() {
            let mut queues = self.records[self.records_of(unit)].iter().filter_map(|record| record.queue.as_ref());
            if self.is_pending(unit) && queues.any(|queue| queue.is_closed()) {
                self.refuse(unit, AppendError::NotWriteable);
            }
        }
    }

    /// Gives the records of a run their places, from `position` on, and takes their offsets from their queues.
    pub(crate) fn place(
        &mut self,
        units: Range<usize>,
        position: PhysicalOffset,
        store_timestamp: Millis,
        tags: &Tags,
    ) {
        let start = self.bytes_of(units.clone()).start;
        for number in self.records_of_run(units) {
            let bytes = self.record_bytes(number);
            let record = &mut self.records[number];
            let Some(queue) = &record.queue else { continue };
            record.position = position.plus((bytes.start - start) as u64);
            record.queue_offset = QueueOffset::ZERO;
            if record.queued {
                record.queue_offset = queue.next_offset();
                queue.set_next_offset(record.queue_offset.plus(1));
            }
            let bytes = &mut self.bytes[bytes];
            record::place(bytes, record.queue_offset, record.position, store_timestamp);
            if record.delayed
                && let Parsed::Message(stored) = record::parse(bytes, CheckBody::No)
            {
                record.tags_code = tags.code(stored.topic(), &Marks::of(stored.properties()), store_timestamp);
            }
        }
    }

    /// The run could not be written: its queues get their offsets back, and its units are refused.
    pub(crate) fn take_back(&mut self, units: Range<usize>, error: AppendError) {
        for record in self.records[self.records_of_run(units.clone())].iter().rev() {
            if let (true, Some(queue)) = (record.queued, &record.queue) {
                queue.set_next_offset(record.queue_offset);
            }
        }
        for unit in units {
            self.refuse(unit, error);
        }
    }

    /// The run stands in the log: sets its outcomes, and hands out what follows from each record, in log order.
    pub(crate) fn stored(&mut self, units: Range<usize>, store_timestamp: Millis, each: &mut dyn FnMut(Entry)) {
        for unit in units {
            self.units[unit].pending = false;
            let records = self.records_of(unit);
            let (first, last) = (&self.records[records.start], records.end - 1);
            self.outcomes[unit] = Appended::Stored {
                position: first.position,
                end: self.records[last].position.plus(self.record_bytes(last).len() as u64),
                queue_offset: first.queue_offset,
                count: records.len() as u32,
            };
            for number in records {
                let size = self.record_bytes(number).len() as u32;
                let record = &mut self.records[number];
                let Some(queue) = record.queue.take() else { continue };
                each(Entry {
                    queue,
                    queued: record.queued,
                    queue_offset: record.queue_offset,
                    position: record.position,
                    size,
                    tags_code: record.tags_code,
                    store_timestamp,
                    key_hashes: std::mem::take(&mut record.key_hashes),
                });
            }
        }
    }

    fn records_of(&self, unit: usize) -> Range<usize> {
        self.records_of_run(unit..unit + 1)
    }

    fn records_of_run(&self, units: Range<usize>) -> Range<usize> {
        let end = |unit: usize| unit.checked_sub(1).map_or(0, |before| self.units[before].end);
        end(units.start)..end(units.end)
    }

    fn record_bytes(&self, record: usize) -> Range<usize> {
        self.bytes_of_records(record..record + 1)
    }

    fn bytes_of(&self, units: Range<usize>) -> Range<usize> {
        self.bytes_of_records(self.records_of_run(units))
    }

    fn bytes_of_records(&self, records: Range<usize>) -> Range<usize> {
        let end = |record: usize| record.checked_sub(1).map_or(0, |before| self.records[before].end);
        end(records.start)..end(records.end)
    }
}
