use super::*;
use crate::append::{AppendError, Appended};
use crate::disk::sim::{Fault, SimDisk};
use crate::testing::{Machine, NOW, Running, bodies, query};
use std::collections::BTreeSet;
use std::time::Duration;

const FILE: &str = "/store/config/deletedQueues.json";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Stopped,
    Killed,
}

const ENDINGS: [Ending; 2] = [Ending::Stopped, Ending::Killed];

#[test]
fn a_deleted_topic_does_not_come_back() {
    for ending in ENDINGS {
        for made_again in [0, 7, 40] {
            for damage in ["", "consumequeue", "index", "consumequeue/T"] {
                let mut machine = Machine::new(5);
                let store = with_messages(&machine);
                store.retain_topics(&keep());
                send(&store, "new", made_again);
                assert_holds(&store, "new", made_again, "before the restart");
                let what = format!("{ending:?}, {made_again} messages later, without {damage:?}");
                for life in 0..3 {
                    if life == 0 {
                        end(&mut machine, &store, ending);
                    } else {
                        machine.kill();
                    }
                    if !damage.is_empty() {
                        machine.delete(damage);
                    }
                    let store = machine.start();
                    assert_holds(&store, "new", made_again, &format!("{what}, life {life}"));
                    assert_eq!(query(&store, "T", "old3"), ["old 3"], "the index follows the log");
                }
                let store = machine.start_after_kill();
                send_from(&store, "new", made_again, 3);
                end(&mut machine, &store, ending);
                assert_holds(&machine.start(), "new", made_again + 3, &what);
            }
        }
    }
}

#[test]
fn a_topic_can_be_deleted_again_and_again() {
    for ending in ENDINGS {
        let mut machine = Machine::new(5);
        drop(end_of(with_messages(&machine), &mut machine, ending));
        for life in 1..5 {
            let store = machine.start();
            store.retain_topics(&keep());
            send(&store, &format!("life {life}"), 5 * life);
            end(&mut machine, &store, ending);
            let store = machine.start();
            assert_holds(&store, &format!("life {life}"), 5 * life, &format!("{ending:?}"));
            end(&mut machine, &store, ending);
        }
    }
}

#[test]
fn a_power_cut_at_any_step_leaves_the_queue_whole_or_deleted() {
    for (seed, sent_after) in [(1, 0), (2, 0), (3, 30), (4, 30)] {
        let mut lens = BTreeSet::new();
        for nth in 1.. {
            let machine = Machine::new(seed);
            let store = with_messages(&machine);
            let steps = machine.disk.counts().steps;
            machine.disk.inject(Fault::PowerCut { nth });
            store.retain_topics(&keep());
            let is_deleted = store.existing_queue("T", QueueId::ZERO).is_none();
            (0..sent_after).for_each(|n| _ = store.send("T", 0, &[], &format!("new {n}")));
            store.store.write_round_for_test();
            for state in 0..6 {
                let what = format!("seed {seed}, step {nth}, state {state}");
                lens.insert(assert_whole_or_deleted(&mut machine.after_power_cut(), is_deleted, &what));
            }
            if machine.disk.counts().steps < steps + nth {
                break;
            }
        }
        assert!(lens.is_superset(&BTreeSet::from([None, Some(0)])), "{lens:?}");
    }
}

/// How many messages the new queue has is the answer; `None` when the old one is there.
fn assert_whole_or_deleted(machine: &mut Machine, is_deleted: bool, what: &str) -> Option<usize> {
    let store = machine.start();
    let found = bodies(&store, "T", 0);
    if found.first().is_some_and(|first| first == "old 0") {
        assert!(!is_deleted, "{what}: came back");
        assert_holds(&store, "old", 25, what);
        return None;
    }
    assert_holds(&store, "new", found.len(), what);
    let files = machine.files_in("consumequeue/T");
    assert!(!found.is_empty() || files.is_empty(), "{what}: files are left");
    send_from(&store, "new", found.len(), 4);
    machine.kill();
    assert_holds(&machine.start(), "new", found.len() + 4, what);
    Some(found.len())
}

