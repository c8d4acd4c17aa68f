//! The files beside the data: `checkpoint`, `abort` and `lock`.
//!
//! No stamp of the checkpoint is ever newer than what is durable: whoever sets one has flushed before. An older one is
//! always safe, it only makes recovery look at more. Source: `store/StoreCheckpoint`, `store/DefaultMessageStore`.

use crate::disk::{Disk, File, Lock};
use crate::format::checkpoint::{LEN, Stamps};
use crate::open_error::OpenError;
use compat::time::Millis;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far back recovery must look.
pub(crate) struct Checkpoint {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    stamps: Mutex<Stamps>,
    /// Open since the first flush; held while one writes.
    file: Mutex<Option<Arc<dyn File>>>,
}

/// What recovery subtracts: 4.3.0 stamps some messages before it takes their place in the log.
const SLACK_MS: i64 = 3000;

impl Checkpoint {
    /// Reads the file; all stamps are 0 when there is none. Touches nothing.
    pub fn load(disk: Arc<dyn Disk>, root: &Path) -> Result<Self, OpenError> {
        let path = root.join("checkpoint");
        let stamps = match disk.read(&path, 1 << 20) {
            Ok(bytes) => Stamps::decode(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Stamps::default(),
            Err(cause) => return Err(OpenError::Io { what: format!("read {}", path.display()), cause }),
        };
        Ok(Self { disk, path, stamps: Mutex::new(stamps), file: Mutex::new(None) })
    }

    /// Store time up to which the log is durable.
    pub fn physic(&self) -> Millis {
        self.stamps().physic
    }

    /// Store time up to which the consume queues are durable.
    pub fn logics(&self) -> Millis {
        self.stamps().logics
    }

    /// Store time up to which the index is durable.
    pub fn index(&self) -> Millis {
        self.stamps().index
    }

    /// Sets the stamp of the log.
    pub fn set_physic(&self, to: Millis) {
        self.stamps().physic = to;
    }

    /// Sets the stamp of the consume queues.
    pub fn set_logics(&self, to: Millis) {
        self.stamps().logics = to;
    }

    /// Sets the stamp of the index.
    pub fn set_index(&self, to: Millis) {
        self.stamps().index = to;
    }

    /// Where recovery starts: `min(physic, logics)` less 3 s, at least 0.
    pub fn min_timestamp(&self) -> Millis {
        let stamps = *self.stamps();
        Millis((stamps.physic.min(stamps.logics).0 - SLACK_MS).max(0))
    }

    /// As [`Checkpoint::min_timestamp`], and not behind the index.
    pub fn min_timestamp_with_index(&self) -> Millis {
        self.min_timestamp().min(self.index())
    }

    /// Writes the stamps and makes them durable. The three stand in one sector, so a crash leaves the old or the new ones.
    pub fn flush(&self) -> io::Result<()> {
        let mut open = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &*open {
            Some(file) => Arc::clone(file),
            None => self.open()?,
        };
        let stamps = *self.stamps();
        file.write_all_at(&stamps.encode()[..24], 0)?;
        file.sync_data()?;
        *open = Some(file);
        Ok(())
    }

    fn open(&self) -> io::Result<Arc<dyn File>> {
        let file = match self.disk.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.disk.create(&self.path)?,
            opened => opened?,
        };
        if file.len()? < LEN as u64 {
            file.set_len(LEN as u64)?;
        }
        sync_parent(&*self.disk, &self.path)?;
        Ok(file)
    }

    fn stamps(&self) -> MutexGuard<'_, Stamps> {
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `abort`: an empty file that is there while a store is open; found at start it tells of a crash.
pub(crate) struct Abort {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl Abort {
    const NAME: &str = "abort";

    /// The file of a store.
    pub fn new(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self { disk, root: root.to_owned() }
    }

    /// Whether the last owner did not shut down.
    pub fn exists(&self) -> io::Result<bool> {
        Ok(self.disk.list(&self.root)?.iter().any(|entry| entry.name == Self::NAME))
    }

    /// Makes the file, durably.
    pub fn create(&self) -> io::Result<()> {
        match self.disk.create(&self.root.join(Self::NAME)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => drop(created?),
        }
        self.disk.sync_dir(&self.root)
    }

    /// Removes the file, durably.
    pub fn remove(&self) -> io::Result<()> {
        match self.disk.remove_file(&self.root.join(Self::NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
        self.disk.sync_dir(&self.root)
    }
}

/// Takes the lock of the store whose root this is; makes the root directory if it is missing. The file gets Java's
/// content ([`Lock::mark`]) when the store starts.
///
/// Differs: 4.3.0 locks after it has recovered, so a second process damages the store before it fails.
pub(crate) fn lock(disk: &dyn Disk, root: &Path) -> Result<Box<dyn Lock>, OpenError> {
    let path = root.join("lock");
    let failed = |cause| OpenError::Io { what: format!("lock {}", path.display()), cause };
    disk.create_dir_all(root).map_err(failed)?;
    disk.lock(&path).map_err(failed)?.ok_or(OpenError::Locked)
}

/// What Java writes into the lock file.
pub(crate) const LOCK_CONTENT: &[u8] = b"lock";

fn sync_parent(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| disk.sync_dir(parent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    fn disk() -> Arc<dyn Disk> {
        Arc::new(RealDisk)
    }

    #[test]
    fn stamps_come_back_and_loading_touches_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::load(disk(), dir.path()).unwrap();
        assert_eq!(checkpoint.min_timestamp_with_index(), Millis(0));
        assert_eq!(disk().list(dir.path()).unwrap(), []);
        checkpoint.set_physic(Millis(10_000));
        checkpoint.set_logics(Millis(9_000));
        checkpoint.set_index(Millis(5_000));
        checkpoint.flush().unwrap();
        checkpoint.set_physic(Millis(11_000));
        checkpoint.flush().unwrap();

        let again = Checkpoint::load(disk(), dir.path()).unwrap();
        assert_eq!((again.physic(), again.logics(), again.index()), (Millis(11_000), Millis(9_000), Millis(5_000)));
        assert_eq!((again.min_timestamp(), again.min_timestamp_with_index()), (Millis(6_000), Millis(5_000)));
        assert_eq!(disk().list(dir.path()).unwrap()[0].len, 4096);
    }

    #[test]
    fn abort_is_there_until_it_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let abort = Abort::new(disk(), dir.path());
        assert!(!abort.exists().unwrap());
        abort.create().unwrap();
        abort.create().unwrap();
        assert!(abort.exists().unwrap());
        abort.remove().unwrap();
        abort.remove().unwrap();
        assert!(!abort.exists().unwrap());
    }

    #[test]
    fn a_store_is_locked_once_also_inside_of_one_process() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        let held = lock(&RealDisk, &root).unwrap();
        held.mark(LOCK_CONTENT).unwrap();
        assert!(matches!(lock(&RealDisk, &root), Err(OpenError::Locked)));
        assert_eq!(std::fs::read(root.join("lock")).unwrap(), b"lock");
        drop(held);
        drop(lock(&RealDisk, &root).unwrap());
    }
}
