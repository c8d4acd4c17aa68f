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
        if let Err(error) = self.write_durably(&tmp, &content).and_then(|()| self.put_aside(*state)) {
            let _ = self.disk.remove_file(&tmp);
            return Err(error);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::{Fault, SimDisk};
    use compat::time::{Clock, Millis};

    const PATH: &str = "/home/config/topics.json";

    #[test]
    fn a_power_cut_at_any_step_leaves_the_old_or_the_new_content() {
        for old in [None, Some("old")] {
            for nth in 1.. {
                let disk = holding(old, nth);
                let file = loaded(&disk);
                disk.inject(Fault::PowerCut { nth });
                let written = file.persist(b"new");
                let seen: Vec<_> = (0..40).map(|_| loads(&disk.crash()).unwrap()).collect();
                assert!(seen.iter().all(|seen| seen.as_deref() == Some("new") || seen.as_deref() == old), "{seen:?}");
                if written.is_ok() {
                    assert!(seen.iter().all(|seen| seen.as_deref() == Some("new")), "acknowledged, but lost: {seen:?}");
                    break;
                }
            }
        }
    }

    #[test]
    fn a_failure_at_any_step_leaves_the_old_content_and_the_next_try_works() {
        let faults = |nth| {
            [Fault::Write { nth, written: 1 }, Fault::Sync { nth }, Fault::SyncDir { nth }, Fault::PowerCut { nth: 99 }]
        };
        for fault in faults(1) {
            let disk = holding(Some("old"), 7);
            let file = loaded(&disk);
            disk.inject(fault);
            if file.persist(b"new").is_err() {
                let seen = loads(&disk.if_power_failed()).unwrap().unwrap();
                assert!(seen == "old" || seen == "new");
                file.persist(b"new").unwrap();
            }
            assert_eq!(loads(&disk.crash()).unwrap().as_deref(), Some("new"), "{fault:?}");
        }
    }

    #[test]
    fn a_full_disk_keeps_the_old_content_and_leaves_nothing_behind() {
        let disk = holding(Some("old"), 1);
        let file = loaded(&disk);
        disk.leave_free(0);
        assert_eq!(file.persist(b"new").unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(names(&disk), [PATH]);
        assert_eq!(loads(&disk).unwrap().as_deref(), Some("old"));
    }

    #[test]
    fn the_old_content_is_kept_in_bak() {
        let disk = holding(Some("old"), 1);
        loaded(&disk).persist(b"new").unwrap();
        assert_eq!(text(&disk, ".bak").as_deref(), Some("old"));
        assert_eq!(text(&disk, "").as_deref(), Some("new"));
        assert_eq!(text(&disk, ".tmp"), None);
    }

    #[test]
    fn bak_stands_in_for_a_missing_an_empty_and_a_damaged_file() {
        for content in [None, Some(""), Some("{damaged")] {
            let disk = holding(content, 1);
            put(&disk, ".bak", "good");
            let file = loaded(&disk);
            assert_eq!(loads(&disk).unwrap().as_deref(), Some("good"));
            file.persist(b"new").unwrap();
            assert_eq!(text(&disk, "").as_deref(), Some("new"));
            assert_eq!(text(&disk, ".bak").as_deref(), Some("good"), "the good one was not written over");
            assert_eq!(text(&disk, ".damaged").as_deref(), content.filter(|content| !content.is_empty()));
        }
    }

    #[test]
    fn what_nobody_understands_is_neither_loaded_nor_written() {
        for bak in [None, Some(""), Some("{damaged too")] {
            let disk = holding(Some("{damaged"), 1);
            if let Some(bak) = bak {
                put(&disk, ".bak", bak);
            }
            let before = disk.contents();
            let file = ConfigFile::new(Arc::new(disk.clone()), PATH);
            let error = file.load(parse).unwrap_err();
            assert!(error.to_string().contains(PATH), "{error}");
            assert!(file.persist(b"{}").is_err());
            assert_eq!(disk.contents(), before);
        }
    }

    #[test]
    fn what_was_not_loaded_is_not_written() {
        let disk = holding(Some("old"), 1);
        let file = ConfigFile::new(Arc::new(disk.clone()), PATH);
        assert!(file.persist(b"new").is_err());
        assert_eq!(text(&disk, "").as_deref(), Some("old"));
    }

    #[test]
    fn the_same_content_is_not_written_twice() {
        let disk = holding(Some("old"), 1);
        let file = loaded(&disk);
        file.persist(b"new").unwrap();
        let steps = disk.counts().steps;
        file.persist(b"new").unwrap();
        assert_eq!(disk.counts().steps, steps);
        assert_eq!(text(&disk, ".bak").as_deref(), Some("old"));
    }

    #[test]
    fn missing_directories_are_made() {
        let disk = holding(None, 1);
        loaded(&disk).persist(b"new").unwrap();
        assert_eq!(loads(&disk.crash()).unwrap().as_deref(), Some("new"));
    }

    /// A machine whose file holds so much, durably.
    fn holding(content: Option<&str>, seed: u64) -> SimDisk {
        let disk = SimDisk::new(Clock::by_hand(Millis(0)), seed);
        if let Some(content) = content {
            put(&disk, "", content);
        }
        disk
    }

    fn put(disk: &SimDisk, suffix: &str, content: &str) {
        let path = PathBuf::from(format!("{PATH}{suffix}"));
        disk.create_dir_all(path.parent().unwrap()).unwrap();
        let file = disk.create(&path).unwrap();
        file.write_all_at(content.as_bytes(), 0).unwrap();
        file.sync_data().unwrap();
        path.ancestors().skip(1).for_each(|dir| disk.sync_dir(dir).unwrap());
    }

    fn text(disk: &SimDisk, suffix: &str) -> Option<String> {
        let bytes = disk.contents().remove(Path::new(&format!("{PATH}{suffix}")))?;
        Some(String::from_utf8(bytes).unwrap())
    }

    fn names(disk: &SimDisk) -> Vec<String> {
        disk.contents().into_keys().map(|path| path.display().to_string()).collect()
    }

    fn loaded(disk: &SimDisk) -> ConfigFile {
        let file = ConfigFile::new(Arc::new(disk.clone()), PATH);
        file.load(parse).unwrap();
        file
    }

    fn loads(disk: &SimDisk) -> std::result::Result<Option<String>, Unreadable> {
        ConfigFile::new(Arc::new(disk.clone()), PATH).load(parse)
    }

    /// Text that does not begin with a brace: cut-off writes and zeros are noticed, as by a parser.
    fn parse(bytes: &[u8]) -> std::result::Result<String, String> {
        match std::str::from_utf8(bytes) {
            Ok(text @ ("old" | "new" | "good")) => Ok(text.to_owned()),
            _ => Err("not understood".to_owned()),
        }
    }
}
