//! The file of a table: written after changes, many of them at a time.
//!
//! Each change of a table has a number. Whoever must know that a change is durable asks for its number; of several that
//! ask at once the first writes for all. [`SharedTable`] counts the changes of a table that operators see as a whole.
//! Nothing here knows what a table holds.

use compat::json;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use store::config_file::{ConfigFile, Unreadable};
use tokio::sync::watch;

/// A state file and how many changes of its table it holds.
pub struct TableFile {
    file: ConfigFile,
    saved: Mutex<u64>,
}

impl TableFile {
    /// The table that is kept in `file`. Its first change has the number 1.
    pub fn new(file: ConfigFile) -> Self {
        Self { file, saved: Mutex::new(0) }
    }

    /// What the file holds; `None` for a file that does not exist.
    pub fn load<T: serde::de::DeserializeOwned>(&self) -> Result<Option<T>, Unreadable> {
        self.file.load(|bytes| json::from_slice(bytes).map_err(|error| error.to_string()))
    }

    /// Returns once the file holds change `number`. `content` gives the whole table and the number of its last change.
    pub fn save(&self, number: u64, content: impl FnOnce() -> (u64, Vec<u8>)) -> io::Result<()> {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if *saved >= number {
            return Ok(());
        }
        let (last, bytes) = content();
        self.file.persist(&bytes)?;
        *saved = last;
        Ok(())
    }
}
/// A table whose file holds all of it.
pub trait Table {
    /// What the file holds.
    type Stored: serde::Serialize;

    /// The whole table.
    fn snapshot(&self) -> Self::Stored;
}

/// A table that many read, the number of its last change, and its file.
pub struct SharedTable<T> {
    table: RwLock<T>,
    generation: AtomicU64,
    changed: watch::Sender<u64>,
    file: TableFile,
}

impl<T: Table> SharedTable<T> {
    /// A table as its file has it.
    pub fn new(table: T, file: TableFile) -> Self {
        Self { table: RwLock::new(table), generation: AtomicU64::new(0), changed: watch::Sender::new(0), file }
    }

    /// The number of the last change.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The number of the last change; whoever holds this can wait for the next.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// A look at the table.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// `change` says whether it changed something, and what it has to tell.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> (bool, R)) -> R {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let (changed, result) = change(&mut table);
        if changed {
            let generation = self.generation.fetch_add(1, Ordering::Release) + 1;
            self.changed.send_replace(generation);
        }
        result
    }

    /// Makes every change so far durable. May wait for the disk.
    pub fn save(&self) -> io::Result<()> {
        self.file.save(self.generation(), || {
            let table = self.read();
            (self.generation(), json::to_vec_pretty(&table.snapshot()))
        })
    }
}
