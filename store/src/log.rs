//! The commit log: every message of every topic, appended in arrival order to files of one length.
//!
//! One append at a time, under one lock: it decides places and queue offsets, writes all records of a turn with one
//! call a file, publishes them and tells the dispatcher, in log order. The lock is held over that write on purpose: it
//! is what puts the log into an order, and the write only copies into the page cache. Readers borrow published bytes
//! without a lock on them. Always `flushed <= written`.
//!
//! A record never spans files. Where the next one does not fit with 8 bytes to spare, the rest of the file becomes one
//! blank record: so every full file ends with one, which 4.3.0 needs to go on to the next file.
//!
//! A write that fails refuses its records and nothing else: positions and queue offsets stay as they were, and what the
//! write may have left behind is zeroed before the next one, so that no refused record can be found by a recovery.
//!
//! A thread makes the next file when the current one is half full, so that going on to it costs an append nothing.
//!
//! Not here: the record layout (`compat::message::record`), what is wrong with a message (`append`), flushing (`flush`).
//! Source: `store/CommitLog`, `store/AllocateMappedFileService`.

mod spare;

use crate::append::{AppendError, Batch};
use crate::disk::Disk;
use crate::dispatch::{Entry, Tags};
use crate::flush::Flush;
use crate::map;
use crate::open_error::OpenError;
use crate::read::{LogFile, LogSlice, machine_memory};
use crate::segments::{Segment, Segments};
use crate::settings::StoreSettings;
use crate::watermark::Watermark;
use crate::worker::{Next, Worker};
use compat::message::record::{BLANK_LEN, FIXED_LEN, blank};
use compat::offset::PhysicalOffset;
use compat::time::{Clock, Millis};
use spare::Spare;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The log of one store.
pub(crate) struct Log {
    pub(crate) segments: Segments,
    pub(crate) flush: Flush,
    clock: Clock,
    tags: Tags,
    max_record_len: u64,
    tail: Mutex<Tail>,
    /// Behind the last published byte.
    written: AtomicU64,
    /// Where this process began to write: what lies behind it is in the page cache.
    recovered: u64,
    /// So much of the end of the log is taken to be in memory.
    hot_len: u64,
    /// Store time of the last record that this process wrote, ms; never ahead of `written`.
    last_timestamp: AtomicI64,
    /// When the append that holds the lock took it, ms; [`IDLE`] when none does.
    busy_since: AtomicI64,
    is_open: AtomicBool,
    /// Whether the last write failed: so that each change is logged once.
    write_fails: AtomicBool,
    spare: Spare,
    prepare: Worker,
}

/// Where the next record goes. Behind the append lock.
struct Tail {
    /// Behind the last record.
    position: u64,
    /// The file that holds `position`; none when the next one is still to be made.
    file: Option<Arc<Segment>>,
    /// Place in the file up to which a failed write may have left bytes; 0 for none.
    soiled_to: usize,
    last_timestamp: Millis,
}

/// One file of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileInfo {
    /// Place of its first byte.
    pub first: PhysicalOffset,
    /// Length, bytes.
    pub len: u64,
    /// Last modification; far in the future when the system does not say.
    pub modified: Millis,
}

/// No append runs.
const IDLE: i64 = i64::MAX;
/// This part of the machine's memory is taken to hold the end of the log, without asking, as far as this process wrote it.
const HOT_PART: u64 = 16;
/// And never more than this, bytes.
const HOT_MAX: u64 = 1 << 30;
/// Start of write-back is due whenever so much was written.
pub(crate) const WRITEBACK_LEN: u64 = 4 << 20;
/// Under `SYNC_FLUSH` so much of a file is written with zeros before records come there, bytes.
const ZEROS_AHEAD: usize = 8 << 20;
/// A clock that was set back by less than this does not move store times back.
const CLOCK_SLACK: Duration = Duration::from_secs(10);

