//! What queues cost: dispatch with and without keys to few and to many queues, pulls of 32 messages, and the start of a
//! store of 10,000 queues after a clean stop and after a crash.
//!
//! `cargo bench -p store --bench queues [DIRECTORY]`: the disk to be measured is that of the directory, or else of
//! temporary files.

use compat::message::SysFlag;
use compat::offset::QueueId;
use compat::time::{Clock, Millis};
use rustix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::disk::RealDisk;
use store::read::Everything;
use store::{Arrival, Arrivals, Batch, Found, NewRecord, Queue, Read, ReadRequest, Reading, Store, StoreSettings};

const TURN_LEN: usize = 32;
const PLAIN: &[u8] = b"TAGS\x01TagA\x02";
const KEYED: &[u8] = b"KEYS\x01order-12345\x02UNIQ_KEY\x010A0102030001AABBCCDDEEFF00112233\x02TAGS\x01TagA\x02";

fn main() {
    let dir = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let dir = dir.unwrap_or_else(std::env::temp_dir);
    for (queue_count, what, properties) in
        [(16, "no key", PLAIN), (16, "two keys", KEYED), (10_000, "no key", PLAIN), (10_000, "two keys", KEYED)]
    {
        let dir = tempfile::tempdir_in(&dir).expect("a directory that can be written");
        let store = start(dir.path());
        let queues = queues(&store, queue_count);
        append(&store, &queues, properties, 1000);
        let began = cpu_time();
        append(&store, &queues, properties, 20_000);
        let took = cpu_time() - began;
        report(&format!("append and dispatch, {queue_count} queues, {what}"), took, 20_000 * TURN_LEN);
        if queue_count == 16 {
            for reading in [Reading::MemoryOnly, Reading::MayWait] {
                let (count, took) = read_all(&store, &queues, reading);
                report(&format!("pull by 32, {reading:?}"), took, count);
            }
        } else {
            drop(queues);
            starts(store, dir.path());
        }
    }
}

fn report(what: &str, took: Duration, count: usize) {
    println!("{what:>50} {:>8.0} ns CPU/msg", took.as_nanos() as f64 / count.max(1) as f64);
}

/// Of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn starts(store: Store, dir: &Path) {
    let began = Instant::now();
    store.shutdown();
    println!("{:>50} {:>8.0} ms", "clean stop", began.elapsed().as_millis());
    drop(store);
    for (what, crashed) in [("start after a clean stop", false), ("start after a crash", true)] {
        if crashed {
            std::fs::write(dir.join("abort"), []).expect("abort is made");
        }
        let began = Instant::now();
        let store = start(dir);
        println!("{what:>50} {:>8.0} ms", began.elapsed().as_millis());
        store.shutdown();
    }
}

fn start(dir: &Path) -> Store {
    let settings = StoreSettings {
        store_path_root: dir.display().to_string(),
        store_path_commit_log: dir.join("commitlog").display().to_string(),
        ..StoreSettings::default()
    };
    let store = Store::open(settings, Arc::new(RealDisk), Clock::system()).expect("the store opens");
    store.start(Arc::new(Nobody)).expect("its threads start");
    store
}

fn queues(store: &Store, count: i32) -> Vec<Arc<Queue>> {
    let queue = |number: i32| {
        store.queue(&format!("Topic{}", number / 8), QueueId::from_java(number % 8).expect("not negative"))
    };
    (0..count).map(queue).collect()
}

fn append(store: &Store, queues: &[Arc<Queue>], properties: &[u8], turns: usize) {
    let mut batch = Batch::default();
    for turn in 0..turns {
        batch.clear();
        for number in 0..TURN_LEN {
            batch.push(&NewRecord {
                queue: &queues[(turn * TURN_LEN + number) * 7919 % queues.len()],
                flag: 0,
                sys_flag: SysFlag(0),
                born_timestamp: Millis(1_530_000_000_000),
                born_host: "10.1.2.3:54321".parse().expect("an address"),
                store_host: "127.0.0.1:10911".parse().expect("an address"),
                reconsume_times: 0,
                prepared_transaction_offset: 0,
                body: &[7; 128],
                properties,
            });
        }
        store.append(&mut batch);
    }
}

fn read_all(store: &Store, queues: &[Arc<Queue>], reading: Reading) -> (usize, Duration) {
    let (mut found, mut count) = (Found::default(), 0);
    let began = cpu_time();
    for queue in queues {
        let mut offset = queue.min().to_java();
        while offset < queue.max().to_java() {
            let request = ReadRequest { queue, offset, max_count: 32, reading };
            let mut read = store.read(&request, &Everything, &mut found);
            if read == Read::Cold {
                read = store.read(&ReadRequest { reading: Reading::MayWait, ..request }, &Everything, &mut found);
            }
            let Read::Done { next, .. } = read else { return (count, cpu_time() - began) };
            count += found.count as usize;
            offset = next;
        }
    }
    (count, cpu_time() - began)
}

struct Nobody;

impl Arrivals for Nobody {
    fn arrived(&self, _: &[Arrival]) {}
}
