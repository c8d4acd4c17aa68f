//! The index: from the keys of messages to their places in the log, in files that are hash tables.
//!
//! The dispatcher alone puts entries, in log order; queries walk the chains meanwhile. Entries are written through a
//! mapping, a slot and an entry a key, and only where blocks were allocated before, so that a full disk is an error
//! here and not a signal. When no file can be made the index falls behind, messages are stored all the same, and
//! [`Index::behind`] says from where on it has to be caught up.
//!
//! Not here: what a file looks like (`format::index`), catching up and rebuilding (`recovery`).
//! Source: `store/index/IndexService`, `store/index/IndexFile`.

mod file;

use crate::checkpoint::Checkpoint;
use crate::disk::Disk;
use crate::dispatch;
use crate::format::index::{Header, Shape};
use crate::open_error::OpenError;
use crate::settings::StoreSettings;
use compat::java::time::Zone;
use compat::offset::PhysicalOffset;
use compat::time::{Clock, Millis};
pub(crate) use file::{Checked, IndexFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

/// All index files of a store.
pub(crate) struct Index {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    shape: Shape,
    clock: Clock,
    zone: Zone,
    enabled: bool,
    files: RwLock<Vec<Arc<IndexFile>>>,
    writer: Mutex<Writer>,
    /// Files that cannot be used, found while nothing may be written.
    unusable: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Writer {
    /// The file that takes entries.
    current: Option<(Arc<IndexFile>, Header)>,
    /// Place of the last record that was indexed.
    last: Option<PhysicalOffset>,
    /// From this record on the index lacks entries.
    behind: Option<PhysicalOffset>,
    /// Full files that are not durable yet.
    full: Vec<Arc<IndexFile>>,
    /// The file after the current one, made ahead.
    spare: Option<Arc<IndexFile>>,
}

/// What a query is after.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// Hash of the key: see [`dispatch::key_hash`].
    pub key_hash: i32,
    /// First store time, ms.
    pub begin: i64,
    /// Last store time, ms.
    pub end: i64,
}

impl Index {
    /// Maps the files that are there. Changes nothing.
    pub fn load(settings: &StoreSettings, disk: Arc<dyn Disk>, clock: Clock) -> Result<Self, OpenError> {
        let shape = Shape { slots: settings.max_hash_slots, entries: settings.max_index_entries };
        if shape.slots == 0 || shape.entries < 2 {
            return Err(OpenError::Setting("maxHashSlotNum must be at least 1, maxIndexNum at least 2".to_owned()));
        }
        let dir = Path::new(&settings.store_path_root).join("index");
        let (mut files, mut unusable) = (Vec::new(), Vec::new());
        let io = |cause| OpenError::Io { what: format!("read {}", dir.display()), cause };
        for entry in disk.list(&dir).map_err(io)? {
            if entry.is_dir || entry.name.len() != 17 || !entry.name.bytes().all(|byte| byte.is_ascii_digit()) {
                tracing::warn!(dir = %dir.display(), name = entry.name, "not an index file, ignored");
            } else if entry.len != shape.file_len() || !unusable.is_empty() {
                tracing::warn!(
                    name = entry.name,
                    len = entry.len,
                    expected = shape.file_len(),
                    "index file cannot be used"
                );
                unusable.push(entry.name);
            } else {
                let file = IndexFile::open(disk.as_ref(), &dir, &entry.name, shape);
                files.push(Arc::new(file.map_err(io)?));
            }
        }
        Ok(Self {
            disk,
            dir,
            shape,
            clock,
            zone: Zone::system(),
            enabled: settings.index_enable,
            files: RwLock::new(files),
            writer: Mutex::default(),
            unusable: Mutex::new(unusable),
        })
    }

    /// Whether messages are indexed at all.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// All files, oldest first.
    pub fn files(&self) -> Vec<Arc<IndexFile>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether loading met files that have to go.
    pub fn has_unusable(&self) -> bool {
        !lock(&self.unusable).is_empty()
    }

    /// Deletes what cannot be used, and all files from number `keep` on. Entries go on behind what is left.
    pub fn retain(&self, keep: usize) -> io::Result<()> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let mut gone = std::mem::take(&mut *lock(&self.unusable));
        let keep = keep.min(files.len());
        gone.extend(files.drain(keep..).map(|file| file.name().to_owned()));
        for name in &gone {
            self.disk.remove_file(&self.dir.join(name))?;
        }
        if !gone.is_empty() {
            self.disk.sync_dir(&self.dir)?;
        }
        Ok(())
    }

    /// Takes the last file for the one that is written, once it is known to be good.
    pub fn resume(&self) {
        let files = self.files();
        let mut writer = lock(&self.writer);
        writer.last = files.iter().rev().find_map(|file| file.last_position());
        writer.current = files.last().map(|file| (file.clone(), file.header()));
    }

    /// Adds the keys of a record. Records come in log order; one that is there already is passed over.
    pub fn put(&self, entry: &dispatch::Entry) {
        if entry.key_hashes.is_empty() || !self.enabled {
            return;
        }
        let mut writer = lock(&self.writer);
        if writer.behind.is_some() || writer.last.is_some_and(|last| last >= entry.position) {
            return;
        }
        for &key_hash in &entry.key_hashes {
            if let Err(error) = self.put_key(&mut writer, key_hash, entry.position, entry.store_timestamp) {
                tracing::error!(%error, position = %entry.position, "the index falls behind until a file can be written");
                writer.behind = Some(entry.position);
                return;
            }
        }
        writer.last = Some(entry.position);
    }

    fn put_key(&self, writer: &mut Writer, key_hash: i32, at: PhysicalOffset, stamp: Millis) -> io::Result<()> {
        if writer.current.as_ref().is_none_or(|(_, header)| header.count >= self.shape.entries) {
            self.roll(writer)?;
        }
        let Some((file, header)) = &mut writer.current else { return Err(io::ErrorKind::NotFound.into()) };
        file.put(header, key_hash, at, stamp)
    }

    fn roll(&self, writer: &mut Writer) -> io::Result<()> {
        let next = match writer.spare.take() {
            Some(spare) => spare,
            None => self.make_file()?,
        };
        let mut header = Header { count: 1, ..Header::default() };
        if let Some((full, before)) = writer.current.take() {
            header.begin_timestamp = before.end_timestamp;
            header.begin_position = before.end_position;
            header.end_timestamp = before.end_timestamp;
            header.end_position = before.end_position;
            next.set_header(&header);
            writer.full.push(full);
        }
        self.files.write().unwrap_or_else(PoisonError::into_inner).push(next.clone());
        writer.current = Some((next, header));
        Ok(())
    }

    fn make_file(&self) -> io::Result<Arc<IndexFile>> {
        self.disk.create_dir_all(&self.dir)?;
        let newest = self.disk.list(&self.dir)?.pop().map(|entry| entry.name);
        let mut at = self.clock.now();
        let mut name = self.zone.at(at).digits();
        // Files are sorted by name: a clock that was set back must not put this one before the others.
        if let Some(newest) = newest.as_ref().filter(|newest| **newest >= name) {
            name = newest.parse::<u64>().map_or_else(|_| newest.clone(), |number| format!("{:017}", number + 1));
        }
        loop {
            match IndexFile::create(self.disk.as_ref(), &self.dir, &name, self.shape) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    at = at.plus(Duration::from_millis(1));
                    name = self.zone.at(at).digits();
                }
                made => {
                    let made = made?;
                    self.disk.sync_dir(&self.dir)?;
                    if let (None, Some(root)) = (&newest, self.dir.parent()) {
                        self.disk.sync_dir(root)?;
                    }
                    return Ok(Arc::new(made));
                }
            }
        }
    }

    /// What need not happen while a message waits: full files are made durable, the next file is made ahead.
    pub fn tend(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let nearly_full = |header: &Header| header.count >= self.shape.entries - self.shape.entries / 8;
        let (full, ahead) = {
            let mut writer = lock(&self.writer);
            let ahead =
                writer.spare.is_none() && writer.current.as_ref().is_some_and(|(_, header)| nearly_full(header));
            (std::mem::take(&mut writer.full), ahead)
        };
        for (done, file) in full.iter().enumerate() {
            if let Err(error) = file.flush() {
                lock(&self.writer).full.extend_from_slice(&full[done..]);
                return Err(error);
            }
            checkpoint.set_index(Millis(file.header().end_timestamp));
        }
        if ahead && self.shape.entries > 1 << 16 {
            let spare = self.make_file()?;
            lock(&self.writer).spare = Some(spare);
        }
        Ok(())
    }

    /// From which record on entries are missing; `None` when none are.
    pub fn behind(&self) -> Option<PhysicalOffset> {
        lock(&self.writer).behind
    }

    /// Takes entries again, from the record that [`Index::behind`] named.
    pub fn try_again(&self) {
        lock(&self.writer).behind = None;
    }

    /// Makes all entries durable.
    pub fn flush(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        self.tend(checkpoint)?;
        let current = lock(&self.writer).current.as_ref().map(|(file, _)| file.clone());
        current.map_or(Ok(()), |file| file.flush())
    }

    /// Drops the file that was made ahead and not needed: for Java it would be the one to go on with.
    pub fn drop_spare(&self) -> io::Result<()> {
        let spare = lock(&self.writer).spare.take();
        spare.map_or(Ok(()), |spare| self.disk.remove_file(&self.dir.join(spare.name())))
    }

    /// Deletes leading files whose messages are all before `min`; never the last one.
    pub fn expire(&self, min: PhysicalOffset) -> io::Result<()> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        while files.len() > 1 && files[0].last_position().is_some_and(|last| last < min) {
            self.disk.remove_file(&self.dir.join(files[0].name()))?;
            files.remove(0);
        }
        Ok(())
    }

    /// Walks the entries that a query is after, newest first, until `take` has had enough (`false`).
    pub fn find(&self, wanted: Wanted, take: &mut dyn FnMut(PhysicalOffset) -> bool) {
        for file in self.files().iter().rev() {
            let header = file.header();
            if file.overlaps(&header, wanted) && !file.find(&header, wanted, take) {
                return;
            }
            if header.begin_timestamp < wanted.begin {
                return;
            }
        }
    }

    /// Store time and place of the last entry; zeros for none.
    pub fn newest(&self) -> (i64, i64) {
        let header = self.files().last().map(|file| file.header()).unwrap_or_default();
        (header.end_timestamp, header.end_position)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
