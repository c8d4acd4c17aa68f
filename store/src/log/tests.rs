use super::*;
use crate::append::{Appended, NewRecord};
use crate::disk::RealDisk;
use crate::disk::sim::{Fault, SimDisk};
use crate::queue::Queue;
use crate::settings::FlushDiskType;
use compat::message::record::{CheckBody, Parsed, Record, parse};
use compat::message::{SysFlag, batch};
use compat::offset::{QueueId, QueueOffset};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;

const NOW: Millis = Millis(0x1A2_03F7_9A6C);

mod golden {
    use super::*;

    #[test]
    fn a_single_message_is_stored_as_java_stores_it() {
        let fixture = Fixture::on_sim(4096);
        let queue = queue("TopicTest", 3);
        let properties = b"KEYS\x01k1 k2\x02UNIQ_KEY\x010A0102030001\x02TAGS\x01TagA\x02";
        let mut batch = Batch::default();
        batch.push(&NewRecord { flag: 0x1122_3344, reconsume_times: 2, ..message(&queue, b"hello", properties) });
        let entries = fixture.append(&mut batch);
        let hex = "00000094daa320a73610a6860000000311223344000000000000000000000000000000000000000000000164\
                   3b1b44000a0102030000d431000001a203f79a6c7f00000100002a9f000000020000000000000000000000056\
                   8656c6c6f09546f70696354657374002b4b455953016b31206b3202554e49515f4b45590130413031303230333\
                   03030310254414753015461674102";
        let stored = fixture.log.slice(at(0), 148).unwrap();
        assert_eq!(stored.bytes(), unhex(hex));
        let entry = &entries[0];
        assert_eq!((entry.position, entry.size, entry.tags_code), (at(0), 148, 0x27_a807));
        assert_eq!(entry.key_hashes.as_slice(), [0x5531_f226, 0x0029_e6a8, 0x0029_e6a9]);
        assert_eq!((entry.queued, entry.queue_offset, entry.store_timestamp), (true, QueueOffset::ZERO, NOW));
    }

    #[test]
    fn a_client_batch_becomes_consecutive_records_of_its_items() {
        let fixture = Fixture::on_sim(4096);
        let queue = queue("TopicTest", 3);
        queue.set_next_offset(QueueOffset::from_java(3).unwrap());
        let mut items = unhex(
            "000000330000000000000000000000070000000262\
             30001b4b45595301626b30025741495401747275650254414753015430\
             02",
        );
        batch::push(
            &batch::Item { flag: 8, body: b"b1", properties: b"KEYS\x01bk1\x02WAIT\x01true\x02TAGS\x01T1\x02" },
            &mut items,
        );
        let mut batch = Batch::default();
        let outcome = batch.push_items(&NewRecord { reconsume_times: 2, ..message(&queue, &items, b"") });
        let entries = fixture.append(&mut batch);
        let expected = Appended::Stored {
            position: at(0),
            end: at(258),
            queue_offset: QueueOffset::from_java(3).unwrap(),
            count: 2,
        };
        assert_eq!(batch.outcomes()[outcome], expected);
        assert_eq!(batch.positions(outcome).collect::<Vec<_>>(), [at(0), at(129)]);
        let codes: Vec<_> = entries.iter().map(|entry| (entry.size, entry.tags_code, entry.key_hashes[0])).collect();
        assert_eq!(codes, [(129, 0xa5c, 0x0512_d3c5), (129, 0xa5d, 0x0512_d3c6)]);
        let stored = fixture.records();
        let fields: Vec<_> =
            stored.iter().map(|(_, r)| (r.body.clone(), r.flag, r.queue_offset, r.reconsume)).collect();
        assert_eq!(fields, [(b"b0".to_vec(), 7, 3, 2), (b"b1".to_vec(), 8, 4, 2)]);
    }

