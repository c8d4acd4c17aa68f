//! State that operators edit: a file with Java's name and content, written so that a crash leaves the old or the new one.
//!
//! Writing: temporary file, fsync, the old file becomes `.bak`, rename, fsync of the directory. Loading falls back to
//! `.bak` where the file is missing, empty or not understood. What was not loaded is never written over: a state file
//! that nobody could read stays as it is, and so does a `.bak` that stands in for a damaged file.
//!
//! Source: `common/ConfigManager`, `common/MixAll#string2File`.
//! Differs: 4.3.0 syncs nothing, and starts with an empty table (which it then writes) where the file is damaged and
//! has no `.bak`.

use crate::disk::Disk;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Longest state file that is read, bytes.
const MAX_LEN: u64 = 1 << 30;

/// One such file. Clones are the same file: they wait for each other.
#[derive(Clone)]
pub struct ConfigFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    state: Arc<Mutex<State>>,
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

/// What is known about the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not loaded: what it holds is unknown.
    Unknown,
    /// Holds something that cannot be understood; `.bak` is the good one.
    Damaged,
    /// Missing, or loaded, or written by us but perhaps not durable yet.
    Loose,
    /// Written by us, and durable.
    Durable,
}

impl ConfigFile {
    /// The file at `path`.
    pub fn new(disk: Arc<dyn Disk>, path: impl Into<PathBuf>) -> Self {
        Self { disk, path: path.into(), state: Arc::new(Mutex::new(State::Unknown)) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `parse` makes of the file, or else of its `.bak`; `None` when both are missing or empty.
    ///
    /// A file that is there but that the system does not let us read is [`Unreadable`], whatever its `.bak` says.
    pub fn load<T>(
        &self,
        parse: impl Fn(&[u8]) -> std::result::Result<T, String>,
    ) -> std::result::Result<Option<T>, Unreadable> {
        let mut state = self.lock();
        let unreadable = |cause| Unreadable { path: self.path.display().to_string(), cause };
        let damage = match self.read(&self.path).map_err(|error| unreadable(error.to_string()))? {
            None => None,
            Some(bytes) => match parse(&bytes) {
                Ok(value) => {
                    *state = State::Loose;
                    return Ok(Some(value));
                }
                Err(cause) => Some(cause),
            },
        };
        let bak = self.sibling(".bak");
        let from_bak = match (self.read(&bak), &damage) {
            (Ok(None), None) => None,
            (Ok(None), Some(cause)) => return Err(unreadable(cause.clone())),
            (Ok(Some(bytes)), _) => Some(parse(&bytes).map_err(|cause| unreadable(damage.clone().unwrap_or(cause)))?),
            (Err(error), _) => return Err(unreadable(damage.unwrap_or_else(|| error.to_string()))),
        };
        if from_bak.is_some() {
            let cause = damage.as_deref().unwrap_or("it is missing or empty");
            tracing::warn!(file = %self.path.display(), cause, "state is taken from the .bak file");
        }
        *state = if damage.is_some() { State::Damaged } else { State::Loose };
        Ok(from_bak)
    }

    /// Replaces the content. Does nothing when it is the same.
    ///
    /// Fails without touching anything when the file was not loaded: its content would be lost. After any other
    /// failure the old content is still there, in the file or in its `.bak`.
    pub fn persist(&self, content: &[u8]) -> Result<()> {
        self.persist_with(|| content.to_vec())
    }

    /// As [`ConfigFile::persist`], with content that is taken when it is this call's turn: of two threads that write,
    /// the later one has the later content.
    pub fn persist_with(&self, content: impl FnOnce() -> Vec<u8>) -> Result<()> {
        let mut state = self.lock();
        if *state == State::Unknown {
            let cause = format!("{} was not loaded, so it is not written", self.path.display());
            return Err(Error::new(ErrorKind::InvalidInput, cause));
        }
        let content = content();
        if content.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "an empty state file would be read as a missing one"));
        }
        if *state == State::Durable && self.read(&self.path)?.is_some_and(|current| current == content) {
            return Ok(());
        }
        let tmp = self.sibling(".tmp");
        if let Err(error) = self.write_durably(&tmp, &content) {
            let _ = self.disk.remove_file(&tmp);
            return Err(error);
        }
        self.put_aside(*state)?;
        *state = State::Loose;
        self.disk.rename(&tmp, &self.path)?;
        self.disk.sync_dir(self.dir())?;
        *state = State::Durable;
        Ok(())
    }

    fn write_durably(&self, tmp: &Path, content: &[u8]) -> Result<()> {
        unless_missing(self.disk.remove_file(tmp))?;
        let file = match self.disk.create(tmp) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.make_dir()?;
                self.disk.create(tmp)?
            }
            created => created?,
        };
        file.write_all_at(content, 0)?;
        file.sync_data()
    }

    /// The old file becomes `.bak`; one that nobody understands becomes `.damaged` and leaves the good `.bak` alone.
    fn put_aside(&self, state: State) -> Result<()> {
        let aside = match state {
            State::Damaged => ".damaged",
            // An empty file stands for none, and its `.bak` holds the state.
            _ if self.read(&self.path)?.is_none() => return Ok(()),
            _ => ".bak",
        };
        unless_missing(self.disk.rename(&self.path, &self.sibling(aside)))
    }

    /// Makes the directory; each of its names is durable before the file is.
    fn make_dir(&self) -> Result<()> {
        self.disk.create_dir_all(self.dir())?;
        for above in self.dir().ancestors().skip(1) {
            match self.disk.sync_dir(named(above)) {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => break,
                synced => synced?,
            }
        }
        Ok(())
    }

    /// `None` for a missing file and for an empty one.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        match self.disk.read(path, MAX_LEN) {
            Ok(bytes) => Ok(Some(bytes).filter(|bytes| !bytes.is_empty())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn dir(&self) -> &Path {
        named(self.path.parent().unwrap_or(Path::new("")))
    }

    fn sibling(&self, suffix: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(suffix);
        path.into()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The directory of a bare file name is the current one.
fn named(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

fn unless_missing(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