impl Log {
    /// Opens the files and checks names, lengths and gaps; touches nothing. Until [`Log::set_recovered`] every byte of
    /// every file counts as written, and nothing can be appended.
    pub fn load(settings: &StoreSettings, disk: Arc<dyn Disk>, clock: Clock) -> Result<Self, OpenError> {
        let file_len = settings.commit_log_file_len;
        if (file_len as usize) < FIXED_LEN + BLANK_LEN {
            return Err(OpenError::Setting(format!("mapedFileSizeCommitLog={file_len}: too short for a message")));
        }
        let tags = Tags::new(&settings.delay_levels).ok_or_else(|| {
            OpenError::Setting(format!("messageDelayLevel={}: not a list of times", settings.delay_levels))
        })?;
        let segments = Segments::load(disk, Path::new(&settings.store_path_commit_log), file_len)?;
        let end = segments.last().map_or(0, |last| last.end());
        Ok(Self {
            segments,
            flush: Flush::new(settings),
            clock,
            tags,
            max_record_len: u64::from(settings.max_message_size),
            tail: Mutex::new(Tail { position: end, file: None, soiled_to: 0, last_timestamp: Millis(0) }),
            written: AtomicU64::new(end),
            recovered: end,
            hot_len: (machine_memory() / HOT_PART).min(HOT_MAX),
            last_timestamp: AtomicI64::new(0),
            busy_since: AtomicI64::new(IDLE),
            is_open: AtomicBool::new(false),
            write_fails: AtomicBool::new(false),
            spare: Spare::default(),
            prepare: Worker::new("log-prepare"),
        })
    }

    /// Recovery found the end: later files are deleted, what stands behind `end` in its file is zeroed, and what is left
    /// is made durable. No slice of the log may be held.
    pub fn set_recovered(&mut self, end: PhysicalOffset) -> Result<(), OpenError> {
        let position = end.to_java() as u64;
        self.segments
            .cut(position)
            .map_err(|cause| OpenError::Io { what: format!("set the end of the log to {end}"), cause })?;
        let file = self.segments.last().filter(|last| last.end() > position);
        *self.tail.get_mut().unwrap_or_else(PoisonError::into_inner) =
            Tail { position, file, soiled_to: 0, last_timestamp: Millis(0) };
        *self.written.get_mut() = position;
        self.recovered = position;
        self.flush.set_recovered(end);
        *self.is_open.get_mut() = true;
        Ok(())
    }

    /// First place there is.
    pub fn min(&self) -> PhysicalOffset {
        self.segments.first().map_or(self.written(), |first| place(first.first))
    }

    /// Behind the last byte that can be read.
    pub fn written(&self) -> PhysicalOffset {
        place(self.written.load(Ordering::Acquire))
    }

    /// Store time of the last record that this process wrote; every record before [`Log::written`] as it is after this
    /// call may be newer, none of those up to this time is behind it.
    pub(crate) fn last_timestamp(&self) -> Millis {
        Millis(self.last_timestamp.load(Ordering::Acquire))
    }

    /// Bytes of one file; `None` when they are not all there or lie in two files.
    pub fn slice(&self, at: PhysicalOffset, len: usize) -> Option<LogSlice> {
        let (file, at) = self.find(at)?;
        let end = at.checked_add(len)?;
        (end <= file.map.published()).then_some(LogSlice { region: file, range: at..end })
    }

    /// The file that holds a place, as far as it is published.
    pub fn file(&self, at: PhysicalOffset) -> Option<LogFile> {
        let file = self.segments.find(at.to_java() as u64)?;
        let first = place(file.first);
        let range = 0..file.map.published();
        Some(LogFile { first, bytes: LogSlice { region: file, range } })
    }

    /// From a place to the end of what is published in its file; `None` when the place is not in the log. May be empty.
    pub fn rest(&self, at: PhysicalOffset) -> Option<LogSlice> {
        let (file, at) = self.find(at)?;
        let end = file.map.published();
        (at <= end).then_some(LogSlice { region: file, range: at..end })
    }

