//! Finding messages by id, by key, and queues by time.

use crate::harness::{Broker, Connection, Wanted, bodies, field, message, told, with_properties};
use compat::command::RequestCode;
use compat::header::offset::{QueueRequest, SearchOffsetRequest};
use compat::header::query::{QueryMessageRequest, ViewMessageRequest};
use compat::message::id;
use remoting::command::Command;

#[tokio::test]
async fn a_message_is_found_by_its_id() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    client.send(&message("T"), "first").await;
    let sent = client.send(&message("T"), "second").await;
    let (_, position) = id::decode(field(&sent, "msgId")).unwrap();
    let view = |offset| ViewMessageRequest { offset };
    let answer = client.call(RequestCode::ViewMessageById, &view(position.to_java()), "").await;
    assert_eq!((told(&answer), bodies(&answer)), ((0, "-"), vec!["second".to_owned()]));
    for offset in [1, -1, 1 << 40] {
        let answer = client.call(RequestCode::ViewMessageById, &view(offset), "").await;
        assert_eq!(told(&answer), (1, format!("can not find message by the offset, {offset}").as_str()));
    }
}

#[tokio::test]
async fn messages_are_found_by_their_keys() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    for (keys, body) in [("a b", "1"), ("b", "2"), ("c", "3")] {
        client.send(&with_properties("T", &format!("KEYS\u{1}{keys}\u{2}UNIQ_KEY\u{1}U{body}\u{2}")), body).await;
    }
    assert_eq!(bodies(&by_key(&client, "b", None).await), ["1", "2"]);
    assert_eq!(bodies(&by_key(&client, "U3", Some(true)).await), ["3"]);
    let found = by_key(&client, "a", None).await;
    assert_ne!(field(&found, "indexLastUpdateTimestamp"), "0");
    let missing = by_key(&client, "d", None).await;
    assert_eq!(told(&missing), (22, "can not find message, maybe time range not correct"));
    assert_eq!((field(&missing, "indexLastUpdateTimestamp"), field(&missing, "indexLastUpdatePhyoffset")), ("0", "0"));
}

#[tokio::test]
async fn the_ends_of_queues_are_told() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    for _ in 0..3 {
        client.send(&message("T"), "x").await;
    }
    let ask = async |code, topic: &'static str, queue_id, name| {
        let answer = client.call(code, &QueueRequest { topic: topic.into(), queue_id }, "").await;
        assert_eq!(told(&answer), (0, "-"));
        field(&answer, name).parse::<i64>().unwrap()
    };
    assert_eq!(ask(RequestCode::GetMaxOffset, "T", 0, "offset").await, 3);
    assert_eq!(ask(RequestCode::GetMinOffset, "T", 0, "offset").await, 0);
    assert!(ask(RequestCode::GetEarliestMessageStoreTime, "T", 0, "timestamp").await > 1_600_000_000_000);
    for (topic, queue) in [("T", 1), ("T", -1), ("T", 99), ("None", 0)] {
        assert_eq!(ask(RequestCode::GetMaxOffset, topic, queue, "offset").await, 0);
        assert_eq!(ask(RequestCode::GetMinOffset, topic, queue, "offset").await, 0);
        assert_eq!(ask(RequestCode::GetEarliestMessageStoreTime, topic, queue, "timestamp").await, -1);
    }
}

#[tokio::test]
async fn a_time_is_found_in_a_queue() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    for _ in 0..3 {
        client.send(&message("T"), "x").await;
    }
    let ask = async |topic: &'static str, timestamp| {
        let request = SearchOffsetRequest { topic: topic.into(), queue_id: 0, timestamp };
        let answer = client.call(RequestCode::SearchOffsetByTimestamp, &request, "").await;
        assert_eq!(told(&answer), (0, "-"));
        field(&answer, "offset").to_owned()
    };
    assert_eq!(ask("T", 0).await, "0");
    assert_eq!(ask("None", 0).await, "0");
}

async fn by_key(client: &Connection, key: &str, unique_key: Option<bool>) -> Command {
    let request = QueryMessageRequest {
        topic: "T".into(),
        key: key.into(),
        max_count: 32,
        begin_timestamp: 0,
        end_timestamp: i64::MAX,
        unique_key,
    };
    client.call(RequestCode::QueryMessage, &request, "").await
}
