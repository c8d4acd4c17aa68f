//! A directory of files of one length, each named by the offset of its first byte: together one long array of bytes.

use crate::disk::Disk;
use crate::map::MappedFile;
use crate::store::OpenError;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// One file.
pub(crate) struct Segment {
    /// Offset of its first byte in the whole.
    pub first: u64,
    /// Its bytes.
    pub map: Arc<MappedFile>,
}

/// The files of a directory, in order, without a gap.
pub(crate) struct Segments {
    _later: (),
}

impl Segments {
    /// Opens what is there and checks names, lengths and gaps. All bytes of all files are published. Changes nothing on disk.
    pub fn load(disk: Arc<dyn Disk>, dir: &Path, file_len: u32) -> Result<Self, OpenError> {
        let _ = (disk, dir, file_len);
        todo!()
    }

    /// Length of each file, bytes.
    pub fn file_len(&self) -> u64 {
        todo!()
    }

    /// The file that holds an offset.
    pub fn find(&self, offset: u64) -> Option<Arc<Segment>> {
        let _ = offset;
        todo!()
    }

    /// The first file.
    pub fn first(&self) -> Option<Arc<Segment>> {
        todo!()
    }

    /// The last file.
    pub fn last(&self) -> Option<Arc<Segment>> {
        todo!()
    }

    /// Makes the file behind the last one; `first` names it when there is none.
    pub fn create_next(&self, first: u64) -> io::Result<Arc<Segment>> {
        let _ = first;
        todo!()
    }

    /// Deletes the first file, unless it is the last.
    pub fn delete_first(&self) -> io::Result<bool> {
        todo!()
    }
}