    #[test]
    fn a_delayed_message_is_due_by_its_store_time() {
        let fixture = Fixture::on_sim(4096);
        let queue = queue("SCHEDULE_TOPIC_XXXX", 0);
        let mut batch = Batch::default();
        batch.push(&message(&queue, b"delayed", b"DELAY\x011\x02TAGS\x01TagB\x02"));
        assert_eq!(fixture.append(&mut batch)[0].tags_code, NOW.0 + 1000);
    }

    #[test]
    fn the_rest_of_a_full_file_is_one_blank_record() {
        let fixture = Fixture::on_sim(4096);
        let queue = queue("T", 0);
        fixture.store(&queue, 3496 - 92);
        fixture.store(&queue, 600 - 92 - 7);
        let blank = fixture.log.slice(at(3496), 600).unwrap();
        assert_eq!(blank.bytes()[..8], [0, 0, 2, 0x58, 0xcb, 0xd4, 0x31, 0x94]);
        assert_eq!(fixture.log.written(), at(4096 + 600 - 7));
        assert_eq!(fixture.names(), ["00000000000000000000", "00000000000000004096"]);
    }
}

#[test]
fn a_record_moves_to_the_next_file_unless_eight_bytes_stay_free() {
    for free in 0..40 {
        let fixture = Fixture::on_sim(512);
        let queue = queue("T", 0);
        fixture.store(&queue, 100);
        let len = 512 - 192 - free;
        let stored = fixture.store(&queue, len - 92);
        let expected = if free >= BLANK_LEN { 192 } else { 512 };
        assert_eq!(stored, at(expected as i64), "{free} bytes free");
        let positions: Vec<_> = fixture.records().iter().map(|(position, _)| *position).collect();
        assert_eq!(positions, [0, expected as u64]);
    }
}

#[test]
fn a_turn_goes_over_several_files_and_no_client_batch_is_split() {
    let fixture = Fixture::on_sim(1000);
    let queue = queue("T", 0);
    let mut items = Vec::new();
    for _ in 0..3 {
        batch::push(&batch::Item { flag: 0, body: &[7; 100], properties: b"" }, &mut items);
    }
    let mut batch = Batch::default();
    for _ in 0..4 {
        batch.push_items(&message(&queue, &items, b""));
        batch.push(&message(&queue, &[1; 58], b""));
    }
    let entries = fixture.append(&mut batch);
    assert_eq!(entries.len(), 16);
    let offsets: Vec<_> = entries.iter().map(|entry| entry.queue_offset.to_java()).collect();
    assert_eq!(offsets, (0..16).collect::<Vec<_>>());
    for outcome in (0..8).step_by(2) {
        let files: Vec<_> = batch.positions(outcome).map(|position| position.to_java() / 1000).collect();
        assert!(files.len() == 3 && files.iter().all(|file| *file == files[0]), "{files:?}");
    }
    assert_eq!(fixture.records().len(), 16);
}

#[test]
fn what_is_refused_takes_no_offset_and_no_bytes() {
    let fixture = Fixture::on_sim(4096);
    let queue = queue("T", 0);
    let long_topic = super::tests::queue(&"t".repeat(128), 0);
    let mut batch = Batch::default();
    batch.push(&message(&queue, b"first", b""));
    batch.push(&message(&queue, &[0; 5000], b""));
    batch.push(&message(&long_topic, b"", b""));
    batch.push(&message(&queue, b"", &[b'p'; 32768]));
    batch.push_items(&message(&queue, b"no items", b""));
    batch.push_items(&message(&queue, b"", b""));
    let mut items = Vec::new();
    batch::push(&batch::Item { flag: 0, body: b"", properties: b"" }, &mut items);
    batch.push_items(&message(&queue, &items, b"DELAY\x013\x02"));
    batch.push_items(&NewRecord { sys_flag: SysFlag(4), ..message(&queue, &items, b"") });
    batch.push(&message(&queue, b"last", b""));
    let entries = fixture.append(&mut batch);
    let refused = |error| Appended::Refused(error);
    assert_eq!(
        batch.outcomes()[1..8],
        [
            refused(AppendError::TooLong),
            refused(AppendError::TooLong),
            refused(AppendError::TooLong),
            refused(AppendError::Illegal),
            refused(AppendError::Illegal),
            refused(AppendError::Illegal),
            refused(AppendError::Illegal),
        ]
    );
    let stored: Vec<_> = entries.iter().map(|entry| (entry.position, entry.queue_offset.to_java())).collect();
    assert_eq!(stored, [(at(0), 0), (at(97), 1)]);
}

