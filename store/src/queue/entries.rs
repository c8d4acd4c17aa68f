//! The entries of one queue: the newest in memory, the others in files of one length.
//!
//! An entry first stands in the tail, where readers find it at once; [`Entries::write`] puts all that is new into the
//! file by one call. So a message costs no call to the system, and 10,000 queues need no 10,000 mappings.
//! Files come with the first entry that belongs into them: an empty one would be a message for Java.

use crate::disk::{Disk, File};
use crate::format::queue_entry::{self, QueueEntry};
use crate::open_error::OpenError;
use compat::offset::PhysicalOffset;
use smallvec::SmallVec;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ENTRY_LEN: u64 = queue_entry::LEN as u64;
/// So many new bytes are written without waiting for the next round.
const WRITE_AT: usize = 4096;
/// What is written stays readable in memory up to so many bytes.
const KEEP: usize = 8192;
/// Files of one queue that are open at a time.
const OPEN_FILES: usize = 2;

/// All offsets are bytes from the queue's first entry ever.
pub(crate) struct Entries {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file_len: u64,
    /// Start of the first file.
    first: u64,
    /// End of the last file; `first` when there is none.
    made: u64,
    /// Up to here the files hold the entries.
    written: u64,
    /// Where the bytes of the tail belong: not behind `written`.
    tail_at: u64,
    tail: Vec<u8>,
    last: Option<QueueEntry>,
    open: SmallVec<[(u64, Arc<dyn File>); OPEN_FILES]>,
    pub(super) unsynced: Unsynced,
    repairs: Repairs,
}

/// What may not be durable.
#[derive(Default)]
pub(crate) struct Unsynced {
    /// Content of files.
    files: SmallVec<[u64; 2]>,
    /// Names in the directory.
    names: bool,
    /// The directory itself and those above it.
    dirs: bool,
}

impl Unsynced {
    pub fn add(&mut self, other: Self) {
        for file in other.files {
            self.add_file(file);
        }
        self.names |= other.names;
        self.dirs |= other.dirs;
    }

    fn add_file(&mut self, start: u64) {
        if !self.files.contains(&start) {
            self.files.push(start);
        }
    }
}

/// What is wrong with the files, found while nothing may be written.
#[derive(Default)]
struct Repairs {
    /// Files that cannot be used, whatever the entries are.
    delete: Vec<String>,
    /// The last file is shorter than it must be.
    extend: bool,
    /// Bytes behind the end may not be zero, or there are files behind it.
    clear_behind: bool,
}

/// Where entries can be read.
pub(crate) enum Source {
    /// They were copied.
    Copied(usize),
    /// Up to so many bytes at a place of a file.
    File(Arc<dyn File>, u64, usize),
    /// The file would have to be opened.
    Closed,
}

