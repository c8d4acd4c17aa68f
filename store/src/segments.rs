//! A directory of files of one length, each named by the offset of its first byte: together one long array of bytes.
//!
//! There is no gap between the files and no file of another length: [`Segments::load`] refuses a directory that has one.
//! Files come at the end and go at the front. A file that is deleted stays readable for those who hold it.
//! Source: `store/MappedFileQueue`.

use crate::disk::{Disk, Entry};
use crate::map::MappedFile;
use crate::open_error::OpenError;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// One file.
pub(crate) struct Segment {
    /// Offset of its first byte in the whole.
    pub first: u64,
    /// Its bytes.
    pub map: MappedFile,
}

impl Segment {
    /// Offset behind its last byte.
    pub fn end(&self) -> u64 {
        self.first + self.map.len() as u64
    }
}

/// The published bytes.
impl AsRef<[u8]> for Segment {
    fn as_ref(&self) -> &[u8] {
        self.map.as_ref()
    }
}

/// The files of a directory, in order, without a gap.
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file_len: u64,
    files: RwLock<VecDeque<Arc<Segment>>>,
    /// A file without a byte behind the others: what a crash leaves of one that was just made.
    empty: Option<PathBuf>,
}

impl Segments {
    /// Opens what is there and checks names, lengths and gaps. All bytes of all files are published. Changes nothing on disk.
    ///
    /// Differs: 4.3.0 ignores a file of another length and all behind it, and starts with part of the data.
    pub fn load(disk: Arc<dyn Disk>, dir: &Path, file_len: u32) -> Result<Self, OpenError> {
        let mut files = VecDeque::<Arc<Segment>>::new();
        let mut empty: Option<PathBuf> = None;
        for (entry, first) in found(&*disk, dir)? {
            let path = dir.join(&entry.name);
            if let Some(empty) = &empty {
                return Err(wrong_len(empty, 0, file_len));
            }
            if entry.len == 0 {
                empty = Some(path);
                continue;
            }
            if entry.len != u64::from(file_len) {
                return Err(wrong_len(&path, entry.len, file_len));
            }
            let expected = files.back().map_or(first, |last| last.end());
            if first != expected {
                return Err(gap(&path, expected));
            }
            let map = disk.open(&path).and_then(|file| MappedFile::new(file, file_len as usize, file_len as usize));
            let map = map.map_err(|cause| OpenError::Io { what: format!("open {}", path.display()), cause })?;
            files.push_back(Arc::new(Segment { first, map }));
        }
        Ok(Self { disk, dir: dir.to_owned(), file_len: u64::from(file_len), files: RwLock::new(files), empty })
    }

    /// Length of each file, bytes.
    pub fn file_len(&self) -> u64 {
        self.file_len
    }

    /// The file that holds an offset.
    pub fn find(&self, offset: u64) -> Option<Arc<Segment>> {
        let files = self.read();
        let first = files.front()?.first;
        let number = offset.checked_sub(first)? / self.file_len;
        files.get(usize::try_from(number).ok()?).cloned()
    }

    /// The first file.
    pub fn first(&self) -> Option<Arc<Segment>> {
        self.read().front().cloned()
    }

    /// The last file.
    pub fn last(&self) -> Option<Arc<Segment>> {
        self.read().back().cloned()
    }

    /// All files, in order.
    pub fn all(&self) -> Vec<Arc<Segment>> {
        self.read().iter().cloned().collect()
    }

    /// Asks `question` of the last two files, the newest first, until it has an answer.
    pub fn newest<T>(&self, question: impl FnMut(&Arc<Segment>) -> Option<T>) -> Option<T> {
        self.read().iter().rev().take(2).find_map(question)
    }

    /// Makes a file at its full length, with blocks behind it where there is room for that, and its name durable. It
    /// does not count as one of the files before [`Segments::push`].
    pub fn make(&self, first: u64) -> io::Result<Arc<Segment>> {
        let path = self.path(first);
        self.disk.create_dir_all(&self.dir)?;
        let file = self.disk.create(&path)?;
        let made = (|| {
            if let Err(error) = file.allocate(self.file_len) {
                if error.kind() != io::ErrorKind::StorageFull {
                    return Err(error);
                }
                // Not enough for a whole file: what there is can still be used, because full is an error of each write.
                tracing::warn!(path = %path.display(), "no space for a whole file, going on with a sparse one");
                file.set_len(0)?;
                file.set_len(self.file_len)?;
            }
            file.sync_data()?;
            self.disk.sync_dir(&self.dir)?;
            MappedFile::new(Arc::clone(&file), self.file_len as usize, 0)
        })();
        match made {
            Ok(map) => Ok(Arc::new(Segment { first, map })),
            Err(error) => {
                // A leftover would only be in the way of the next attempt; where it cannot be removed, that one says so.
                let _ = self.disk.remove_file(&path);
                Err(error)
            }
        }
    }

