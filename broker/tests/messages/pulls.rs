//! What comes back from a pull that is not held.

use crate::harness::{
    Broker, LONG, Wanted, bodies, field, held_pull_from, message, pull_from, records, told, with_properties,
};
use compat::body::client::{ConsumerData, HeartbeatData, MessageModel};
use compat::command::RequestCode;
use compat::group::GroupConfig;
use compat::header::NoHeader;
use compat::header::pull::{PullFlag, PullRequest};
use compat::json;
use compat::names::OFFSET_MOVED_EVENT;
use compat::time::Clock;
use compat::topic::{Perm, TopicConfig};
use std::sync::Arc;
use store::disk::sim::SimDisk;

const FAQ: &str = "\nSee http://rocketmq.apache.org/docs/faq/ for further details.";

#[tokio::test]
async fn every_status_is_told_with_its_offsets() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    broker.topic("Empty", 4);
    let client = broker.client();
    for body in ["0", "1", "2"] {
        client.send(&message("T"), body).await;
    }
    let cases = [
        ("T", 0, 0, "FOUND", 3, 3),
        ("T", 2, 0, "FOUND", 3, 3),
        ("T", 3, 19, "OFFSET_OVERFLOW_ONE", 3, 3),
        ("T", 9, 21, "OFFSET_OVERFLOW_BADLY", 3, 3),
        ("T", -1, 21, "OFFSET_TOO_SMALL", 0, 3),
        ("Empty", 0, 19, "NO_MESSAGE_IN_QUEUE", 0, 0),
        ("Empty", 5, 21, "NO_MESSAGE_IN_QUEUE", 0, 0),
    ];
    for (topic, offset, code, remark, next, max) in cases {
        let answer = client.pull(&pull_from(topic, offset)).await;
        assert_eq!(told(&answer), (code, remark), "{topic} {offset}");
        let offsets =
            ["nextBeginOffset", "minOffset", "maxOffset", "suggestWhichBrokerId"].map(|name| field(&answer, name));
        assert_eq!(offsets, [&next.to_string(), "0", &max.to_string(), "0"], "{topic} {offset}");
        assert_eq!(answer.body.is_empty(), code != 0);
    }
    let some = PullRequest { max_count: 2, ..pull_from("T", 0) };
    let answer = client.pull(&some).await;
    assert_eq!((bodies(&answer), field(&answer, "nextBeginOffset")), (vec!["0".to_owned(), "1".to_owned()], "2"));
}

#[tokio::test]
async fn a_moved_offset_is_told_in_a_message() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    client.send(&message("T"), "x").await;
    assert_eq!(told(&client.pull(&pull_from("T", 7)).await).0, 21);
    let told_of = client.pull(&held_pull_from(OFFSET_MOVED_EVENT, 0, LONG)).await;
    assert_eq!(
        bodies(&told_of),
        [
            r#"{"consumerGroup":"G","messageQueue":{"brokerName":"broker-a","queueId":0,"topic":"T"},"offsetNew":1,"offsetRequest":7}"#
        ]
    );
    let records = records(&told_of.body);
    assert_eq!((records[0].topic(), records[0].queue_id()), (OFFSET_MOVED_EVENT.as_bytes(), 0));
    let text = String::from_utf8_lossy(records[0].properties());
    for pair in ["KEYS\u{1}G\u{2}", "TAGS\u{1}G\u{2}", "DELAY\u{1}0\u{2}"] {
        assert!(text.contains(pair), "{text:?}");
    }
}

#[tokio::test]
async fn only_wanted_tags_are_handed_out() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    for tag in ["TagA", "TagB", "TagC", "TagA"] {
        client.send(&with_properties("T", &format!("TAGS\u{1}{tag}\u{2}")), tag).await;
    }
    client.send(&message("T"), "untagged").await;
    let wanting = |expression: &'static str| PullRequest { subscription: Some(expression.into()), ..pull_from("T", 0) };
    let answer = client.pull(&wanting("TagA || TagB")).await;
    assert_eq!(bodies(&answer), ["TagA", "TagB", "TagA"]);
    assert_eq!(field(&answer, "nextBeginOffset"), "5");
    let answer = client.pull(&wanting("TagD")).await;
    assert_eq!((told(&answer), field(&answer, "nextBeginOffset")), ((20, "NO_MATCHED_MESSAGE"), "5"));
    assert_eq!(client.pull(&wanting("*")).await.body, client.pull(&wanting("")).await.body);
}

