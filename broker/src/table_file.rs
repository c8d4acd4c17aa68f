//! The file of a table: written after changes, many of them at a time.
//!
//! Each change of a table has a number. Whoever must know that a change is durable asks for its number; of several that
//! ask at once the first writes for all. Nothing here knows what the table holds.

use compat::json;
use std::io;
use std::sync::{Mutex, PoisonError};
use store::config_file::{ConfigFile, Unreadable};

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
