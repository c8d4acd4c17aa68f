use super::*;
use compat::names;
use compat::time::Millis;
use compat::topic::TopicFilterType;
use std::path::Path;
use store::disk::sim::SimDisk;
use store::disk::{Disk, File};

const FILE: &str = "/config/topics.json";
const BUILT_IN: BuiltIn<'_> = BuiltIn {
    cluster: "DefaultCluster",
    broker: "broker-a",
    default_queue_count: 8,
    auto_create: true,
    cluster_topic: true,
    broker_topic: false,
};

fn table() -> TopicTable {
    TopicTable::new(&BUILT_IN, Millis(1))
}

fn wanted<'a>(topic: &'a str, default_topic: &'a str) -> AutoCreate<'a> {
    AutoCreate { topic, default_topic, queue_count: 4, sys_flag: 1 }
}

fn disk() -> SimDisk {
    let disk = SimDisk::new(Clock::by_hand(Millis(0)), 1);
    disk.create_dir_all(Path::new("/config")).expect("a directory");
    disk
}

fn load(disk: &SimDisk) -> Result<Topics, Unreadable> {
    let file = ConfigFile::new(Arc::new(disk.clone()), FILE);
    Topics::load(file, &BUILT_IN, Arc::default(), Clock::by_hand(Millis(5)))
}

#[test]
fn a_broker_begins_with_the_topics_of_java() {
    let table = table();
    let shape =
        |name: &str| table.find(name).map(|topic| (topic.read_queue_count, topic.write_queue_count, topic.perm.0));
    assert_eq!(shape(names::SELF_TEST_TOPIC), Some((1, 1, 6)));
    assert_eq!(shape(names::AUTO_CREATE_TOPIC), Some((8, 8, 7)));
    assert_eq!(shape(names::AUTO_CREATE_TOPIC_LEGACY), Some((8, 8, 7)));
    assert_eq!(shape(names::BENCHMARK_TOPIC), Some((1024, 1024, 6)));
    assert_eq!(shape("DefaultCluster"), Some((16, 16, 7)));
    assert_eq!(shape("broker-a"), Some((1, 1, 1)), "switched off: inherited only");
    assert_eq!(shape(names::OFFSET_MOVED_EVENT), Some((1, 1, 6)));
    assert_eq!(table.built_in().len(), 7);
    let without = TopicTable::new(&BuiltIn { auto_create: false, ..BUILT_IN }, Millis(1));
    assert!(without.find(names::AUTO_CREATE_TOPIC).is_none() && without.find("TBW102").is_none());
}

#[test]
fn a_send_makes_its_topic_after_a_template() {
    let mut table = table();
    for template in ["AUTO_CREATE_TOPIC_KEY", "TBW102"] {
        let made = table.create_after_template(&wanted(template, template), true, Millis(2));
        assert_eq!(made.expect("the template itself").perm, Perm(7), "what is there is returned as it is");
    }
    let version = table.version();
    let made = table.create_after_template(&wanted("T", "TBW102"), true, Millis(2)).expect("made");
    assert_eq!((made.write_queue_count, made.perm, made.topic_sys_flag), (4, Perm::READ_WRITE, 1));
    assert_eq!(table.version(), version.next(Millis(2)));
    let many = AutoCreate { queue_count: 100, ..wanted("U", "TBW102") };
    assert_eq!(table.create_after_template(&many, true, Millis(2)).expect("made").write_queue_count, 8);
    let none = AutoCreate { queue_count: -1, ..wanted("V", "TBW102") };
    assert_eq!(table.create_after_template(&none, true, Millis(2)).expect("made").write_queue_count, 0);
    let of_cluster = table.create_after_template(&wanted("W", "DefaultCluster"), false, Millis(2));
    assert_eq!(of_cluster.expect("made").perm, Perm::READ_WRITE, "any topic that is inherited will do");

    let version = table.version();
    for (name, template, auto_create) in [
        ("X", "TBW102", false),
        ("X", "AUTO_CREATE_TOPIC_KEY", false),
        ("X", "BenchmarkTest", true),
        ("X", "nothing", true),
        ("../x", "TBW102", true),
        ("", "TBW102", true),
    ] {
        let made = table.create_after_template(&wanted(name, template), auto_create, Millis(3));
        assert_eq!(made, None, "{name} after {template}");
    }
    assert_eq!(table.version(), version, "what is not made is no change");
}

