//! Memory that readers look at while a writer appends behind what they see. All unsafe code of the store is here.

use crate::disk::File;
use std::io;
use std::sync::Arc;

/// A file of fixed length of which a growing front part is published: written, and never written again.
pub struct MappedFile {
    file: Arc<dyn File>,
}

impl MappedFile {
    /// Maps a file of at least `len` bytes, of which the first `published` are there to be read.
    pub(crate) fn new(file: Arc<dyn File>, len: usize, published: usize) -> io::Result<Self> {
        let _ = (len, published);
        Ok(Self { file })
    }

    /// The file behind it.
    pub(crate) fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    /// Length of the whole file, bytes.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// How many bytes can be read.
    pub fn published(&self) -> usize {
        todo!()
    }

    /// A range of the published bytes.
    pub fn get(&self, at: usize, len: usize) -> Option<&[u8]> {
        let _ = (at, len);
        todo!()
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        todo!()
    }
}

/// A file of fixed length that is written in place, four bytes at a time, while others read it: the index.
///
/// Only bytes with blocks behind them are written ([`File::allocate`]), so that a full disk is an error and not a signal.
pub(crate) struct MapMut {
    file: Arc<dyn File>,
}

impl MapMut {
    /// Maps a file of at least `len` bytes for reading and writing, with advice that accesses are random.
    pub(crate) fn new(file: Arc<dyn File>, len: usize) -> io::Result<Self> {
        let _ = len;
        Ok(Self { file })
    }

    /// The file behind it.
    pub(crate) fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    /// The four bytes at `at` (a multiple of four), as they stand in the file: callers see to the byte order.
    ///
    /// # Panics
    /// Outside of the mapping, or when `at` is no multiple of four.
    pub(crate) fn word(&self, at: usize) -> &std::sync::atomic::AtomicU32 {
        let _ = at;
        todo!()
    }

    /// Makes what was written durable (`msync` and `fdatasync`).
    pub(crate) fn flush(&self) -> io::Result<()> {
        todo!()
    }
}
