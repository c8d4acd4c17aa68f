//! A disk in memory that fails on purpose: full, broken, cut short by a power cut, and repeatable from one seed.
//!
//! A machine has what its processes see and what would be there after a power cut. Content becomes durable by
//! [`File::sync_data`], names by [`Disk::sync_dir`] of their directory. [`SimDisk::crash`] returns one of the states
//! that a power cut may leave: of each sector of 512 bytes any earlier unsynced content, of each file any earlier length, of each
//! directory any earlier set of names. [`SimDisk::kill`] ends a process only: everything it wrote is still there.
//!
//! Stricter than most file systems: syncing a file does not make its name durable, and syncing one directory does
//! nothing for another, unless a rename ties them together.

use super::{Disk, Entry, File, Lock, Space};
use compat::time::{Clock, Millis};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind, Result};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a disk writes at once, bytes.
pub const SECTOR_LEN: usize = 512;
/// What a file system allocates and the page cache holds at once, bytes.
pub const PAGE_LEN: u64 = 4096;

/// One process of a simulated machine, and its view of the disk. Clones are the same process.
#[derive(Clone)]
pub struct SimDisk {
    machine: Arc<Mutex<Machine>>,
    process: u64,
}

/// Something that goes wrong once. Counting starts at 1, which is the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The nth write fails with an I/O error after so many of its bytes.
    Write {
        /// Which.
        nth: u64,
        /// Bytes that are written nevertheless.
        written: usize,
    },
    /// The nth sync of a file fails, and what it should have synced is never durable, although readers see it: a later
    /// sync without an error says nothing about it. So does Linux.
    Sync {
        /// Which.
        nth: u64,
    },
    /// The nth sync of a directory fails.
    SyncDir {
        /// Which.
        nth: u64,
    },
    /// The power goes during the nth step, which happens partly, fully or not at all; nothing works after it.
    PowerCut {
        /// Which.
        nth: u64,
    },
}

/// How often something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Everything that changes the disk or makes it durable.
    pub steps: u64,
    /// Writes into files.
    pub writes: u64,
    /// Syncs of files.
    pub syncs: u64,
    /// Syncs of directories.
    pub dir_syncs: u64,
}

impl SimDisk {
    /// A machine with an empty disk of one tebibyte, and one process on it. Times are those of `clock`.
    pub fn new(clock: Clock, seed: u64) -> Self {
        let machine = Machine {
            clock,
            chance: Chance(seed),
            running: BTreeSet::from([0]),
            next_process: 1,
            capacity: 1 << 40,
            ..Machine::default()
        };
        Self { machine: Arc::new(Mutex::new(machine)), process: 0 }
    }

    /// Another process on the same machine.
    pub fn another_process(&self) -> Self {
        let mut machine = self.lock_machine();
        let process = machine.next_process;
        machine.next_process += 1;
        machine.running.insert(process);
        Self { machine: self.machine.clone(), process }
    }

    /// Ends this process: its locks are free, its files and this disk fail from here on, all it wrote is there.
    /// Returns a process that starts after it.
    pub fn kill(&self) -> Self {
        let mut machine = self.lock_machine();
        machine.running.remove(&self.process);
        machine.locks.retain(|_, owner| *owner != self.process);
        drop(machine);
        self.another_process()
    }

    /// Cuts the power and returns a process on the machine after its restart.
    pub fn crash(&self) -> Self {
        let after = self.if_power_failed();
        self.lock_machine().is_off = true;
        after
    }

    /// A process on the machine as a power cut at this moment may leave it; this one goes on. Each call gives another
    /// such state.
    pub fn if_power_failed(&self) -> Self {
        Self { machine: Arc::new(Mutex::new(self.lock_machine().after_power_cut())), process: 0 }
    }

    /// Lets something go wrong.
    pub fn inject(&self, fault: Fault) {
        let mut machine = self.lock_machine();
        let counts = machine.counts;
        machine.faults.push(match fault {
            Fault::Write { nth, written } => Fault::Write { nth: counts.writes + nth, written },
            Fault::Sync { nth } => Fault::Sync { nth: counts.syncs + nth },
            Fault::SyncDir { nth } => Fault::SyncDir { nth: counts.dir_syncs + nth },
            Fault::PowerCut { nth } => Fault::PowerCut { nth: counts.steps + nth },
        });
    }

