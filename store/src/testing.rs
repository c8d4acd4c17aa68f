//! What tests of the whole store share: a simulated machine, messages, and a dump in words that Java's can be compared with.

use crate::append::{Appended, Batch, NewRecord};
use crate::arrivals::{Arrival, Arrivals};
use crate::disk::Disk;
use crate::disk::sim::SimDisk;
use crate::open_error::OpenError;
use crate::read::{Everything, Found, GetStatus, LogSlice, Read, ReadRequest, Reading};
use crate::settings::StoreSettings;
use crate::store::Store;
use compat::message::record::{self, CheckBody, Parsed, Record};
use compat::message::{SysFlag, id, properties};
use compat::offset::{PhysicalOffset, QueueId};
use compat::time::{Clock, Millis};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) const NOW: Millis = Millis(0x1A2_03F7_9A6C);

/// A simulated machine with a store in `/store`.
pub(crate) struct Machine {
    pub disk: SimDisk,
    pub clock: Clock,
    pub settings: StoreSettings,
}

impl Machine {
    pub fn new(seed: u64) -> Self {
        let clock = Clock::by_hand(NOW);
        let settings = StoreSettings {
            store_path_root: "/store".to_owned(),
            store_path_commit_log: "/store/commitlog".to_owned(),
            commit_log_file_len: 4096,
            consume_queue_file_len: 200,
            max_hash_slots: 16,
            max_index_entries: 20,
            ..StoreSettings::default()
        };
        Self { disk: SimDisk::new(clock.clone(), seed), clock, settings }
    }

    /// With a directory that was written by Java, from `testdata`.
    pub fn with_java_store(name: &str) -> Self {
        let mut machine = Self::new(0);
        machine.settings.commit_log_file_len = 16_384;
        machine.settings.consume_queue_file_len = 400;
        (machine.settings.max_hash_slots, machine.settings.max_index_entries) = (64, 100);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/java-4.3.0").join(name);
        machine.copy_in(&root, Path::new("/store"));
        machine
    }

    fn copy_in(&self, from: &Path, to: &Path) {
        self.disk.create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                self.copy_in(&entry.path(), &to);
            } else {
                let file = self.disk.create(&to).unwrap();
                file.write_all_at(&std::fs::read(entry.path()).unwrap(), 0).unwrap();
                file.sync_data().unwrap();
            }
        }
        self.disk.sync_dir(to).unwrap();
    }

    pub fn open(&self) -> Result<Store, OpenError> {
        Store::open(self.settings.clone(), Arc::new(self.disk.clone()), self.clock.clone())
    }

    pub fn start(&self) -> Running {
        let store = self.open().unwrap();
        store.start(Arc::new(Nobody)).unwrap();
        Running { store }
    }

    /// Ends the process that runs on it, and goes on with the next.
    pub fn kill(&mut self) {
        self.disk = self.disk.kill();
    }

    /// All files of the store but the lock.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = self.disk.contents();
        files.remove(Path::new("/store/lock"));
        files
    }

    /// Files below a directory of the store.
    pub fn files_in(&self, dir: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let dir = Path::new("/store").join(dir);
        self.disk.contents().into_iter().filter(|(path, _)| path.starts_with(&dir)).collect()
    }

    /// Deletes a directory of the store.
    pub fn delete(&self, dir: &str) {
        for path in self.files_in(dir).keys() {
            self.disk.remove_file(path).unwrap();
        }
    }
}

pub(crate) struct Nobody;

impl Arrivals for Nobody {
    fn arrived(&self, _: &[Arrival]) {}
}

/// A store that was started.
pub(crate) struct Running {
    pub store: Store,
}

impl Deref for Running {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Running {
    pub fn send(&self, topic: &str, queue: i32, properties: &[(&str, &str)], body: &str) -> Appended {
        self.send_flagged(topic, queue, SysFlag(0), properties, body)
    }