    /// End of the file that holds a place (where the next file starts).
    pub fn file_end(&self, at: PhysicalOffset) -> PhysicalOffset {
        let len = self.segments.file_len();
        let first = self.segments.first().map_or(0, |first| first.first);
        let at = (at.to_java() as u64).max(first);
        place(first + ((at - first) / len + 1) * len)
    }

    /// Whether reading these bytes will not wait for the disk.
    pub fn is_resident(&self, slice: &LogSlice) -> bool {
        let bytes = slice.bytes();
        let position = self.segments.newest(|file| Some(file.first + file.map.position_of(bytes)? as u64));
        let hot_from = self.written.load(Ordering::Acquire).saturating_sub(self.hot_len).max(self.recovered);
        position.is_some_and(|position| position >= hot_from) || map::is_resident(bytes)
    }

    /// Asks the system to read these bytes soon.
    pub fn will_need(&self, slice: &LogSlice) {
        map::will_need(slice.bytes());
    }

    /// Places and writes the records of a batch, one write a file; tells `each` record that was stored, in log order
    /// and still under the append lock. Units that were stored or refused before are left alone.
    pub fn append(&self, batch: &mut Batch, now: Millis, each: &mut dyn FnMut(Entry)) {
        self.refuse_too_long(batch);
        let mut tail = self.tail();
        let busy = Busy::since(&self.busy_since, self.clock.now());
        if let Some(refusal) = self.refusal() {
            return batch.refuse_from(0, refusal);
        }
        batch.refuse_closed();
        let before = tail.position;
        let now = tail.store_time(now);
        let mut unit = 0;
        while unit < batch.unit_count() {
            if !batch.is_pending(unit) {
                unit += 1;
                continue;
            }
            match self.make_room(&mut tail, batch.unit_len(unit)) {
                Ok(file) => {
                    let run = run_that_fits(batch, unit, tail.room());
                    unit = run.end;
                    self.write_run(&mut tail, &file, batch, run, now, each);
                }
                // What comes behind it would need the same file.
                Err(error) => {
                    batch.refuse_from(unit, error);
                    break;
                }
            }
        }
        let (after, wants_zeros) = (tail.position, self.wants_zeros(&tail));
        // Waking a thread takes a call to the system: not under the lock.
        drop(busy);
        drop(tail);
        self.wake_helpers(before, after, wants_zeros);
    }

    /// Whether appends are refused because the disk failed to make written bytes durable.
    pub fn is_failing(&self) -> bool {
        self.flush.is_failing()
    }

    /// How long the append that runs just now has been running; zero when none does.
    pub fn busy_for(&self) -> Duration {
        Millis(self.busy_since.load(Ordering::Acquire)).until(self.clock.now())
    }

    /// All files, in order.
    pub fn files(&self) -> Vec<FileInfo> {
        let info = |file: &Arc<Segment>| FileInfo {
            first: place(file.first),
            len: file.map.len() as u64,
            modified: file.map.file().modified().unwrap_or(Millis(i64::MAX)),
        };
        self.segments.all().iter().map(info).collect()
    }

    /// Deletes the first file, never the last and none that is not durable; `None` when there is nothing to delete.
    pub fn delete_first_file(&self) -> io::Result<Option<PhysicalOffset>> {
        let Some(first) = self.segments.first().filter(|first| place(first.end()) <= self.flushed().get()) else {
            return Ok(None);
        };
        Ok(self.segments.delete_first()?.then_some(place(first.first)))
    }

    /// How far the log is on the disk.
    pub fn flushed(&self) -> &Watermark {
        self.flush.flushed()
    }

    /// Store time of the last record that is on the disk: what the checkpoint may say. 0 when nothing was flushed since start.
    pub fn flushed_timestamp(&self) -> Millis {
        self.flush.flushed_timestamp()
    }