impl Entries {
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf, file_len: u64) -> Self {
        Self {
            disk,
            dir,
            file_len,
            first: 0,
            made: 0,
            written: 0,
            tail_at: 0,
            tail: Vec::new(),
            last: None,
            open: SmallVec::new(),
            unsynced: Unsynced::default(),
            repairs: Repairs::default(),
        }
    }

    /// Looks at the names in the directory. Opens nothing, changes nothing.
    pub fn load(&mut self) -> Result<(), OpenError> {
        let mut files = Vec::new();
        for entry in self.disk.list(&self.dir).map_err(|cause| self.io("list", cause))? {
            match file_start(&entry.name) {
                Some(start) if !entry.is_dir => files.push((start, entry.len, entry.name)),
                _ => {
                    tracing::warn!(dir = %self.dir.display(), name = entry.name, "not a file of a consume queue, ignored")
                }
            }
        }
        let Some(&(first, ..)) = files.first() else { return Ok(()) };
        if let Some((_, len, name)) =
            files.iter().find(|(start, len, _)| start % self.file_len != 0 || *len > self.file_len)
        {
            let spacing = files.get(1).map_or(*len, |(second, ..)| second - first);
            return Err(OpenError::Damaged {
                file: self.dir.join(name).display().to_string(),
                what: format!("it does not fit into files of {} bytes: its own length is {len}", self.file_len),
                advice: format!(
                    "Set mapedFileSizeConsumeQueue (bytes, not messages) to the length it had, probably {spacing}, or move the \
                     consumequeue directory away to have it made again from the commit log"
                ),
            });
        }
        (self.first, self.made) = (first, first);
        for (start, len, name) in files {
            if start != self.made || self.repairs.extend {
                self.repairs.delete.push(name);
                continue;
            }
            self.made += self.file_len;
            self.repairs.extend = len < self.file_len;
        }
        Ok(())
    }

    /// Finds the end of the entries: the first that was never written, or that lies at or behind `limit`.
    /// They were written in order, so halving finds it.
    pub fn find_end(&mut self, limit: Option<PhysicalOffset>) -> io::Result<()> {
        let (mut low, mut high) = (self.first / ENTRY_LEN, self.made / ENTRY_LEN);
        let mut last = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = if self.is_hole(middle)? { None } else { self.stored(middle)? };
            let entry = entry.filter(|entry| limit.is_none_or(|limit| entry.position < limit));
            match entry {
                Some(_) => (low, last) = (middle + 1, entry),
                None => high = middle,
            }
        }
        self.set_end(low * ENTRY_LEN, last);
        let file_behind = self.made > self.end().next_multiple_of(self.file_len).max(self.first);
        self.repairs.clear_behind = self.made > self.first && (limit.is_some() || file_behind);
        Ok(())
    }

    /// Cuts the entries off at `end`; [`Entries::repair`] does so on disk.
    pub fn truncate(&mut self, end: u64) -> io::Result<()> {
        let end = end.max(self.first).min(self.end());
        let last = if end > self.first { self.entry(end / ENTRY_LEN - 1)? } else { None };
        self.tail.truncate(end.saturating_sub(self.tail_at) as usize);
        if end < self.written {
            self.repairs.clear_behind = true;
        }
        if end <= self.tail_at {
            self.set_end(end, last);
        } else {
            (self.written, self.last) = (self.written.min(end), last);
        }
        Ok(())
    }

    fn set_end(&mut self, end: u64, last: Option<QueueEntry>) {
        self.tail.clear();
        (self.written, self.tail_at, self.last) = (end, end, last);
    }

    /// Whether [`Entries::repair`] has something to do.
    pub fn needs_repair(&self) -> bool {
        self.repairs.extend || self.repairs.clear_behind || !self.repairs.delete.is_empty()
    }

    /// Does on disk what loading and truncating found to be needed: behind the end nothing is left but zeros.
    pub fn repair(&mut self) -> io::Result<()> {
        for name in std::mem::take(&mut self.repairs.delete) {
            self.disk.remove_file(&self.dir.join(name))?;
            self.unsynced.names = true;
        }
        if self.repairs.clear_behind {
            while self.made > self.first && self.made - self.file_len >= self.end() {
                self.remove(self.made - self.file_len)?;
                self.made -= self.file_len;
                self.repairs.extend = false;
            }
        }
        let inside = self.end() % self.file_len;
        let clear = self.repairs.clear_behind && inside > 0;
        if self.made > self.first && (clear || self.repairs.extend) {
            let start = self.made - self.file_len;
            let file = self.open(start)?;
            if self.repairs.extend || !is_zero_from(&*file, inside)? {
                let modified = file.modified()?;
                if clear {
                    file.set_len(inside)?;
                }
                file.set_len(self.file_len)?;
                file.set_modified(modified)?;
                self.unsynced.add_file(start);
            }
        }
        self.repairs = Repairs::default();
        Ok(())
    }

    /// Entries from `from` on are good, but they may not be durable, and there may be something behind them.
    pub fn suspect(&mut self, from: u64) {
        let mut start = (from - from % self.file_len).max(self.first);
        while start < self.made && start < self.end() {
            self.unsynced.add_file(start);
            start += self.file_len;
        }
        (self.unsynced.names, self.unsynced.dirs) = (true, true);
        self.repairs.clear_behind = self.made > self.first;
    }

    /// Behind the last entry.
    pub fn end(&self) -> u64 {
        self.tail_at + self.tail.len() as u64
    }

    /// Start of the first file.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The last entry.
    pub fn last(&self) -> Option<QueueEntry> {
        self.last
    }

    /// Whether all entries are in files.
    pub fn is_written(&self) -> bool {
        self.written == self.end()
    }

    pub fn is_empty(&self) -> bool {
        self.made == self.first && self.tail.is_empty()
    }

    /// Lets an empty queue begin at `start`; the file gets blank entries in front of it.
    pub fn start_at(&mut self, start: u64) {
        self.first = start - start % self.file_len;
        self.made = self.first;
        self.set_end(self.first, None);
        let blanks = (start - self.first) / ENTRY_LEN;
        self.tail = QueueEntry::BLANK.encode().repeat(blanks as usize);
    }

    /// Adds an entry. Whether it is time to [`Entries::write`] is the answer.
    pub fn push(&mut self, entry: &QueueEntry) -> bool {
        self.tail.extend_from_slice(&entry.encode());
        self.last = Some(*entry);
        (self.end() - self.written) as usize >= WRITE_AT
    }

    /// Writes what is new. After an error all of that is tried again the next time.
    pub fn write(&mut self) -> io::Result<()> {
        while self.written < self.end() {
            let start = self.written - self.written % self.file_len;
            let file = if start < self.made { self.open(start)? } else { self.make(start)? };
            let from = (self.written - self.tail_at) as usize;
            let to = self.tail.len().min(from + (start + self.file_len - self.written) as usize);
            file.write_all_at(&self.tail[from..to], self.written - start)?;
            self.written += (to - from) as u64;
            self.unsynced.add_file(start);
        }
        if self.tail.len() > KEEP {
            let surplus = self.tail.len() - KEEP / 2;
            self.tail.drain(..surplus);
            self.tail_at += surplus as u64;
            self.tail.shrink_to(KEEP + WRITE_AT);
        }
        Ok(())
    }

    /// Gives the memory of written entries back.
    pub fn release_tail(&mut self) {
        if self.is_written() && self.tail.capacity() > 0 {
            self.tail_at = self.end();
            self.tail = Vec::new();
        }
    }

    /// Makes what is written durable.
    pub fn sync(&mut self) -> io::Result<()> {
        while let Some(&start) = self.unsynced.files.last() {
            self.open(start)?.sync_data()?;
            self.unsynced.files.pop();
        }
        if self.unsynced.names {
            self.disk.sync_dir(&self.dir)?;
            self.unsynced.names = false;
        }
        if self.unsynced.dirs {
            // The topic, all queues, and the root of the store.
            for dir in self.dir.ancestors().skip(1).take(3) {
                self.disk.sync_dir(dir)?;
            }
            self.unsynced.dirs = false;
        }
        Ok(())
    }

    /// Where the entries at `at` are; from the tail they are copied.
    pub fn source(&mut self, at: u64, out: &mut [u8], may_open: bool) -> io::Result<Source> {
        if at >= self.tail_at {
            let from = (at - self.tail_at) as usize;
            let bytes = self.tail.get(from..).unwrap_or_default();
            let len = bytes.len().min(out.len());
            out[..len].copy_from_slice(&bytes[..len]);
            return Ok(Source::Copied(len));
        }
        if at < self.first {
            return Ok(Source::Copied(0));
        }
        let start = at - at % self.file_len;
        if !may_open && !self.open.iter().any(|&(open, _)| open == start) {
            return Ok(Source::Closed);
        }
        let len = (self.written.min(start + self.file_len) - at).min(out.len() as u64);
        Ok(Source::File(self.open(start)?, at - start, len as usize))
    }

    /// The entry of a number, wherever it is; `None` for none.
    pub fn entry(&mut self, number: u64) -> io::Result<Option<QueueEntry>> {
        let at = number * ENTRY_LEN;
        if at < self.tail_at {
            return self.stored(number);
        }
        let bytes = self.tail.get((at - self.tail_at) as usize..).and_then(|bytes| bytes.first_chunk());
        Ok(bytes.and_then(QueueEntry::decode))
    }

    /// Whether nothing was ever written there. Reading a hole would fill the page cache with zeros, and far ahead.
    fn is_hole(&mut self, number: u64) -> io::Result<bool> {
        let at = number * ENTRY_LEN;
        let start = at - at % self.file_len;
        let data = self.open(start)?.next_data(at - start)?;
        Ok(data.is_none_or(|data| data >= at - start + ENTRY_LEN))
    }

    fn stored(&mut self, number: u64) -> io::Result<Option<QueueEntry>> {
        let at = number * ENTRY_LEN;
        if at < self.first || at >= self.made {
            return Ok(None);
        }
        let start = at - at % self.file_len;
        let mut bytes = [0; queue_entry::LEN];
        self.open(start)?.read_at(&mut bytes, at - start)?;
        Ok(QueueEntry::decode(&bytes))
    }

    /// Deletes leading files whose messages are all before `min`; never the last one. How many went is the answer.
    pub fn expire(&mut self, min: PhysicalOffset) -> io::Result<usize> {
        let mut gone = 0;
        while self.made > self.first + self.file_len && self.end() >= self.first + self.file_len {
            let last = self.stored((self.first + self.file_len) / ENTRY_LEN - 1)?;
            if last.is_some_and(|last| last.position >= min) {
                break;
            }
            self.remove(self.first)?;
            self.first += self.file_len;
            gone += 1;
        }
        Ok(gone)
    }

    /// Number of the first entry at or behind `min`.
    pub fn first_at(&mut self, min: PhysicalOffset) -> io::Result<u64> {
        let (mut low, mut high) = (self.first / ENTRY_LEN, self.end() / ENTRY_LEN);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entry(middle)? {
                Some(entry) if entry.is_blank() || entry.position < min => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Deletes all files and the directory. Where that fails, it can be tried again.
    pub fn destroy(&mut self) -> io::Result<()> {
        self.open.clear();
        for name in &self.repairs.delete {
            unless_missing(self.disk.remove_file(&self.dir.join(name)))?;
        }
        let mut start = self.first;
        while start < self.made {
            self.remove(start)?;
            start += self.file_len;
        }
        if self.made > self.first
            && let Err(error) = unless_missing(self.disk.remove_dir(&self.dir))
        {
            tracing::warn!(dir = %self.dir.display(), %error, "directory of a consume queue stays");
            self.disk.sync_dir(&self.dir)?;
        }
        (self.first, self.made) = (0, 0);
        self.set_end(0, None);
        self.unsynced = Unsynced::default();
        self.repairs = Repairs::default();
        Ok(())
    }

    /// Closes all files; whether there were any is the answer.
    pub fn close(&mut self) -> bool {
        let any = !self.open.is_empty();
        self.open.clear();
        any
    }

    pub fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    fn open(&mut self, start: u64) -> io::Result<Arc<dyn File>> {
        if let Some((_, file)) = self.open.iter().find(|&&(open, _)| open == start) {
            return Ok(file.clone());
        }
        let file = self.disk.open(&self.path(start))?;
        self.remember(start, &file);
        Ok(file)
    }

    fn make(&mut self, start: u64) -> io::Result<Arc<dyn File>> {
        let path = self.path(start);
        if self.made == self.first {
            self.disk.create_dir_all(&self.dir)?;
            self.unsynced.dirs = true;
        }
        let file = match self.disk.create(&path) {
            // Left behind by a try that failed further on.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.disk.open(&path)?,
            made => made?,
        };
        file.set_len(self.file_len)?;
        self.made = start + self.file_len;
        self.unsynced.names = true;
        self.remember(start, &file);
        Ok(file)
    }

    fn remember(&mut self, start: u64, file: &Arc<dyn File>) {
        if self.open.len() == OPEN_FILES {
            self.open.remove(0);
        }
        self.open.push((start, file.clone()));
    }

    fn remove(&mut self, start: u64) -> io::Result<()> {
        self.open.retain(|&mut (open, _)| open != start);
        self.unsynced.files.retain(|&mut file| file != start);
        self.unsynced.names = true;
        unless_missing(self.disk.remove_file(&self.path(start)))
    }

    fn path(&self, start: u64) -> PathBuf {
        self.dir.join(format!("{start:020}"))
    }

    fn io(&self, what: &str, cause: io::Error) -> OpenError {
        OpenError::Io { what: format!("{what} {}", self.dir.display()), cause }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether a file holds nothing but zeros from a place on.
fn is_zero_from(file: &dyn File, mut at: u64) -> io::Result<bool> {
    let mut bytes = [0; 4096];
    while let Some(data) = file.next_data(at)? {
        let len = file.read_at(&mut bytes, data)?;
        if bytes[..len].iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        if len == 0 {
            break;
        }
        at = data + len as u64;
    }
    Ok(true)
}

/// The offset that a file is named by.
fn file_start(name: &str) -> Option<u64> {
    let digits = name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|&start: &u64| digits && start <= i64::MAX as u64)
}
