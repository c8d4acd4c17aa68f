use super::*;
use compat::time::{Clock, Millis};
use std::path::Path;
use std::sync::Arc;
use store::disk::Disk;
use store::disk::sim::SimDisk;

const FILE: &str = "/config/consumerOffset.json";

fn file(disk: &SimDisk) -> ConfigFile {
    ConfigFile::new(Arc::new(disk.clone()), FILE)
}

fn disk() -> SimDisk {
    let disk = SimDisk::new(Clock::by_hand(Millis(0)), 1);
    disk.create_dir_all(Path::new("/config")).expect("a directory");
    disk
}

/// Numbers that look random and are the same each time.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn offsets_are_those_of_a_plain_map_also_after_a_restart() {
    let disk = disk();
    let mut model: BTreeMap<(String, String, i32), i64> = BTreeMap::new();
    let mut offsets = ConsumerOffsets::load(file(&disk)).expect("no file yet");
    let mut seed = 7;
    for round in 0..2000 {
        let group = format!("g{}", random(&mut seed) % 5);
        let topic = format!("t{}", random(&mut seed) % 5);
        let queue_id = (random(&mut seed) % 4) as i32;
        let offset = (random(&mut seed) % 100) as i64;
        offsets.commit(&group, &topic, queue_id, offset);
        model.insert((group, topic, queue_id), offset);
        if round % 500 == 0 {
            offsets.save().expect("saved");
            offsets = ConsumerOffsets::load(file(&disk)).expect("the file just written");
        }
    }
    for ((group, topic, queue_id), offset) in &model {
        assert_eq!(offsets.query(group, topic, *queue_id), Some(*offset));
    }
    assert_eq!(offsets.query("g0", "t0", 9), None);
    let of_g0: Vec<_> = model.keys().filter(|(group, ..)| group == "g0").map(|(_, topic, _)| topic.clone()).collect();
    assert!(offsets.topics_of("g0").iter().all(|topic| of_g0.contains(topic)));
    offsets.remove_group("g0");
    assert_eq!(offsets.topics_of("g0"), Vec::<String>::new());
}

#[test]
fn the_file_is_that_of_java() {
    let disk = disk();
    let offsets = ConsumerOffsets::load(file(&disk)).expect("no file yet");
    offsets.commit("G1", "T1", 1, 7);
    offsets.commit("G1", "T1", 0, 5);
    offsets.save().expect("saved");
    let java = "{\n\t\"offsetTable\":{\n\t\t\"T1@G1\":{0:5,1:7\n\t\t}\n\t}\n}";
    assert_eq!(String::from_utf8(disk.read(Path::new(FILE), 1 << 20).expect("a file")).expect("text"), java);
}

#[test]
fn nothing_is_written_where_nothing_has_changed() {
    let disk = disk();
    let offsets = ConsumerOffsets::load(file(&disk)).expect("no file yet");
    offsets.save().expect("nothing to do");
    assert!(disk.read(Path::new(FILE), 1).is_err(), "no commit, no file");
    offsets.commit("G", "T", 0, 5);
    offsets.save().expect("saved");
    let writes = disk.counts().writes;
    offsets.commit("G", "T", 0, 5);
    offsets.save().expect("nothing to do");
    assert_eq!(disk.counts().writes, writes);
}

#[test]
fn what_cannot_be_parsed_stops_the_start_and_stays_as_it_is() {
    let disk = disk();
    let broken = disk.create(Path::new(FILE)).expect("a file");
    broken.write_all_at(b"{\"offsetTable\":{", 0).expect("written");
    let before = disk.contents();
    let error = ConsumerOffsets::load(file(&disk)).err().expect("refused").to_string();
    assert!(error.starts_with("/config/consumerOffset.json cannot be read ("), "{error}");
    assert_eq!(disk.contents(), before);
}
