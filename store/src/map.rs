//! Memory that readers look at while a writer writes. All unsafe code of the store is here.
//!
//! Log files are written by calls that return errors (`pwrite`) and only read through a mapping, so a full or broken
//! disk is an error value and not a signal. Where a file cannot be mapped (the in-memory disk of tests), the same types
//! keep a copy in plain memory, on which Miri can check them.
//!
//! A mapped file that somebody else cuts short, or whose blocks the device cannot read, ends the process with a
//! signal: the store's lock keeps other brokers out, and nothing else has any business in its directory.

#![allow(unsafe_code, reason = "the one place for it")]

use crate::disk::File;
use memmap2::{Advice, MmapOptions, MmapRaw};
use std::io;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file of fixed length of which a growing front part is published: written, and never written again.
pub struct MappedFile {
    file: Arc<dyn File>,
    memory: Memory,
    /// How many bytes at the front readers may look at. Never more than the length; moves back only under `&mut`.
    published: AtomicUsize,
    /// One writer at a time, so that no two of them touch the same bytes and none writes below `published`.
    writing: Mutex<()>,
    /// Zeros are written ahead of the published bytes from here on only. See [`MappedFile::zero_ahead`].
    zeroed: AtomicUsize,
    /// Held by whoever moves `zeroed`.
    zeroing: Mutex<()>,
}

impl MappedFile {
    /// Maps a file of at least `len` bytes, of which the first `published` are there to be read.
    pub(crate) fn new(file: Arc<dyn File>, len: usize, published: usize) -> io::Result<Self> {
        let memory = Memory::read_only(&*file, len)?;
        let published = published.min(len);
        Ok(Self {
            file,
            memory,
            published: AtomicUsize::new(published),
            writing: Mutex::new(()),
            zeroed: AtomicUsize::new(published),
            zeroing: Mutex::new(()),
        })
    }

    /// The file behind it.
    pub(crate) fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    /// Length of the whole file, bytes.
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    /// How many bytes can be read.
    pub fn published(&self) -> usize {
        self.published.load(Ordering::Acquire)
    }

    /// A range of the published bytes.
    pub fn get(&self, at: usize, len: usize) -> Option<&[u8]> {
        let end = at.checked_add(len)?;
        if end > self.published() {
            return None;
        }
        // SAFETY: inside of the memory (`published` never exceeds its length) and below `published`, where nobody
        // writes while `self` is borrowed: writers go behind it, and it moves back under `&mut self` only.
        Some(unsafe { std::slice::from_raw_parts(self.memory.start().add(at), len) })
    }

    /// Writes behind what is published, and publishes it. After an error nothing more is published, but some of the
    /// bytes may stand in the file.
    ///
    /// # Panics
    /// When `at` is not where the published bytes end, or the file has no room: then the caller's count is wrong.
    pub(crate) fn append(&self, bytes: &[u8], at: usize) -> io::Result<()> {
        self.append_and_publish(bytes, at, at.saturating_add(bytes.len()))
    }

    /// Writes the last bytes there will be, and publishes the file to its end.
    ///
    /// # Panics
    /// As [`MappedFile::append`].
    pub(crate) fn finish(&self, bytes: &[u8], at: usize) -> io::Result<()> {
        self.append_and_publish(bytes, at, self.len())
    }

    fn append_and_publish(&self, bytes: &[u8], at: usize, publish: usize) -> io::Result<()> {
        let writing = self.lock();
        let room = self.len().checked_sub(at);
        assert!(at == self.published() && room >= Some(bytes.len()), "append of {} bytes at {at}", bytes.len());
        self.keep_zeros_from(publish);
        self.write(&writing, bytes, at)?;
        self.published.store(publish, Ordering::Release);
        Ok(())
    }

    /// Writes zeros from the end of what is published up to `to`: over what a failed write may have left.
    pub(crate) fn erase(&self, to: usize) -> io::Result<()> {
        let writing = self.lock();
        let mut at = self.published();
        while at < to.min(self.len()) {
            let len = ZEROS.len().min(to.min(self.len()) - at);
            self.write(&writing, &ZEROS[..len], at)?;
            at += len;
        }
        Ok(())
    }