#[test]
fn where_the_log_lost_its_end_messages_that_take_its_place_are_seen() {
    for lost in 0..20 {
        let mut machine = Machine::new(lost);
        let store = machine.start();
        store.store.write_by_hand_for_test();
        (0..5).for_each(|n| _ = store.send("K", 0, &[], &format!("kept {n}")));
        store.store.make_durable_for_test();
        send(&store, "old", 25);
        store.retain_topics(&keep());
        machine.disk = machine.disk.crash();
        drop(store);
        let store = machine.start();
        assert_holds(&store, "new", 0, "after the crash");
        send(&store, "new", 30);
        machine.kill();
        assert_holds(&machine.start(), "new", 30, "after a kill");
    }
}

#[test]
fn files_that_come_back_from_outside_go_again() {
    for (made_again, ending) in [(0, Ending::Stopped), (0, Ending::Killed), (9, Ending::Stopped), (9, Ending::Killed)] {
        let mut machine = Machine::new(5);
        let store = with_messages(&machine);
        let old = machine.files_in("consumequeue/T");
        store.retain_topics(&keep());
        send(&store, "new", made_again);
        (0..200).for_each(|_| _ = store.send("OTHER", 0, &[], "so that the last files hold nothing of it"));
        store.store.make_durable_for_test();
        end(&mut machine, &store, ending);
        machine.delete("consumequeue/T");
        for (path, bytes) in old {
            put(&machine.disk, &path, &bytes);
        }
        assert_holds(&machine.start(), "new", made_again, &format!("{ending:?}"));
    }
}

#[test]
fn what_the_disk_refuses_is_tried_again_and_meanwhile_no_message_is_taken() {
    let faults = |nth| [Fault::Write { nth, written: 1 }, Fault::Sync { nth }, Fault::SyncDir { nth }];
    for (nth, fault) in (1..4).flat_map(|nth| faults(nth).map(|fault| (nth, fault))) {
        let mut machine = Machine::new(5);
        let store = with_messages(&machine);
        let before = machine.disk.counts();
        machine.disk.inject(fault);
        let handle = store.queue("T", QueueId::ZERO);
        store.retain_topics(&keep());
        if store.existing_queue("T", QueueId::ZERO).is_some() {
            let refused = store.send("T", 0, &[], "new 0");
            assert_eq!(refused, Appended::Refused(AppendError::NotWriteable), "{nth} {fault:?}");
            store.store.write_round_for_test();
        }
        assert!(handle.is_destroyed() && store.existing_queue("T", QueueId::ZERO).is_none(), "{nth} {fault:?}");
        let after = machine.disk.counts();
        let is_over = match fault {
            Fault::Write { .. } => after.writes < before.writes + nth,
            Fault::Sync { .. } => after.syncs < before.syncs + nth,
            _ => after.dir_syncs < before.dir_syncs + nth,
        };
        if is_over {
            continue;
        }
        send(&store, "new", 12);
        machine.kill();
        assert_holds(&machine.start(), "new", 12, &format!("{nth} {fault:?}"));
    }
}

#[test]
fn expired_queues_begin_anew_and_stay_so() {
    let mut machine = Machine::new(5);
    machine.settings.delete_when = (0..24).map(|hour| hour.to_string()).collect::<Vec<_>>().join(";");
    machine.settings.file_reserved_hours = 2;
    let store = with_messages(&machine);
    age(&machine, &store);
    store.clean_expired_queues();
    assert!(store.existing_queue("T", QueueId::ZERO).is_none());
    assert!(store.existing_queue("OTHER", QueueId::ZERO).is_some());
    send(&store, "new", 3);
    machine.kill();
    let store = machine.start();
    assert_eq!(bodies(&store, "T", 0), numbered("new", 3));
    assert_eq!(store.ends("T", QueueId::ZERO).min.to_java(), 0);
}

#[test]
fn a_tombstone_goes_when_the_log_begins_behind_it() {
    let mut machine = Machine::new(5);
    machine.settings.delete_when = (0..24).map(|hour| hour.to_string()).collect::<Vec<_>>().join(";");
    machine.settings.file_reserved_hours = 2;
    let store = with_messages(&machine);
    store.retain_topics(&keep());
    let end = store.log_ends().1;
    assert_eq!(text(&machine).unwrap(), format!("{{\n\t\"T\":{{\n\t\t\"0\":{end}\n\t}}\n}}"));
    age(&machine, &store);
    assert!(store.log_ends().0 > end);
    assert_eq!(text(&machine).unwrap(), "{}");
    machine.kill();
    machine.start();
}

