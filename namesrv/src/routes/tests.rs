use super::*;

const NOW: Millis = Millis(1_000_000);

#[test]
fn a_topic_is_where_a_master_has_it() {
    let mut table = RouteTable::default();
    table.on_register(master("b", "m:1", &["T", "U"], 1), 1, NOW);
    let route = table.route("T").unwrap();
    assert_eq!(route.broker_datas[0].broker_addrs, BTreeMap::from([(0, "m:1".to_owned())]));
    assert_eq!(route.queue_datas.len(), 1);
    assert!(route.filter_server_table.is_empty());
    assert!(table.route("V").is_none());
}

#[test]
fn slaves_bring_addresses_but_no_topics_and_learn_of_their_master() {
    let mut table = RouteTable::default();
    let alone = table.on_register(slave("b", 1, "s:1", &["S"]), 1, NOW);
    assert_eq!(alone, Master::default());
    assert!(table.route("S").is_none());
    let of_master = table.on_register(master("b", "m:1", &["T"], 1), 2, NOW);
    assert_eq!(of_master, Master::default(), "a master learns nothing");
    let learned = table.on_register(slave("b", 1, "s:1", &["S"]), 1, NOW);
    assert_eq!(learned, Master { address: Some("m:1".to_owned()), ha_address: Some("ha m:1".to_owned()) });
    assert_eq!(table.route("T").unwrap().broker_datas[0].broker_addrs.len(), 2);
    assert!(table.route("S").is_none());
}

#[test]
fn the_same_version_again_brings_nothing() {
    let mut table = RouteTable::default();
    table.on_register(master("b", "m:1", &["T", "U"], 1), 1, NOW);
    table.on_write_perm("b", WritePerm::Wipe);
    table.on_delete_topic("U", None);
    let before = table.generation();
    table.on_register(master("b", "m:1", &["T", "U"], 1), 1, NOW);
    assert_eq!(table.generation(), before);
    assert_eq!(perm(&table, "T"), 4, "no write permission until the broker changes something");
    assert!(table.route("U").is_none());
    table.on_register(master("b", "m:1", &["T", "U"], 2), 1, NOW);
    assert_eq!(perm(&table, "T"), 6);
    assert!(table.route("U").is_some());
}

#[test]
fn topics_missing_from_a_registration_stay() {
    let mut table = RouteTable::default();
    table.on_register(master("b", "m:1", &["T", "U"], 1), 1, NOW);
    table.on_register(master("b", "m:1", &["U", "V"], 2), 1, NOW);
    assert_eq!(table.topics().topic_list, ["T", "U", "V"]);
}

#[test]
fn one_topic_of_an_unknown_version_does_not_block_the_others() {
    let mut table = RouteTable::default();
    // The name server was restarted, and the first that it hears of the broker is one topic that changed.
    table.on_register(master("b", "m:1", &["T"], 7), 1, NOW);
    let asked = table.on_query_version("m:1", Some(version(7)), NOW);
    assert_eq!(asked, Freshness { is_changed: true, known: Some(version(7)) });
    table.on_register(master("b", "m:1", &["T", "U", "V"], 7), 1, NOW);
    assert_eq!(table.topics().topic_list, ["T", "U", "V"]);
    assert!(!table.on_query_version("m:1", Some(version(7)), NOW).is_changed);
}

#[test]
fn one_topic_of_the_next_version_keeps_the_table_complete() {
    let mut table = RouteTable::default();
    table.on_register(master("b", "m:1", &["T", "U"], 1), 1, NOW);
    table.on_write_perm("b", WritePerm::Wipe);
    table.on_register(master("b", "m:1", &["T"], 2), 1, NOW);
    table.on_register(master("b", "m:1", &["T", "U"], 2), 1, NOW);
    assert_eq!((perm(&table, "T"), perm(&table, "U")), (6, 4), "as in 4.3.0, only T is writable again");
    // Version 3 was never heard of: what it changed must come with the full registration.
    table.on_register(master("b", "m:1", &["T"], 4), 1, NOW);
    assert!(table.on_query_version("m:1", Some(version(4)), NOW).is_changed);
    table.on_register(master("b", "m:1", &["T", "U", "W"], 4), 1, NOW);
    assert!(table.route("W").is_some());
}

