use super::*;
use crate::Store;
use crate::testing::{Machine, Running};
use compat::message::record::{self, CheckBody, Parsed};
use compat::offset::QueueId;

/// One queue as 4.3.0's rules see it: what was stored, and what is still there.
#[derive(Default)]
struct Model {
    /// Tags code and body of each message from offset 0 on.
    messages: Vec<(i64, String)>,
}

impl Model {
    /// Status, offset to go on with, bodies.
    fn read(&self, offset: i64, max_count: i64, wanted: Option<i64>) -> (GetStatus, i64, Vec<String>) {
        let max = self.messages.len() as i64;
        if max == 0 {
            return (GetStatus::NoMessageInQueue, 0, Vec::new());
        }
        if offset < 0 {
            return (GetStatus::OffsetTooSmall, 0, Vec::new());
        }
        if offset == max {
            return (GetStatus::OffsetOverflowOne, max, Vec::new());
        }
        if offset > max {
            return (GetStatus::OffsetOverflowBadly, max, Vec::new());
        }
        let (mut taken, mut next) = (Vec::new(), offset);
        while next < max && next - offset < 800.max(max_count) {
            let count = taken.len() as i64;
            if count > 0 && (count >= max_count || count > 31) {
                break;
            }
            let (code, body) = &self.messages[next as usize];
            if wanted.is_none_or(|wanted| wanted == *code) {
                taken.push(body.clone());
            }
            next += 1;
        }
        let status = if taken.is_empty() { GetStatus::NoMatchedMessage } else { GetStatus::Found };
        (status, next, taken)
    }
}

struct Tagged(i64);

impl Filter for Tagged {
    fn by_tags_code(&self, tags_code: Option<i64>) -> bool {
        tags_code == Some(self.0)
    }
    fn by_record(&self, _: &[u8]) -> bool {
        true
    }
}

#[test]
fn reads_agree_with_the_model_through_writes_rests_and_restarts() {
    for seed in 0..12u64 {
        let mut machine = Machine::new(seed);
        machine.settings.commit_log_file_len = 1 << 16;
        let mut store = machine.start();
        let mut models: [Model; 3] = Default::default();
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut chance = move |of: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % of
        };
        for step in 0..300 {
            let id = chance(3) as usize;
            match chance(10) {
                0..4 => {
                    for n in 0..chance(40) {
                        let tag = ["x", "y", "rare"][if chance(50) == 0 { 2 } else { chance(2) as usize }];
                        let body = format!("{seed} {step} {n}");
                        store.send("T", id as i32, &[("TAGS", tag)], &body);
                        models[id].messages.push((i64::from(compat::java::hash::hash(tag)), body));
                    }
                }
                4..9 => {
                    let max = models[id].messages.len() as u64;
                    let offset = chance(max + 4) as i64 - 1;
                    let max_count = chance(40) as i32;
                    let wanted = [None, Some("x"), Some("rare")][chance(3) as usize]
                        .map(|tag| i64::from(compat::java::hash::hash(tag)));
                    let expected = models[id].read(offset, max_count.into(), wanted);
                    let reading = if chance(2) == 0 { Reading::MayWait } else { Reading::MemoryOnly };
                    let got = read_bodies(&store, id as i32, offset, max_count, wanted, reading);
                    assert_eq!(got, expected, "seed {seed}, step {step}: {offset} {max_count} {wanted:?}");
                }
                _ => {
                    store.shutdown();
                    store = machine.start();
                }
            }
        }
    }
}

fn read_bodies(
    store: &Store,
    id: i32,
    offset: i64,
    max_count: i32,
    wanted: Option<i64>,
    reading: Reading,
) -> (GetStatus, i64, Vec<String>) {
    let queue = store.queue("T", QueueId::from_java(id).unwrap());
    let mut found = Found::default();
    let filter: &dyn Filter = match wanted {
        Some(code) => &Tagged(code),
        None => &Everything,
    };
    let request = ReadRequest { queue: &queue, offset, max_count, reading };
    let mut read = store.read(&request, filter, &mut found);
    if read == Read::Cold {
        assert_eq!((reading, found.count), (Reading::MemoryOnly, 0));
        read = store.read(&ReadRequest { reading: Reading::MayWait, ..request }, filter, &mut found);
    }
    let Read::Done { status, next, .. } = read else { panic!("{read:?}") };
    let mut bodies = Vec::new();
    for slice in &found.records {
        let mut bytes = slice.bytes();
        while !bytes.is_empty() {
            let Parsed::Message(record) = record::parse(bytes, CheckBody::Yes) else { panic!("no record") };
            bodies.push(String::from_utf8(record.body().to_vec()).unwrap());
            bytes = &bytes[record.size() as usize..];
        }
    }
    assert_eq!(bodies.len(), found.count as usize);
    (status, next, bodies)
}