    /// What was done so far, by all processes.
    pub fn counts(&self) -> Counts {
        self.lock_machine().counts
    }

    /// Leaves so much space, bytes, in whole pages. A write that needs more is cut short and fails.
    pub fn leave_free(&self, bytes: u64) {
        let mut machine = self.lock_machine();
        machine.capacity = machine.used() + bytes;
    }

    /// Makes everything that changes the disk fail, as after a remount, or lets it work again.
    pub fn set_read_only(&self, read_only: bool) {
        self.lock_machine().is_read_only = read_only;
    }

    /// Drops the page cache: what is not read or written again is not resident.
    pub fn evict(&self) {
        for inode in &mut self.lock_machine().inodes {
            inode.cold = (0..(inode.live.len() as u64).div_ceil(PAGE_LEN)).collect();
        }
    }

    /// All files with their content, as a process sees them.
    pub fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let machine = self.lock_machine();
        let file = |(path, node): (&PathBuf, &Node)| match node {
            Node::Dir => None,
            Node::File(id) => Some((path.clone(), machine.inodes[*id].live.clone())),
        };
        machine.names.iter().filter_map(file).collect()
    }

    fn lock_machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine, if this process can still reach it.
    fn machine(&self) -> Result<MutexGuard<'_, Machine>> {
        let machine = self.lock_machine();
        if machine.is_off {
            return Err(Error::other("the power is off"));
        }
        if !machine.running.contains(&self.process) {
            return Err(Error::other("the process was killed"));
        }
        Ok(machine)
    }

    fn file(&self, inode: usize) -> Arc<dyn File> {
        Arc::new(SimFile { disk: self.clone(), inode })
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        let inode = self.machine()?.file_at(&plain(path))?;
        Ok(self.file(inode))
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        let inode = self.machine()?.create(&plain(path))?;
        Ok(self.file(inode))
    }

    fn list(&self, dir: &Path) -> Result<Vec<Entry>> {
        let machine = self.machine()?;
        let dir = plain(dir);
        if machine.names.get(&dir).is_some_and(|node| *node != Node::Dir) {
            return Err(ErrorKind::NotADirectory.into());
        }
        let inside = machine.names.iter().filter(|(path, _)| is_in(path, &dir));
        Ok(inside.map(|(path, node)| machine.entry(path, *node)).collect())
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        let mut machine = self.machine()?;
        let dir = plain(dir);
        let mut missing: Vec<&Path> = dir.ancestors().take_while(|path| !machine.is_dir(path)).collect();
        while let Some(path) = missing.pop() {
            if machine.names.contains_key(path) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            machine.change_names(vec![(path.to_owned(), Some(Node::Dir))])?;
        }
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        let mut machine = self.machine()?;
        let path = plain(path);
        machine.file_at(&path)?;
        machine.change_names(vec![(path, None)])
    }

    fn remove_dir(&self, dir: &Path) -> Result<()> {
        let mut machine = self.machine()?;
        let dir = plain(dir);
        match machine.names.get(&dir) {
            None => return Err(ErrorKind::NotFound.into()),
            Some(Node::File(_)) => return Err(ErrorKind::NotADirectory.into()),
            Some(Node::Dir) => {}
        }
        if machine.names.keys().any(|path| is_in(path, &dir)) {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        machine.change_names(vec![(dir, None)])
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut machine = self.machine()?;
        let (from, to) = (plain(from), plain(to));
        let inode = machine.file_at(&from)?;
        machine.dir_of(&to)?;
        if machine.names.get(&to) == Some(&Node::Dir) {
            return Err(ErrorKind::IsADirectory.into());
        }
        if from == to {
            return Ok(());
        }
        machine.change_names(vec![(from, None), (to, Some(Node::File(inode)))])
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let mut machine = self.machine()?;
        let dir = plain(dir);
        if !machine.is_dir(&dir) {
            return Err(ErrorKind::NotFound.into());
        }
        machine.sync_dir(&dir)
    }

    fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>> {
        let machine = self.machine()?;
        let content = &machine.inodes[machine.file_at(&plain(path))?].live;
        if content.len() as u64 > limit {
            return Err(ErrorKind::FileTooLarge.into());
        }
        Ok(content.clone())
    }

    fn space(&self, _: &Path) -> Result<Space> {
        let machine = self.machine()?;
        let free = machine.capacity.saturating_sub(machine.used());
        Ok(Space { total: machine.capacity, free, available: free })
    }

    /// Nobody gets a lock that is held, not even the process that holds it.
    fn lock(&self, path: &Path) -> Result<Option<Box<dyn Lock>>> {
        let mut machine = self.machine()?;
        let path = plain(path);
        let inode = match machine.file_at(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => machine.create(&path)?,
            found => found?,
        };
        if machine.locks.contains_key(&inode) {
            return Ok(None);
        }
        machine.locks.insert(inode, self.process);
        Ok(Some(Box::new(SimLock { disk: self.clone(), inode })))
    }
}