    /// Only the first `published` bytes count from here on; all behind them become zero, in the file too.
    pub(crate) fn cut(&mut self, published: usize) -> io::Result<()> {
        let published = published.min(self.len());
        *self.published.get_mut() = published;
        *self.zeroed.get_mut() = published;
        let mut chunk = vec![0; ZEROS.len()];
        for data in self.data_from(published as u64)? {
            let mut at = data.start;
            while at < data.end {
                let most = chunk.len().min((data.end - at) as usize);
                let count = self.file.read_at(&mut chunk[..most], at)?;
                if count == 0 {
                    break;
                }
                if chunk[..count].iter().any(|&byte| byte != 0) {
                    let writing = self.lock();
                    self.write(&writing, &ZEROS[..count], at as usize)?;
                }
                at += count as u64;
            }
        }
        Ok(())
    }

    /// Where there may be something else than zeros. All of it is asked before anything is read: what reading brings
    /// into memory ahead of time counts as data afterwards, and would lead on through the whole file.
    fn data_from(&self, from: u64) -> io::Result<Vec<Range<u64>>> {
        let (mut at, len) = (from, self.len() as u64);
        let mut ranges = Vec::new();
        while at < len
            && let Some(data) = self.file.next_data(at)?.filter(|&data| data < len)
        {
            let end = self.file.end_of_data(data)?.clamp(data + 1, len);
            ranges.push(data..end);
            at = end;
        }
        Ok(ranges)
    }

    /// Writes zeros, a step of them, so that at least `ahead` bytes behind the published ones are zeros that were
    /// really written: their blocks then need no change of metadata when records are flushed into them. Says whether
    /// there is more to do.
    ///
    /// Runs beside appends and never hits their bytes: zeros are written only while `zeroing` is held, only from
    /// `zeroed` on, and `zeroed` is moved behind them before it is released. An append writes only below `zeroed`:
    /// either it sees that `zeroed` is behind its last byte, and then all zeros before that place have been written; or
    /// it waits for `zeroing` and moves `zeroed` there itself, and then no zeros are being written and all later ones
    /// come behind it. The wait is for one step, and only when appends have used up all that was zeroed.
    pub(crate) fn zero_ahead(&self, ahead: usize) -> io::Result<bool> {
        let zeroing = self.zeroing.lock().unwrap_or_else(PoisonError::into_inner);
        let from = self.zeroed.load(Ordering::Relaxed);
        let target = self.published().saturating_add(ahead).min(self.len());
        let len = target.saturating_sub(from).min(ZEROS.len());
        if len > 0 {
            self.file.write_all_at(&ZEROS[..len], from as u64)?;
            self.zeroed.store(from + len, Ordering::Release);
        }
        drop(zeroing);
        if len > 0 {
            self.file.start_writeback(from as u64, len as u64)?;
        }
        Ok(from + len < target)
    }

    /// How many bytes behind `at` are zeros that were written.
    pub(crate) fn zeros_behind(&self, at: usize) -> usize {
        self.zeroed.load(Ordering::Relaxed).saturating_sub(at)
    }

    fn keep_zeros_from(&self, end: usize) {
        if end > self.zeroed.load(Ordering::Acquire) {
            let _zeroing = self.zeroing.lock().unwrap_or_else(PoisonError::into_inner);
            self.zeroed.fetch_max(end, Ordering::AcqRel);
        }
    }

    /// Where in this file a slice of it starts; `None` for a slice of something else.
    pub(crate) fn position_of(&self, slice: &[u8]) -> Option<usize> {
        let at = (slice.as_ptr() as usize).checked_sub(self.memory.start() as usize)?;
        (at.checked_add(slice.len())? <= self.len()).then_some(at)
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, _writing: &MutexGuard<'_, ()>, bytes: &[u8], at: usize) -> io::Result<()> {
        self.file.write_all_at(bytes, at as u64)?;
        if let Memory::Plain(plain) = &self.memory {
            let end = at.checked_add(bytes.len());
            assert!(at >= self.published() && end.is_some_and(|end| end <= plain.len), "write at {at}");
            // SAFETY: inside of the memory and not below `published` (asserted), where readers do not look; `writing`
            // is held, so no other writer is there. `bytes` is not part of it: slices end at `published`.
            unsafe { plain.start.as_ptr().add(at).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        }
        Ok(())
    }
}

static ZEROS: [u8; 256 << 10] = [0; 256 << 10];

/// The published bytes.
impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        self.get(0, self.published()).unwrap_or_default()
    }
}

