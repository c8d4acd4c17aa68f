//! The commit log: every message of every topic, appended in arrival order to files of one length.

use crate::append::Batch;
use crate::disk::Disk;
use crate::dispatch;
use crate::read::LogSlice;
use crate::settings::StoreSettings;
use crate::store::OpenError;
use crate::watermark::Watermark;
use compat::offset::PhysicalOffset;
use compat::time::{Clock, Millis};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The log of one store.
pub(crate) struct Log {
    _later: (),
}

/// One file of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileInfo {
    /// Place of its first byte.
    pub first: PhysicalOffset,
    /// Length, bytes.
    pub len: u64,
    /// Last modification.
    pub modified: Millis,
}

impl Log {
    /// Opens the files and checks names, lengths and gaps; touches nothing. Until [`Log::set_recovered`] every byte of
    /// every file counts as written, and nothing can be appended.
    pub fn load(settings: &StoreSettings, disk: Arc<dyn Disk>, clock: Clock) -> Result<Self, OpenError> {
        let _ = (settings, disk, clock);
        todo!()
    }

    /// First place there is.
    pub fn min(&self) -> PhysicalOffset {
        todo!()
    }

    /// Behind the last byte that can be read.
    pub fn written(&self) -> PhysicalOffset {
        todo!()
    }

    /// Bytes of one file; `None` when they are not all there or lie in two files.
    pub fn slice(&self, at: PhysicalOffset, len: usize) -> Option<LogSlice> {
        let _ = (at, len);
        todo!()
    }

    /// From a place to the end of what is published in its file; `None` when the place is not in the log. May be empty.
    pub fn rest(&self, at: PhysicalOffset) -> Option<LogSlice> {
        let _ = at;
        todo!()
    }

    /// End of the file that holds a place (where the next file starts).
    pub fn file_end(&self, at: PhysicalOffset) -> PhysicalOffset {
        let _ = at;
        todo!()
    }

    /// Whether reading these bytes will not wait for the disk.
    pub fn is_resident(&self, slice: &LogSlice) -> bool {
        let _ = slice;
        todo!()
    }

    /// Asks the system to read these bytes soon.
    pub fn will_need(&self, slice: &LogSlice) {
        let _ = slice;
        todo!()
    }

    /// Recovery found the end: later files are deleted, what stands behind `end` in its file is zeroed and synced.
    /// No slice of the log may be held.
    pub fn set_recovered(&mut self, end: PhysicalOffset) -> Result<(), OpenError> {
        let _ = end;
        todo!()
    }

    /// Places and writes the records of a batch, one write a file; tells `each` record that was stored, in log order.
    pub fn append(&self, batch: &mut Batch, now: Millis, each: &mut dyn FnMut(dispatch::Entry)) {
        let _ = (batch, now, each);
        todo!()
    }

    /// Whether appends are refused because the disk failed to make written bytes durable.
    pub fn is_failing(&self) -> bool {
        todo!()
    }

    /// How long the append that runs just now has been running; zero when none does.
    pub fn busy_for(&self) -> Duration {
        todo!()
    }

    /// All files, in order.
    pub fn files(&self) -> Vec<FileInfo> {
        todo!()
    }

    /// Deletes the first file, never the last; `None` when there is nothing to delete.
    pub fn delete_first_file(&self) -> io::Result<Option<PhysicalOffset>> {
        todo!()
    }

    /// How far the log is on the disk.
    pub fn flushed(&self) -> &Watermark {
        todo!()
    }

    /// Store time of the last record that is on the disk: what the checkpoint may say. 0 when nothing was flushed since start.
    pub fn flushed_timestamp(&self) -> Millis {
        todo!()
    }

    /// Asks the flusher to go at once (group commit). Under `SYNC_FLUSH` every append does so by itself.
    pub fn request_flush(&self) {
        todo!()
    }

    /// Starts the flusher and the thread that prepares files. `on_flushed` is called on the flusher whenever more is durable.
    pub fn start(self: &Arc<Self>, on_flushed: Box<dyn Fn(PhysicalOffset) + Send + Sync>) -> io::Result<()> {
        let _ = on_flushed;
        todo!()
    }

    /// Takes no more records, flushes, ends the threads, deletes the unused prepared file. `Ok` when all is durable.
    pub fn shutdown(&self) -> io::Result<()> {
        todo!()
    }
}