    /// Asks the flusher to go at once (group commit). Under `SYNC_FLUSH` every append does so by itself.
    pub fn request_flush(&self) {
        self.flush.request();
    }

    /// Starts the flusher and the thread that prepares files. `on_flushed` is called on the flusher whenever more is durable.
    pub fn start(self: &Arc<Self>, on_flushed: Box<dyn Fn(PhysicalOffset) + Send + Sync>) -> io::Result<()> {
        let log = Arc::downgrade(self);
        self.prepare.start(move || log.upgrade().map_or(Next::Nothing, |log| log.prepare_round()))?;
        self.start_flusher(on_flushed)
    }

    /// Takes no more records, flushes, ends the threads, deletes the unused prepared file. `Ok` when all is durable.
    pub fn shutdown(&self) -> io::Result<()> {
        self.is_open.store(false, Ordering::Release);
        self.prepare.stop();
        self.stop_flusher();
        let erased = {
            let mut tail = self.tail();
            tail.erase_soiled()
        };
        let flushed = self.flush_all();
        erased.and(flushed).and(self.spare.discard(&self.segments))
    }

    /// Waits until no append runs. One that comes after that sees what was set before.
    pub(crate) fn let_append_finish(&self) {
        drop(self.tail());
    }

    fn find(&self, at: PhysicalOffset) -> Option<(Arc<Segment>, usize)> {
        let at = at.to_java() as u64;
        let file = self.segments.find(at)?;
        let at = usize::try_from(at - file.first).ok()?;
        Some((file, at))
    }

    fn refusal(&self) -> Option<AppendError> {
        if !self.is_open.load(Ordering::Acquire) {
            return Some(AppendError::NotWriteable);
        }
        self.is_failing().then_some(AppendError::Disk)
    }

    fn refuse_too_long(&self, batch: &mut Batch) {
        let longest = self.max_record_len.min(self.segments.file_len() - BLANK_LEN as u64);
        for unit in 0..batch.unit_count() {
            if batch.is_pending(unit) && batch.unit_len(unit) as u64 > longest {
                batch.refuse(unit, AppendError::TooLong);
            }
        }
    }

    /// The file that the next `len` bytes go to; the current one, or else the next.
    fn make_room(&self, tail: &mut Tail, len: usize) -> Result<Arc<Segment>, AppendError> {
        tail.erase_soiled().map_err(|error| self.write_failed(&error))?;
        if let Some(file) = &tail.file {
            if len + BLANK_LEN <= tail.room() {
                return Ok(Arc::clone(file));
            }
            let (file, at) = (Arc::clone(file), tail.at());
            file.map.finish(&blank(tail.room() as u32), at).map_err(|error| {
                tail.soiled_to = at + BLANK_LEN;
                self.write_failed(&error)
            })?;
            tail.position = file.end();
            tail.file = None;
            self.written.store(tail.position, Ordering::Release);
        }
        let next = self.spare.take(&self.segments, tail.position).map_err(|error| {
            self.write_failed(&error);
            AppendError::NoFile
        })?;
        tail.file = Some(Arc::clone(&next));
        Ok(next)
    }

    fn write_run(
        &self,
        tail: &mut Tail,
        file: &Segment,
        batch: &mut Batch,
        run: Range<usize>,
        now: Millis,
        each: &mut dyn FnMut(Entry),
    ) {
        batch.place(run.clone(), place(tail.position), now, &self.tags);
        let bytes = batch.run_bytes(run.clone());
        let at = tail.at();
        if let Err(error) = file.map.append(bytes, at) {
            tail.soiled_to = at + bytes.len();
            // When this fails too, the next append tries again before it writes.
            let _ = tail.erase_soiled();
            let error = self.write_failed(&error);
            batch.take_back(run, error);
            return;
        }
        tail.position += bytes.len() as u64;
        tail.last_timestamp = now;
        self.written.store(tail.position, Ordering::Release);
        self.last_timestamp.store(now.0, Ordering::Release);
        if self.write_fails.load(Ordering::Relaxed) {
            self.write_fails.store(false, Ordering::Relaxed);
            tracing::info!(position = tail.position, "the log can be written again");
        }
        batch.stored(run, now, each);
    }