#[test]
fn a_query_of_an_unchanged_version_keeps_a_broker() {
    let mut table = RouteTable::default();
    table.on_register(master("b", "m:1", &["T", "U"], 1), 1, NOW);
    let later = NOW.plus(Duration::from_secs(100));
    assert!(table.on_query_version("m:2", Some(version(1)), later).is_changed);
    assert!(table.on_query_version("m:1", Some(version(2)), later).is_changed);
    assert!(table.on_query_version("m:1", None, later).is_changed);
    assert!(!table.on_query_version("m:1", Some(version(1)), later).is_changed);
    assert!(table.on_silence(NOW.plus(Duration::from_millis(120_001))).is_empty());
    assert_eq!(table.on_silence(NOW.plus(Duration::from_millis(220_001))).len(), 1);
}

#[test]
fn a_broker_is_silent_for_too_long_after_120_seconds() {
    let mut table = RouteTable::default();
    table.on_register(master("b", "m:1", &["T"], 1), 1, NOW);
    assert!(table.on_silence(NOW.plus(Duration::from_secs(120))).is_empty());
    let removed = table.on_silence(NOW.plus(Duration::from_millis(120_001)));
    assert_eq!(removed, [Removed { address: "m:1".to_owned(), peer: 1 }]);
    assert!(table.topics().topic_list.is_empty() && table.cluster_info() == ClusterInfo::default());
}

#[test]
fn a_closed_connection_removes_all_that_registered_by_it_and_nobody_else() {
    let mut table = RouteTable::default();
    table.on_register(master("a", "m:1", &["T"], 1), 1, NOW);
    table.on_register(master("b", "m:2", &["T"], 1), 1, NOW);
    table.on_register(master("c", "m:3", &["T"], 1), 2, NOW);
    assert_eq!(table.on_closed(1).len(), 2);
    assert_eq!(table.route("T").unwrap().queue_datas.len(), 1);
}

#[test]
fn a_late_close_of_an_old_connection_does_not_remove_a_later_registration() {
    let mut table = RouteTable::default();
    table.on_register(master("b", "m:1", &["T"], 1), 1, NOW);
    table.on_register(master("b", "m:1", &["T"], 1), 2, NOW);
    assert!(table.on_closed(1).is_empty());
    assert!(table.route("T").is_some());
}

#[test]
fn topics_stay_while_a_slave_remains() {
    let mut table = RouteTable::default();
    table.on_register(master("b", "m:1", &["T"], 1), 1, NOW);
    table.on_register(slave("b", 1, "s:1", &[]), 2, NOW);
    table.on_unregister("b", 0, "m:1");
    assert_eq!(table.route("T").unwrap().broker_datas[0].broker_addrs, BTreeMap::from([(1, "s:1".to_owned())]));
    table.on_unregister("b", 1, "s:1");
    assert!(table.topics().topic_list.is_empty() && table.cluster_info() == ClusterInfo::default());
}

#[test]
fn a_slave_that_becomes_the_master_leaves_its_old_id() {
    let mut table = RouteTable::default();
    table.on_register(slave("b", 1, "s:1", &["T", "U"]), 1, NOW);
    table.on_register(master("b", "s:1", &["T", "U"], 0), 1, NOW);
    assert_eq!(table.route("T").unwrap().broker_datas[0].broker_addrs, BTreeMap::from([(0, "s:1".to_owned())]));
    table.on_register(master("c", "s:1", &["V"], 0), 1, NOW);
    assert_eq!(table.topics().topic_list, ["V"], "and a broker that changes its name leaves that");
}