#[test]
fn half_messages_and_roll_backs_have_no_place_in_their_queue() {
    let fixture = Fixture::on_sim(4096);
    let queue = queue("T", 0);
    queue.set_next_offset(QueueOffset::from_java(5).unwrap());
    let mut batch = Batch::default();
    for sys_flag in [0x4, 0xC, 0x8] {
        batch.push(&NewRecord { sys_flag: SysFlag(sys_flag), ..message(&queue, b"", b"KEYS\x01k\x02") });
    }
    let entries = fixture.append(&mut batch);
    let seen: Vec<_> = entries.iter().map(|e| (e.queued, e.queue_offset.to_java(), e.key_hashes.len())).collect();
    assert_eq!(seen, [(false, 0, 1), (false, 0, 0), (true, 5, 1)]);
    assert_eq!(queue.next_offset().to_java(), 6);
}

#[test]
fn store_times_do_not_fall_when_turns_race() {
    let fixture = Fixture::on_sim(4096);
    let queue = queue("T", 0);
    for (now, expected) in [(50_000, 50_000), (45_000, 50_000), (51_000, 51_000), (41_000, 41_000)] {
        let mut batch = Batch::default();
        batch.push(&message(&queue, b"", b""));
        let mut stored = Millis(0);
        fixture.log.append(&mut batch, Millis(now), &mut |entry| stored = entry.store_timestamp);
        assert_eq!(stored, Millis(expected));
    }
}

#[test]
fn a_write_that_fails_midway_refuses_its_records_and_leaves_nothing_behind() {
    for written in [0, 4, 50, 92, 100, 184, 250] {
        let fixture = Fixture::on_sim(4096);
        let queue = queue("T", 0);
        fixture.store(&queue, 0);
        fixture.sim.inject(Fault::Write { nth: 1, written });
        let mut batch = Batch::default();
        for _ in 0..3 {
            batch.push(&message(&queue, b"", b""));
        }
        assert!(fixture.append(&mut batch).is_empty());
        assert_eq!(batch.outcomes(), [Appended::Refused(AppendError::Disk); 3]);
        assert_eq!((queue.next_offset().to_java(), fixture.log.written()), (1, at(92)));
        assert_eq!(fixture.bytes_behind(92), 0, "{written} bytes written");
        assert_eq!(fixture.store(&queue, 0), at(92));
        assert_eq!(fixture.records().last().unwrap().1.queue_offset, 1);
    }
}

#[test]
fn a_full_or_read_only_disk_refuses_messages_until_it_has_space_again() {
    let fixture = Fixture::on_sim(4096);
    let queue = queue("T", 0);
    fixture.store(&queue, 3900);
    fixture.sim.leave_free(0);
    assert_eq!(fixture.try_store(&queue, 100), Appended::Refused(AppendError::Disk));
    fixture.sim.leave_free(1 << 20);
    assert_eq!(fixture.store(&queue, 100), at(4096));
    fixture.sim.set_read_only(true);
    assert_eq!(fixture.try_store(&queue, 10), Appended::Refused(AppendError::Disk));
    assert_eq!(fixture.try_store(&queue, 3900), Appended::Refused(AppendError::Disk));
    fixture.sim.set_read_only(false);
    assert_eq!(fixture.store(&queue, 3900), at(8192));
    assert_eq!(queue.next_offset().to_java(), 3);
    let positions: Vec<_> = fixture.records().iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, [0, 4096, 8192]);
}