    fn write_failed(&self, error: &io::Error) -> AppendError {
        if !self.write_fails.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "the log cannot be written, messages are refused until it can");
        }
        AppendError::Disk
    }

    fn wake_helpers(&self, before: u64, after: u64, wants_zeros: bool) {
        if after == before {
            return;
        }
        let half = self.segments.file_len() / 2;
        if before / half != after / half || wants_zeros {
            self.prepare.wake();
        }
        self.flush.appended(before, after);
    }

    fn wants_zeros(&self, tail: &Tail) -> bool {
        let zeros = |file: &Arc<Segment>| file.map.zeros_behind(tail.at());
        self.flush.is_sync() && tail.file.as_ref().is_some_and(|file| zeros(file) < tail.room().min(ZEROS_AHEAD / 2))
    }

    fn prepare_round(&self) -> Next {
        match self.prepare_files() {
            Ok(()) => Next::WhenWoken,
            Err(error) => {
                tracing::warn!(%error, "the files of the log cannot be prepared ahead of time");
                Next::After(Duration::from_secs(10))
            }
        }
    }

    fn prepare_files(&self) -> io::Result<()> {
        let Some(last) = self.segments.last() else { return Ok(()) };
        self.zero_ahead(&last)?;
        if last.map.len() - last.map.published() <= last.map.len() / 2
            && let Some(spare) = self.spare.prepare(&self.segments, last.end())?
        {
            self.zero_ahead(&spare)?;
        }
        Ok(())
    }

    fn zero_ahead(&self, file: &Segment) -> io::Result<()> {
        while self.flush.is_sync() && file.map.zero_ahead(ZEROS_AHEAD)? {}
        Ok(())
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tail {
    /// Place in the file.
    fn at(&self) -> usize {
        self.file.as_ref().map_or(0, |file| (self.position - file.first) as usize)
    }

    /// Bytes left in the file.
    fn room(&self) -> usize {
        self.file.as_ref().map_or(0, |file| (file.end() - self.position) as usize)
    }

    fn erase_soiled(&mut self) -> io::Result<()> {
        if self.soiled_to > 0
            && let Some(file) = &self.file
        {
            file.map.erase(self.soiled_to)?;
        }
        self.soiled_to = 0;
        Ok(())
    }

    /// Turns race for the lock with times that they took before, and store times must not fall in log order.
    fn store_time(&self, now: Millis) -> Millis {
        if now.until(self.last_timestamp) < CLOCK_SLACK { now.max(self.last_timestamp) } else { now }
    }
}

/// The units from `first` on that fit into `room` together.
fn run_that_fits(batch: &Batch, first: usize, room: usize) -> Range<usize> {
    let mut len = 0;
    let mut end = first;
    while end < batch.unit_count() && batch.is_pending(end) {
        len += batch.unit_len(end);
        if len + BLANK_LEN > room {
            break;
        }
        end += 1;
    }
    first..end
}

/// Says that an append runs, for as long as it lives: also when the append panics.
struct Busy<'a>(&'a AtomicI64);

impl<'a> Busy<'a> {
    fn since(busy: &'a AtomicI64, now: Millis) -> Self {
        busy.store(now.0, Ordering::Release);
        Self(busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.store(IDLE, Ordering::Release);
    }
}

/// Places come from file names, which load as Java's numbers, and grow by lengths.
pub(crate) fn place(at: u64) -> PhysicalOffset {
    PhysicalOffset::ZERO.plus(at)
}

#[cfg(test)]
mod tests;