#[tokio::test]
async fn refusals_are_told_as_java_tells_them() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    broker.topics.put(TopicConfig::new("WriteOnly", 4, Perm(Perm::WRITE))).unwrap();
    broker.groups.put(GroupConfig { consume_enable: false, ..GroupConfig::new("Disabled") }).unwrap();
    let client = broker.client();
    let of_group = |group: &'static str| PullRequest { group: group.into(), ..pull_from("T", 0) };
    let cases = [
        (of_group("Disabled"), 16, "subscription group no permission, Disabled".to_owned()),
        (pull_from("None", 0), 17, format!("topic[None] not exist, apply first please! {FAQ}")),
        (pull_from("WriteOnly", 0), 16, "the topic[WriteOnly] pulling message is forbidden".to_owned()),
        (
            PullRequest { subscription: Some("||".into()), ..pull_from("T", 0) },
            23,
            "parse the consumer's subscription failed".to_owned(),
        ),
        (PullRequest { sys_flag: 0, ..pull_from("T", 0) }, 24, format!("the consumer's group info not exist{FAQ}")),
        (
            PullRequest {
                expression_type: Some("SQL92".into()),
                subscription: Some("a > 1".into()),
                ..pull_from("T", 0)
            },
            1,
            "The broker does not support consumer to filter message by SQL92".to_owned(),
        ),
    ];
    for (request, code, remark) in cases {
        let answer = client.pull(&request).await;
        assert_eq!(told(&answer), (code, remark.as_str()));
        assert_eq!(answer.fields.as_deref(), Some([].as_slice()), "an empty header, not none");
    }
    let answer = client.pull(&PullRequest { queue_id: 4, ..pull_from("T", 0) }).await;
    let (code, remark) = told(&answer);
    let expected = "queueId[4] is illegal, topic:[T] topicConfig.readQueueNums:[4] consumer:[/127.0.0.1:";
    assert!(code == 1 && remark.starts_with(expected) && remark.ends_with(']'), "{remark}");

    broker.set(|settings| settings.auto_create_group = false);
    let answer = client.pull(&of_group("New")).await;
    assert_eq!(told(&answer), (26, format!("subscription group [New] does not exist, {FAQ}").as_str()));
    broker.set(|settings| settings.permission = Perm::WRITE);
    let answer = client.pull(&of_group("New")).await;
    assert_eq!(told(&answer), (16, "the broker[127.0.0.1] pulling message is forbidden"));
}

#[tokio::test]
async fn announced_subscriptions_are_used() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    for tag in ["TagA", "TagB"] {
        client.send(&with_properties("T", &format!("TAGS\u{1}{tag}\u{2}")), tag).await;
    }
    let announce = |model, topic: &'static str, version| {
        let mut subscription = broker::filter::subscription(topic, Some("TagB"), None).unwrap();
        subscription.sub_version = version;
        let consumer = ConsumerData {
            group_name: "G".to_owned(),
            message_model: model,
            subscriptions: vec![subscription],
            ..ConsumerData::default()
        };
        let heartbeat = HeartbeatData { client_id: "c".to_owned(), consumers: vec![consumer], producers: vec![] };
        json::to_vec(&heartbeat)
    };
    let pull = |version| PullRequest { sys_flag: 0, subscription_version: version, ..pull_from("T", 0) };

    let body = announce(MessageModel::Clustering, "Other", 5);
    client.call(RequestCode::HeartBeat, &NoHeader, body).await;
    let answer = client.pull(&pull(5)).await;
    assert_eq!(told(&answer), (24, format!("the consumer's subscription not exist{FAQ}").as_str()));

    let body = announce(MessageModel::Clustering, "T", 5);
    client.call(RequestCode::HeartBeat, &NoHeader, body).await;
    assert_eq!(bodies(&client.pull(&pull(5)).await), ["TagB"]);
    assert_eq!(told(&client.pull(&pull(6)).await), (25, "the consumer's subscription not latest"));

    let body = announce(MessageModel::Broadcasting, "T", 6);
    client.call(RequestCode::HeartBeat, &NoHeader, body).await;
    assert_eq!(bodies(&client.pull(&pull(6)).await), ["TagB"]);
    broker.groups.put(GroupConfig { consume_broadcast_enable: false, ..GroupConfig::new("G") }).unwrap();
    let answer = client.pull(&pull(6)).await;
    assert_eq!(told(&answer), (16, "the consumer group[G] can not consume by broadcast way"));
}

