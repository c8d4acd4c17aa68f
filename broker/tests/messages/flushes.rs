//! Sends that wait until the disk has their messages.

use crate::harness::{Broker, Wanted, field, message, told, with_properties};
use compat::settings::Ms;
use compat::time::Millis;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use store::StoreSettings;
use store::disk::{Disk, Entry, File, Lock, RealDisk, Space};
use store::settings::FlushDiskType;

#[tokio::test]
async fn an_answer_comes_when_the_disk_has_the_message() {
    let (broker, gate) = start();
    let (client, other) = (broker.client(), broker.client());
    assert_eq!(told(&client.send(&message("T"), "x").await), (0, "-"));
    gate.close();
    let waiting: Vec<_> = (0..10)
        .map(|number| {
            let client = if number % 2 == 0 { client.clone() } else { other.clone() };
            tokio::spawn(async move { client.send(&message("T"), "x").await })
        })
        .collect();
    let quick = with_properties("T", "WAIT\u{1}false\u{2}");
    assert_eq!(told(&client.send(&quick, "y").await).0, 0, "it waits for nothing");
    gate.open();
    let mut offsets = Vec::new();
    for answer in waiting {
        let answer = answer.await.unwrap();
        assert_eq!(told(&answer), (0, "-"));
        offsets.push(field(&answer, "queueOffset").parse::<i64>().unwrap());
    }
    offsets.sort_unstable();
    offsets.dedup();
    assert_eq!(offsets.len(), 10);
}

#[tokio::test]
async fn a_disk_that_takes_too_long_is_told_with_the_whole_header() {
    let (broker, gate) = start();
    let client = broker.client();
    assert_eq!(told(&client.send(&message("T"), "x").await), (0, "-"));
    gate.close();
    wait_for(&broker, Ms(50));
    let answer = client.send(&message("T"), "x").await;
    assert_eq!(told(&answer), (10, "-"));
    assert_eq!((field(&answer, "queueId"), field(&answer, "queueOffset")), ("0", "1"));
    assert_eq!(field(&answer, "msgId").len(), 32);
    assert_eq!((field(&answer, "MSG_REGION"), field(&answer, "TRACE_ON")), ("DefaultRegion", "true"));
    gate.open();
    wait_for(&broker, Ms::from_secs(20));
    assert_eq!(told(&client.send(&message("T"), "x").await), (0, "-"));
}

fn wait_for(broker: &Broker, sync_flush_timeout: Ms) {
    let settings = (*broker.store_settings.get()).clone();
    broker.store_settings.replace(StoreSettings { sync_flush_timeout, ..settings });
}

/// A broker under `SYNC_FLUSH`, and what holds its disk up.
pub fn start() -> (Broker, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let store_settings = StoreSettings {
        flush_disk_type: FlushDiskType::Sync,
        sync_flush_timeout: Ms::from_secs(20),
        ..Wanted::default().store_settings
    };
    let disk = Arc::new(SlowDisk { gate: Arc::clone(&gate) });
    let broker = Broker::start(Wanted { store_settings, disk, ..Wanted::default() });
    broker.topic("T", 4);
    (broker, gate)
}

/// What syncs of the commit log wait for.
#[derive(Default)]
pub struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub fn close(&self) {
        *self.closed.lock().unwrap() = true;
    }

    pub fn open(&self) {
        *self.closed.lock().unwrap() = false;
        self.opened.notify_all();
    }

    pub fn pass(&self) {
        let closed = self.closed.lock().unwrap();
        drop(self.opened.wait_while(closed, |closed| *closed).unwrap());
    }
}

/// A disk whose syncs of the commit log can be held up.
struct SlowDisk {
    gate: Arc<Gate>,
}

struct SlowFile {
    file: Arc<dyn File>,
    gate: Arc<Gate>,
}

impl SlowDisk {
    fn slow(&self, path: &Path, file: Arc<dyn File>) -> Arc<dyn File> {
        let is_log = path.components().any(|part| part.as_os_str() == "commitlog");
        if is_log { Arc::new(SlowFile { file, gate: Arc::clone(&self.gate) }) } else { file }
    }
}

impl Disk for SlowDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        RealDisk.open(path).map(|file| self.slow(path, file))
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        RealDisk.create(path).map(|file| self.slow(path, file))
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        RealDisk.list(dir)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir_all(dir)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_file(path)
    }
    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.remove_dir(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        RealDisk.read(path, limit)
    }
    fn space(&self, path: &Path) -> io::Result<Space> {
        RealDisk.space(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        RealDisk.lock(path)
    }
}

impl File for SlowFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read_at(buf, at)
    }
    fn read_resident_at(&self, buf: &mut [u8], at: u64) -> io::Result<Option<usize>> {
        self.file.read_resident_at(buf, at)
    }
    fn write_all_at(&self, buf: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(buf, at)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.gate.pass();
        self.file.sync_data()
    }
    fn start_writeback(&self, at: u64, len: u64) -> io::Result<()> {
        self.file.start_writeback(at, len)
    }
    fn modified(&self) -> io::Result<Millis> {
        self.file.modified()
    }
    fn set_modified(&self, to: Millis) -> io::Result<()> {
        self.file.set_modified(to)
    }
}
