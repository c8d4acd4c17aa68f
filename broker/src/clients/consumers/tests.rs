use super::super::LIFE;
use super::*;

type Table = ConsumerTable<u64>;

fn member(id: u64, at: i64) -> Member<u64> {
    Member { peer: id, client_id: format!("client{id}"), language: None, version: 273, last_heartbeat: Millis(at) }
}

fn data(group: &str, topics: &[(&str, i64)]) -> ConsumerData {
    let subscription = |&(topic, version): &(&str, i64)| SubscriptionData {
        topic: topic.to_owned(),
        sub_version: version,
        ..SubscriptionData::default()
    };
    ConsumerData {
        group_name: group.to_owned(),
        subscriptions: topics.iter().map(subscription).collect(),
        ..ConsumerData::default()
    }
}

fn beat(table: &mut Table, id: u64, group: &str, topics: &[(&str, i64)]) -> Joined {
    table.on_heartbeat(id, member(id, 0), data(group, topics))
}

#[test]
fn only_members_and_topics_that_come_or_go_are_news() {
    let mut table = Table::default();
    let news = Joined { is_new: true, topics_changed: true };
    let nothing = Joined { is_new: false, topics_changed: false };
    assert_eq!(beat(&mut table, 1, "g", &[("T", 1)]), news);
    assert_eq!(beat(&mut table, 1, "g", &[("T", 1)]), nothing);
    assert_eq!(beat(&mut table, 2, "g", &[("T", 1)]), Joined { is_new: true, topics_changed: false });
    let before = table.generation();
    assert_eq!(beat(&mut table, 1, "g", &[("T", 2)]), nothing, "a newer version is no news to the group");
    assert_ne!(table.generation(), before, "but pulls have to look again");
    let before = table.generation();
    assert_eq!(beat(&mut table, 1, "g", &[("T", 1)]), nothing);
    assert_eq!(table.generation(), before, "an older version is passed over");
    assert_eq!(beat(&mut table, 2, "g", &[("U", 1)]), Joined { is_new: false, topics_changed: true });
    assert_eq!(table.groups_of("T"), Vec::<String>::new(), "the last heartbeat says it for all");
    assert_eq!(table.groups_of("U"), ["g"]);
}

#[test]
fn a_subscription_is_that_of_the_last_heartbeat() {
    let mut table = Table::default();
    assert_eq!(table.subscription("g", "T"), None, "nobody is connected");
    beat(&mut table, 1, "g", &[("T", 1)]);
    let subscription = table.subscription("g", "T").expect("a group");
    assert_eq!(subscription.subscription.expect("a subscription").topic, "T");
    assert_eq!(table.subscription("g", "U").expect("a group").subscription, None);
    let broadcast = ConsumerData { message_model: MessageModel::Broadcasting, ..data("g", &[("T", 1)]) };
    let before = table.generation();
    table.on_heartbeat(1, member(1, 0), broadcast);
    assert_eq!(table.subscription("g", "T").expect("a group").message_model, MessageModel::Broadcasting);
    assert_ne!(table.generation(), before);
}

#[test]
fn who_stays_is_told_of_every_way_to_go() {
    let mut table = Table::default();
    for (id, group) in [(1, "g"), (2, "g"), (3, "g"), (1, "h"), (2, "h")] {
        beat(&mut table, id, group, &[("T", 1)]);
    }
    assert_eq!(table.on_unregister(3, "g"), Some(vec![1, 2]));
    assert_eq!(table.on_unregister(3, "g"), None, "it is gone already");
    assert_eq!(table.on_closed(1), [("g".to_owned(), vec![2]), ("h".to_owned(), vec![2])]);
    assert_eq!(table.on_closed(1), []);
    let life = LIFE.as_millis() as i64;
    table.on_heartbeat(4, member(4, 1), data("g", &[("T", 1)]));
    assert_eq!(table.on_time(Millis(life)), Gone { silent: vec![], stay: vec![] });
    let gone = table.on_time(Millis(life + 1));
    assert_eq!(gone.silent, [member(2, 0), member(2, 0)]);
    assert_eq!(gone.stay, [("g".to_owned(), vec![4]), ("h".to_owned(), vec![])]);
    assert_eq!(table.subscription("h", "T"), None, "a group without members is no group");
    assert_eq!(table.on_closed(2), [], "the close that follows finds nothing");
}

/// A member of the plain model: connection, group, time of the last heartbeat.
type Model = BTreeMap<(u64, String), i64>;

#[test]
fn members_are_those_of_a_plain_map() {
    let mut table = Table::default();
    let mut model = Model::new();
    let mut seed: u64 = 3;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let life = LIFE.as_millis() as i64;
    for now in 0..20_000i64 {
        let now = now * 1000;
        let (id, group) = (random(20), format!("g{}", random(5)));
        match random(8) {
            0..=4 => {
                let news = table.on_heartbeat(id, member(id, now), data(&group, &[("T", 1)]));
                assert_eq!(news.is_new, model.insert((id, group), now).is_none());
            }
            5 => assert_eq!(table.on_unregister(id, &group).is_some(), model.remove(&(id, group)).is_some()),
            6 => {
                let left = model.keys().filter(|(one, _)| *one == id).count();
                assert_eq!(table.on_closed(id).len(), left);
                model.retain(|(one, _), _| *one != id);
            }
            _ => {
                let gone = table.on_time(Millis(now));
                let late = model.values().filter(|&&seen| now - seen > life).count();
                assert_eq!(gone.silent.len(), late);
                model.retain(|_, seen| now - *seen <= life);
            }
        }
    }
    for group in (0..5).map(|number| format!("g{number}")) {
        let members: Vec<u64> = model.keys().filter(|(_, of)| *of == group).map(|(id, _)| *id).collect();
        assert_eq!(table.peers(&group), members);
    }
}