#[test]
fn a_flush_that_fails_stops_the_log_until_what_it_dropped_is_written_again() {
    let fixture = Fixture::on_sim(4096);
    let queue = queue("T", 0);
    fixture.store(&queue, 10);
    fixture.log.flush_all().unwrap();
    fixture.store(&queue, 20);
    let flushed = fixture.log.flushed().get();
    fixture.sim.inject(Fault::Sync { nth: 1 });
    assert!(fixture.log.flush_all().is_err());
    assert!(fixture.log.is_failing());
    assert_eq!(fixture.log.flushed().get(), flushed);
    assert_eq!(fixture.try_store(&queue, 0), Appended::Refused(AppendError::Disk));
    fixture.log.flush_all().unwrap();
    assert!(!fixture.log.is_failing());
    assert_eq!(fixture.log.flushed().get(), fixture.log.written());
    let crashed = fixture.reopen(fixture.sim.crash());
    assert_eq!(crashed.records().len(), 2);
    crashed.store(&queue, 0);
}

#[test]
fn flushing_tells_how_far_it_came_and_the_time_of_that() {
    let fixture = Fixture::on_sim(512);
    let queue = queue("T", 0);
    let (sender, told) = mpsc::channel();
    for _ in 0..5 {
        fixture.store(&queue, 100);
    }
    fixture.log.flush.set_hook(Box::new(move |to| sender.send(to).unwrap()));
    fixture.log.flush_all().unwrap();
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [at(512), at(1024), at(1024 + 192)]);
    assert_eq!(fixture.log.flushed_timestamp(), NOW);
}

#[test]
fn recovery_deletes_later_files_and_zeroes_what_is_behind_the_end() {
    let fixture = Fixture::on_sim(512);
    let queue = queue("T", 0);
    for _ in 0..7 {
        fixture.store(&queue, 58);
    }
    assert_eq!(fixture.names().len(), 3);
    for (end, files) in [(1024 + 150, 3), (1024, 3), (512 + 300, 2), (150, 1), (0, 1)] {
        let disk = fixture.sim.another_process();
        let mut log = load(&disk, 512).unwrap();
        assert_eq!(log.written(), at(log.segments.last().unwrap().end() as i64));
        log.set_recovered(at(end)).unwrap();
        assert_eq!((log.written(), log.flushed().get(), log.files().len()), (at(end), at(end), files));
        let bytes: Vec<u8> = disk.contents().into_values().flatten().collect();
        assert!(bytes.len() == files * 512 && bytes[end as usize..].iter().all(|&byte| byte == 0));
    }
}

#[test]
fn recovery_does_not_touch_a_tail_of_zeros() {
    let fixture = Fixture::on_sim(4096);
    fixture.store(&queue("T", 0), 0);
    let disk = fixture.sim.another_process();
    let writes = disk.counts().writes;
    load(&disk, 4096).unwrap().set_recovered(at(92)).unwrap();
    assert_eq!(disk.counts().writes, writes);
}

#[test]
fn a_directory_with_a_hole_or_a_wrong_length_is_refused_and_left_alone() {
    let file = |disk: &SimDisk, name: &str, len: u64| {
        disk.create_dir_all(Path::new("/log")).unwrap();
        disk.create(&Path::new("/log").join(name)).unwrap().set_len(len).unwrap();
    };
    let cases: [&[(&str, u64)]; 5] = [
        &[("00000000000000000000", 4096), ("00000000000000008192", 4096)],
        &[("00000000000000000000", 4096), ("00000000000000004096", 4095)],
        &[("00000000000000000000", 0), ("00000000000000004096", 4096)],
        &[("00000000000000000000", 8192)],
        &[("00000000000000004096", 4096), ("00000000000000004097", 4096)],
    ];
    for files in cases {
        let disk = SimDisk::new(Clock::by_hand(NOW), 1);
        files.iter().for_each(|(name, len)| file(&disk, name, *len));
        let before = disk.contents();
        assert!(matches!(load(&disk, 4096), Err(OpenError::Damaged { .. })), "{files:?}");
        assert_eq!(disk.contents(), before);
    }
    let disk = SimDisk::new(Clock::by_hand(NOW), 1);
    for (name, len) in [("00000000000000004096", 4096), ("00000000000000008192", 0), ("notes.txt", 5), ("123", 0)] {
        file(&disk, name, len);
    }
    let mut log = load(&disk, 4096).unwrap();
    assert_eq!((log.min(), log.written()), (at(4096), at(8192)));
    log.set_recovered(at(5000)).unwrap();
    let names: Vec<_> = disk.list(Path::new("/log")).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["00000000000000004096", "123", "notes.txt"]);
}

