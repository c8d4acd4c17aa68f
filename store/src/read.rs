//! Reading a queue.
//!
//! A read looks at queue entries in small steps, picks by what they say, and hands out slices of the mapped log. Under
//! [`Reading::MemoryOnly`] it touches no byte of the log that is not in memory, and gives up instead of waiting.
//! Source: `store/DefaultMessageStore#getMessage`.
//!
//! Differs: a reader behind the end of a queue is sent to that end, not to offset 0 (`OFFSET_OVERFLOW_BADLY`).

use crate::format::queue_entry::{self, QueueEntry};
use crate::log::Log;
use crate::queue::Queue;
use compat::offset::{PhysicalOffset, QueueOffset};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// What is asked of a queue.
#[derive(Clone, Copy)]
pub struct ReadRequest<'a> {
    /// The queue; one that has had no message reads as empty.
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

/// The bytes of a mapped log file.
pub type Region = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A slice of the log that stays readable while it is held.
#[derive(Clone)]
pub struct LogSlice {
    /// Where the bytes are: an `Arc` of a mapped log file.
    pub region: Region,
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
    /// The records, in queue order. Neighbours in the log are one slice.
    pub records: Vec<LogSlice>,
    /// How many records that are.
    pub count: u32,
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

/// Memory of this machine, bytes.
pub(crate) fn machine_memory() -> u64 {
    let system = rustix::system::sysinfo();
    (system.totalram as u64).saturating_mul(u64::from(system.mem_unit))
}

/// What decides how much a read gives.
pub(crate) struct Limits {
    /// Messages and bytes of one read from memory, and of one from the disk.
    pub in_memory: (i64, i64),
    pub on_disk: (i64, i64),
    /// Messages further than this behind the end of the log are taken to be on disk only, bytes.
    pub memory: u64,
    /// Whether a reader's offset is corrected.
    pub corrects_offsets: bool,
}

/// Entries that are looked at in one step.
const STEP: usize = 64;
/// Most entries of one read, unless more messages are wanted.
const LOOKED_AT: i64 = 800;

/// Reads messages of one queue.
pub(crate) fn read(
    log: &Log,
    limits: &Limits,
    request: &ReadRequest<'_>,
    filter: &dyn Filter,
    found: &mut Found,
) -> Read {
    found.clear();
    let queue = request.queue;
    let ends = QueueEnds { min: queue.min(), max: queue.max() };
    if let Some((status, next)) = outside(request.offset, ends) {
        let next = if limits.corrects_offsets { next } else { request.offset };
        return Read::Done { status, next, ends, from_slave: false };
    }
    let mut reader = Reader {
        log,
        limits,
        request,
        filter,
        found,
        end: log.written(),
        passed: 0,
        status: None,
        gone_to: None,
        resident: None,
        file: None,
    };
    match reader.run(ends) {
        Ok(Some(status)) => Read::Done {
            status,
            next: request.offset + reader.passed,
            ends,
            from_slave: reader.found.fall_behind > limits.memory,
        },
        Ok(None) => {
            reader.found.clear();
            Read::Cold
        }
        Err(error) => {
            tracing::error!(topic = queue.topic(), queue = %queue.id(), offset = request.offset, %error, "consume queue cannot be read");
            reader.found.clear();
            Read::Unavailable
        }
    }
}

/// The answer to an offset that is not in the queue, and the one to go on with.
fn outside(offset: i64, ends: QueueEnds) -> Option<(GetStatus, i64)> {
    let (min, max) = (ends.min.to_java(), ends.max.to_java());
    match offset {
        _ if max == 0 => Some((GetStatus::NoMessageInQueue, 0)),
        _ if offset < min => Some((GetStatus::OffsetTooSmall, min)),
        _ if offset == max => Some((GetStatus::OffsetOverflowOne, offset)),
        _ if offset > max => Some((GetStatus::OffsetOverflowBadly, max)),
        _ => None,
    }
}

impl Found {
    /// Forgets the records, keeps the memory.
    pub fn clear(&mut self) {
        self.records.clear();
        (self.count, self.bytes, self.fall_behind, self.last_position) = (0, 0, 0, PhysicalOffset::ZERO);
    }
}

struct Reader<'a> {
    log: &'a Log,
    limits: &'a Limits,
    request: &'a ReadRequest<'a>,
    filter: &'a dyn Filter,
    found: &'a mut Found,
    /// End of the log when the read began.
    end: PhysicalOffset,
    /// Entries passed.
    passed: i64,
    /// Why nothing was taken so far.
    status: Option<GetStatus>,
    /// Messages before this place are gone from the log.
    gone_to: Option<PhysicalOffset>,
    /// These bytes are in memory.
    resident: Option<LogSlice>,
    /// The file of the last record: most often the next one is in it too.
    file: Option<LogFile>,
}

/// What is published of one file of the log.
pub(crate) struct LogFile {
    /// Place of its first byte.
    pub first: PhysicalOffset,
    /// Its bytes.
    pub bytes: LogSlice,
}

impl LogFile {
    /// Where a record stands in the file; `None` when not all of it does.
    fn range(&self, position: PhysicalOffset, size: u32) -> Option<Range<usize>> {
        let at = usize::try_from(position.to_java().checked_sub(self.first.to_java())?).ok()?;
        let end = at.checked_add(size as usize)?;
        (end <= self.bytes.range.end).then_some(at..end)
    }
}