#[tokio::test]
async fn a_pull_brings_an_offset_along() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    let committing = |offset, commit| PullRequest {
        sys_flag: PullFlag::SUBSCRIPTION | PullFlag::COMMIT,
        commit_offset: commit,
        ..pull_from("T", offset)
    };
    let stored = || broker.offsets.query("G", "T", 0);
    client.pull(&pull_from("T", 0)).await;
    assert_eq!(stored(), None);
    client.pull(&committing(0, 5)).await;
    assert_eq!(stored(), Some(5), "also where nothing is found");
    client.pull(&committing(9, 6)).await;
    assert_eq!(stored(), Some(6), "also where the offset is moved");
    client.pull(&PullRequest { queue_id: 9, ..committing(0, 7) }).await;
    assert_eq!((stored(), broker.offsets.query("G", "T", 9)), (Some(6), None), "not where it is refused");
}

#[tokio::test]
async fn pulls_are_counted_by_group() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    for _ in 0..3 {
        client.send(&message("T"), "x").await;
    }
    client.pull(&pull_from("T", 0)).await;
    client.pull(&pull_from("T", 3)).await;
    let total = broker.stats.get_total();
    assert_eq!((total.count, total.bytes), (3, 3 * (91 + 1 + 1)));
    assert_eq!(broker.stats.falls().iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["0@T@G"]);
}

#[tokio::test]
async fn a_topic_that_is_made_anew_begins_anew() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    client.send(&message("T"), "old").await;
    assert_eq!(bodies(&client.pull(&pull_from("T", 0)).await), ["old"]);
    broker.topics.remove("T").unwrap();
    broker.store.retain_topics(&broker.topics.names());
    broker.topic("T", 4);
    assert_eq!(told(&client.pull(&pull_from("T", 0)).await), (19, "NO_MESSAGE_IN_QUEUE"));
    client.send(&message("T"), "new").await;
    assert_eq!(bodies(&client.pull(&pull_from("T", 0)).await), ["new"]);
}

#[tokio::test]
async fn messages_that_left_the_memory_are_read_from_the_disk() {
    let disk = SimDisk::new(Clock::system(), 1);
    let broker = Broker::start(Wanted { disk: Arc::new(disk.clone()), ..Wanted::default() });
    broker.topic("T", 4);
    let client = broker.client();
    for body in ["0", "1", "2"] {
        client.send(&message("T"), body).await;
    }
    disk.evict();
    let committing =
        PullRequest { sys_flag: PullFlag::SUBSCRIPTION | PullFlag::COMMIT, commit_offset: 5, ..pull_from("T", 0) };
    let answer = client.pull(&committing).await;
    assert_eq!((told(&answer), bodies(&answer).len()), ((0, "FOUND"), 3));
    assert_eq!(broker.offsets.query("G", "T", 0), Some(5));
    disk.evict();
    let some = PullRequest { max_count: 1, ..held_pull_from("T", 2, LONG) };
    assert_eq!(bodies(&client.pull(&some).await), ["2"]);
}
