//! What each fuzz target does with its input. `tests/fuzz.rs` runs the same functions on stable.

use compat::body::admin::{ConsumerConnection, ConsumerOffsetTable, ConsumerStatus, TopicStatsTable};
use compat::body::client::{HeartbeatData, LockBatchRequest, SubscriptionData};
use compat::body::namesrv::{RegisterBrokerBody, TopicRouteData};
use compat::java::properties as files;
use compat::message::properties::Marks;
use compat::message::record::{CheckBody, Draft, Parsed};
use compat::message::{batch, id, properties, record};
use compat::offset::{PhysicalOffset, QueueId, QueueOffset};
use compat::time::Millis;
use compat::{json, registration};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Any document is read or refused; what is read is written so that it reads the same.
pub fn json(input: &[u8]) {
    if let Ok(value) = json::parse(input) {
        value.to_java_int();
        let text = value.to_java_string();
        if let json::Value::Object(_) | json::Value::List(_) = value {
            let text = text.expect("an object or a list has a text");
            assert!(json::parse(text.as_bytes()).is_ok(), "{text}");
        }
    }
    let _ = json::parse_object(input);
    document::<HeartbeatData>(input);
    document::<LockBatchRequest>(input);
    document::<SubscriptionData>(input);
    document::<RegisterBrokerBody>(input);
    document::<TopicRouteData>(input);
    document::<ConsumerOffsetTable>(input);
    document::<ConsumerStatus>(input);
    document::<ConsumerConnection>(input);
    document::<TopicStatsTable>(input);
}

fn document<T: Serialize + DeserializeOwned + PartialEq + Debug>(input: &[u8]) {
    if let Ok(value) = json::from_slice::<T>(input) {
        assert_eq!(json::from_slice::<T>(&json::to_vec(&value)).as_ref(), Ok(&value));
        assert_eq!(json::from_slice::<T>(&json::to_vec_pretty(&value)).as_ref(), Ok(&value));
    }
}

/// Any properties file is read or refused; what is read is written so that it reads the same.
pub fn properties_file(input: &[u8]) {
    let Ok(entries) = files::parse(input) else { return };
    let pairs: Vec<(&str, &str)> = entries.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).collect();
    let written = files::file(pairs.iter().copied());
    let again = files::parse(written.as_bytes()).expect("what was just written");
    assert!(again.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).eq(pairs));
    assert!(entries.is_sorted_by_key(|entry| entry.line));
}

/// What is a record can be made again from its fields, and none of its beginnings is one.
pub fn record(input: &[u8]) {
    let Parsed::Message(read) = record::parse(input, CheckBody::Yes) else {
        let _ = record::parse(input, CheckBody::No);
        return;
    };
    for len in 0..read.bytes().len() {
        assert!(matches!(record::parse(&input[..len], CheckBody::No), Parsed::Invalid(_)));
    }
    let place = (QueueOffset::from_java(read.queue_offset()), PhysicalOffset::from_java(read.position()));
    let (Ok(topic), Some(queue_id), (Some(queue_offset), Some(position))) =
        (str::from_utf8(read.topic()), QueueId::from_java(read.queue_id()), place)
    else {
        return;
    };
    let draft = Draft {
        queue_id,
        flag: read.flag(),
        sys_flag: read.sys_flag(),
        born_timestamp: read.born_timestamp(),
        born_host: read.born_host(),
        store_host: read.store_host(),
        reconsume_times: read.reconsume_times(),
        prepared_transaction_offset: read.prepared_transaction_offset(),
        body: read.body(),
        topic,
        properties: read.properties(),
    };
    let mut written = Vec::new();
    draft.encode(&mut written);
    record::place(&mut written, queue_offset, position, read.store_timestamp());
    let Parsed::Message(again) = record::parse(&written, CheckBody::Yes) else { panic!("what was just written") };
    assert_eq!(again.bytes().len(), read.bytes().len());
    assert_eq!((again.body(), again.topic(), again.properties()), (read.body(), read.topic(), read.properties()));
    assert_eq!((again.born_host(), again.store_host()), (read.born_host(), read.store_host()));
}

/// The items before the first error can be written again, and fill what was read.
pub fn batch(input: &[u8]) {
    let items: Vec<_> = batch::items(input).collect();
    let good: Vec<_> = items.iter().filter_map(|item| item.as_ref().ok()).copied().collect();
    assert!(items.len() - good.len() <= 1);
    let mut written = Vec::new();
    for item in &good {
        batch::push(item, &mut written);
    }
    assert!(written.len() <= input.len());
    assert_eq!(batch::items(&written).collect::<Result<Vec<_>, _>>(), Ok(good));
}

/// Marks and map agree, and a map that is written reads the same.
pub fn message_properties(input: &[u8]) {
    let map = properties::to_map(input);
    let marks = Marks::of(input);
    for (name, mark) in
        [("KEYS", marks.keys), ("TAGS", marks.tags), ("UNIQ_KEY", marks.unique_key), ("WAIT", marks.wait)]
    {
        assert_eq!(map.get(name).cloned(), mark.map(|mark| String::from_utf8_lossy(mark).into_owned()), "{name}");
    }
    assert!(marks.index_keys().all(|key| !key.is_empty() || marks.unique_key == Some(key)));
    let mut written = Vec::new();
    for (name, value) in &map {
        properties::push(name, value, &mut written);
    }
    assert_eq!(properties::to_map(&written), map);
}

/// An id that is read is the one that is written, whatever the case of its letters.
pub fn message_id(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some((host, position)) = id::decode(&text) {
        assert!(id::encode(host, position).eq_ignore_ascii_case(text.as_bytes()));
    }
}

/// Any registration is read or refused; what is read is written so that it reads the same.
pub fn registration(input: &[u8]) {
    let _ = registration::decode(input, false);
    if let Ok(body) = registration::decode(input, true) {
        assert_eq!(registration::decode(&registration::encode(&body, true), true).as_ref(), Ok(&body));
    }
}

/// Any text is a subscription or none, with as many codes as tags differ in their hash.
pub fn subscription(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(subscription) = SubscriptionData::of("T", Some(&text), None, Millis(0)) {
        assert!(subscription.code_set.len() <= subscription.tags_set.len());
        document::<SubscriptionData>(&json::to_vec(&subscription));
    }
}
