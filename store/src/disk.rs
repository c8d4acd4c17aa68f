//! The file layer: all access to files goes through it.
//!
//! Two implementations: the machine's file system, and one in memory for tests that can fail, run full, cut writes
//! short and lose what was not synced.

mod real;
pub mod sim;

pub use real::RealDisk;

use compat::time::Millis;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

/// A file system.
pub trait Disk: Send + Sync + 'static {
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Makes a new, empty file; fails where one exists.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// What a directory holds, sorted by name; an absent directory holds nothing.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;
    /// Makes a directory and those above it.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;
    /// Renames a file over whatever stood there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes everything on the file system of a path durable, names and content; `false` where only single files can be.
    fn sync_all(&self, path: &Path) -> io::Result<bool> {
        let _ = path;
        Ok(false)
    }
    /// The whole content of a small file, at most `limit` bytes.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;
    /// Space of the file system that holds a path.
    fn space(&self, path: &Path) -> io::Result<Space>;
    /// Takes the lock that Java takes: a POSIX record lock on the first byte. `None` when another process has it.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// Length, bytes; 0 for a directory.
    pub len: u64,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Last modification.
    pub modified: Millis,
}

/// Space of a file system, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub total: u64,
    /// Free, reserved blocks included.
    pub free: u64,
    /// Free for this process.
    pub available: u64,
}

/// A lock that lasts until it is dropped.
pub trait Lock: Send + Sync {
    /// Writes the content that Java expects in the lock file.
    fn mark(&self, content: &[u8]) -> io::Result<()>;
}

/// An open file.
#[allow(clippy::len_without_is_empty, reason = "nobody asks an open file whether it is empty")]
pub trait File: Send + Sync {
    /// Length, bytes.
    fn len(&self) -> io::Result<u64>;
    /// Changes the length; new bytes are zero.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes the file at least so long, with blocks behind every byte where the file system can.
    fn allocate(&self, len: u64) -> io::Result<()>;
    /// Reads up to the length of `buf`; fewer bytes only at the end of the file.
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize>;
    /// As [`File::read_at`], but `None` where that would wait for the disk.
    fn read_resident_at(&self, buf: &mut [u8], at: u64) -> io::Result<Option<usize>>;
    /// Writes all of `buf`.
    fn write_all_at(&self, buf: &[u8], at: u64) -> io::Result<()>;
    /// Makes the content durable (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Starts writing a range back, without waiting.
    fn start_writeback(&self, at: u64, len: u64) -> io::Result<()>;
    /// Last modification.
    fn modified(&self) -> io::Result<Millis>;
    /// Sets the last modification.
    fn set_modified(&self, to: Millis) -> io::Result<()>;
    /// The first place from `at` on where there may be something else than zeros; `None` when there is none.
    fn next_data(&self, at: u64) -> io::Result<Option<u64>> {
        Ok((at < self.len()?).then_some(at))
    }
    /// The end of the data that starts at `at`: from there on there are only zeros, up to the next data.
    fn end_of_data(&self, _at: u64) -> io::Result<u64> {
        self.len()
    }
    /// The descriptor by which the file can be mapped; `None` where it cannot be. Readers then see a copy in memory.
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