#[test]
fn the_old_master_does_not_take_the_new_one_with_it() {
    let mut table = RouteTable::default();
    table.on_register(master("b", "m:1", &["T"], 1), 1, NOW);
    table.on_register(master("b", "m:2", &["T"], 1), 2, NOW);
    table.on_unregister("b", 0, "m:1");
    assert!(table.on_closed(1).is_empty());
    assert_eq!(table.route("T").unwrap().broker_datas[0].broker_addrs, BTreeMap::from([(0, "m:2".to_owned())]));
}

#[test]
fn filter_servers_are_kept_replaced_and_removed() {
    let mut table = RouteTable::default();
    let servers = |table: &RouteTable| table.route("T").unwrap().filter_server_table.get("m:1").cloned();
    for (list, expected) in [
        (Some(vec!["f:1".to_owned()]), Some(vec!["f:1".to_owned()])),
        (None, Some(vec!["f:1".to_owned()])),
        (Some(vec!["f:2".to_owned()]), Some(vec!["f:2".to_owned()])),
        (Some(vec![]), None),
    ] {
        table.on_register(Registration { filter_servers: list, ..master("b", "m:1", &["T"], 1) }, 1, NOW);
        assert_eq!(servers(&table), expected);
    }
}

#[test]
fn lists_name_topics_by_cluster_by_system_and_by_unit_flag() {
    let mut table = RouteTable::default();
    table.on_register(with_flags("a", "C1", &[("unit", 1), ("both", 3)]), 1, NOW);
    table.on_register(with_flags("b", "C2", &[("sub", 2), ("none", 0)]), 2, NOW);
    assert_eq!(table.topics_of_cluster("C1").topic_list, ["both", "unit"]);
    assert!(table.topics_of_cluster("nope").topic_list.is_empty());
    assert_eq!(table.unit_topics(UnitTopics::Unit).topic_list, ["both", "unit"]);
    assert_eq!(table.unit_topics(UnitTopics::UnitSub).topic_list, ["both", "sub"]);
    assert_eq!(table.unit_topics(UnitTopics::UnitSubNotUnit).topic_list, ["sub"]);
    let system = table.system_topics();
    assert_eq!(system.topic_list, ["C1", "C2", "a", "b"]);
    assert_eq!(system.broker_addr.as_deref(), Some("a:1"));
}

#[test]
fn a_topic_is_deleted_everywhere_or_in_one_cluster() {
    let mut table = RouteTable::default();
    table.on_register(with_flags("a", "C1", &[("T", 0)]), 1, NOW);
    table.on_register(with_flags("b", "C2", &[("T", 0)]), 2, NOW);
    table.on_delete_topic("T", Some("C1"));
    assert_eq!(table.route("T").unwrap().queue_datas[0].broker_name, "b");
    table.on_delete_topic("T", Some("nope"));
    assert!(table.route("T").is_some());
    table.on_delete_topic("T", None);
    assert!(table.topics().topic_list.is_empty());
}

#[test]
fn wiping_counts_the_topics_of_a_broker_and_adding_gives_them_back() {
    let mut table = RouteTable::default();
    table.on_register(master("b", "m:1", &["T", "U"], 1), 1, NOW);
    assert_eq!(table.on_write_perm("b", WritePerm::Wipe), 2);
    assert_eq!(table.on_write_perm("nope", WritePerm::Wipe), 0);
    assert_eq!((perm(&table, "T"), perm(&table, "U")), (4, 4));
    assert_eq!(table.on_write_perm("b", WritePerm::Add), 2);
    assert_eq!(perm(&table, "T"), 6);
}

