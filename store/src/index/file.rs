//! One index file.

use super::Wanted;
use crate::disk::Disk;
use crate::format::index::{Header, IndexEntry, Shape, Words};
use crate::map::MapMut;
use compat::offset::PhysicalOffset;
use compat::time::Millis;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Blocks are allocated for so many bytes of entries at a time.
const ALLOCATE_STEP: u64 = 4 << 20;

/// One file: one writer, any number of readers.
pub(crate) struct IndexFile {
    name: String,
    shape: Shape,
    map: MapMut,
    /// Bytes from the start with blocks behind them, as far as is known.
    allocated: AtomicU64,
}

/// What checking a file found.
pub(crate) struct Checked {
    /// Number behind the last good entry.
    pub count: u32,
    /// Whether the file is full, and all of it is good.
    pub is_full: bool,
    /// Place of the last good entry's record.
    pub last: Option<PhysicalOffset>,
    slots: Vec<u32>,
}

impl Words for MapMut {
    fn get(&self, at: usize) -> u32 {
        u32::from_be(self.word(at).load(Ordering::Acquire))
    }
    fn put(&self, at: usize, value: u32) {
        self.word(at).store(value.to_be(), Ordering::Release);
    }
}

impl IndexFile {
    pub fn open(disk: &dyn Disk, dir: &Path, name: &str, shape: Shape) -> io::Result<Self> {
        let map = MapMut::new(disk.open(&dir.join(name))?, shape.file_len() as usize)?;
        Ok(Self { name: name.to_owned(), shape, map, allocated: AtomicU64::new(0) })
    }

