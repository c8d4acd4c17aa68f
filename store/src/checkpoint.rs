//! The files beside the data: `checkpoint`, `abort` and `lock`.

use crate::disk::{Disk, Lock};
use crate::store::OpenError;
use compat::time::Millis;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How far back recovery must look. No stamp is ever newer than what is durable; older is always safe.
pub(crate) struct Checkpoint {
    _later: (),
}

impl Checkpoint {
    /// Reads the file; all stamps are 0 when there is none. Touches nothing.
    pub fn load(disk: Arc<dyn Disk>, root: &Path) -> Result<Self, OpenError> {
        let _ = (disk, root);
        todo!()
    }

    /// Store time up to which the log is durable.
    pub fn physic(&self) -> Millis {
        todo!()
    }

    /// Store time up to which the consume queues are durable.
    pub fn logics(&self) -> Millis {
        todo!()
    }

    /// Store time up to which the index is durable.
    pub fn index(&self) -> Millis {
        todo!()
    }

    /// Moves the stamp of the log.
    pub fn set_physic(&self, to: Millis) {
        let _ = to;
        todo!()
    }

    /// Moves the stamp of the consume queues.
    pub fn set_logics(&self, to: Millis) {
        let _ = to;
        todo!()
    }

    /// Moves the stamp of the index.
    pub fn set_index(&self, to: Millis) {
        let _ = to;
        todo!()
    }

    /// Where recovery starts: `min(physic, logics)` less 3 s, at least 0.
    pub fn min_timestamp(&self) -> Millis {
        todo!()
    }

    /// As [`Checkpoint::min_timestamp`], and not behind the index.
    pub fn min_timestamp_with_index(&self) -> Millis {
        todo!()
    }

    /// Writes the stamps and makes them durable.
    pub fn flush(&self) -> io::Result<()> {
        todo!()
    }
}

/// `abort`: an empty file that is there while a store is open; found at start it tells of a crash.
pub(crate) struct Abort {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

impl Abort {
    /// The file of a store.
    pub fn new(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self { disk, path: root.join("abort") }
    }

    /// Whether the last owner did not shut down.
    pub fn exists(&self) -> io::Result<bool> {
        let _ = (&self.disk, &self.path);
        todo!()
    }

    /// Makes the file, durably.
    pub fn create(&self) -> io::Result<()> {
        todo!()
    }

    /// Removes the file, durably.
    pub fn remove(&self) -> io::Result<()> {
        todo!()
    }
}

/// Takes the lock of the store whose root this is; makes the root directory if it is missing.
pub(crate) fn lock(disk: &dyn Disk, root: &Path) -> Result<Box<dyn Lock>, OpenError> {
    let _ = (disk, root);
    todo!()
}