/// Random events against a model that keeps everything in plain lists.
#[test]
fn random_events_leave_what_a_plain_model_has() {
    for seed in 0..60 {
        let mut chance = Chance(seed);
        let (mut table, mut model) = (RouteTable::default(), Model::default());
        let mut now = NOW;
        for step in 0..300 {
            now = now.plus(Duration::from_secs(chance.below(20)));
            let peer = chance.below(5);
            match chance.below(12) {
                0 => {
                    let mut gone = model.remove_where(|broker| broker.seen.plus(MAX_SILENCE) < now);
                    gone.sort();
                    assert_eq!(table.on_silence(now).into_iter().map(|gone| gone.address).collect::<Vec<_>>(), gone);
                }
                1 => {
                    let mut gone = model.remove_where(|broker| broker.peer == peer);
                    gone.sort();
                    assert_eq!(table.on_closed(peer).into_iter().map(|gone| gone.address).collect::<Vec<_>>(), gone);
                }
                2 => {
                    let Registration { name, id, address, .. } = any_registration(&mut chance);
                    model.remove_where(|broker| (&broker.name, broker.id, &broker.address) == (&name, id, &address));
                    table.on_unregister(&name, id, &address);
                }
                3 => {
                    let name = chance.pick(&["a", "b", "c"]);
                    let queues = model.topics.iter_mut().filter(|topic| topic.0.1 == name);
                    let count = queues.map(|topic| topic.1.perm = topic.1.perm.without(Perm::WRITE)).count();
                    assert_eq!(table.on_write_perm(name, WritePerm::Wipe), count);
                }
                4 => {
                    let topic = chance.pick(&["T", "U", "V"]);
                    model.topics.retain(|((name, _), _)| name != topic);
                    table.on_delete_topic(topic, None);
                }
                _ => {
                    let registration = any_registration(&mut chance);
                    model.register(&registration, peer, now);
                    table.on_register(registration, peer, now);
                }
            }
            model.check(&table, &format!("seed {seed}, step {step}"));
        }
    }
}

#[derive(Default)]
struct Model {
    brokers: Vec<ModelBroker>,
    /// Name and id, and who has that place.
    places: Vec<((String, i64), String)>,
    clusters: BTreeSet<(String, String)>,
    /// Topic and broker name.
    topics: Vec<((String, String), QueueData)>,
}

struct ModelBroker {
    address: String,
    name: String,
    id: i64,
    peer: u64,
    seen: Millis,
    version: DataVersion,
    is_complete: bool,
}

impl Model {
    fn register(&mut self, registration: &Registration, peer: u64, now: Millis) {
        let Registration { name, id, address, cluster, version, topics, .. } = registration;
        let place = (name.clone(), *id);
        let is_known_place = self.places.iter().any(|(known, _)| *known == place);
        let before = self.brokers.iter().position(|broker| broker.address == *address);
        let before = before.map(|at| self.brokers.swap_remove(at));
        let had_all =
            before.as_ref().filter(|before| before.is_complete && is_known_place).map(|before| before.version);
        if *id == 0 && had_all != Some(*version) {
            for topic in topics {
                let key = (topic.topic_name.clone(), name.clone());
                self.topics.retain(|(known, _)| *known != key);
                self.topics.push((key, queue_data(name, topic)));
            }
        }
        let is_next = had_all.is_some_and(|had| had == *version || had.counter + 1 == version.counter);
        self.brokers.push(ModelBroker {
            address: address.clone(),
            name: name.clone(),
            id: *id,
            peer,
            seen: now,
            version: *version,
            is_complete: *id != 0 || topics.len() != 1 || is_next,
        });
        self.places.retain(|(known, there)| *known != place && there != address);
        self.places.push((place, address.clone()));
        self.clusters.insert((cluster.clone(), name.clone()));
        self.clean();
    }

    fn remove_where(&mut self, is_gone: impl Fn(&ModelBroker) -> bool) -> Vec<String> {
        let gone: Vec<String> =
            self.brokers.iter().filter(|broker| is_gone(broker)).map(|broker| broker.address.clone()).collect();
        self.brokers.retain(|broker| !gone.contains(&broker.address));
        self.places.retain(|(_, there)| !gone.contains(there));
        self.clean();
        gone
    }

