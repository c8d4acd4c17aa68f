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
}

impl MappedFile {
    /// Maps a file of at least `len` bytes, of which the first `published` are there to be read.
    pub(crate) fn new(file: Arc<dyn File>, len: usize, published: usize) -> io::Result<Self> {
        let memory = Memory::read_only(&*file, len)?;
        let published = AtomicUsize::new(published.min(len));
        Ok(Self { file, memory, published, writing: Mutex::new(()) })
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
        *self.published.get_mut() = published.min(self.len());
        let mut chunk = vec![0; ZEROS.len()];
        let mut at = self.published() as u64;
        while let Some(data) = self.file.next_data(at)? {
            let count = self.file.read_at(&mut chunk, data)?;
            let from = usize::try_from(data).unwrap_or(usize::MAX);
            let count = count.min(self.len().saturating_sub(from));
            if count == 0 {
                break;
            }
            if chunk[..count].iter().any(|&byte| byte != 0) {
                let writing = self.lock();
                self.write(&writing, &ZEROS[..count], from)?;
            }
            at = data + count as u64;
        }
        Ok(())
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