    pub fn send_flagged(
        &self,
        topic: &str,
        queue: i32,
        sys_flag: SysFlag,
        properties: &[(&str, &str)],
        body: &str,
    ) -> Appended {
        let mut text = Vec::new();
        properties.iter().for_each(|(name, value)| properties::push(name, value, &mut text));
        let queue = self.queue(topic, QueueId::from_java(queue).unwrap());
        let mut batch = Batch::default();
        batch.push(&NewRecord {
            queue: &queue,
            flag: 0,
            sys_flag,
            born_timestamp: Millis(1_530_000_000_000),
            born_host: "10.1.2.3:54321".parse().unwrap(),
            store_host: "127.0.0.1:10911".parse().unwrap(),
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body: body.as_bytes(),
            properties: &text,
        });
        self.append(&mut batch);
        batch.outcomes()[0]
    }
}

/// All messages of a queue, read from its first to its last.
pub(crate) fn messages<T>(store: &Store, topic: &str, queue: i32, each: impl Fn(&Record<'_>) -> T) -> Vec<T> {
    let Some(queue) = store.existing_queue(topic, QueueId::from_java(queue).unwrap()) else { return Vec::new() };
    let mut all = Vec::new();
    let mut found = Found::default();
    let mut offset = queue.min().to_java();
    while offset < queue.max().to_java() {
        let request = ReadRequest { queue: &queue, offset, max_count: 32, reading: Reading::MayWait };
        let Read::Done { status, next, .. } = store.read(&request, &Everything, &mut found) else {
            panic!("no answer")
        };
        assert_eq!(status, GetStatus::Found, "{} {} at {offset}", queue.topic(), queue.id());
        found.records.iter().for_each(|slice| each_record(slice, |record| all.push(each(record))));
        assert_eq!(all.len() as i64, next - queue.min().to_java());
        offset = next;
    }
    all
}

pub(crate) fn bodies(store: &Store, topic: &str, queue: i32) -> Vec<String> {
    messages(store, topic, queue, |record| String::from_utf8(record.body().to_vec()).unwrap())
}

fn each_record(slice: &LogSlice, mut each: impl FnMut(&Record<'_>)) {
    let mut bytes = slice.bytes();
    while !bytes.is_empty() {
        let Parsed::Message(record) = record::parse(bytes, CheckBody::Yes) else { panic!("no record") };
        each(&record);
        bytes = &bytes[record.size() as usize..];
    }
}

/// Bodies of the messages of a key.
pub(crate) fn query(store: &Store, topic: &str, key: &str) -> Vec<String> {
    let found = store.query(topic, key, 32, Millis(0), Millis(i64::MAX / 2));
    let mut all = Vec::new();
    found.records.iter().for_each(|slice| {
        each_record(slice, |record| all.push(String::from_utf8(record.body().to_vec()).unwrap()));
    });
    all
}

/// Every message by queue and by key, in the form of `testdata/java-4.3.0/*.txt`.
pub(crate) fn dump(store: &Store, queues: &[(&str, i32)], keys: usize) -> String {
    let mut text = String::new();
    for &(topic, number) in queues {
        let ends = store.ends(topic, QueueId::from_java(number).unwrap());
        writeln!(text, "queue {topic} {number} {} {}", ends.min, ends.max).unwrap();
        for line in messages(store, topic, number, |record| {
            let position = PhysicalOffset::from_java(record.position()).unwrap();
            format!(
                "{topic} {number} {} {} {} {}",
                record.queue_offset(),
                str::from_utf8(record.body()).unwrap(),
                str::from_utf8(&id::encode(record.store_host(), position)).unwrap(),
                record.store_timestamp()
            )
        }) {
            writeln!(text, "{line}").unwrap();
        }
    }
    for topic in ["TopicA", "TopicB", "%RETRY%group", "SCHEDULE_TOPIC_XXXX"] {
        for number in 0..keys {
            let found = query(store, topic, &format!("key{number}"));
            if !found.is_empty() {
                writeln!(text, "key {topic} key{number} {}", found.join(" ")).unwrap();
            }
        }
    }
    text
}