/// A file of fixed length that is written in place, four bytes at a time, while others read it: the index.
///
/// Only bytes with blocks behind them are written ([`File::allocate`]), so that a full disk is an error and not a signal.
pub(crate) struct MapMut {
    file: Arc<dyn File>,
    memory: Memory,
}

impl MapMut {
    /// Maps a file of at least `len` bytes for reading and writing, with advice that accesses are random.
    pub(crate) fn new(file: Arc<dyn File>, len: usize) -> io::Result<Self> {
        let memory = Memory::writeable(&*file, len)?;
        Ok(Self { file, memory })
    }

    /// The file behind it.
    pub(crate) fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    /// The four bytes at `at` (a multiple of four), as they stand in the file: callers see to the byte order.
    ///
    /// # Panics
    /// Outside of the mapping, or when `at` is no multiple of four.
    pub(crate) fn word(&self, at: usize) -> &AtomicU32 {
        let inside = at.checked_add(4).is_some_and(|end| end <= self.memory.len());
        assert!(inside && at.is_multiple_of(4), "no word at {at}");
        // SAFETY: inside of the memory and aligned: mappings start at a page, plain memory at a `u64`. The memory lives
        // as long as `self`, and all access to it is through these atomics.
        unsafe { AtomicU32::from_ptr(self.memory.start().add(at).cast_mut().cast()) }
    }

    /// Makes what was written durable.
    pub(crate) fn flush(&self) -> io::Result<()> {
        match &self.memory {
            Memory::File(map) => map.flush(),
            Memory::Plain(_) => {
                let words = (0..self.memory.len() / 4).map(|word| self.word(word * 4).load(Ordering::Acquire));
                let bytes: Vec<u8> = words.flat_map(u32::to_ne_bytes).collect();
                self.file.write_all_at(&bytes, 0)?;
                self.file.sync_data()
            }
        }
    }
}

/// Asks the system to read these bytes soon. Only advice: what fails here will be read when it is touched.
pub(crate) fn will_need(bytes: &[u8]) {
    if cfg!(miri) || bytes.is_empty() {
        return;
    }
    let (start, len) = pages(bytes);
    // SAFETY: whole pages of which each holds at least one byte of `bytes`, so all are mapped; this advice changes
    // neither what they hold nor whether they are mapped.
    unsafe { libc::madvise(start as *mut libc::c_void, len, libc::MADV_WILLNEED) };
}

/// Whether none of these bytes waits for the disk. `false` where the system does not say.
pub(crate) fn is_resident(bytes: &[u8]) -> bool {
    if cfg!(miri) || bytes.is_empty() {
        return true;
    }
    let page = rustix::param::page_size();
    let (mut at, len) = pages(bytes);
    let end = at + len;
    let mut pages = [0u8; 256];
    while at < end {
        let count = ((end - at) / page).min(pages.len());
        // SAFETY: whole pages of which each holds at least one byte of `bytes`, so all are mapped; one byte of the
        // answer for each of them fits into `pages`. `mincore` does not touch the pages themselves.
        let done = unsafe { libc::mincore(at as *mut libc::c_void, count * page, pages.as_mut_ptr().cast()) };
        if done != 0 || pages[..count].iter().any(|page| page & 1 == 0) {
            return false;
        }
        at += count * page;
    }
    true
}

/// Address and length of the pages that bytes lie in.
fn pages(bytes: &[u8]) -> (usize, usize) {
    let page = rustix::param::page_size();
    let start = bytes.as_ptr() as usize / page * page;
    let end = bytes.as_ptr() as usize + bytes.len();
    (start, end.next_multiple_of(page) - start)
}

/// Where the bytes are.
enum Memory {
    /// In the page cache.
    File(MmapRaw),
    /// In a copy, because the file cannot be mapped.
    Plain(Plain),
}

impl Memory {
    fn read_only(file: &dyn File, len: usize) -> io::Result<Self> {
        Self::of(file, len, |options, fd| options.map_raw_read_only(fd))
    }