    /// Adds a file made by [`Segments::make`].
    ///
    /// # Panics
    /// When it does not go on where the last one ends.
    pub fn push(&self, segment: Arc<Segment>) {
        let mut files = self.write();
        assert!(files.back().is_none_or(|last| last.end() == segment.first), "file {} leaves a gap", segment.first);
        files.push_back(segment);
    }

    /// Deletes a file that was made but never pushed.
    pub fn discard(&self, segment: &Segment) -> io::Result<()> {
        self.disk.remove_file(&self.path(segment.first))
    }

    /// Deletes the first file, unless it is the last. Says whether it did.
    pub fn delete_first(&self) -> io::Result<bool> {
        let Some(first) = self.first().filter(|first| self.last().is_some_and(|last| last.first > first.first)) else {
            return Ok(false);
        };
        self.disk.remove_file(&self.path(first.first))?;
        self.write().pop_front();
        Ok(true)
    }

    /// Deletes the files that start behind `end`, the last one first, and the empty one; what stands behind `end` in
    /// its file becomes zero. Everything that is left is durable after that.
    pub fn cut(&mut self, end: u64) -> io::Result<()> {
        let files = self.files.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut gone: Vec<PathBuf> = self.empty.take().into_iter().collect();
        while let Some(last) = files.pop_back_if(|last| last.first > end) {
            gone.push(path(&self.dir, last.first));
        }
        for path in &gone {
            self.disk.remove_file(path)?;
        }
        if !gone.is_empty() {
            self.disk.sync_dir(&self.dir)?;
        }
        if let Some(last) = files.back_mut() {
            let published = usize::try_from(end.saturating_sub(last.first)).unwrap_or(usize::MAX);
            let last = Arc::get_mut(last).ok_or_else(|| io::Error::other("the last file is still read"))?;
            last.map.cut(published)?;
        }
        // Earlier files were synced long before: one that is full is flushed when the next one begins.
        for file in files.iter().rev().take(3) {
            file.map.file().sync_data()?;
        }
        Ok(())
    }

    fn path(&self, first: u64) -> PathBuf {
        path(&self.dir, first)
    }

    fn read(&self) -> RwLockReadGuard<'_, VecDeque<Arc<Segment>>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, VecDeque<Arc<Segment>>> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}"))
}

/// The files of a directory with their offsets, in order. What is not named by an offset is none of ours.
fn found(disk: &dyn Disk, dir: &Path) -> Result<Vec<(Entry, u64)>, OpenError> {
    let entries = disk.list(dir).map_err(|cause| OpenError::Io { what: format!("list {}", dir.display()), cause })?;
    let mut files = Vec::with_capacity(entries.len());
    for entry in entries {
        match offset(&entry) {
            Some(first) => files.push((entry, first)),
            None => tracing::warn!(dir = %dir.display(), name = %entry.name, "ignored: not a file of the store"),
        }
    }
    Ok(files)
}

fn offset(entry: &Entry) -> Option<u64> {
    let digits = entry.name.len() == 20 && entry.name.bytes().all(|byte| byte.is_ascii_digit());
    let first = entry.name.parse::<u64>().ok().filter(|&first| i64::try_from(first).is_ok())?;
    (digits && !entry.is_dir).then_some(first)
}

fn wrong_len(path: &Path, len: u64, expected: u32) -> OpenError {
    OpenError::Damaged {
        file: path.display().to_string(),
        what: format!("is {len} bytes long, not {expected}"),
        advice: "Set the file length with which this store was written, or restore the file from a backup".to_owned(),
    }
}

fn gap(path: &Path, expected: u64) -> OpenError {
    OpenError::Damaged {
        file: path.display().to_string(),
        what: format!("does not follow the file before it, a file {expected:020} is missing"),
        advice: "Restore the missing files, or move all files before the gap away to go on without them".to_owned(),
    }
}
