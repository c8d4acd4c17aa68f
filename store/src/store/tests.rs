use super::*;
use crate::append::{Appended, NewRecord};
use crate::disk::sim::SimDisk;
use crate::read::{Everything, GetStatus};
use compat::message::SysFlag;
use compat::message::record::{self, CheckBody, Parsed};

const NOW: Millis = Millis(0x1A2_03F7_9A6C);

#[test]
fn what_was_appended_is_read_before_and_after_a_restart() {
    let machine = Machine::new(1);
    let store = machine.start();
    for n in 0..30 {
        store.send("T", n % 3, &[], &format!("body {n}"));
    }
    let read = |store: &Running, id| store.bodies("T", id);
    let before: Vec<_> = (0..3).map(|id| read(&store, id)).collect();
    assert_eq!(before[1], (0..10).map(|n| format!("body {}", 3 * n + 1)).collect::<Vec<_>>());
    store.shutdown();
    let store = machine.start();
    let after: Vec<_> = (0..3).map(|id| read(&store, id)).collect();
    assert_eq!(before, after);
    store.send("T", 0, &[], "next");
    assert_eq!(read(&store, 0).len(), 11);
}

/// A simulated machine with a store directory.
struct Machine {
    disk: SimDisk,
    clock: Clock,
    settings: StoreSettings,
}

impl Machine {
    fn new(seed: u64) -> Self {
        let clock = Clock::by_hand(NOW);
        Self { disk: SimDisk::new(clock.clone(), seed), clock, settings: settings(Path::new("/store")) }
    }

    fn open(&self) -> Result<Store, OpenError> {
        Store::open(self.settings.clone(), Arc::new(self.disk.clone()), self.clock.clone())
    }

    fn start(&self) -> Running {
        let store = self.open().unwrap();
        store.start(Arc::new(Nobody)).unwrap();
        Running { store }
    }
}

struct Nobody;

impl Arrivals for Nobody {
    fn arrived(&self, _: &[Arrival]) {}
}

fn settings(root: &Path) -> StoreSettings {
    StoreSettings {
        store_path_root: root.display().to_string(),
        store_path_commit_log: root.join("commitlog").display().to_string(),
        commit_log_file_len: 4096,
        consume_queue_file_len: 200,
        max_hash_slots: 16,
        max_index_entries: 20,
        ..StoreSettings::default()
    }
}

/// A store that was started.
struct Running {
    store: Store,
}

impl std::ops::Deref for Running {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Running {
    fn send(&self, topic: &str, id: i32, properties: &[(&str, &str)], body: &str) -> Appended {
        let mut text = Vec::new();
        properties.iter().for_each(|(name, value)| compat::message::properties::push(name, value, &mut text));
        let queue = self.queue(topic, QueueId::from_java(id).unwrap());
        let mut batch = Batch::default();
        batch.push(&NewRecord {
            queue: &queue,
            flag: 0,
            sys_flag: SysFlag(0),
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

    /// The bodies of all messages of a queue.
    fn bodies(&self, topic: &str, id: i32) -> Vec<String> {
        let queue = self.queue(topic, QueueId::from_java(id).unwrap());
        let mut bodies = Vec::new();
        let mut found = Found::default();
        let mut offset = queue.min().to_java();
        loop {
            let request = ReadRequest { queue: &queue, offset, max_count: 32, reading: Reading::MayWait };
            let Read::Done { status, next, .. } = self.read(&request, &Everything, &mut found) else {
                panic!("no answer")
            };
            if !matches!(status, GetStatus::Found | GetStatus::MessageWasRemoving) {
                return bodies;
            }
            offset = next;
            for slice in &found.records {
                let mut bytes = slice.bytes();
                while !bytes.is_empty() {
                    let Parsed::Message(record) = record::parse(bytes, CheckBody::Yes) else { panic!("no record") };
                    bodies.push(String::from_utf8(record.body().to_vec()).unwrap());
                    bytes = &bytes[record.size() as usize..];
                }
            }
        }
    }
}