impl Reader<'_> {
    /// `None` when that would wait for the disk.
    fn run(&mut self, ends: QueueEnds) -> io::Result<Option<GetStatus>> {
        let mut scratch = [0; STEP * queue_entry::LEN];
        let most = LOOKED_AT.max(i64::from(self.request.max_count));
        let most = most.min(ends.max.to_java() - self.request.offset);
        while self.passed < most {
            let step = (STEP as i64).min(most - self.passed).min(self.wanted_step()) as usize;
            let from = (self.request.offset + self.passed) as u64;
            let out = &mut scratch[..step * queue_entry::LEN];
            let Some(len) = self.request.queue.read(from, out, self.request.reading)? else { return Ok(None) };
            let (entries, _) = out[..len].as_chunks::<{ queue_entry::LEN }>();
            if entries.is_empty() {
                break;
            }
            for bytes in entries {
                let Some(entry) = QueueEntry::decode(bytes) else {
                    self.pass(GetStatus::MessageWasRemoving);
                    continue;
                };
                let behind = entry.position.distance_to(self.end);
                if self.is_full(&entry, behind > self.limits.memory) {
                    return Ok(Some(GetStatus::Found));
                }
                self.found.fall_behind = behind;
                let Some(verdict) = self.take(&entry) else { return Ok(None) };
                self.pass(verdict);
            }
        }
        let nothing = if self.passed == 0 { GetStatus::OffsetFoundNull } else { GetStatus::NoMatchedMessage };
        Ok(Some(self.status.unwrap_or(nothing)))
    }

    /// While every message was wanted, no more entries than messages can still be taken.
    fn wanted_step(&self) -> i64 {
        if self.passed > i64::from(self.found.count) {
            return STEP as i64;
        }
        (i64::from(self.request.max_count) - i64::from(self.found.count) + 1).max(1)
    }

    fn pass(&mut self, verdict: GetStatus) {
        self.passed += 1;
        if self.found.count == 0 || verdict == GetStatus::Found {
            self.status = Some(verdict);
        }
    }

    /// Source: `store/DefaultMessageStore#isTheBatchFull`. The first message is taken whatever its size.
    fn is_full(&self, entry: &QueueEntry, on_disk: bool) -> bool {
        let count = i64::from(self.found.count);
        if count == 0 {
            return false;
        }
        let (most, most_bytes) = if on_disk { self.limits.on_disk } else { self.limits.in_memory };
        count >= i64::from(self.request.max_count)
            || self.found.bytes as i64 + i64::from(entry.size) > most_bytes
            || count > most - 1
    }

    /// What becomes of one entry; `None` when that would wait for the disk.
    fn take(&mut self, entry: &QueueEntry) -> Option<GetStatus> {
        if self.gone_to.is_some_and(|gone_to| entry.position < gone_to) {
            return Some(GetStatus::MessageWasRemoving);
        }
        if !self.filter.by_tags_code(entry.tags()) {
            return Some(GetStatus::NoMatchedMessage);
        }
        let Some(range) = self.find(entry) else {
            self.gone_to = Some(self.log.file_end(entry.position));
            return Some(GetStatus::MessageWasRemoving);
        };
        let region = &self.file.as_ref()?.bytes.region;
        if self.request.reading == Reading::MemoryOnly && !is_resident(self.log, &mut self.resident, region, &range) {
            self.log.will_need(&LogSlice { region: Arc::clone(region), range });
            return None;
        }
        let record = region.as_ref().as_ref().get(range.clone()).unwrap_or_default();
        if !self.filter.by_record(record) {
            return Some(GetStatus::NoMatchedMessage);
        }
        self.gone_to = None;
        self.found.add(entry.position, region, range);
        Some(GetStatus::Found)
    }

    /// Where a record stands in `self.file`, which becomes the file of the record.
    fn find(&mut self, entry: &QueueEntry) -> Option<Range<usize>> {
        if let Some(range) = self.file.as_ref().and_then(|file| file.range(entry.position, entry.size)) {
            return Some(range);
        }
        self.file = self.log.file(entry.position);
        self.file.as_ref()?.range(entry.position, entry.size)
    }
}

/// Asks for more than one record at a time: the question can cost a call to the system.
fn is_resident(log: &Log, known: &mut Option<LogSlice>, region: &Region, record: &Range<usize>) -> bool {
    let covers = |known: &LogSlice| {
        Arc::ptr_eq(&known.region, region) && known.range.start <= record.start && record.end <= known.range.end
    };
    if known.as_ref().is_some_and(covers) {
        return true;
    }
    let len = region.as_ref().as_ref().len();
    let wide = record.start..record.end.max(record.start + ASKED_AT_ONCE).min(len);
    let wide = LogSlice { region: Arc::clone(region), range: wide };
    if log.is_resident(&wide) {
        *known = Some(wide);
        return true;
    }
    log.is_resident(&LogSlice { region: Arc::clone(region), range: record.clone() })
}

/// Bytes of the log of which it is asked at once whether they are in memory.
const ASKED_AT_ONCE: usize = 256 << 10;

impl Found {
    fn add(&mut self, position: PhysicalOffset, region: &Region, record: Range<usize>) {
        self.count += 1;
        self.bytes += record.len();
        self.last_position = position;
        match self.records.last_mut() {
            Some(last) if last.range.end == record.start && Arc::ptr_eq(&last.region, region) => {
                last.range.end = record.end;
            }
            _ => self.records.push(LogSlice { region: Arc::clone(region), range: record }),
        }
    }
}

#[cfg(test)]
mod tests;
