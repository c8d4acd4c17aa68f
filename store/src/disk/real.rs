//! The machine's file system.

use super::{Disk, Entry, File, Lock, Space};
use compat::time::Millis;
use rustix::fs::{FallocateFlags, FlockOperation, SeekFrom};
use rustix::io::{Errno, ReadWriteFlags};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, IoSliceMut, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RealFile(fs::File::options().read(true).write(true).open(path)?)))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RealFile(fs::File::options().read(true).write(true).create_new(true).open(path)?)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let names = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            names => names?,
        };
        let mut entries = names.map(|name| entry(&name?)).collect::<io::Result<Vec<_>>>()?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_all(&self, path: &Path) -> io::Result<bool> {
        rustix::fs::syncfs(fs::File::open(path)?)?;
        Ok(true)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("longer than {limit} bytes")));
        }
        Ok(bytes)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let blocks = rustix::fs::statvfs(path)?;
        let bytes = |count: u64| count.saturating_mul(blocks.f_frsize);
        Ok(Space { total: bytes(blocks.f_blocks), free: bytes(blocks.f_bfree), available: bytes(blocks.f_bavail) })
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        Ok(RealLock::take(path)?.map(|lock| Box::new(lock) as Box<dyn Lock>))
    }
}

fn entry(found: &fs::DirEntry) -> io::Result<Entry> {
    let about = fs::metadata(found.path()).or_else(|_| found.metadata())?;
    Ok(Entry {
        name: found.file_name().to_string_lossy().into_owned(),
        len: if about.is_dir() { 0 } else { about.len() },
        is_dir: about.is_dir(),
        modified: modified(&about),
    })
}

fn modified(about: &fs::Metadata) -> Millis {
    Millis(about.mtime().saturating_mul(1000).saturating_add(about.mtime_nsec() / 1_000_000))
}

struct RealFile(fs::File);