struct SimLock {
    disk: SimDisk,
    inode: usize,
}

impl Lock for SimLock {
    fn mark(&self, content: &[u8]) -> Result<()> {
        let file = self.disk.file(self.inode);
        file.set_len(0)?;
        file.write_all_at(content, 0)
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut machine = self.disk.lock_machine();
        if machine.locks.get(&self.inode) == Some(&self.disk.process) {
            machine.locks.remove(&self.inode);
        }
    }
}

struct SimFile {
    disk: SimDisk,
    inode: usize,
}

impl File for SimFile {
    fn len(&self) -> Result<u64> {
        Ok(self.disk.machine()?.inodes[self.inode].live.len() as u64)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.disk.machine()?.set_len(self.inode, len)
    }

    fn allocate(&self, len: u64) -> Result<()> {
        self.disk.machine()?.allocate(self.inode, len)
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize> {
        let mut machine = self.disk.machine()?;
        let inode = &mut machine.inodes[self.inode];
        inode.warm(at, buf.len());
        Ok(inode.copy_to(buf, at))
    }

    fn read_resident_at(&self, buf: &mut [u8], at: u64) -> Result<Option<usize>> {
        let machine = self.disk.machine()?;
        let inode = &machine.inodes[self.inode];
        let is_cold = inode.cold.range(pages(at, buf.len())).next().is_some();
        Ok((!is_cold).then(|| inode.copy_to(buf, at)))
    }

    fn write_all_at(&self, buf: &[u8], at: u64) -> Result<()> {
        self.disk.machine()?.write(self.inode, buf, at)
    }

    fn sync_data(&self) -> Result<()> {
        self.disk.machine()?.sync_data(self.inode)
    }

    fn start_writeback(&self, _: u64, _: u64) -> Result<()> {
        self.disk.machine().map(drop)
    }

    fn modified(&self) -> Result<Millis> {
        Ok(self.disk.machine()?.inodes[self.inode].modified)
    }

    fn set_modified(&self, to: Millis) -> Result<()> {
        self.disk.machine()?.inodes[self.inode].modified = to;
        Ok(())
    }

    /// A page is the unit: zeros in a page that holds anything else are data too.
    fn next_data(&self, at: u64) -> Result<Option<u64>> {
        let machine = self.disk.machine()?;
        let content = &machine.inodes[self.inode].live;
        let rest = content.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or_default();
        let first = rest.iter().position(|byte| *byte != 0);
        Ok(first.map(|first| at.max((at + first as u64) / PAGE_LEN * PAGE_LEN)))
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Dir,
    File(usize),
}

/// Names that changed together, with what they stand for afterwards.
type NameChange = Vec<(PathBuf, Option<Node>)>;

#[derive(Default)]
struct Machine {
    clock: Clock,
    chance: Chance,
    running: BTreeSet<u64>,
    next_process: u64,
    is_off: bool,
    is_read_only: bool,
    capacity: u64,
    counts: Counts,
    faults: Vec<Fault>,
    /// Inode to process.
    locks: BTreeMap<usize, u64>,
    /// As processes see them.
    names: BTreeMap<PathBuf, Node>,
    /// After a power cut that loses all it can.
    durable_names: BTreeMap<PathBuf, Node>,
    /// What leads from the durable names to those that are seen.
    unsynced_names: Vec<NameChange>,
    /// A file stays here, unnamed, while a process may have it open.
    inodes: Vec<Inode>,
}

#[derive(Clone, Default)]
struct Inode {
    modified: Millis,
    /// As processes see it.
    live: Vec<u8>,
    /// After a power cut that loses all it can.
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    /// Pages that take space.
    pages: BTreeSet<u64>,
    /// Pages that are not in the page cache.
    cold: BTreeSet<u64>,
}

#[derive(Clone)]
struct Change {
    what: What,
    /// A failed sync lost it.
    is_lost: bool,
}

#[derive(Clone)]
enum What {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl Machine {
    fn is_dir(&self, path: &Path) -> bool {
        path.parent().is_none() || self.names.get(path) == Some(&Node::Dir)
    }

    /// The directory that a name stands in.
    fn dir_of(&self, path: &Path) -> Result<()> {
        let dir = path.parent().ok_or(ErrorKind::IsADirectory)?;
        if self.is_dir(dir) {
            return Ok(());
        }
        let is_file = self.names.contains_key(dir);
        Err(if is_file { ErrorKind::NotADirectory } else { ErrorKind::NotFound }.into())
    }

    fn file_at(&self, path: &Path) -> Result<usize> {
        self.dir_of(path)?;
        match self.names.get(path) {
            Some(Node::File(inode)) => Ok(*inode),
            Some(Node::Dir) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn create(&mut self, path: &Path) -> Result<usize> {
        self.dir_of(path)?;
        if self.names.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let inode = self.inodes.len();
        self.inodes.push(Inode { modified: self.clock.now(), ..Inode::default() });
        self.change_names(vec![(path.to_owned(), Some(Node::File(inode)))])?;
        Ok(inode)
    }

    fn entry(&self, path: &Path, node: Node) -> Entry {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match node {
            Node::Dir => Entry { name, len: 0, is_dir: true, modified: Millis(0) },
            Node::File(inode) => {
                let inode = &self.inodes[inode];
                Entry { name, len: inode.live.len() as u64, is_dir: false, modified: inode.modified }
            }
        }
    }

    fn change_names(&mut self, change: NameChange) -> Result<()> {
        let step = self.step()?;
        apply_names(&mut self.names, &change);
        self.unsynced_names.push(change);
        step.end()
    }

    fn sync_dir(&mut self, dir: &Path) -> Result<()> {
        self.counts.dir_syncs += 1;
        let step = self.step()?;
        if step.is_last {
            return step.end();
        }
        let nth = self.counts.dir_syncs;
        if self.take_fault(|fault| *fault == Fault::SyncDir { nth }).is_some() {
            return Err(io_error());
        }
        let wanted: Vec<bool> = self.unsynced_names.iter().map(|change| touches(change, dir)).collect();
        let kept = with_what_they_need(&self.unsynced_names, wanted);
        let mut kept = kept.into_iter();
        let durable = &mut self.durable_names;
        self.unsynced_names.retain(|change| {
            let is_kept = kept.next().unwrap_or(false);
            if is_kept {
                apply_names(durable, change);
            }
            !is_kept
        });
        Ok(())
    }

    fn set_len(&mut self, inode: usize, len: u64) -> Result<()> {
        let step = self.step()?;
        let now = self.clock.now();
        self.inodes[inode].change(What::SetLen(len), now);
        step.end()
    }

    fn allocate(&mut self, inode: usize, len: u64) -> Result<()> {
        let step = self.step()?;
        let now = self.clock.now();
        let missing = self.inodes[inode].missing_pages(0, len);
        if missing.len() as u64 * PAGE_LEN > self.capacity.saturating_sub(self.used()) {
            return Err(no_space());
        }
        let file = &mut self.inodes[inode];
        file.pages.extend(missing);
        if (file.live.len() as u64) < len {
            file.change(What::SetLen(len), now);
        }
        step.end()
    }

    fn write(&mut self, inode: usize, bytes: &[u8], at: u64) -> Result<()> {
        self.counts.writes += 1;
        let step = self.step()?;
        let nth = self.counts.writes;
        let fault = self.take_fault(|fault| matches!(fault, Fault::Write { nth: this, .. } if *this == nth));
        let wanted = match fault {
            Some(Fault::Write { written, .. }) => written.min(bytes.len()),
            _ => bytes.len(),
        };
        let fitting = self.fitting(inode, at, wanted);
        let now = self.clock.now();
        let file = &mut self.inodes[inode];
        file.pages.extend(file.missing_pages(at, fitting as u64));
        if fitting > 0 {
            file.change(What::Write(at, bytes[..fitting].to_vec()), now);
        }
        match () {
            () if fault.is_some() => Err(io_error()),
            () if fitting < wanted => Err(no_space()),
            () => step.end(),
        }
    }

    /// How much of a write there is space for.
    fn fitting(&self, inode: usize, at: u64, len: usize) -> usize {
        let missing = self.inodes[inode].missing_pages(at, len as u64);
        let free_pages = self.capacity.saturating_sub(self.used()) / PAGE_LEN;
        match missing.get(free_pages as usize) {
            Some(first_without) => (first_without * PAGE_LEN).saturating_sub(at) as usize,
            None => len,
        }
    }

    fn sync_data(&mut self, inode: usize) -> Result<()> {
        self.counts.syncs += 1;
        let step = self.step()?;
        if step.is_last {
            return step.end();
        }
        let nth = self.counts.syncs;
        let fails = self.take_fault(|fault| *fault == Fault::Sync { nth }).is_some();
        let file = &mut self.inodes[inode];
        if fails {
            file.unsynced.iter_mut().for_each(|change| change.is_lost = true);
            return Err(io_error());
        }
        let durable = &mut file.durable;
        file.unsynced.retain(|change| {
            if !change.is_lost {
                change.what.apply(durable);
            }
            change.is_lost
        });
        Ok(())
    }

    /// Counts a step; the one with the power cut is the last.
    fn step(&mut self) -> Result<Step> {
        if self.is_read_only {
            return Err(Error::from_raw_os_error(libc::EROFS));
        }
        self.counts.steps += 1;
        let nth = self.counts.steps;
        self.is_off = self.take_fault(|fault| *fault == Fault::PowerCut { nth }).is_some();
        Ok(Step { is_last: self.is_off })
    }

    fn take_fault(&mut self, is_due: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self.faults.iter().position(is_due)?;
        Some(self.faults.swap_remove(at))
    }

    /// Bytes that named files take.
    fn used(&self) -> u64 {
        let pages = |node: &Node| match node {
            Node::Dir => 0,
            Node::File(inode) => self.inodes[*inode].pages.len() as u64,
        };
        self.names.values().map(pages).sum::<u64>() * PAGE_LEN
    }

    fn after_power_cut(&mut self) -> Machine {
        let wanted = match self.chance.below(3) {
            0 => vec![false; self.unsynced_names.len()],
            1 => vec![true; self.unsynced_names.len()],
            _ => self.unsynced_names.iter().map(|_| self.chance.below(2) == 0).collect(),
        };
        let kept = with_what_they_need(&self.unsynced_names, wanted);
        let mut names = self.durable_names.clone();
        for (change, _) in self.unsynced_names.iter().zip(kept).filter(|(_, kept)| *kept) {
            apply_names(&mut names, change);
        }
        let chance = &mut self.chance;
        let inodes = self.inodes.iter().map(|inode| inode.after_power_cut(chance)).collect();
        Machine {
            clock: self.clock.clone(),
            chance: Chance(self.chance.next()),
            running: BTreeSet::from([0]),
            next_process: 1,
            capacity: self.capacity,
            durable_names: names.clone(),
            names,
            inodes,
            ..Machine::default()
        }
    }
}

/// A step that was counted.
struct Step {
    is_last: bool,
}

impl Step {
    fn end(self) -> Result<()> {
        if self.is_last { Err(Error::other("the power went off")) } else { Ok(()) }
    }
}

impl Inode {
    fn change(&mut self, what: What, now: Millis) {
        what.apply(&mut self.live);
        match &what {
            What::Write(at, bytes) => self.warm(*at, bytes.len()),
            What::SetLen(len) => {
                self.pages.split_off(&len.div_ceil(PAGE_LEN));
                self.cold.split_off(&len.div_ceil(PAGE_LEN));
            }
        }
        self.modified = now;
        self.unsynced.push(Change { what, is_lost: false });
    }

    fn warm(&mut self, at: u64, len: usize) {
        let range = pages(at, len);
        self.cold.retain(|page| !range.contains(page));
    }

    fn copy_to(&self, buf: &mut [u8], at: u64) -> usize {
        let from = self.live.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or_default();
        let len = from.len().min(buf.len());
        buf[..len].copy_from_slice(&from[..len]);
        len
    }

    fn missing_pages(&self, at: u64, len: u64) -> Vec<u64> {
        pages(at, len as usize).filter(|page| !self.pages.contains(page)).collect()
    }

    /// Every sector and the length go back to one of their earlier states, each on its own.
    fn after_power_cut(&self, chance: &mut Chance) -> Inode {
        let changes: Vec<&What> =
            self.unsynced.iter().filter(|change| !change.is_lost).map(|change| &change.what).collect();
        let mood = chance.below(3);
        let mut prefix = || match mood {
            0 => 0,
            1 => changes.len(),
            _ => chance.below(changes.len() as u64 + 1) as usize,
        };
        let kept_lens = prefix();
        let mut kept_writes: BTreeMap<usize, usize> = BTreeMap::new();
        let mut content = self.durable.clone();
        let mut len = content.len();
        for (nth, change) in changes.iter().enumerate() {
            let is_len_kept = nth < kept_lens;
            match change {
                What::SetLen(to) if is_len_kept => {
                    len = *to as usize;
                    content.truncate(len);
                }
                What::SetLen(_) => {}
                What::Write(at, bytes) => {
                    let (at, end) = (*at as usize, *at as usize + bytes.len());
                    for sector in at / SECTOR_LEN..end.div_ceil(SECTOR_LEN) {
                        if nth < *kept_writes.entry(sector).or_insert_with(&mut prefix) {
                            let from = at.max(sector * SECTOR_LEN);
                            let to = end.min((sector + 1) * SECTOR_LEN);
                            put(&mut content, from, &bytes[from - at..to - at]);
                        }
                    }
                    if is_len_kept {
                        len = len.max(end);
                    }
                }
            }
        }
        content.resize(len, 0);
        let pages = self.pages.iter().copied().filter(|page| page * PAGE_LEN < len as u64).collect();
        let cold = (0..(len as u64).div_ceil(PAGE_LEN)).collect();
        Inode { modified: self.modified, live: content.clone(), durable: content, unsynced: Vec::new(), pages, cold }
    }
}

impl What {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => put(content, *at as usize, bytes),
            Self::SetLen(len) => content.resize(*len as usize, 0),
        }
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

fn pages(at: u64, len: usize) -> std::ops::Range<u64> {
    if len == 0 { 0..0 } else { at / PAGE_LEN..(at + len as u64).div_ceil(PAGE_LEN) }
}

fn apply_names(names: &mut BTreeMap<PathBuf, Node>, change: &NameChange) {
    for (path, node) in change {
        match node {
            Some(node) => names.insert(path.clone(), *node),
            None => names.remove(path),
        };
    }
}

/// Whether a change is one of a directory's names, or of the directory itself.
fn touches(change: &NameChange, dir: &Path) -> bool {
    change.iter().any(|(path, node)| is_in(path, dir) || (path == dir && *node == Some(Node::Dir)))
}

/// Adds to the wanted changes all earlier ones that share a directory with them: the names of one directory reach the
/// disk in order.
fn with_what_they_need(changes: &[NameChange], mut wanted: Vec<bool>) -> Vec<bool> {
    let mut dirs: BTreeSet<&Path> = BTreeSet::new();
    for (nth, change) in changes.iter().enumerate().rev() {
        let own: Vec<&Path> = change.iter().flat_map(|(path, _)| [path.parent(), Some(path)]).flatten().collect();
        if wanted[nth] || own.iter().any(|dir| dirs.contains(dir)) {
            wanted[nth] = true;
            dirs.extend(own);
        }
    }
    wanted
}

fn is_in(path: &Path, dir: &Path) -> bool {
    path.parent() == Some(dir)
}

/// The absolute path without `.` and `..`; relative paths start at `/`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => drop(plain.pop()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    plain
}

fn io_error() -> Error {
    Error::from_raw_os_error(libc::EIO)
}

fn no_space() -> Error {
    Error::from_raw_os_error(libc::ENOSPC)
}

/// Numbers that look random and repeat with their seed (SplitMix64).
#[derive(Clone, Default)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

#[cfg(test)]
mod tests;
