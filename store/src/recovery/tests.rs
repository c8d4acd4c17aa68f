use crate::disk::Disk;
use crate::disk::sim::Fault;
use crate::open_error::OpenError;
use crate::settings::FlushDiskType;
use crate::store::Store;
use crate::testing::{Machine, NOW, Running, bodies, dump, query};
use compat::time::Millis;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod java {
    use super::*;

    const QUEUES: [(&str, i32); 6] = [
        ("%RETRY%group", 0),
        ("%RETRY%group", 1),
        ("SCHEDULE_TOPIC_XXXX", 17),
        ("TopicA", 0),
        ("TopicA", 1),
        ("TopicB", 0),
    ];

    #[test]
    fn a_store_that_java_closed_reads_as_java_reads_it_and_is_left_alone() {
        let machine = Machine::with_java_store("clean");
        let before = machine.files();
        let store = machine.open().unwrap();
        assert_same_text(&dump(&store, &QUEUES, 300), include_str!("../../testdata/java-4.3.0/clean.txt"));
        assert_same_files(&machine.files(), &before);
        store.shutdown();
        assert_eq!(machine.files().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    }

    #[test]
    fn a_store_whose_java_broker_was_killed_reads_as_java_reads_it_after_its_recovery() {
        let machine = Machine::with_java_store("killed");
        let store = machine.start();
        // Java's recovery indexes the last message twice, and then finds it twice.
        let java = include_str!("../../testdata/java-4.3.0/killed.txt").replace("body-39 body-39", "body-39");
        assert_same_text(&dump(&store, &QUEUES, 300), &java);
    }

    #[test]
    fn a_store_of_java_goes_on_here_where_it_ended() {
        for name in ["clean", "killed"] {
            let machine = Machine::with_java_store(name);
            let store = machine.start();
            let before = bodies(&store, "TopicA", 0);
            for n in 0..40 {
                store.send("TopicA", 0, &[("KEYS", &format!("key{}", 1000 + n))], &format!("ours-{n}"));
            }
            store.shutdown();
            let store = machine.start();
            let after = bodies(&store, "TopicA", 0);
            assert_eq!(after[..before.len()], before);
            assert_eq!(after[before.len()..], (0..40).map(|n| format!("ours-{n}")).collect::<Vec<_>>());
            assert_eq!(query(&store, "TopicA", "key1039"), ["ours-39"]);
            assert_eq!(query(&store, "TopicA", "key2"), ["body-2"]);
        }
    }
}

/// What can be done to a store, and what ours makes of it.
mod broken_on_purpose {
    use super::*;

    /// What it is called, and what does it.
    type Damage = (&'static str, fn(&Machine));

    #[test]
    fn deleted_or_cut_queues_and_index_are_made_again_after_a_stop_and_after_a_kill() {
        let damages: [Damage; 8] = [
            ("nothing", |_| {}),
            ("no checkpoint", |machine| drop(machine.disk.remove_file(Path::new("/store/checkpoint")))),
            ("no queues", |machine| machine.delete("consumequeue")),
            ("no queues of one topic", |machine| machine.delete("consumequeue/B")),
            ("no index", |machine| machine.delete("index")),
            ("neither queues nor index", |machine| {
                machine.delete("consumequeue");
                machine.delete("index");
            }),
            ("cut files", |machine| {
                for dir in ["consumequeue", "index"] {
                    let files = machine.files_in(dir);
                    let (path, bytes) = files.last_key_value().unwrap();
                    set_len(machine, path, bytes.len() as u64 / 2 - 3);
                }
            }),
            ("zeroed queue tails", |machine| {
                for (topic, queue) in QUEUES {
                    let files = machine.files_in(&format!("consumequeue/{topic}/{queue}"));
                    let Some((last, _)) = files.last_key_value() else { continue };
                    machine.disk.open(last).unwrap().write_all_at(&[0; 190], 10).unwrap();
                }
            }),
        ];
        for ending in [Ending::Stopped, Ending::Killed] {
            for (what, damage) in damages {
                let (machine, expected) = written(ending);
                damage(&machine);
                let store = machine.start();
                assert_holds(&store, &expected, &format!("{ending:?}, {what}"));
                assert_goes_on(&machine, store, &expected);
            }
        }
    }

    #[test]
    fn a_cut_log_takes_queues_and_index_with_it_and_leaves_no_stale_entry() {
        for ending in [Ending::Stopped, Ending::Killed] {
            for zeroed in [false, true] {
                for keep in [0, 1, 7, 40, 41] {
                    let (machine, mut expected) = written(ending);
                    let cut = expected.0[keep].position;
                    let files = machine.files_in("commitlog");
                    let (path, inside) = (files.keys().nth(cut / 4096).unwrap(), cut as u64 % 4096);
                    let later = files.keys().skip(cut / 4096 + 1);
                    later.for_each(|path| machine.disk.remove_file(path).unwrap());
                    let file = machine.disk.open(path).unwrap();
                    let garbage =
                        if zeroed { vec![0; 4096 - inside as usize] } else { torn(&files[path], inside as usize) };
                    file.write_all_at(&garbage, inside).unwrap();
                    expected.0.truncate(keep);
                    let store = machine.start();
                    assert_holds(&store, &expected, &format!("{ending:?}, cut at {cut}"));
                    assert_goes_on(&machine, store, &expected);
                }
            }
        }
    }

    /// The record is there but for its last byte, and nothing behind it.
    fn torn(file: &[u8], inside: usize) -> Vec<u8> {
        let size = u32::from_be_bytes(file[inside..inside + 4].try_into().unwrap()) as usize;
        let mut bytes = vec![0; file.len() - inside];
        if inside + size <= file.len() {
            bytes[..size - 1].copy_from_slice(&file[inside..inside + size - 1]);
            bytes[88] ^= 1;
        }
        bytes
    }

    #[test]
    fn what_cannot_be_understood_is_refused_and_left_as_it_was() {
        let damages: [Damage; 6] = [
            ("a log file of wrong length", |machine| {
                set_len(machine, Path::new("/store/commitlog/00000000000000004096"), 100)
            }),
            ("a hole in the log", |machine| {
                machine.disk.remove_file(Path::new("/store/commitlog/00000000000000004096")).unwrap();
            }),
            ("no log", |machine| machine.delete("commitlog")),
            ("a broken record with whole files behind it", |machine| {
                machine
                    .disk
                    .open(Path::new("/store/commitlog/00000000000000004096"))
                    .unwrap()
                    .write_all_at(b"xx", 90)
                    .unwrap();
            }),
            ("queue files of another length", |machine| {
                for path in machine.files_in("consumequeue").keys() {
                    let start: u64 = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
                    let to = path.with_file_name(format!("{:020}", start / 200 * 300));
                    machine.disk.rename(path, &to).unwrap();
                    set_len(machine, &to, 300);
                }
            }),
            ("a queue file that is too long", |machine| {
                let path = machine.files_in("consumequeue").into_keys().next().unwrap();
                set_len(machine, &path, 220);
            }),
        ];
        for (what, damage) in damages {
            let (machine, _) = written(Ending::Stopped);
            damage(&machine);
            let before = machine.files();
            match machine.open() {
                Err(OpenError::Damaged { advice, .. }) => assert!(!advice.is_empty()),
                Err(other) => panic!("{what}: {other}"),
                Ok(_) => panic!("{what}: opened"),
            }
            assert_same_files(&machine.files(), &before);
        }
    }

    #[test]
    fn a_foreign_file_is_passed_over() {
        let (machine, expected) = written(Ending::Stopped);
        for path in ["/store/consumequeue/A/0/notes.txt", "/store/index/notes.txt", "/store/consumequeue/A/x"] {
            machine.disk.create(Path::new(path)).unwrap();
        }
        assert_holds(&machine.start(), &expected, "foreign files");
    }

    #[test]
    fn a_store_in_use_is_refused_before_anything_is_touched() {
        let (machine, expected) = written(Ending::Stopped);
        let store = machine.start();
        let before = machine.files();
        let other = Machine {
            disk: machine.disk.another_process(),
            clock: machine.clock.clone(),
            settings: machine.settings.clone(),
        };
        assert!(matches!(other.open(), Err(OpenError::Locked)));
        assert_same_files(&machine.files(), &before);
        assert_holds(&store, &expected, "locked");
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let mut machine = Machine::new(0);
        machine.settings.duplication_enable = true;
        assert!(matches!(machine.open(), Err(OpenError::Setting(_))));
        let mut machine = Machine::new(0);
        machine.settings.delay_levels = "1s  2s".to_owned();
        assert!(matches!(machine.open(), Err(OpenError::Setting(_))));
    }

    #[test]
    fn a_checkpoint_without_the_stamp_of_the_log_does_not_mean_to_read_all_of_it() {
        let (machine, expected) = written(Ending::Killed);
        let file = machine.disk.open(Path::new("/store/checkpoint"));
        let file = file.or_else(|_| machine.disk.create(Path::new("/store/checkpoint"))).unwrap();
        let mut stamps = [0; 24];
        stamps[8..16].copy_from_slice(&(NOW.0 + 100_000).to_be_bytes());
        file.write_all_at(&stamps, 0).unwrap();
        // The first file is broken: who reads it loses everything.
        machine.disk.open(Path::new("/store/commitlog/00000000000000000000")).unwrap().write_all_at(b"xx", 90).unwrap();
        let store = machine.start();
        assert_eq!(
            store.ends("A", compat::offset::QueueId::ZERO).max.to_java() as usize,
            expected.bodies("A", 0).len()
        );
    }
}

#[test]
fn made_again_they_are_byte_for_byte_what_they_were() {
    for ending in [Ending::Stopped, Ending::Killed] {
        let (mut machine, expected) = written(ending);
        if ending == Ending::Killed {
            machine.start().shutdown();
        }
        let live = (machine.files_in("consumequeue"), contents(&machine.files_in("index")));
        machine.delete("consumequeue");
        machine.delete("index");
        let store = machine.start();
        assert_holds(&store, &expected, "made again");
        store.shutdown();
        assert_same_files(&machine.files_in("consumequeue"), &live.0);
        if ending == Ending::Stopped {
            assert_eq!(contents(&machine.files_in("index")), live.1);
        }
        machine.kill();
    }
}

#[test]
fn a_queue_that_began_anew_is_made_again_without_its_former_life() {
    let machine = Machine::new(3);
    let store = machine.start();
    (0..25).for_each(|n| _ = store.send("T", 0, &[], &format!("old {n}")));
    store.retain_topics(&std::collections::BTreeSet::new());
    (0..7).for_each(|n| _ = store.send("T", 0, &[], &format!("new {n}")));
    let new: Vec<_> = (0..7).map(|n| format!("new {n}")).collect();
    assert_eq!(bodies(&store, "T", 0), new);
    store.shutdown();
    machine.delete("consumequeue");
    let store = machine.start();
    assert_eq!(bodies(&store, "T", 0), new);
    store.shutdown();
    assert_eq!(bodies(&machine.start(), "T", 0), new);
}

#[test]
fn what_was_answered_under_sync_flush_survives_every_power_cut_and_no_ghost_appears() {
    for seed in 0..60 {
        let mut machine = Machine::new(seed);
        machine.settings.flush_disk_type = FlushDiskType::Sync;
        let mut expected = Expected::default();
        for life in 0..3 {
            let store = machine.start();
            machine.disk.inject(Fault::PowerCut { nth: 3 + (seed * 7 + life * 31) % 180 });
            let answered = send_until_dark(&machine, &store, &mut expected, 60);
            machine.disk = machine.disk.crash();
            drop(store);
            let store = machine.open().unwrap_or_else(|error| panic!("seed {seed}, life {life}: {error}"));
            expected.settle(&store, answered, &format!("seed {seed}, life {life}"));
            assert_holds(&store, &expected, &format!("seed {seed}, life {life}"));
            drop(store);
            // A second recovery of the same finds the same.
            machine.kill();
            let store = machine.start();
            assert_holds(&store, &expected, &format!("seed {seed}, life {life}, again"));
            store.shutdown();
            let before = machine.files();
            let store = machine.open().unwrap();
            assert_same_files(&machine.files(), &before);
            drop(store);
            machine.kill();
        }
    }
}

/// Sends, and waits for each flush, until the power goes. How many were answered is the answer.
fn send_until_dark(machine: &Machine, store: &Running, expected: &mut Expected, count: usize) -> usize {
    use crate::append::Appended;
    let mut answered = expected.0.len();
    for n in 0..count {
        let sent = Sent::new(expected.0.len() + 1000 * n, n);
        let Appended::Stored { position, end, .. } = sent.send(store) else {
            // Refused when the power went, and yet it may have been written.
            expected.1 = Some(sent);
            return answered;
        };
        expected.0.push(Sent { position: position.to_java() as usize, ..sent });
        while store.flushed().get() < end {
            if machine.disk.list(Path::new("/")).is_err() {
                return answered;
            }
            std::thread::yield_now();
        }
        answered = expected.0.len();
    }
    answered
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Stopped,
    Killed,
}

/// A store of several files each, with a few topics, and what is in it.
fn written(ending: Ending) -> (Machine, Expected) {
    let mut machine = Machine::new(7);
    let store = machine.start();
    store.store.write_by_hand_for_test();
    let mut expected = Expected::default();
    for n in 0..80 {
        machine.clock.set(Millis(NOW.0 + 500 * n));
        let sent = Sent::new(n as usize, n as usize);
        let crate::append::Appended::Stored { position, .. } = sent.send(&store) else { panic!("refused") };
        expected.0.push(Sent { position: position.to_java() as usize, ..sent });
        if n == 40 {
            store.store.make_durable_for_test();
        }
    }
    match ending {
        Ending::Stopped => store.shutdown(),
        Ending::Killed => machine.kill(),
    }
    drop(store);
    (machine, expected)
}

/// Messages in the order of the log.
#[derive(Clone, Debug, Default)]
struct Expected(Vec<Sent>, Option<Sent>);

#[derive(Clone, Debug)]
struct Sent {
    topic: &'static str,
    queue: i32,
    key: String,
    body: String,
    position: usize,
}

impl Sent {
    fn new(number: usize, n: usize) -> Self {
        let topic = ["A", "B", "A", "C"][n % 4];
        let queue = if n.is_multiple_of(3) { 1 } else { 0 };
        Self { topic, queue, key: format!("k{number}"), body: format!("message {number}"), position: 0 }
    }

    fn send(&self, store: &Running) -> crate::append::Appended {
        store.send(self.topic, self.queue, &[("KEYS", &format!("{} all", self.key)), ("TAGS", "t")], &self.body)
    }
}

impl Expected {
    fn bodies(&self, topic: &str, queue: i32) -> Vec<String> {
        self.0.iter().filter(|sent| sent.topic == topic && sent.queue == queue).map(|sent| sent.body.clone()).collect()
    }

    /// Keeps what is there of the messages that were never answered.
    fn settle(&mut self, store: &Store, answered: usize, what: &str) {
        let end = store.log_ends().1.to_java() as usize;
        let there = self.0.iter().filter(|sent| sent.position < end).count();
        assert!(there >= answered, "{what}: {there} messages of {answered} that were answered");
        self.0.truncate(there);
        let maybe = self.1.take().filter(|sent| bodies(store, sent.topic, sent.queue).contains(&sent.body));
        self.0.extend(maybe.map(|sent| Sent { position: end - 1, ..sent }));
    }
}

const QUEUES: [(&str, i32); 6] = [("A", 0), ("A", 1), ("B", 0), ("B", 1), ("C", 0), ("C", 1)];

fn assert_holds(store: &Store, expected: &Expected, what: &str) {
    for (topic, queue) in QUEUES {
        assert_eq!(bodies(store, topic, queue), expected.bodies(topic, queue), "{what}: {topic} {queue}");
    }
    for sent in &expected.0 {
        assert_eq!(query(store, sent.topic, &sent.key), [sent.body.as_str()], "{what}: {}", sent.key);
    }
}

/// New messages come behind the old ones, and the next starts after a stop find nothing to do.
fn assert_goes_on(machine: &Machine, store: Running, expected: &Expected) {
    let mut expected = expected.clone();
    for n in 0..9 {
        let sent = Sent::new(500 + n, n);
        sent.send(&store);
        expected.0.push(sent);
    }
    assert_holds(&store, &expected, "going on");
    store.shutdown();
    let before = machine.files();
    assert!(!before.contains_key(Path::new("/store/abort")));
    let store = machine.open().unwrap();
    assert_same_files(&machine.files(), &before);
    assert_holds(&store, &expected, "after the next start");
}

fn set_len(machine: &Machine, path: &Path, len: u64) {
    machine.disk.open(path).unwrap().set_len(len).unwrap();
}

fn contents(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<Vec<u8>> {
    files.values().cloned().collect()
}

fn assert_same_files(left: &BTreeMap<PathBuf, Vec<u8>>, right: &BTreeMap<PathBuf, Vec<u8>>) {
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (path, bytes) in left {
        let differs = bytes.iter().zip(&right[path]).position(|(left, right)| left != right);
        assert!(differs.is_none() && bytes.len() == right[path].len(), "{} differs at {differs:?}", path.display());
    }
}

fn assert_same_text(left: &str, right: &str) {
    for (number, (left, right)) in left.lines().zip(right.lines()).enumerate() {
        assert_eq!(left, right, "line {number}");
    }
    assert_eq!(left.lines().count(), right.lines().count());
}