#[test]
fn a_store_where_nothing_was_deleted_has_no_such_file() {
    let machine = Machine::new(5);
    let store = with_messages(&machine);
    store.retain_topics(&BTreeSet::from(["K".to_owned(), "T".to_owned()]));
    store.shutdown();
    machine.start().shutdown();
    assert!(machine.files_in("config").is_empty());
}

#[test]
fn a_damaged_file_is_replaced_by_its_bak_and_without_one_refused() {
    for damage in ["{\"T\":{\"0\":", "[]", "{\"T\":{\"x\":5}}", "{\"T\":{\"0\":-5}}"] {
        let machine = Machine::new(5);
        let store = with_messages(&machine);
        store.retain_topics(&keep());
        store.shutdown();
        let good = text(&machine).unwrap();
        put(&machine.disk, Path::new(FILE), damage.as_bytes());
        let before = machine.files();
        match machine.open() {
            Err(OpenError::Damaged { file, .. }) => assert_eq!(file, FILE),
            Err(other) => panic!("{damage}: {other}"),
            Ok(_) => panic!("{damage}: opened"),
        }
        assert!(machine.files() == before);
        put(&machine.disk, Path::new("/store/config/deletedQueues.json.bak"), good.as_bytes());
        machine.delete("consumequeue");
        assert_holds(&machine.start(), "new", 0, damage);
    }
}

/// A started store with 25 messages of a topic that will be deleted among 5 of one that is kept. All of it is durable.
fn with_messages(machine: &Machine) -> Running {
    let store = machine.start();
    store.store.write_by_hand_for_test();
    for n in 0..25 {
        if n % 5 == 0 {
            store.send("K", 0, &[], &format!("kept {}", n / 5));
        }
        send_from(&store, "old", n, 1);
    }
    store.store.make_durable_for_test();
    store
}

fn keep() -> BTreeSet<String> {
    BTreeSet::from(["K".to_owned(), "OTHER".to_owned()])
}

fn send(store: &Running, what: &str, count: usize) {
    send_from(store, what, 0, count);
}

fn send_from(store: &Running, what: &str, from: usize, count: usize) {
    for n in from..from + count {
        let sent = store.send("T", 0, &[("KEYS", &format!("{what}{n}"))], &format!("{what} {n}"));
        let Appended::Stored { queue_offset, .. } = sent else { panic!("refused") };
        assert_eq!(queue_offset.to_java(), n as i64);
    }
}

/// The topic has exactly these messages, from offset 0 on, and the topic that is kept has all of its own.
fn assert_holds(store: &Running, what: &str, count: usize, when: &str) {
    assert_eq!(bodies(store, "T", 0), numbered(what, count), "{when}");
    let ends = store.ends("T", QueueId::ZERO);
    assert_eq!((ends.min.to_java(), ends.max.to_java()), (0, count as i64), "{when}");
    assert_eq!(bodies(store, "K", 0), numbered("kept", 5), "{when}");
}

fn numbered(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{what} {n}")).collect()
}

fn end(machine: &mut Machine, store: &Running, ending: Ending) {
    match ending {
        Ending::Stopped => store.shutdown(),
        Ending::Killed => machine.kill(),
    }
}

fn end_of(store: Running, machine: &mut Machine, ending: Ending) -> Running {
    end(machine, &store, ending);
    store
}

/// Time passes, until what is in the log is gone but for the last files of another topic.
fn age(machine: &Machine, store: &Running) {
    for n in 0..200 {
        machine.clock.set(NOW.plus(Duration::from_secs(360) * n));
        store.send("OTHER", 0, &[], "filler");
    }
    store.store.make_durable_for_test();
    store.store.clean_for_test();
}

fn text(machine: &Machine) -> Option<String> {
    Some(String::from_utf8(machine.files().remove(Path::new(FILE))?).unwrap())
}

fn put(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    let _ = disk.remove_file(path);
    disk.create_dir_all(path.parent().unwrap()).unwrap();
    disk.create(path).unwrap().write_all_at(bytes, 0).unwrap();
}

impl Machine {
    fn start_after_kill(&mut self) -> Running {
        self.kill();
        self.start()
    }

    /// The machine as a power cut may leave it.
    fn after_power_cut(&self) -> Self {
        Self { disk: self.disk.if_power_failed(), clock: self.clock.clone(), settings: self.settings.clone() }
    }
}