    fn writeable(file: &dyn File, len: usize) -> io::Result<Self> {
        let memory = Self::of(file, len, |options, fd| options.map_raw(fd))?;
        if let Self::File(map) = &memory {
            map.advise(Advice::Random)?;
        }
        Ok(memory)
    }

    fn of(
        file: &dyn File,
        len: usize,
        map: impl Fn(&MmapOptions, &BorrowedFd<'_>) -> io::Result<MmapRaw>,
    ) -> io::Result<Self> {
        if file.len()? < len as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("shorter than {len} bytes")));
        }
        match file.fd() {
            Some(fd) => Ok(Self::File(map(MmapOptions::new().len(len), &fd)?)),
            None => Ok(Self::Plain(Plain::copy_of(file, len)?)),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::File(map) => map.len(),
            Self::Plain(plain) => plain.len,
        }
    }

    fn start(&self) -> *const u8 {
        match self {
            Self::File(map) => map.as_ptr(),
            Self::Plain(plain) => plain.start.as_ptr(),
        }
    }
}

/// Memory that is only reached through its address, so that readers and a writer can share it.
struct Plain {
    /// Start of a boxed slice of `words(len)` numbers, taken apart by [`Box::into_raw`].
    start: NonNull<u8>,
    len: usize,
}

impl Plain {
    fn copy_of(file: &dyn File, len: usize) -> io::Result<Self> {
        let words = vec![0u64; len.div_ceil(8)].into_boxed_slice();
        let start = NonNull::from(Box::leak(words)).cast::<u8>();
        let plain = Self { start, len };
        // SAFETY: `len` bytes of memory that was just made (zeroed) and that nobody else knows yet.
        let bytes = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), len) };
        file.read_at(bytes, 0)?;
        Ok(plain)
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let words = NonNull::slice_from_raw_parts(self.start.cast::<u64>(), self.len.div_ceil(8));
        // SAFETY: these are the address and length of the box that `copy_of` took apart.
        drop(unsafe { Box::from_raw(words.as_ptr()) });
    }
}

// SAFETY: plain memory without an owner thread; who may touch which bytes when is the business of the types above,
// which hand out published bytes or atomics only.
unsafe impl Send for Plain {}
// SAFETY: as above.
unsafe impl Sync for Plain {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SimDisk;
    use crate::disk::{Disk, RealDisk};
    use compat::time::{Clock, Millis};
    use std::path::Path;

    fn in_memory(len: u64) -> Arc<dyn File> {
        let file = SimDisk::new(Clock::by_hand(Millis(0)), 1).create(Path::new("/file")).unwrap();
        file.set_len(len).unwrap();
        file
    }

    fn on_disk(dir: &tempfile::TempDir, len: u64) -> Arc<dyn File> {
        let file = RealDisk.create(&dir.path().join("file")).unwrap();
        file.allocate(len).unwrap();
        file
    }

    #[test]
    fn readers_see_what_is_published_and_nothing_else() {
        let map = MappedFile::new(in_memory(100), 100, 0).unwrap();
        map.append(b"hello", 0).unwrap();
        map.append(b"world", 5).unwrap();
        assert_eq!((map.as_ref(), map.get(3, 4)), (b"helloworld".as_slice(), Some(b"lowo".as_slice())));
        assert!(map.get(3, 8).is_none() && map.get(usize::MAX, 2).is_none());
        map.finish(b"!", 10).unwrap();
        assert_eq!((map.published(), map.get(10, 90).unwrap()[0]), (100, b'!'));
        let place = map.get(7, 2).map(|slice| map.position_of(slice));
        assert_eq!((place, map.position_of(&[1, 2, 3])), (Some(Some(7)), None));
    }

    #[test]
    #[should_panic = "append of 1 bytes at 4"]
    fn nobody_writes_below_what_is_published() {
        let map = MappedFile::new(in_memory(100), 100, 5).unwrap();
        let _ = map.append(b"x", 4);
    }