#[test]
fn the_first_file_goes_and_stays_readable_for_who_holds_it() {
    let fixture = Fixture::on_sim(512);
    let queue = queue("T", 0);
    for _ in 0..5 {
        fixture.store(&queue, 100);
    }
    let held = fixture.log.slice(at(0), 192).unwrap();
    assert_eq!(fixture.log.delete_first_file().unwrap(), None, "not durable yet");
    fixture.log.flush_all().unwrap();
    assert_eq!(fixture.log.delete_first_file().unwrap(), Some(at(0)));
    assert_eq!(fixture.log.delete_first_file().unwrap(), Some(at(512)));
    assert_eq!(fixture.log.delete_first_file().unwrap(), None, "the last file stays");
    assert_eq!((fixture.log.min(), fixture.names()), (at(1024), vec!["00000000000000001024".to_owned()]));
    assert!(fixture.log.slice(at(0), 1).is_none());
    assert!(matches!(parse(held.bytes(), CheckBody::Yes), Parsed::Message(_)));
}

#[test]
fn slices_hold_published_bytes_of_one_file_only() {
    let fixture = Fixture::on_sim(512);
    let queue = queue("T", 0);
    fixture.store(&queue, 100);
    let log = &fixture.log;
    assert!(
        log.slice(at(0), 192).is_some() && log.slice(at(0), 193).is_none() && log.slice(at(10), usize::MAX).is_none()
    );
    assert_eq!(log.rest(at(100)).unwrap().bytes().len(), 92);
    assert_eq!(log.rest(at(192)).unwrap().bytes().len(), 0);
    assert!(log.rest(at(193)).is_none() && log.rest(at(512)).is_none());
    assert_eq!((log.file_end(at(0)), log.file_end(at(511)), log.file_end(at(512))), (at(512), at(512), at(1024)));
    for _ in 0..2 {
        fixture.store(&queue, 100);
    }
    assert_eq!(log.rest(at(192)).unwrap().bytes().len(), 512 - 192);
    assert!(log.slice(at(500), 20).is_none());
}