    /// Makes an empty file, with blocks for the slots and the first entries.
    pub fn create(disk: &dyn Disk, dir: &Path, name: &str, shape: Shape) -> io::Result<Self> {
        let path = dir.join(name);
        let file = disk.create(&path)?;
        let made = (|| {
            file.set_len(shape.file_len())?;
            let first = (shape.entry_at(1) as u64 + ALLOCATE_STEP).min(shape.file_len());
            file.allocate(first)?;
            let map = MapMut::new(file, shape.file_len() as usize)?;
            Ok(Self { name: name.to_owned(), shape, map, allocated: AtomicU64::new(first) })
        })();
        if made.is_err()
            && let Err(error) = disk.remove_file(&path)
        {
            tracing::warn!(path = %path.display(), %error, "unfinished index file stays");
        }
        made
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn header(&self) -> Header {
        Header::read(&self.map)
    }

    pub fn set_header(&self, header: &Header) {
        header.write(&self.map);
    }

    /// Place of the record of the last entry.
    pub fn last_position(&self) -> Option<PhysicalOffset> {
        let header = self.header();
        (header.count > 1).then(|| PhysicalOffset::from_java(header.end_position)).flatten()
    }

    /// Adds an entry. `header` is the writer's copy of the file's.
    pub fn put(&self, header: &mut Header, key_hash: i32, at: PhysicalOffset, stamp: Millis) -> io::Result<()> {
        self.reserve(header.count)?;
        let slot = self.shape.slot_of(key_hash);
        let previous = self.shape.slot(&self.map, slot);
        let previous = if previous as i32 <= 0 || previous > header.count { 0 } else { previous };
        let seconds = if header.begin_timestamp <= 0 { 0 } else { (stamp.0 - header.begin_timestamp) / 1000 };
        let seconds = seconds.clamp(0, i64::from(i32::MAX)) as i32;
        let entry = IndexEntry { key_hash, position: at.to_java(), seconds, previous };
        self.shape.set_entry(&self.map, header.count, &entry);
        self.shape.set_slot(&self.map, slot, header.count);
        if header.count <= 1 {
            (header.begin_timestamp, header.begin_position) = (stamp.0, at.to_java());
        }
        header.put_count = header.put_count.wrapping_add(1);
        header.count += 1;
        (header.end_timestamp, header.end_position) = (stamp.0, at.to_java());
        header.write(&self.map);
        Ok(())
    }

    /// Makes sure of blocks behind everything that putting an entry writes.
    fn reserve(&self, number: u32) -> io::Result<()> {
        let needed = self.shape.entry_at(number + 1) as u64;
        if needed <= self.allocated.load(Ordering::Relaxed) {
            return Ok(());
        }
        let next = (needed + ALLOCATE_STEP).min(self.shape.file_len());
        self.map.file().allocate(next)?;
        self.allocated.store(next, Ordering::Relaxed);
        Ok(())
    }

    pub fn flush(&self) -> io::Result<()> {
        self.map.flush()
    }

    /// Whether the times of the file and of the query have something in common.
    /// Source: `store/index/IndexFile#isTimeMatched`.
    pub fn overlaps(&self, header: &Header, wanted: Wanted) -> bool {
        wanted.begin <= header.end_timestamp && wanted.end >= header.begin_timestamp
    }

    /// Walks the chain of a hash, newest entry first; `false` when `take` had enough.
    pub fn find(&self, header: &Header, wanted: Wanted, take: &mut dyn FnMut(PhysicalOffset) -> bool) -> bool {
        let mut number = self.shape.slot(&self.map, self.shape.slot_of(wanted.key_hash));
        while number > 0 && number < header.count {
            let entry = self.shape.entry(&self.map, number);
            if entry.seconds < 0 {
                break;
            }
            // Cut to seconds: the message itself may be up to 999 ms younger.
            let time = header.begin_timestamp + 1000 * i64::from(entry.seconds);
            if time + 999 < wanted.begin {
                break;
            }
            if entry.key_hash == wanted.key_hash
                && time <= wanted.end
                && let Some(position) = PhysicalOffset::from_java(entry.position)
                && !take(position)
            {
                return false;
            }
            // Chains lead to older entries; anything else would be a circle.
            if entry.previous >= number {
                break;
            }
            number = entry.previous;
        }
        true
    }

    /// Follows all entries as if they were put again, up to the first that does not fit or lies at or behind `limit`.
    /// A record of which not all entries may be there counts as not indexed. Changes nothing.
    pub fn check(&self, limit: PhysicalOffset) -> Checked {
        let header = self.header();
        let mut slots = vec![0; self.shape.slots as usize];
        let (mut count, mut last) = (1, 0);
        while count < header.count.min(self.shape.entries) {
            let entry = self.shape.entry(&self.map, count);
            let slot = &mut slots[self.shape.slot_of(entry.key_hash) as usize];
            let fits = entry.key_hash >= 0 && entry.seconds >= 0 && entry.position >= last && entry.previous == *slot;
            if !fits || entry.position >= limit.to_java() {
                break;
            }
            (*slot, last) = (count, entry.position);
            count += 1;
        }
        let is_full = count == self.shape.entries && header.end_position == last;
        while count > 1 && !is_full {
            let entry = self.shape.entry(&self.map, count - 1);
            if entry.position != last {
                break;
            }
            slots[self.shape.slot_of(entry.key_hash) as usize] = entry.previous;
            count -= 1;
        }
        let last = (count > 1).then(|| self.shape.entry(&self.map, count - 1).position);
        Checked { count, is_full, last: last.and_then(PhysicalOffset::from_java), slots }
    }

    /// Whether no further entry fits.
    pub fn is_full(&self) -> bool {
        self.header().count >= self.shape.entries
    }

    /// Whether the header agrees with the last entry, and both lie before `limit`.
    pub fn is_plausible(&self, limit: PhysicalOffset) -> bool {
        let header = self.header();
        if header.count <= 1 {
            return true;
        }
        header.count <= self.shape.entries
            && header.end_position < limit.to_java()
            && self.shape.entry(&self.map, header.count - 1).position == header.end_position
    }

    /// Leaves the entries that [`IndexFile::check`] found good. `stored` tells the store time of a record.
    pub fn cut(&self, checked: &Checked, stored: impl Fn(PhysicalOffset) -> Option<Millis>) -> io::Result<()> {
        let mut header = self.header();
        self.reserve(header.count.clamp(1, self.shape.entries - 1))?;
        for (slot, &number) in (0..).zip(&checked.slots) {
            if self.shape.slot(&self.map, slot) != number {
                self.shape.set_slot(&self.map, slot, number);
            }
        }
        let nothing = IndexEntry { key_hash: 0, position: 0, seconds: 0, previous: 0 };
        for number in checked.count..=header.count.min(self.shape.entries - 1) {
            self.shape.set_entry(&self.map, number, &nothing);
        }
        let last = self.shape.entry(&self.map, checked.count - 1);
        let stamp = PhysicalOffset::from_java(last.position).and_then(stored).map(|stamp| stamp.0);
        header.end_position = last.position;
        header.end_timestamp = stamp.unwrap_or(header.begin_timestamp + 1000 * i64::from(last.seconds));
        (header.count, header.put_count) = (checked.count, checked.count - 1);
        header.write(&self.map);
        self.flush()
    }
}
