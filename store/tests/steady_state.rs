//! Once everything is warm, storing a message costs no memory from the heap, on no thread.

use compat::message::SysFlag;
use compat::offset::QueueId;
use compat::time::{Clock, Millis};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::disk::RealDisk;
use store::{Appended, Arrival, Arrivals, Batch, NewRecord, Store, StoreSettings};

#[global_allocator]
static COUNTING: Counting = Counting;
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, with a count of what is asked of it.
struct Counting;

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, len) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

const TURNS: u64 = 2000;
const TURN_LEN: u64 = 16;

#[test]
fn storing_a_message_allocates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        store_path_root: dir.path().display().to_string(),
        store_path_commit_log: dir.path().join("commitlog").display().to_string(),
        commit_log_file_len: 64 << 20,
        max_hash_slots: 10_000,
        max_index_entries: 1_000_000,
        ..StoreSettings::default()
    };
    let store = Store::open(settings, Arc::new(RealDisk), Clock::system()).unwrap();
    store.start(Arc::new(Nobody)).unwrap();
    let queues: Vec<_> = (0..4).map(|id| store.queue("TopicTest", QueueId::from_java(id).unwrap())).collect();
    let mut batch = Batch::default();
    let mut turn = || {
        batch.clear();
        for number in 0..TURN_LEN {
            batch.push(&NewRecord {
                queue: &queues[number as usize % queues.len()],
                flag: 0,
                sys_flag: SysFlag(0),
                born_timestamp: Millis(1_530_000_000_000),
                born_host: "10.1.2.3:54321".parse().unwrap(),
                store_host: "127.0.0.1:10911".parse().unwrap(),
                reconsume_times: 0,
                prepared_transaction_offset: 0,
                body: &[7; 128],
                properties: b"UNIQ_KEY\x010A0102030001AABBCCDDEEFF00112233\x02KEYS\x01k1 k2\x02WAIT\x01true\x02TAGS\x01TagA\x02",
            });
        }
        store.append(&mut batch);
        assert!(batch.outcomes().iter().all(|outcome| matches!(outcome, Appended::Stored { .. })));
    };
    for _ in 0..TURNS {
        turn();
    }
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    for _ in 0..TURNS {
        turn();
    }
    let allocations = ALLOCATIONS.load(Ordering::SeqCst) - before;
    // What threads do by the second (flushes, counts) is no matter of messages.
    assert!(allocations < TURNS * TURN_LEN / 100, "{allocations} allocations for {} messages", TURNS * TURN_LEN);
    store.shutdown();
}

struct Nobody;

impl Arrivals for Nobody {
    fn arrived(&self, _: &[Arrival]) {}
}