#[test]
fn appends_of_many_threads_leave_no_gap_and_keep_each_queue_in_order() {
    const THREADS: usize = 8;
    const TURNS: usize = 200;
    let fixture = Fixture::on_sim(1 << 14);
    fixture.start();
    let queues: Vec<_> = (0..3).map(|id| queue("T", id)).collect();
    let seen = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (log, queues, seen) = (&fixture.log, &queues, &seen);
            scope.spawn(move || {
                let mut batch = Batch::default();
                for turn in 0..TURNS {
                    batch.clear();
                    for number in 0..turn % 5 + 1 {
                        batch.push(&message(&queues[(turn + number) % 3], &[thread as u8; 100], b""));
                    }
                    log.append(&mut batch, NOW, &mut |entry| {
                        seen.lock().unwrap().push((entry.position, entry.queue.id(), entry.queue_offset.to_java()));
                    });
                    assert!(batch.outcomes().iter().all(|outcome| matches!(outcome, Appended::Stored { .. })));
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    assert!(seen.is_sorted_by_key(|(position, ..)| *position), "told in log order");
    let records = fixture.records();
    assert_eq!(records.len(), seen.len());
    let mut next = BTreeMap::new();
    for (position, id, offset) in &seen {
        let expected = next.entry(*id).or_insert(0);
        assert_eq!((offset, records.iter().any(|(at, _)| at == &(position.to_java() as u64))), (&*expected, true));
        *expected += 1;
    }
    fixture.log.shutdown().unwrap();
    assert_eq!(fixture.log.flushed().get(), fixture.log.written());
}

#[test]
fn one_flush_answers_all_who_wait() {
    const WAITERS: u64 = 32;
    let fixture = Fixture::with(SimDisk::new(Clock::by_hand(NOW), 1), 1 << 16, FlushDiskType::Sync);
    fixture.start();
    let queue = queue("T", 0);
    let waiting = AtomicUsize::new(0);
    let before = fixture.sim.counts().syncs;
    // Nothing can be flushed while this is held, so all of them wait for the same flush.
    let hold = fixture.log.flush.lock();
    std::thread::scope(|scope| {
        for _ in 0..WAITERS {
            scope.spawn(|| {
                let end = stored_end(fixture.try_store(&queue, 100));
                waiting.fetch_add(1, Ordering::SeqCst);
                fixture.wait_flushed(end);
            });
        }
        while waiting.load(Ordering::SeqCst) < WAITERS as usize {
            std::thread::yield_now();
        }
        drop(hold);
    });
    // The file was synced when it was made; one more for a round that was under way.
    assert!(fixture.sim.counts().syncs - before <= 3, "{} syncs", fixture.sim.counts().syncs - before);
}

#[test]
fn what_was_answered_under_sync_flush_survives_every_power_cut() {
    for seed in 0..40 {
        let disk = SimDisk::new(Clock::by_hand(NOW), seed);
        let mut fixture = Fixture::with(disk, 1024, FlushDiskType::Sync);
        let queue = queue("T", 0);
        let mut answered = Vec::new();
        for round in 0..4u64 {
            fixture.sim.inject(Fault::PowerCut { nth: 1 + (seed * 7 + round * 13) % 60 });
            for number in 0..40 {
                let Appended::Stored { position, .. } = fixture.try_store(&queue, number * 9) else { break };
                if fixture.log.flush_all().is_err() {
                    break;
                }
                answered.push(position.to_java() as u64);
            }
            fixture = fixture.reopen(fixture.sim.crash());
            let found: Vec<_> = fixture.records().iter().map(|(position, _)| *position).collect();
            assert!(answered.iter().all(|position| found.contains(position)), "seed {seed} round {round}");
            answered = found;
            queue.set_next_offset(QueueOffset::from_java(answered.len() as i64).unwrap());
        }
    }
}

#[test]
fn no_refused_record_is_found_whatever_fails() {
    for seed in 0..60u64 {
        let sim = SimDisk::new(Clock::by_hand(NOW), seed);
        let mut fixture = Fixture::with(sim, 1024, FlushDiskType::Sync);
        let queue = queue("T", 0);
        let (mut answered, mut refused) = (Vec::new(), Vec::new());
        let mut next = 0..;
        for round in 0..4 {
            for fault in 0..3 {
                let nth = 1 + (seed * 7 + round * 13 + fault * 29) % 25;
                let written = (seed * 31 + fault * 57) as usize % 300;
                fixture.sim.inject(if fault < 2 { Fault::Write { nth, written } } else { Fault::Sync { nth } });
            }
            for turn in 0..15 {
                let numbers: Vec<u64> = next.by_ref().take(1 + (seed as usize + turn) % 4).collect();
                let bodies: Vec<_> = numbers.iter().map(|number| format!("{number:>0$}", 5 + turn * 9)).collect();
                let mut batch = Batch::default();
                for body in &bodies {
                    batch.push(&message(&queue, body.as_bytes(), b""));
                }
                fixture.append(&mut batch);
                let flushed = fixture.log.flush_all().is_ok();
                for (number, outcome) in numbers.iter().zip(batch.outcomes()) {
                    match outcome {
                        Appended::Stored { .. } if flushed => answered.push(*number),
                        Appended::Stored { .. } => {}
                        Appended::Refused(_) => refused.push(*number),
                    }
                }
            }
            fixture = fixture.reopen(fixture.sim.crash());
            let found = fixture.records();
            let numbers: Vec<u64> =
                found.iter().map(|(_, r)| str::from_utf8(&r.body).unwrap().trim().parse().unwrap()).collect();
            assert!(answered.iter().all(|number| numbers.contains(number)), "seed {seed} round {round}: lost");
            assert!(!refused.iter().any(|number| numbers.contains(number)), "seed {seed} round {round}: refused");
            let offsets: Vec<_> = found.iter().map(|(_, r)| r.queue_offset).collect();
            assert_eq!(offsets, (0..offsets.len() as i64).collect::<Vec<_>>(), "seed {seed} round {round}");
            queue.set_next_offset(QueueOffset::from_java(offsets.len() as i64).unwrap());
            answered = numbers;
        }
    }
}

#[test]
fn on_the_file_system_a_file_is_prepared_and_goes_at_shutdown_when_it_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(&dir.path().join("log"), 1 << 16, FlushDiskType::Async);
    let open = |end: u64| {
        let mut log = Log::load(&settings, Arc::new(RealDisk), Clock::system()).unwrap();
        log.set_recovered(at(end as i64)).unwrap();
        let log = Arc::new(log);
        log.start(Box::new(|_| {})).unwrap();
        log
    };
    let log = open(0);
    let queue = queue("T", 0);
    let mut batch = Batch::default();
    for _ in 0..100 {
        batch.push(&message(&queue, &[1; 600], b"KEYS\x01k\x02"));
    }
    let mut count = 0;
    log.append(&mut batch, NOW, &mut |_| count += 1);
    assert_eq!(count, 100);
    let slice = log.slice(at(0), 600).unwrap();
    assert!(log.is_resident(&slice));
    log.will_need(&slice);
    assert!(map::is_resident(slice.bytes()));
    batch.clear();
    batch.push(&message(&queue, &[2; 600], b""));
    log.append(&mut batch, NOW, &mut |_| {});
    log.shutdown().unwrap();
    let end = log.written().to_java() as u64;
    let names: Vec<_> = RealDisk.list(&dir.path().join("log")).unwrap().into_iter().map(|entry| entry.len).collect();
    assert_eq!(names, vec![1 << 16; (end / (1 << 16) + 1) as usize]);
    drop((slice, log));

    let log = open(end);
    assert_eq!(log.written(), at(end as i64));
    let rest = log.rest(at(0)).unwrap();
    let Parsed::Message(record) = parse(rest.bytes(), CheckBody::Yes) else { panic!("no record") };
    assert_eq!(record.body(), [1; 600]);
    batch.clear();
    batch.push(&message(&queue, &[3; 600], b""));
    log.append(&mut batch, NOW, &mut |entry| assert_eq!(entry.position, at(end as i64)));
    log.shutdown().unwrap();
}

/// A log on a disk in memory.
struct Fixture {
    sim: SimDisk,
    log: Arc<Log>,
    file_len: u32,
    flush: FlushDiskType,
}

/// What the tests look at of a stored record.
struct Stored {
    body: Vec<u8>,
    flag: i32,
    queue_offset: i64,
    reconsume: i32,
}

impl Fixture {
    fn on_sim(file_len: u32) -> Self {
        Self::with(SimDisk::new(Clock::by_hand(NOW), 1), file_len, FlushDiskType::Async)
    }

    fn with(sim: SimDisk, file_len: u32, flush: FlushDiskType) -> Self {
        let settings = settings(Path::new("/log"), file_len, flush);
        let mut log = Log::load(&settings, Arc::new(sim.clone()), Clock::by_hand(NOW)).unwrap();
        let end = recovered_end(&log);
        log.set_recovered(end).unwrap();
        Self { sim, log: Arc::new(log), file_len, flush }
    }

    fn reopen(&self, sim: SimDisk) -> Self {
        Self::with(sim, self.file_len, self.flush)
    }

    fn start(&self) {
        self.log.start(Box::new(|_| {})).unwrap();
    }

    fn append(&self, batch: &mut Batch) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.log.append(batch, NOW, &mut |entry| entries.push(entry));
        entries
    }

    fn try_store(&self, queue: &Arc<Queue>, body_len: usize) -> Appended {
        let mut batch = Batch::default();
        batch.push(&message(queue, &vec![b'x'; body_len], b""));
        self.append(&mut batch);
        batch.outcomes()[0]
    }

    fn store(&self, queue: &Arc<Queue>, body_len: usize) -> PhysicalOffset {
        match self.try_store(queue, body_len) {
            Appended::Stored { position, .. } => position,
            refused => panic!("{refused:?}"),
        }
    }

    fn wait_flushed(&self, end: PhysicalOffset) {
        while self.log.flushed().get() < end {
            std::thread::yield_now();
        }
    }

    /// All records, as a reader of the files finds them.
    fn records(&self) -> Vec<(u64, Stored)> {
        let mut records = Vec::new();
        each_record(&self.log, |position, record| {
            assert_eq!(record.position(), position as i64);
            records.push((
                position,
                Stored {
                    body: record.body().to_vec(),
                    flag: record.flag(),
                    queue_offset: record.queue_offset(),
                    reconsume: record.reconsume_times(),
                },
            ));
        });
        records
    }

    fn names(&self) -> Vec<String> {
        self.sim.list(Path::new("/log")).unwrap().into_iter().map(|entry| entry.name).collect()
    }

    /// How many bytes of all files are not zero from a place on.
    fn bytes_behind(&self, end: usize) -> usize {
        let bytes: Vec<u8> = self.sim.contents().into_values().flatten().collect();
        bytes[end..].iter().filter(|&&byte| byte != 0).count()
    }
}

fn load(disk: &SimDisk, file_len: u32) -> Result<Log, OpenError> {
    let settings = settings(Path::new("/log"), file_len, FlushDiskType::Async);
    Log::load(&settings, Arc::new(disk.clone()), Clock::by_hand(NOW))
}

fn settings(dir: &Path, file_len: u32, flush: FlushDiskType) -> StoreSettings {
    StoreSettings {
        store_path_commit_log: dir.display().to_string(),
        commit_log_file_len: file_len,
        flush_disk_type: flush,
        ..StoreSettings::default()
    }
}

/// Where the records end: what recovery does, without its checks.
fn recovered_end(log: &Log) -> PhysicalOffset {
    each_record(log, |_, _| {})
}

fn each_record(log: &Log, mut each: impl FnMut(u64, &Record<'_>)) -> PhysicalOffset {
    let mut position = log.min();
    while let Some(rest) = log.rest(position) {
        match parse(rest.bytes(), CheckBody::Yes) {
            Parsed::Message(record) => {
                each(position.to_java() as u64, &record);
                position = position.plus(u64::from(record.size()));
            }
            Parsed::Blank if log.rest(log.file_end(position)).is_some() => position = log.file_end(position),
            Parsed::Blank | Parsed::Invalid(_) => break,
        }
    }
    position
}

fn queue(topic: &str, id: i32) -> Arc<Queue> {
    Queue::detached(topic, QueueId::from_java(id).unwrap())
}

fn message<'a>(queue: &'a Arc<Queue>, body: &'a [u8], properties: &'a [u8]) -> NewRecord<'a> {
    NewRecord {
        queue,
        flag: 0,
        sys_flag: SysFlag(0),
        born_timestamp: Millis(1_530_000_000_000),
        born_host: "10.1.2.3:54321".parse().unwrap(),
        store_host: "127.0.0.1:10911".parse().unwrap(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body,
        properties,
    }
}

fn stored_end(outcome: Appended) -> PhysicalOffset {
    match outcome {
        Appended::Stored { end, .. } => end,
        refused => panic!("{refused:?}"),
    }
}

fn at(offset: i64) -> PhysicalOffset {
    PhysicalOffset::from_java(offset).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