impl File for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    /// The length is set first: a crash in between leaves a file of its full length, or an empty one.
    fn allocate(&self, len: u64) -> io::Result<()> {
        if self.len()? < len {
            self.0.set_len(len)?;
        }
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, len) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            done => Ok(done?),
        }
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            match self.0.read_at(&mut buf[done..], at + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// File systems that cannot tell (`EOPNOTSUPP`) count as waiting.
    fn read_resident_at(&self, buf: &mut [u8], at: u64) -> io::Result<Option<usize>> {
        let mut done = 0;
        while done < buf.len() {
            let mut rest = [IoSliceMut::new(&mut buf[done..])];
            match rustix::io::preadv2(&self.0, &mut rest, at + done as u64, ReadWriteFlags::NOWAIT) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(done))
    }

    fn write_all_at(&self, buf: &[u8], at: u64) -> io::Result<()> {
        self.0.write_all_at(buf, at)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn start_writeback(&self, at: u64, len: u64) -> io::Result<()> {
        sync_file_range(self.0.as_fd(), at, len)
    }

    fn modified(&self) -> io::Result<Millis> {
        Ok(modified(&self.0.metadata()?))
    }

    fn set_modified(&self, to: Millis) -> io::Result<()> {
        self.0.set_modified(UNIX_EPOCH + Duration::from_millis(to.0.max(0) as u64))
    }

    fn next_data(&self, at: u64) -> io::Result<Option<u64>> {
        match rustix::fs::seek(&self.0, SeekFrom::Data(at)) {
            Ok(data) => Ok(Some(data)),
            Err(Errno::NXIO) => Ok(None),
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some(at)),
            Err(error) => Err(error.into()),
        }
    }

    fn end_of_data(&self, at: u64) -> io::Result<u64> {
        match rustix::fs::seek(&self.0, SeekFrom::Hole(at)) {
            Ok(hole) => Ok(hole),
            Err(Errno::INVAL | Errno::OPNOTSUPP) => self.len(),
            Err(error) => Err(error.into()),
        }
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}

#[allow(unsafe_code, reason = "no safe wrapper of this call exists")]
fn sync_file_range(file: BorrowedFd<'_>, at: u64, len: u64) -> io::Result<()> {
    let (at, len) = (i64::try_from(at), i64::try_from(len));
    let (Ok(at), Ok(len)) = (at, len) else { return Err(io::ErrorKind::InvalidInput.into()) };
    // SAFETY: takes a descriptor, which `file` keeps open, and numbers; no memory is passed.
    let done = unsafe { libc::sync_file_range(file.as_raw_fd(), at, len, libc::SYNC_FILE_RANGE_WRITE) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A POSIX record lock, which conflicts with the one that Java's `FileChannel.tryLock(0, 1)` takes.
///
/// The kernel keeps such locks per process: a second one by the same process would succeed, and closing any descriptor
/// of the file would drop both. So this process keeps a list, and looks at it before it opens the file.
struct RealLock {
    /// Always there until the lock is dropped.
    file: Option<fs::File>,
    id: FileId,
}

/// Device and inode.
type FileId = (u64, u64);

static HELD: Mutex<BTreeSet<FileId>> = Mutex::new(BTreeSet::new());

impl RealLock {
    fn take(path: &Path) -> io::Result<Option<Self>> {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if fs::metadata(path).is_ok_and(|about| held.contains(&(about.dev(), about.ino()))) {
            return Ok(None);
        }
        let file = fs::File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(()) => {
                let about = file.metadata()?;
                let id = (about.dev(), about.ino());
                held.insert(id);
                Ok(Some(Self { file: Some(file), id }))
            }
        }
    }
}

impl Lock for RealLock {
    fn mark(&self, content: &[u8]) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        file.write_all_at(content, 0)?;
        file.set_len(content.len() as u64)
    }
}

impl Drop for RealLock {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        // Closed, and with that unlocked, while the list is held: closing later would drop the lock of who came next.
        self.file = None;
        held.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_and_keeps_what_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert_eq!(RealDisk.open(&path).err().unwrap().kind(), io::ErrorKind::NotFound);
        let file = RealDisk.create(&path).unwrap();
        assert_eq!(RealDisk.create(&path).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        file.write_all_at(b"hello", 3).unwrap();
        file.sync_data().unwrap();
        file.start_writeback(0, 8).unwrap();
        let mut bytes = [9; 10];
        assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 8);
        assert_eq!(bytes, *b"\0\0\0hello\x09\x09");
        assert_eq!(RealDisk.read(&path, 8).unwrap(), b"\0\0\0hello");
        assert_eq!(RealDisk.read(&path, 7).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn what_was_just_written_is_resident_where_the_file_system_can_tell() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.create(&dir.path().join("file")).unwrap();
        file.write_all_at(b"hello", 0).unwrap();
        let mut bytes = [0; 8];
        if let Some(count) = file.read_resident_at(&mut bytes, 0).unwrap() {
            assert_eq!(&bytes[..count], b"hello");
        }
    }

    #[test]
    fn an_allocated_file_has_its_length_and_no_data() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.create(&dir.path().join("file")).unwrap();
        file.allocate(1 << 20).unwrap();
        file.allocate(1 << 10).unwrap();
        assert_eq!(file.len().unwrap(), 1 << 20);
        file.write_all_at(&[1], 500_000).unwrap();
        let found = file.next_data(0).unwrap().unwrap();
        assert!(found <= 500_000);
        assert_eq!(file.next_data(1 << 20).unwrap(), None);
    }

    #[test]
    fn a_directory_is_listed_by_name_and_an_absent_one_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("a/b");
        assert_eq!(RealDisk.list(&root).unwrap(), []);
        RealDisk.create_dir_all(&root.join("sub")).unwrap();
        let file = RealDisk.create(&root.join("file")).unwrap();
        file.set_len(7).unwrap();
        file.set_modified(Millis(1_530_000_000_123)).unwrap();
        assert_eq!(file.modified().unwrap(), Millis(1_530_000_000_123));
        RealDisk.rename(&root.join("file"), &root.join("name")).unwrap();
        RealDisk.sync_dir(&root).unwrap();
        let listed = RealDisk.list(&root).unwrap();
        assert_eq!(
            listed[0],
            Entry { name: "name".to_owned(), len: 7, is_dir: false, modified: Millis(1_530_000_000_123) }
        );
        assert_eq!((listed[1].name.as_str(), listed[1].len, listed[1].is_dir), ("sub", 0, true));
        let space = RealDisk.space(&root).unwrap();
        assert!(space.total >= space.free && space.free >= space.available);
        RealDisk.remove_file(&root.join("name")).unwrap();
        RealDisk.remove_dir(&root.join("sub")).unwrap();
        assert_eq!(RealDisk.list(&root).unwrap(), []);
    }

    #[test]
    fn a_lock_lasts_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = RealDisk.lock(&path).unwrap().unwrap();
        assert!(RealDisk.lock(&path).unwrap().is_none());
        assert!(RealDisk.lock(&path).unwrap().is_none(), "asking does not unlock it");
        drop(held);
        assert!(RealDisk.lock(&path).unwrap().is_some());
    }
}
