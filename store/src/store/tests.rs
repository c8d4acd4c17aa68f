use super::*;
use crate::append::Appended;
use crate::arrivals::Arrival;
use crate::format::index::Shape;
use crate::testing::{Machine, NOW, bodies, query};
use compat::message::SysFlag;
use std::collections::BTreeMap;

#[test]
fn what_was_appended_is_read_before_and_after_a_restart() {
    let machine = Machine::new(1);
    let store = machine.start();
    for n in 0..30 {
        store.send("T", n % 3, &[], &format!("body {n}"));
    }
    let before: Vec<_> = (0..3).map(|id| bodies(&store, "T", id)).collect();
    assert_eq!(before[1], (0..10).map(|n| format!("body {}", 3 * n + 1)).collect::<Vec<_>>());
    store.shutdown();
    assert_eq!(store.send("T", 0, &[], "late"), Appended::Refused(AppendError::NotWriteable));
    let store = machine.start();
    let after: Vec<_> = (0..3).map(|id| bodies(&store, "T", id)).collect();
    assert_eq!(before, after);
    store.send("T", 0, &[], "next");
    assert_eq!(bodies(&store, "T", 0).len(), 11);
}

#[test]
fn queue_and_index_files_hold_the_bytes_that_java_wrote() {
    let machine = Machine::new(1);
    let store = machine.start();
    store.send("TopicTest", 3, &[("KEYS", "k1 k2"), ("UNIQ_KEY", "0A0102030001"), ("TAGS", "TagA")], "hello");
    machine.clock.set(Millis(0x1A2_03F7_9A70));
    let delayed =
        [("REAL_TOPIC", "TopicTest"), ("UNIQ_KEY", "U2"), ("DELAY", "1"), ("TAGS", "TagB"), ("REAL_QID", "1")];
    store.send("SCHEDULE_TOPIC_XXXX", 0, &delayed, "delayed");
    store.shutdown();
    let queues = machine.files_in("consumequeue");
    let delayed = hex_literal::hex!("0000000000000094 000000b3 000001a203f79e58");
    let plain = hex_literal::hex!("0000000000000000 00000094 000000000027a807");
    let contents: Vec<_> =
        queues.values().map(|bytes| (&bytes[..20], bytes[20..].iter().all(|&byte| byte == 0), bytes.len())).collect();
    assert_eq!(contents, [(&delayed[..], true, 200), (&plain[..], true, 200)]);

    let index = machine.files_in("index");
    let (name, bytes) = index.first_key_value().unwrap();
    assert_eq!((index.len(), name.file_name().unwrap().len(), bytes.len()), (1, 17, 40 + 4 * 16 + 20 * 20));
    let header =
        hex_literal::hex!("000001a203f79a6c 000001a203f79a70 0000000000000000 0000000000000094 00000004 00000005");
    assert_eq!(bytes[..40], header);
    let entries = hex_literal::hex!(
        "5531f226 0000000000000000 00000000 00000000"
        "0029e6a8 0000000000000000 00000000 00000000"
        "0029e6a9 0000000000000000 00000000 00000000"
        "75bbf508 0000000000000094 00000000 00000002"
    );
    let first = Shape { slots: 16, entries: 20 }.entry_at(1);
    assert_eq!(bytes[first..first + 80], entries);
    let slots: BTreeMap<_, _> =
        (0..16).map(|slot| (slot, bytes[40 + 4 * slot + 3])).filter(|&(_, entry)| entry > 0).collect();
    assert_eq!(slots, BTreeMap::from([(6, 1), (8, 4), (9, 3)]));
}

#[test]
fn half_messages_and_roll_backs_are_in_no_queue_and_roll_backs_in_no_index() {
    let machine = Machine::new(1);
    let store = machine.start();
    store.send_flagged("T", 0, SysFlag(0x4), &[("KEYS", "half")], "half");
    store.send_flagged("T", 0, SysFlag(0xC), &[("KEYS", "back")], "back");
    store.send_flagged("T", 0, SysFlag(0x8), &[("KEYS", "commit")], "commit");
    assert_eq!(bodies(&store, "T", 0), ["commit"]);
    assert_eq!(query(&store, "T", "half"), ["half"]);
    assert_eq!(query(&store, "T", "back"), [""; 0]);
}

