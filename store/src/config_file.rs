//! State that operators edit: a file with Java's name and content, written so that a crash leaves the old or the new one.
//!
//! Writing: temporary file, fsync, the old content to `.bak`, rename, fsync of the directory. Loading falls back to
//! `.bak` where the file is missing, empty or not readable.

use crate::disk::Disk;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One such file.
#[derive(Clone)]
pub struct ConfigFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

/// Neither the file nor its `.bak` can be understood. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be read ({cause}), nor can its .bak: restore one of them, or move both away to start without")]
pub struct Unreadable {
    /// The file.
    pub path: String,
    /// What is wrong with it.
    pub cause: String,
}

impl ConfigFile {
    /// The file at `path`.
    pub fn new(disk: Arc<dyn Disk>, path: impl Into<PathBuf>) -> Self {
        Self { disk, path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `parse` makes of the file, or else of its `.bak`; `None` when there is neither.
    pub fn load<T>(&self, parse: impl Fn(&[u8]) -> Result<T, String>) -> Result<Option<T>, Unreadable> {
        let _ = (&self.disk, parse);
        todo!()
    }

    /// Replaces the content. Does nothing when it is the same.
    pub fn persist(&self, content: &[u8]) -> io::Result<()> {
        let _ = content;
        todo!()
    }
}