    fn clean(&mut self) {
        let places = &self.places;
        let is_there = |name: &String| places.iter().any(|((known, _), _)| known == name);
        self.clusters.retain(|(_, name)| is_there(name));
        self.topics.retain(|((_, name), _)| is_there(name));
    }

    fn check(&self, table: &RouteTable, when: &str) {
        let info = table.cluster_info();
        let places: BTreeSet<_> = self.places.iter().cloned().collect();
        let in_table = info.broker_addr_table.iter().flat_map(|(name, broker)| {
            broker.broker_addrs.iter().map(|(id, address)| ((name.clone(), *id), address.clone()))
        });
        assert_eq!(in_table.collect::<BTreeSet<_>>(), places, "{when}");
        let clusters = info.cluster_addr_table.iter();
        let clusters = clusters.flat_map(|(cluster, names)| names.iter().map(|name| (cluster.clone(), name.clone())));
        assert_eq!(clusters.collect::<BTreeSet<_>>(), self.clusters, "{when}");
        for topic in ["T", "U", "V"] {
            let mut queues: Vec<_> =
                self.topics.iter().filter(|((name, _), _)| name == topic).map(|(_, queues)| queues).collect();
            queues.sort_by_key(|queues| queues.broker_name.clone());
            let route = table.route(topic);
            let in_table = route.iter().flat_map(|route| &route.queue_datas).collect::<Vec<_>>();
            assert_eq!(in_table, queues, "{when}");
        }
    }
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

fn any_registration(chance: &mut Chance) -> Registration {
    let topic = |chance: &mut Chance, name: &str| TopicConfig::new(name, chance.pick(&[4, 8]), Perm::READ_WRITE);
    let topics = match chance.below(3) {
        0 => vec![topic(chance, "T")],
        1 => vec![topic(chance, "U")],
        _ => ["T", "U", "V"].map(|name| topic(chance, name)).to_vec(),
    };
    Registration {
        name: chance.pick(&["a", "b", "c"]).to_owned(),
        id: chance.pick(&[0, 0, 1]),
        address: chance.pick(&["m:1", "m:2", "m:3", "m:4"]).to_owned(),
        cluster: chance.pick(&["C1", "C2"]).to_owned(),
        version: version(chance.below(4) as i64),
        topics,
        ..Registration::default()
    }
}

fn queue_data(name: &str, topic: &TopicConfig) -> QueueData {
    QueueData {
        broker_name: name.to_owned(),
        perm: topic.perm,
        read_queue_count: topic.read_queue_count,
        topic_sys_flag: topic.topic_sys_flag,
        write_queue_count: topic.write_queue_count,
    }
}

fn master(name: &str, address: &str, topics: &[&str], counter: i64) -> Registration {
    Registration {
        name: name.to_owned(),
        address: address.to_owned(),
        cluster: "C".to_owned(),
        ha_address: Some(format!("ha {address}")),
        version: version(counter),
        topics: topics.iter().map(|topic| TopicConfig::new(topic, 4, Perm::READ_WRITE)).collect(),
        ..Registration::default()
    }
}

fn slave(name: &str, id: i64, address: &str, topics: &[&str]) -> Registration {
    Registration { id, ..master(name, address, topics, 0) }
}

fn with_flags(name: &str, cluster: &str, topics: &[(&str, i32)]) -> Registration {
    let topic = |(topic, flags): &(&str, i32)| TopicConfig {
        topic_sys_flag: *flags,
        ..TopicConfig::new(topic, 4, Perm::READ_WRITE)
    };
    let topics = topics.iter().map(topic).collect();
    Registration { cluster: cluster.to_owned(), topics, ..master(name, &format!("{name}:1"), &[], 1) }
}

fn version(counter: i64) -> DataVersion {
    DataVersion { counter, timestamp: 1_533_000_000_000 }
}

fn perm(table: &RouteTable, topic: &str) -> i32 {
    table.route(topic).unwrap().queue_datas[0].perm.0
}