#[test]
fn a_query_finds_its_key_and_no_stranger_with_the_same_hash() {
    let machine = Machine::new(1);
    let store = machine.start();
    // "Aa" and "BB" have the same hash in Java.
    store.send("T", 0, &[("KEYS", "Aa x")], "first");
    store.send("T", 0, &[("KEYS", "BB"), ("UNIQ_KEY", "BB")], "second");
    for n in 0..60 {
        machine.clock.set(NOW.plus(Duration::from_millis(n)));
        store.send("T", 0, &[("KEYS", &format!("k{n} Aa"))], &n.to_string());
    }
    assert!(machine.files_in("index").len() > 4);
    assert_eq!(query(&store, "T", "BB"), ["second"]);
    assert_eq!(query(&store, "T", "k33"), ["33"]);
    assert_eq!(query(&store, "U", "Aa"), [""; 0]);
    let count = |most, begin: i64, end: i64| {
        let found = store.query("T", "Aa", most, NOW.plus(Duration::from_millis(begin as u64)), Millis(NOW.0 + end));
        found.records.iter().map(|slice| slice.bytes().len()).filter(|&len| len > 0).count()
    };
    assert_eq!((count(5, 0, 1000), count(-1, 0, 1000), count(i32::MAX, 0, 100_000)), (5, 0, 61));
    assert_eq!(count(64, 5000, 6000), 0);
}

#[test]
fn times_lead_to_the_first_message_at_or_after_them() {
    let machine = Machine::new(1);
    let store = machine.start();
    for n in 0..40 {
        machine.clock.set(Millis(NOW.0 + 10 * (n / 2)));
        store.send("T", 0, &[], "x");
    }
    let queue = store.queue("T", QueueId::ZERO);
    let at = |time: i64| store.offset_by_time(&queue, Millis(NOW.0 + time));
    assert_eq!([at(-5), at(0), at(1), at(10), at(55), at(190), at(191)], [0, 0, 2, 2, 12, 38, 40]);
    assert_eq!((store.earliest_time(&queue), store.earliest_time(&store.queue("U", QueueId::ZERO))), (NOW.0, -1));
}

#[test]
fn watchers_are_told_of_messages_in_order_and_nobody_else_is() {
    struct Told(Mutex<Vec<i64>>);
    impl Arrivals for Told {
        fn arrived(&self, arrivals: &[Arrival]) {
            held(&self.0).extend(arrivals.iter().map(|arrival| arrival.queue_offset.to_java()));
        }
    }
    let machine = Machine::new(1);
    let told = Arc::new(Told(Mutex::default()));
    let store = crate::testing::Running { store: machine.open().unwrap() };
    store.start(Arc::clone(&told) as Arc<dyn Arrivals>).unwrap();
    let queue = store.queue("T", QueueId::ZERO);
    store.send("T", 0, &[], "0");
    queue.watch();
    store.send("T", 0, &[], "1");
    store.send("T", 1, &[], "elsewhere");
    store.send("T", 0, &[], "2");
    queue.unwatch();
    store.send("T", 0, &[], "3");
    assert_eq!(*held(&told.0), [1, 2]);
}

#[test]
fn topics_that_are_not_kept_lose_their_queues_and_begin_anew() {
    let machine = Machine::new(1);
    let store = machine.start();
    for topic in ["A", "B", "SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_OP_HALF_TOPIC"] {
        store.send(topic, 0, &[], "old");
    }
    let handle = store.queue("A", QueueId::ZERO);
    store.retain_topics(&BTreeSet::from(["B".to_owned()]));
    assert!(handle.is_destroyed() && store.existing_queue("A", QueueId::ZERO).is_none());
    assert_eq!(bodies(&store, "B", 0), ["old"]);
    assert_eq!(bodies(&store, "RMQ_SYS_TRANS_OP_HALF_TOPIC", 0), ["old"]);
    store.send("A", 0, &[], "new");
    assert_eq!(bodies(&store, "A", 0), ["new"]);
    store.shutdown();
    let store = machine.start();
    assert_eq!(bodies(&store, "A", 0), ["new"]);
}

#[test]
fn a_full_disk_keeps_the_index_behind_until_there_is_space() {
    let mut machine = Machine::new(1);
    machine.settings.max_index_entries = 4;
    let store = machine.start();
    for n in 0..3 {
        store.send("T", 0, &[("KEYS", &format!("k{n}"))], &n.to_string());
    }
    machine.disk.set_read_only(true);
    store.inner.index.put(&entry_for(&store, 10));
    assert!(store.inner.index.behind().is_some());
    machine.disk.set_read_only(false);
    store.send("T", 0, &[("KEYS", "k3")], "3");
    store.inner.index.try_again();
    store.send("T", 0, &[("KEYS", "k4")], "4");
    assert_eq!(query(&store, "T", "k4"), ["4"]);
}

fn entry_for(store: &Store, key: i32) -> crate::dispatch::Entry {
    crate::dispatch::Entry {
        queue: store.queue("T", QueueId::ZERO),
        queued: false,
        queue_offset: QueueOffset::ZERO,
        position: store.log_ends().1,
        size: 100,
        tags_code: 0,
        store_timestamp: NOW,
        key_hashes: [key].into_iter().collect(),
    }
}