    #[test]
    fn a_cut_file_is_zero_behind_its_end() {
        let file = in_memory(100);
        file.write_all_at(&[7; 100], 0).unwrap();
        let mut map = MappedFile::new(Arc::clone(&file), 100, 100).unwrap();
        map.cut(30).unwrap();
        let mut bytes = [1; 100];
        file.read_at(&mut bytes, 0).unwrap();
        assert_eq!((&bytes[..30], &bytes[30..]), ([7; 30].as_slice(), [0; 70].as_slice()));
        map.append(&[8], 30).unwrap();
        map.finish(&[], 31).unwrap();
        assert_eq!(map.as_ref()[29..33], [7, 8, 0, 0]);
    }

    #[test]
    fn a_file_that_is_too_short_is_an_error() {
        assert!(MappedFile::new(in_memory(99), 100, 0).is_err());
        assert!(MapMut::new(in_memory(99), 100).is_err());
    }

    /// One thread appends, one writes zeros ahead, one reads: every byte that is published stays what was appended.
    fn zeros_never_hit_what_is_appended(file: Arc<dyn File>, len: usize, step: usize, ahead: usize) {
        let map = MappedFile::new(Arc::clone(&file), len, 0).unwrap();
        let byte = |at: usize| (at % 251) as u8 + 1;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for at in (0..len).step_by(step) {
                    let bytes: Vec<u8> = (at..(at + step).min(len)).map(byte).collect();
                    map.append(&bytes, at).unwrap();
                }
            });
            scope.spawn(|| {
                while map.published() < len {
                    map.zero_ahead(ahead).unwrap();
                }
            });
            scope.spawn(|| {
                while map.published() < len {
                    let bytes = map.as_ref();
                    let from = bytes.len().saturating_sub(3 * step);
                    assert!(bytes[from..].iter().enumerate().all(|(at, found)| *found == byte(from + at)));
                }
            });
        });
        let mut stored = vec![0; len];
        file.read_at(&mut stored, 0).unwrap();
        assert!(stored.iter().enumerate().all(|(at, found)| *found == byte(at)));
        assert!(map.as_ref() == stored);
    }

    #[test]
    fn zeros_written_ahead_never_hit_what_is_appended() {
        let (len, step) = if cfg!(miri) { (300, 30) } else { (200_000, 97) };
        for ahead in [1, 20, 10_000] {
            zeros_never_hit_what_is_appended(in_memory(len as u64), len, step, ahead);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs a file system")]
    fn zeros_written_ahead_never_hit_what_is_appended_to_a_real_file() {
        for (step, ahead) in [(97, 1), (97, 500), (5000, 4000), (5000, 1 << 20)] {
            let dir = tempfile::tempdir().unwrap();
            zeros_never_hit_what_is_appended(on_disk(&dir, 1 << 21), 1 << 21, step, ahead);
        }
    }

    #[test]
    fn zeros_are_written_so_far_ahead_as_was_asked() {
        let map = MappedFile::new(in_memory(1 << 20), 1 << 20, 0).unwrap();
        assert!(map.zero_ahead(300 << 10).unwrap());
        assert!(!map.zero_ahead(300 << 10).unwrap());
        assert_eq!(map.zeros_behind(0), 300 << 10);
        map.append(&[1; 1000], 0).unwrap();
        assert_eq!(map.zeros_behind(1000), (300 << 10) - 1000);
    }

    #[test]
    fn words_are_shared_and_reach_the_file_with_a_flush() {
        let file = in_memory(16);
        let map = MapMut::new(Arc::clone(&file), 16).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| map.word(4).store(u32::from_be(7), Ordering::Release));
            scope.spawn(|| map.word(4).load(Ordering::Acquire));
        });
        map.flush().unwrap();
        let mut bytes = [1; 16];
        file.read_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    #[should_panic = "no word at 16"]
    fn there_is_no_word_behind_the_end() {
        MapMut::new(in_memory(16), 16).unwrap().word(16);
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs a file system")]
    fn a_mapped_file_sees_what_is_written_and_is_resident_after_that() {
        let dir = tempfile::tempdir().unwrap();
        let map = MappedFile::new(on_disk(&dir, 1 << 20), 1 << 20, 0).unwrap();
        map.append(&[5; 10_000], 0).unwrap();
        let bytes = map.get(4000, 6000).unwrap();
        assert_eq!(bytes, [5; 6000]);
        will_need(bytes);
        assert!(is_resident(bytes) && is_resident(&[]));
    }
}
