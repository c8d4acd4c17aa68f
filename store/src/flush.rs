//! Flushing: when the log goes from the page cache to the disk.
//!
//! One thread does it. Under `ASYNC_FLUSH` it goes by time and dirty pages, and starts write-back every few MiB so that
//! a flush finds little left to do. Under `SYNC_FLUSH` each append wakes it if it sleeps, and one `fdatasync` answers
//! everybody who waited: while it runs, the next group gathers by itself.
//!
//! A failed `fdatasync` may have dropped what it should have written, and the next one would report success. So after
//! a failure `flushed` stands still, appends are refused, and the range that is not flushed is written again from
//! the page cache, after a look that all its records are still whole, before the next `fdatasync` counts. If the pages
//! are gone, the log stays refused until a restart, whose recovery finds out what the disk has.
//! Source: `store/CommitLog$FlushRealTimeService`, `$GroupCommitService`.

use crate::log::{Log, WRITEBACK_LEN, place};
use crate::segments::Segment;
use crate::settings::{FlushDiskType, StoreSettings};
use crate::watermark::Watermark;
use crate::worker::{Next, Worker};
use compat::message::record::{self, CheckBody, Parsed};
use compat::offset::PhysicalOffset;
use compat::time::Millis;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What is flushed, and who does it.
pub(crate) struct Flush {
    kind: FlushDiskType,
    interval: Duration,
    thorough_interval: Duration,
    least_pages: u64,
    flushed: Watermark,
    flushed_timestamp: AtomicI64,
    failing: AtomicBool,
    requested: AtomicBool,
    worker: Worker,
    on_flushed: OnceLock<Box<dyn Fn(PhysicalOffset) + Send + Sync>>,
    /// Held by whoever flushes.
    progress: Mutex<Progress>,
}

pub(crate) struct Progress {
    /// When the last flush began.
    last: Instant,
    /// Write-back was started up to here.
    writeback_to: u64,
    /// What the last flush failed with: so that each change is logged once.
    failed_with: Option<io::ErrorKind>,
}

const PAGE_LEN: u64 = 4096;
/// Pause between two attempts to write again what a failed flush may have dropped.
const RETRY: Duration = Duration::from_secs(1);

impl Flush {
    pub fn new(settings: &StoreSettings) -> Self {
        Self {
            kind: settings.flush_disk_type,
            interval: settings.flush_interval_commit_log.duration(),
            thorough_interval: settings.flush_commit_log_thorough_interval.duration(),
            least_pages: u64::try_from(settings.flush_commit_log_least_pages).unwrap_or(0),
            flushed: Watermark::new(PhysicalOffset::ZERO),
            flushed_timestamp: AtomicI64::new(0),
            failing: AtomicBool::new(false),
            requested: AtomicBool::new(false),
            worker: Worker::new("log-flush"),
            on_flushed: OnceLock::new(),
            progress: Mutex::new(Progress { last: Instant::now(), writeback_to: 0, failed_with: None }),
        }
    }

    /// Everything before `end` is durable.
    pub fn set_recovered(&mut self, end: PhysicalOffset) {
        self.flushed = Watermark::new(end);
        self.progress.get_mut().unwrap_or_else(PoisonError::into_inner).writeback_to = end.to_java() as u64;
    }

    pub fn flushed(&self) -> &Watermark {
        &self.flushed
    }

    pub fn flushed_timestamp(&self) -> Millis {
        Millis(self.flushed_timestamp.load(Ordering::Acquire))
    }

    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    pub fn request(&self) {
        self.requested.store(true, Ordering::Release);
        self.worker.wake();
    }

    pub fn is_sync(&self) -> bool {
        self.kind == FlushDiskType::Sync
    }

    /// The log grew. Never a wake for each append under `ASYNC_FLUSH`.
    pub fn appended(&self, before: u64, after: u64) {
        match self.kind {
            FlushDiskType::Sync => self.worker.wake(),
            FlushDiskType::Async if before / WRITEBACK_LEN != after / WRITEBACK_LEN => self.worker.wake(),
            FlushDiskType::Async => {}
        }
    }

    /// What to call whenever more is durable; the first one counts.
    pub fn set_hook(&self, on_flushed: Box<dyn Fn(PhysicalOffset) + Send + Sync>) {
        let _ = self.on_flushed.set(on_flushed);
    }

    fn is_due(&self, dirty_pages: u64, since_last: Duration) -> bool {
        self.requested.swap(false, Ordering::AcqRel)
            || self.kind == FlushDiskType::Sync
            || (since_last >= self.interval && dirty_pages >= self.least_pages.max(1))
            || since_last >= self.thorough_interval
    }

    fn advance(&self, to: PhysicalOffset) {
        self.flushed.advance(to);
        if let Some(tell) = self.on_flushed.get() {
            tell(to);
        }
    }