#[test]
fn ordered_topics_are_those_that_the_name_server_says() {
    let mut table = table();
    table.put(TopicConfig::new("T", 4, Perm::READ_WRITE), Millis(2));
    assert!(table.set_ordered(&["T", "elsewhere"].into(), Millis(3)));
    assert!(!table.set_ordered(&["T"].into(), Millis(4)), "nothing changes");
    assert!(table.find("T").expect("a topic").order);
    assert!(table.set_ordered(&[].into(), Millis(5)));
    assert!(!table.find("T").expect("a topic").order);
}

#[test]
fn a_file_wins_over_what_is_built_in_and_cannot_lead_elsewhere() {
    let mut table = table();
    let mut stored = table.snapshot();
    stored.topic_config_table = [
        ("SELF_TEST_TOPIC".to_owned(), TopicConfig::new("SELF_TEST_TOPIC", 3, Perm::READ_WRITE)),
        ("../../x".to_owned(), TopicConfig::new("../../x", 3, Perm::READ_WRITE)),
    ]
    .into();
    stored.data_version = DataVersion { counter: 9, timestamp: 9 };
    assert_eq!(table.merge(stored), ["../../x"]);
    assert_eq!(table.find("SELF_TEST_TOPIC").expect("built in").read_queue_count, 3);
    assert_eq!((table.version().counter, table.find("../../x")), (9, None));
}

#[test]
fn what_is_put_is_on_the_disk_even_when_the_power_fails() {
    let disk = disk();
    let topics = load(&disk).expect("no file yet");
    let multi = TopicConfig { topic_filter_type: TopicFilterType::MultiTag, ..TopicConfig::new("T", 2, Perm(6)) };
    topics.put(multi.clone()).expect("durable");
    assert!(topics.remove("BenchmarkTest").expect("durable"));
    assert!(!topics.remove("BenchmarkTest").expect("nothing to do"));
    let after = load(&disk.crash()).expect("the file");
    assert_eq!(after.find("T").as_deref(), Some(&multi));
    assert_eq!(after.data_version(), topics.data_version());
    assert!(after.find("BenchmarkTest").is_some(), "built-in topics come back with the next start, as in Java");
}

#[test]
fn what_a_send_makes_is_told_and_saved_with_the_next_write() {
    let disk = disk();
    let topics = load(&disk).expect("no file yet");
    let mut changes = topics.changes();
    let generation = topics.generation();
    topics.find_or_create(&wanted("T", "TBW102")).expect("made");
    topics.find_or_create(&wanted("T", "TBW102")).expect("there");
    topics.find_or_create_internal("%RETRY%g", 1, Perm::READ_WRITE, 0).expect("made");
    assert_eq!(topics.generation(), generation + 2);
    assert!(changes.has_changed().expect("a table"));
    assert_eq!(*changes.borrow_and_update(), topics.generation());
    assert!(disk.read(Path::new(FILE), 1).is_err(), "not on the disk yet");
    topics.save().expect("saved");
    let writes = disk.counts().writes;
    topics.save().expect("nothing to do");
    assert_eq!(disk.counts().writes, writes, "saved once");
    assert!(load(&disk).expect("the file").find("T").is_some());
}

#[test]
fn a_table_that_cannot_be_read_stops_the_start() {
    let disk = disk();
    let file: Arc<dyn File> = disk.create(Path::new(FILE)).expect("a file");
    file.write_all_at(b"{", 0).expect("written");
    let before = disk.contents();
    assert!(load(&disk).is_err());
    assert_eq!(disk.contents(), before);
}