#[test]
fn the_first_message_is_given_whatever_its_size_and_then_bytes_count() {
    let mut machine = Machine::new(1);
    machine.settings.commit_log_file_len = 1 << 20;
    machine.settings.max_transfer_bytes_in_memory = 1000;
    let store = machine.start();
    for len in [3000, 300, 300, 300, 3000] {
        store.send("T", 0, &[], &"x".repeat(len));
    }
    let counts: Vec<_> =
        [0, 1, 4].map(|offset| read_bodies(&store, 0, offset, 32, None, Reading::MayWait).2.len()).into();
    assert_eq!(counts, [1, 2, 1]);
}

#[test]
fn neighbours_in_the_log_are_one_slice() {
    let machine = Machine::new(1);
    let store = machine.start();
    for n in 0..20 {
        store.send("T", i32::from(n == 5), &[], "x");
    }
    let queue = store.queue("T", QueueId::ZERO);
    let mut found = Found::default();
    let request = ReadRequest { queue: &queue, offset: 0, max_count: 32, reading: Reading::MayWait };
    store.read(&request, &Everything, &mut found);
    assert_eq!((found.count, found.records.len()), (19, 2));
    assert_eq!(found.bytes, found.records.iter().map(|slice| slice.bytes().len()).sum::<usize>());
}

#[test]
fn a_slave_leaves_offsets_as_they_are() {
    let mut machine = Machine::new(1);
    let store = machine.start();
    store.send("T", 0, &[], "x");
    store.shutdown();
    machine.settings.broker_role = crate::settings::BrokerRole::Slave;
    let store = machine.start();
    assert_eq!(
        read_bodies(&store, 0, 77, 32, None, Reading::MayWait),
        (GetStatus::OffsetOverflowBadly, 77, Vec::new())
    );
    machine.settings.offset_check_in_slave = true;
    store.shutdown();
    let store = machine.start();
    assert_eq!(read_bodies(&store, 0, 77, 32, None, Reading::MayWait).1, 1);
}

#[test]
fn what_is_not_in_memory_is_not_waited_for() {
    let mut machine = Machine::new(1);
    machine.settings.consume_queue_file_len = 40_000;
    machine.settings.commit_log_file_len = 1 << 20;
    let store = machine.start();
    for n in 0..500 {
        store.send("T", 0, &[], &n.to_string());
    }
    store.shutdown();
    machine.disk.evict();
    let store = machine.start();
    let queue = store.queue("T", QueueId::ZERO);
    machine.disk.evict();
    let mut found = Found::default();
    let request = ReadRequest { queue: &queue, offset: 3, max_count: 32, reading: Reading::MemoryOnly };
    assert_eq!(store.read(&request, &Everything, &mut found), Read::Cold);
    let request = ReadRequest { reading: Reading::MayWait, ..request };
    assert!(matches!(
        store.read(&request, &Everything, &mut found),
        Read::Done { status: GetStatus::Found, next: 35, .. }
    ));
}

#[test]
fn readers_see_whole_queues_while_others_write() {
    let mut machine = Machine::new(1);
    machine.settings.commit_log_file_len = 1 << 20;
    machine.settings.consume_queue_file_len = 2000;
    let store: Running = machine.start();
    std::thread::scope(|threads| {
        let writers: Vec<_> = (0..2)
            .map(|id| {
                let store = &store;
                threads.spawn(move || (0..1500).for_each(|n| _ = store.send("T", id, &[], &n.to_string())))
            })
            .collect();
        let mut seen = [0; 2];
        while seen.iter().any(|&seen| seen < 1500) {
            for (id, seen) in seen.iter_mut().enumerate() {
                let (status, next, bodies) = read_bodies(&store, id as i32, *seen, 32, None, Reading::MayWait);
                if status == GetStatus::Found {
                    let expected: Vec<_> = (*seen..next).map(|n| n.to_string()).collect();
                    assert_eq!(bodies, expected);
                    *seen = next;
                }
            }
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}
