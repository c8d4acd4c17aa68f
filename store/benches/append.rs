//! What storing a message of 128 bytes costs: in turns of several lengths under `ASYNC_FLUSH`, and with a wait for the
//! disk after each turn under `SYNC_FLUSH`.
//!
//! CPU time is that of the appending thread, with queue and index; wall time also holds what the machine does meanwhile.
//! `cargo bench -p store --bench append [DIRECTORY]`: the disk to be measured is that of the directory, or else of
//! temporary files.

use compat::message::SysFlag;
use compat::offset::QueueId;
use compat::time::{Clock, Millis};
use rustix::time::{ClockId, clock_gettime};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::disk::RealDisk;
use store::settings::FlushDiskType;
use store::{Appended, Arrival, Arrivals, Batch, NewRecord, Queue, Store, StoreSettings};

fn main() {
    let dir = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let dir = dir.unwrap_or_else(std::env::temp_dir);
    println!("{:>28} {:>12} {:>12} {:>14}", "", "CPU ns/msg", "ns/msg", "messages/s");
    for (turns, turn_len) in [(200_000, 1), (50_000, 16), (5_000, 256)] {
        report(&format!("async, turns of {turn_len}"), measure_async(&dir, turns, turn_len));
    }
    for (turns, turn_len) in [(3_000, 1), (2_000, 64), (1_000, 512)] {
        report(&format!("sync, {turn_len} wait together"), measure_sync(&dir, turns, turn_len));
    }
}

struct Measured {
    messages: usize,
    wall: Duration,
    cpu: Duration,
}

fn report(what: &str, measured: Measured) {
    let each = |time: Duration| time.as_nanos() as f64 / measured.messages as f64;
    let rate = measured.messages as f64 / measured.wall.as_secs_f64();
    println!("{what:>28} {:>12.0} {:>12.0} {rate:>14.0}", each(measured.cpu), each(measured.wall));
}

fn measure_async(dir: &Path, turns: usize, turn_len: usize) -> Measured {
    with_store(dir, FlushDiskType::Async, |store| {
        let mut turn = Turn::new(store, turn_len);
        measure(turns, turn_len, || turn.append(store))
    })
}

fn measure_sync(dir: &Path, turns: usize, turn_len: usize) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    with_store(dir, FlushDiskType::Sync, |store| {
        let mut turn = Turn::new(store, turn_len);
        let mut flushed = store.flushed().subscribe();
        measure(turns, turn_len, || {
            turn.append(store);
            let Some(Appended::Stored { end, .. }) = turn.batch.outcomes().last().copied() else { return };
            let _ = runtime.block_on(flushed.wait_for(|at| *at >= end));
        })
    })
}

fn measure(turns: usize, turn_len: usize, mut turn: impl FnMut()) -> Measured {
    for _ in 0..turns / 10 {
        turn();
    }
    let (began, cpu) = (Instant::now(), cpu_time());
    for _ in 0..turns {
        turn();
    }
    Measured { messages: turns * turn_len, wall: began.elapsed(), cpu: cpu_time() - cpu }
}

fn with_store(dir: &Path, flush_disk_type: FlushDiskType, work: impl FnOnce(&Store) -> Measured) -> Measured {
    let dir = tempfile::tempdir_in(dir).expect("a directory that can be written");
    let settings = StoreSettings {
        store_path_root: dir.path().display().to_string(),
        store_path_commit_log: dir.path().join("commitlog").display().to_string(),
        flush_disk_type,
        ..StoreSettings::default()
    };
    let store = Store::open(settings, Arc::new(RealDisk), Clock::system()).expect("an empty store opens");
    store.start(Arc::new(Nobody)).expect("its threads start");
    let measured = work(&store);
    store.shutdown();
    measured
}

/// The messages of one turn, to four queues.
struct Turn {
    queues: Vec<Arc<Queue>>,
    turn_len: usize,
    batch: Batch,
}

impl Turn {
    fn new(store: &Store, turn_len: usize) -> Self {
        let ids = (0..4).filter_map(QueueId::from_java);
        Self { queues: ids.map(|id| store.queue("BenchmarkTest", id)).collect(), turn_len, batch: Batch::default() }
    }

    fn append(&mut self, store: &Store) {
        self.batch.clear();
        for number in 0..self.turn_len {
            self.batch.push(&NewRecord {
                queue: &self.queues[number % self.queues.len()],
                flag: 0,
                sys_flag: SysFlag(0),
                born_timestamp: Millis(1_530_000_000_000),
                born_host: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 54321),
                store_host: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 10911),
                reconsume_times: 0,
                prepared_transaction_offset: 0,
                body: &[7; 128],
                properties: b"UNIQ_KEY\x010A0102030001AABBCCDDEEFF00112233\x02WAIT\x01true\x02TAGS\x01TagA\x02",
            });
        }
        store.append(&mut self.batch);
        assert!(self.batch.outcomes().iter().all(|outcome| matches!(outcome, Appended::Stored { .. })));
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

struct Nobody;

impl Arrivals for Nobody {
    fn arrived(&self, _: &[Arrival]) {}
}