    /// No flush runs while this is held.
    pub fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    pub(crate) fn start_flusher(
        self: &Arc<Self>,
        on_flushed: Box<dyn Fn(PhysicalOffset) + Send + Sync>,
    ) -> io::Result<()> {
        self.flush.set_hook(on_flushed);
        let log = Arc::downgrade(self);
        self.flush.worker.start(move || log.upgrade().map_or(Next::Nothing, |log| log.flush_round()))
    }

    pub(crate) fn stop_flusher(&self) {
        self.flush.worker.stop();
    }

    /// Flushes all there is.
    pub(crate) fn flush_all(&self) -> io::Result<()> {
        let mut progress = self.flush.lock();
        self.flush_dirty(&mut progress)
    }

    fn flush_round(&self) -> Next {
        let mut progress = self.flush.lock();
        let written = self.written();
        let dirty_pages = written.to_java() as u64 / PAGE_LEN - self.flush.flushed.get().to_java() as u64 / PAGE_LEN;
        let since_last = progress.last.elapsed();
        if self.flush.is_due(dirty_pages, since_last) {
            if self.flush_dirty(&mut progress).is_err() {
                return Next::After(RETRY);
            }
        } else {
            self.start_writeback(&mut progress, written.to_java() as u64);
        }
        let until_next = self.flush.interval.saturating_sub(progress.last.elapsed());
        Next::After(until_next.max(Duration::from_millis(1)))
    }

    fn flush_dirty(&self, progress: &mut Progress) -> io::Result<()> {
        progress.last = Instant::now();
        let done = if self.flush.is_failing() { self.write_again() } else { Ok(()) }.and_then(|()| self.sync_dirty());
        let failed_with = done.as_ref().err().map(io::Error::kind);
        self.flush.failing.store(failed_with.is_some(), Ordering::Release);
        if failed_with != std::mem::replace(&mut progress.failed_with, failed_with) {
            let flushed = self.flush.flushed.get();
            match &done {
                Ok(()) => tracing::info!(%flushed, "the log is flushed again"),
                Err(error) => tracing::error!(%error, %flushed,
                    "the log cannot be flushed, messages are refused until what was written is written again"),
            }
        }
        done
    }

    fn sync_dirty(&self) -> io::Result<()> {
        // The time first: the place is then that of this record or one behind it.
        let timestamp = self.last_timestamp();
        let target = self.written();
        let mut from = self.flush.flushed.get();
        while from < target {
            let file = self.file_to_flush(from)?;
            file.map.file().sync_data()?;
            from = place(file.end()).min(target);
            self.flush.advance(from);
        }
        self.flush.flushed_timestamp.fetch_max(timestamp.0, Ordering::AcqRel);
        Ok(())
    }

    fn file_to_flush(&self, from: PhysicalOffset) -> io::Result<Arc<Segment>> {
        let file = self.segments.find(from.to_java() as u64);
        file.ok_or_else(|| io::Error::other(format!("no file of the log holds {from}")))
    }

    /// Writes again what is not flushed. Appends are refused meanwhile, so the range does not grow.
    fn write_again(&self) -> io::Result<()> {
        self.let_append_finish();
        let target = self.written();
        let mut from = self.flush.flushed.get();
        while from < target {
            let file = self.file_to_flush(from)?;
            let at = (from.to_java() as u64 - file.first) as usize;
            let bytes = file.as_ref().as_ref().get(at..).unwrap_or_default();
            let whole = whole_records(bytes, from);
            if whole != bytes.len() {
                let lost = from.plus(whole as u64);
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("lost what was written at {lost}")));
            }
            file.map.file().write_all_at(bytes, at as u64)?;
            from = place(file.end()).min(target);
        }
        Ok(())
    }

    fn start_writeback(&self, progress: &mut Progress, written: u64) {
        // Whole pages only: the last one is still being filled and would be written twice.
        let target = written / PAGE_LEN * PAGE_LEN;
        while progress.writeback_to + WRITEBACK_LEN <= target {
            let Some(file) = self.segments.find(progress.writeback_to) else { break };
            let end = target.min(file.end());
            let (at, len) = (progress.writeback_to - file.first, end - progress.writeback_to);
            if let Err(error) = file.map.file().start_writeback(at, len) {
                tracing::debug!(%error, "write-back could not be started, the next flush does all of it");
            }
            progress.writeback_to = end;
        }
    }
}

/// How many bytes at the front are whole records, or a blank that ends the file.
fn whole_records(bytes: &[u8], position: PhysicalOffset) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        match record::parse(&bytes[at..], CheckBody::Yes) {
            Parsed::Message(record) if record.position() == position.plus(at as u64).to_java() => {
                at += record.size() as usize;
            }
            Parsed::Blank => return bytes.len(),
            _ => break,
        }
    }
    at
}
