//! The same input to the stock Java classes and to ours: the same bytes or the same value must come out.
//!
//! Input is random; `SEED=n` changes it, and a failure names the seed of its case. What is needed is said in `java/vm.rs`.

#[path = "java/types.rs"]
#[macro_use]
mod types;
#[path = "java/vm.rs"]
mod vm;

use compat::body::{DataVersion, MessageQueue, admin, client, namesrv};
use compat::command::{Language, RequestCode, ResponseCode, version};
use compat::group::GroupConfig;
use compat::header::{Decode, Encode, Fields};
use compat::java::time::Zone;
use compat::java::{hash, hash_map, number, properties as files};
use compat::message::{SysFlag, batch, crc32, id, properties, record};
use compat::offset::{PhysicalOffset, QueueId, QueueOffset};
use compat::text::Text;
use compat::time::Millis;
use compat::topic::TopicConfig;
use compat::{json, registration};
use fastrand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use types::{FURTHER_FIELDS, is_never_sent};
use vm::{answer, ask};

#[test]
fn hashes_and_checksums_are_equal() {
    cases(500, |rng, seed| {
        let text = any_text(rng, 30);
        assert_eq!(answer("hash", &[text.as_bytes()])[0], hash::hash(&text).to_be_bytes(), "seed {seed}");
        let bytes = any_bytes(rng, 200);
        assert_eq!(answer("crc32", &[&bytes])[0], crc32(&bytes).to_be_bytes(), "seed {seed}");
    });
}

#[test]
fn numbers_are_written_and_cut_the_same_way() {
    cases(1000, |rng, seed| {
        // Before JDK 19 Double.toString wrote some numbers of many digits longer than needed.
        let value = f64::from(rng.i32(-1_000_000..1_000_000)) * 10f64.powi(rng.i32(-20..20));
        let value: f64 = format!("{value:.5e}").parse().unwrap();
        let java = text(&answer("double", &[&value.to_be_bytes()])[0]);
        assert_eq!(java.parse::<f64>(), Ok(value), "seed {seed}");
        if java.len() < 12 {
            assert_eq!(java, number::double_text(value), "seed {seed}");
        }
        let decimal = any_decimal(rng);
        let java = answer("decimal", &[decimal.as_bytes()]);
        assert_eq!(number::decimal_text(&decimal), Some(text(&java[0])), "seed {seed}: {decimal}");
        let long = number::wrapping_long(&decimal).map(i64::to_be_bytes);
        assert_eq!(long.as_ref().map(<[u8; 8]>::as_slice), Some(&java[1][..]), "seed {seed}: {decimal}");
    });
}

#[test]
fn message_ids_are_equal() {
    cases(300, |rng, seed| {
        let host = any_host(rng);
        let position = PhysicalOffset::from_java(rng.i64(0..)).unwrap();
        let ours = id::encode(host, position);
        let java = answer("message id", &[&host_bytes(host), &position.to_java().to_be_bytes()]);
        assert_eq!(java[0], ours, "seed {seed}");
        let java = answer("read message id", &[&ours]);
        let address = [&java[0][..], &java[1][..]].concat();
        let read = (address, java[2].clone());
        assert_eq!(read, (host_bytes(host).to_vec(), position.to_java().to_be_bytes().to_vec()), "seed {seed}");
        assert_eq!(id::decode(str::from_utf8(&ours).unwrap()), Some((host, position)));
    });
}

#[test]
fn properties_are_split_and_joined_the_same_way() {
    cases(1000, |rng, seed| {
        let letters = ["\u{1}", "\u{1}", "\u{2}", "\u{2}", "A", "B", "KEYS", " ", "\u{e9}", "\u{1F600}"];
        let raw: String = (0..rng.usize(0..14)).map(|_| letters[rng.usize(..letters.len())]).collect();
        let java = pairs(&answer("read properties", &[raw.as_bytes()]));
        assert_eq!(java, properties::to_map(raw.as_bytes()), "seed {seed}: {raw:?}");

        let count = rng.usize(0..30);
        let entries: Vec<(String, String)> = (0..count).map(|_| (any_name(rng), any_name(rng))).collect();
        let flat: Vec<&[u8]> = entries.iter().flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]).collect();
        let mut ours = Vec::new();
        for (name, value) in hash_map::in_order(entries.iter().cloned()) {
            properties::push(&name, &value, &mut ours);
        }
        assert_eq!(text(&answer("write properties", &flat)[0]), text(&ours), "seed {seed}");
    });
}

#[test]
fn records_are_equal() {
    cases(500, |rng, seed| {
        let body = any_bytes(rng, 300);
        let topic: String = (0..rng.usize(1..127)).map(|_| rng.alphanumeric()).collect();
        let text = any_properties(rng);
        let draft = record::Draft {
            queue_id: QueueId::from_java(rng.i32(0..)).unwrap(),
            flag: rng.i32(..),
            sys_flag: SysFlag(rng.i32(..)),
            born_timestamp: Millis(rng.i64(..)),
            born_host: any_host(rng),
            store_host: any_host(rng),
            reconsume_times: rng.i32(..),
            prepared_transaction_offset: rng.i64(..),
            body: &body,
            topic: &topic,
            properties: text.as_bytes(),
        };
        let (queue_offset, position, stored) = (rng.i64(0..), rng.i64(0..), rng.i64(..));
        let mut ours = Vec::new();
        draft.encode(&mut ours);
        let (queue, place) =
            (QueueOffset::from_java(queue_offset).unwrap(), PhysicalOffset::from_java(position).unwrap());
        record::place(&mut ours, queue, place, Millis(stored));

        let java = answer(
            "write record",
            &[
                &draft.queue_id.to_java().to_be_bytes(),
                &draft.flag.to_be_bytes(),
                &queue_offset.to_be_bytes(),
                &position.to_be_bytes(),
                &draft.sys_flag.0.to_be_bytes(),
                &draft.born_timestamp.0.to_be_bytes(),
                &host_bytes(draft.born_host),
                &stored.to_be_bytes(),
                &host_bytes(draft.store_host),
                &draft.reconsume_times.to_be_bytes(),
                &draft.prepared_transaction_offset.to_be_bytes(),
                &body,
                topic.as_bytes(),
                text.as_bytes(),
            ],
        );
        assert_eq!(java[0], ours, "seed {seed}");
        assert_same_record(&ours, seed);

        // Of changed records ours lets through no more than Java reads, and reads the same.
        let mut changed = ours.clone();
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(..changed.len());
            changed[at] = rng.u8(..);
        }
        changed[52..54].fill(0);
        changed[68..70].fill(0);
        if let record::Parsed::Message(_) = record::parse(&changed, record::CheckBody::No) {
            assert_same_record(&changed, seed);
        }
    });
}

#[test]
fn batches_are_equal() {
    cases(300, |rng, seed| {
        let items: Vec<(i32, Vec<u8>, String)> =
            (0..rng.usize(1..5)).map(|_| (rng.i32(..), any_bytes(rng, 50), any_properties(rng))).collect();
        let mut ours = Vec::new();
        for (flag, body, properties) in &items {
            batch::push(&batch::Item { flag: *flag, body, properties: properties.as_bytes() }, &mut ours);
        }
        let flags: Vec<[u8; 4]> = items.iter().map(|(flag, ..)| flag.to_be_bytes()).collect();
        let parts = items.iter().zip(&flags);
        let parts: Vec<&[u8]> =
            parts.flat_map(|((_, body, properties), flag)| [&flag[..], body, properties.as_bytes()]).collect();
        assert_eq!(answer("write batch", &parts)[0], ours, "seed {seed}");
        let read: Vec<Vec<u8>> = batch::items(&ours)
            .map(|item| item.expect("just written"))
            .flat_map(|item| [item.flag.to_be_bytes().to_vec(), item.body.to_vec(), item.properties.to_vec()])
            .collect();
        assert_eq!(answer("read batch", &[&ours]), read, "seed {seed}");
    });
}

#[test]
fn bodies_are_equal() {
    macro_rules! same {
        ($($class:literal => $ty:ty,)*) => { $( assert_same_json::<$ty>($class); )* };
    }
    bodies!(same);
}

#[test]
fn what_java_forgives_is_forgiven() {
    const QUEUE: &str = "org.apache.rocketmq.common.message.MessageQueue";
    cases(2000, |rng, seed| {
        let document = any_dialect(rng);
        let java = ask("json", &[QUEUE.as_bytes(), document.as_bytes()]);
        let ours = json::from_slice::<MessageQueue>(document.as_bytes());
        if let Ok(java) = java {
            let java: Option<MessageQueue> = json::from_slice(&java[0]).unwrap();
            assert_eq!(ours.ok(), java, "seed {seed}: {document}");
        }
    });
}

#[test]
fn damaged_bodies_that_both_read_have_one_value() {
    assert_same_damaged::<MessageQueue>("common.message.MessageQueue");
    assert_same_damaged::<TopicConfig>("common.TopicConfig");
    assert_same_damaged::<GroupConfig>("common.subscription.SubscriptionGroupConfig");
    assert_same_damaged::<namesrv::BrokerData>("common.protocol.route.BrokerData");
    assert_same_damaged::<namesrv::ClusterInfo>("common.protocol.body.ClusterInfo");
    assert_same_damaged::<namesrv::KvTable>("common.protocol.body.KVTable");
    assert_same_damaged::<client::LockBatchRequest>("common.protocol.body.LockBatchRequestBody");
    assert_same_damaged::<admin::ConsumerOffsetTable>("common.protocol.body.ConsumerOffsetSerializeWrapper");
    assert_same_damaged::<admin::ConsumeStats>("common.admin.ConsumeStats");
    assert_same_damaged::<admin::ConsumerStatus>("common.protocol.body.GetConsumerStatusBody");
}

#[test]
fn header_fields_become_the_same_text() {
    cases(500, |rng, seed| {
        let value = any_value(rng, 3);
        let document =
            format!("{{\"code\":{},\"opaque\":{},\"extFields\":{{\"a\":{value}}}}}", any_number(rng), any_number(rng));
        // Java refuses some numbers that are too large, and cuts others.
        let Ok(java) = ask("read command", &[document.as_bytes()]) else { return };
        let ours = json::parse_object(document.as_bytes()).unwrap();
        let member = |name: &str| ours.iter().find(|(key, _)| key == name).map(|(_, value)| value).unwrap();
        let int = |name| member(name).to_java_int().unwrap().to_be_bytes();
        assert_eq!((&java[0][..], &java[2][..]), (&int("code")[..], &int("opaque")[..]), "seed {seed}: {document}");
        let json::Value::Object(fields) = member("extFields") else { panic!("no object") };
        assert_eq!(java.get(5).map(|text| self::text(text)), fields[0].1.to_java_string(), "seed {seed}: {document}");
    });
}

#[test]
fn property_files_are_equal() {
    cases(3000, |rng, seed| {
        let letters = b"aabc=: \t\\\\\\\n\n\r#!untr0041\x0c\xe9";
        let mut file: Vec<u8> = (0..rng.usize(0..40)).map(|_| letters[rng.usize(..letters.len())]).collect();
        // A backslash that ends the file is an entry without name for some versions of Java.
        file.extend_from_slice(b"\nz\n");
        let java = ask("load", &[&file]).ok().map(|answer| pairs(&answer));
        let ours = files::parse(&file).ok();
        let ours = ours.map(|entries| entries.into_iter().map(|entry| (entry.key, entry.value)).collect());
        assert_eq!(ours, java, "seed {seed}: {:?}", String::from_utf8_lossy(&file));

        let entries: BTreeMap<String, String> = (0..3).map(|_| (any_text(rng, 8), any_text(rng, 8))).collect();
        let written = files::file(entries.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        assert_eq!(pairs(&answer("load", &[written.as_bytes()])), entries, "seed {seed}: {written:?}");
    });
}

#[test]
fn registrations_are_equal() {
    cases(200, |rng, seed| {
        let topic = |rng: &mut Rng| {
            let name: String = (0..rng.usize(1..20)).map(|_| rng.alphanumeric()).collect();
            let perm = compat::topic::Perm(rng.i32(0..16));
            TopicConfig { write_queue_count: rng.i32(..), ..TopicConfig::new(&name, rng.i32(..), perm) }
        };
        let topics = (0..rng.usize(0..4)).map(|_| topic(rng)).map(|topic| (topic.topic_name.clone(), topic)).collect();
        let body = namesrv::RegisterBrokerBody {
            filter_server_list: Some((0..rng.usize(0..3)).map(|_| any_text(rng, 10)).collect()),
            topic_config_serialize_wrapper: namesrv::TopicConfigTable {
                data_version: DataVersion { counter: rng.i64(..), timestamp: rng.i64(..) },
                topic_config_table: topics,
            },
        };
        let plain = registration::encode(&body, false);
        let java = answer("write registration", &[&plain]);
        assert_eq!(registration::decode(&java[0], true).as_ref(), Ok(&body), "seed {seed}");
        let java = answer("read registration", &[&registration::encode(&body, true)]);
        assert_eq!(registration::decode(&java[0], false).as_ref(), Ok(&body), "seed {seed}");
    });
}

#[test]
fn subscriptions_are_equal() {
    let given = |text: &Option<String>| text.as_ref().map_or(Vec::new(), |text| format!("-{text}").into_bytes());
    cases(500, |rng, seed| {
        let words = ["||", "|", " ", "TagA", "TagB", "*", "\u{e9}", "\u{3000}", "\t"];
        let maybe = |rng: &mut Rng, text: String| rng.u8(..8).gt(&0).then_some(text);
        let expression = (0..rng.usize(0..6)).map(|_| words[rng.usize(..words.len())]).collect();
        let expression = maybe(rng, expression);
        let kind = ["TAG", "SQL92", "", "tag"][rng.usize(..4)].to_owned();
        let kind = maybe(rng, kind);
        let java = ask("subscription", &[b"T", &given(&expression), &given(&kind)]);
        let java = java.ok().map(|java| json::from_slice::<client::SubscriptionData>(&java[0]).unwrap());
        let ours = client::SubscriptionData::of("T", expression.as_deref(), kind.as_deref(), Millis(7)).ok();
        assert_eq!(ours, java, "seed {seed}: {expression:?} {kind:?}");
    });
}

#[test]
fn topics_are_shown_the_same_way() {
    cases(100, |rng, seed| {
        let mut topic = TopicConfig::new(&any_name(rng), rng.i32(..), compat::topic::Perm(rng.i32(0..16)));
        topic.topic_sys_flag = rng.i32(..);
        topic.order = rng.bool();
        assert_eq!(text(&answer("topic text", &[&json::to_vec(&topic)])[0]), topic.to_string(), "seed {seed}");
    });
}

#[test]
fn times_are_equal() {
    let zone = Zone::named(vm::ZONE).expect("a time zone database");
    cases(500, |rng, seed| {
        let time = rng.i64(0..4_000_000_000_000);
        let java: Vec<String> = answer("time", &[&time.to_be_bytes()]).iter().map(|text| self::text(text)).collect();
        let local = zone.at(Millis(time));
        let ours = [local.digits(), local.with_comma(), local.digits_to_second(), local.with_hash()];
        assert_eq!(java, ours, "seed {seed}: {time}");
    });
}

#[test]
fn names_and_numbers_exist_in_java() {
    let constants = answer("constants", &[]);
    let constants: BTreeSet<String> = constants.iter().map(|constant| text(constant)).collect();
    let numbers = |kinds: &[&str]| -> BTreeSet<i32> {
        let of = |constant: &String| {
            let (name, value) = constant.split_once('=')?;
            kinds.contains(&name.split_once('.')?.0).then(|| value.parse().ok())?
        };
        constants.iter().filter_map(of).collect()
    };
    let requests = numbers(&["RequestCode"]);
    let unserved = [13, 22, 23, 27, 209, 210, 211, 212, 213, 214, 302];
    let ours: BTreeSet<i32> = RequestCode::ALL.iter().map(|code| code.code()).chain(unserved).collect();
    assert_eq!(ours, requests);
    let responses = numbers(&["ResponseCode", "RemotingSysResponseCode"]);
    let unknown: Vec<_> = ResponseCode::ALL.iter().filter(|code| !responses.contains(&code.code())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for byte in 0..12 {
        let language = Language::from_byte(byte).unwrap();
        assert!(constants.contains(&format!("LanguageCode.{}={byte}", language.name())), "{language:?}");
    }
    let versions = [
        ("V4_3_0", version::CURRENT),
        ("V3_0_11", version::V3_0_11),
        ("V3_0_7_SNAPSHOT", version::V3_0_7_SNAPSHOT),
        ("V3_1_8_SNAPSHOT", version::V3_1_8_SNAPSHOT),
        ("V3_4_9", version::V3_4_9),
    ];
    for (name, ordinal) in versions {
        assert!(constants.contains(&format!("MQVersion.{name}={ordinal}")), "{name}");
    }
    assert!(constants.contains(&format!("MQVersion.CURRENT={}", version::CURRENT)));
    for ordinal in 0..613 {
        assert!(constants.contains(&format!("MQVersion.{}={ordinal}", version::name(ordinal))), "{ordinal}");
    }
    let names = properties::name::ALL;
    for name in names {
        assert!(
            constants.iter().any(|known| known.starts_with("MessageConst.") && known.ends_with(&format!("={name}"))),
            "{name}"
        );
    }
}

#[test]
fn headers_have_the_fields_of_java() {
    macro_rules! same {
        ($($class:literal => $ty:ty,)*) => { $(
            assert_same_header($class, |fields| {
                let header = <$ty>::decode(fields).unwrap_or_else(|error| panic!("{}: {error}", $class));
                let mut written = Vec::new();
                header.encode(&mut written);
                written
            });
        )* };
    }
    headers!(same);
}

/// `testdata/` holds what Java says here, for the tests that run without it. `BLESS=1` writes it again.
#[test]
fn golden_files_are_those_of_java() {
    let mut bodies = String::new();
    macro_rules! body {
        ($($class:literal => $ty:ty,)*) => { $(
            let class = concat!("org.apache.rocketmq.", $class);
            let question = [class.as_bytes(), &43i64.to_be_bytes()[..], &1i32.to_be_bytes(), &0i32.to_be_bytes()];
            bodies += &format!("{}\t{}\n", $class, text(&answer("random json", &question)[0]));
        )* };
    }
    bodies!(body);
    let mut headers = String::new();
    macro_rules! header {
        ($($class:literal => $ty:ty,)*) => { $(
            let class = concat!("org.apache.rocketmq.common.protocol.header.", $class);
            let fields = answer("header fields", &[class.as_bytes()]).iter().map(|part| text(part)).collect::<Vec<_>>();
            headers += &format!("{}\t{}\n", $class, fields.join("\t"));
        )* };
    }
    headers!(header);
    for (name, java) in [("bodies.tsv", bodies), ("headers.tsv", headers)] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &java).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), java, "{name}");
    }
}

/// Every field of the Java class goes through ours and through Java and comes out the same.
fn assert_same_header(class: &str, through_ours: impl Fn(&Fields<'_>) -> Vec<(String, String)>) {
    let name = class;
    let class = format!("org.apache.rocketmq.common.protocol.header.{class}");
    let declared = answer("header fields", &[class.as_bytes()]);
    cases(20, |rng, seed| {
        let given: BTreeMap<String, String> = declared
            .chunks_exact(2)
            .filter(|field| !is_never_sent(name, &text(&field[0])))
            .map(|field| {
                let value = match text(&field[1]).as_str() {
                    "String" => any_text(rng, 10),
                    "int" | "Integer" => rng.i32(..).to_string(),
                    "long" | "Long" => rng.i64(..).to_string(),
                    "boolean" | "Boolean" => rng.bool().to_string(),
                    other => panic!("{class}: a field of type {other}"),
                };
                (text(&field[0]), value)
            })
            .map(|(name, value)| match name.as_str() {
                "topicFilterType" => (name, "SINGLE_TAG".to_owned()),
                "commitOrRollback" => (name, "8".to_owned()),
                _ => (name, value),
            })
            .collect();
        let mut fields: Fields<'_> =
            given.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), Text::Plain(value))).collect();
        for name in FURTHER_FIELDS {
            fields.push(Cow::Borrowed(name), Text::Plain("true"));
        }
        let mut ours: BTreeMap<String, String> = through_ours(&fields).into_iter().collect();
        ours.retain(|name, _| !FURTHER_FIELDS.contains(&name.as_str()));
        assert_eq!(ours, given, "seed {seed}: {class}");

        let mut question = vec![class.as_bytes()];
        question.extend(ours.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]));
        assert_eq!(pairs(&answer("header", &question)), given, "seed {seed}: {class}");
    });
}

/// What Java writes is read and written again to the byte, in both forms; and Java reads ours.
fn assert_same_json<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(class: &str) {
    let class = format!("org.apache.rocketmq.{class}");
    cases(30, |_, seed| {
        let random = |most: i32, nulls: i32| {
            let question = [class.as_bytes(), &seed.to_be_bytes()[..], &most.to_be_bytes(), &nulls.to_be_bytes()];
            ask("random json", &question)
        };
        let read = |document: &[u8]| -> T {
            json::from_slice(document)
                .unwrap_or_else(|error| panic!("seed {seed}: {class}: {error}\n{}", String::from_utf8_lossy(document)))
        };
        // With one entry each, maps and sets have one order.
        let java = random(1, 0).unwrap();
        let value = read(&java[0]);
        assert_eq!(text(&json::to_vec(&value)), text(&java[0]), "seed {seed}: {class}");
        assert_eq!(read(&java[1]), value, "seed {seed}: {class}");
        if FILES.iter().any(|file| class.ends_with(file)) {
            assert_eq!(text(&json::to_vec_pretty(&value)), text(&java[1]), "seed {seed}: {class}");
        }
        let java = random(4, 0).unwrap();
        let value = read(&java[0]);
        let again = answer("json", &[class.as_bytes(), &json::to_vec(&value)]);
        assert_eq!(sorted(&again[0]), sorted(&java[0]), "seed {seed}: {class}");

        // A queue without a name has no place in a sorted map.
        let Ok(java) = random(2, 1) else { return };
        let value = read(&java[0]);
        answer("json", &[class.as_bytes(), &json::to_vec(&value)]);
    });
}

/// Ours refuses much that fastjson reads past; but it reads nothing in another way.
fn assert_same_damaged<T: DeserializeOwned + PartialEq + std::fmt::Debug>(class: &str) {
    let class = format!("org.apache.rocketmq.{class}");
    cases(300, |rng, seed| {
        let question = [class.as_bytes(), &seed.to_be_bytes()[..], &2i32.to_be_bytes(), &0i32.to_be_bytes()];
        let mut document = answer("random json", &question).remove(0);
        for _ in 0..rng.usize(1..3) {
            let letters = b"\"'{}[]:,0 17.eEnt\\";
            let letter = letters[rng.usize(..letters.len())];
            let at = rng.usize(..document.len());
            match rng.u8(..3) {
                0 => document.insert(at, letter),
                1 => document[at] = letter,
                _ => drop(document.drain(at..at + rng.usize(..12.min(document.len() - at)))),
            }
        }
        let Ok(ours) = json::from_slice::<T>(&document) else { return };
        let Ok(java) = ask("json", &[class.as_bytes(), &document]) else { return };
        let java = json::from_slice::<Option<T>>(&java[0]).unwrap();
        assert_eq!(Some(ours), java, "seed {seed}: {}", String::from_utf8_lossy(&document));
    });
}

/// Classes that are written to files in the pretty form.
const FILES: [&str; 5] = [
    "TopicConfigSerializeWrapper",
    "SubscriptionGroupWrapper",
    "ConsumerOffsetSerializeWrapper",
    "DelayOffsetSerializeWrapper",
    "ConsumerFilterManager",
];

/// A document with its members in one order, and its arrays too: most of them are sets.
fn sorted(document: &[u8]) -> String {
    fn show(value: &json::Value) -> String {
        match value {
            json::Value::Object(members) => {
                let mut members: Vec<String> =
                    members.iter().map(|(key, value)| format!("{}:{}", show(key), show(value))).collect();
                members.sort();
                format!("{{{}}}", members.join(","))
            }
            json::Value::List(values) => {
                let mut values: Vec<String> = values.iter().map(show).collect();
                values.sort();
                format!("[{}]", values.join(","))
            }
            other => format!("{other:?}"),
        }
    }
    show(&json::parse(document).expect("Java writes what ours reads"))
}

fn assert_same_record(bytes: &[u8], seed: u64) {
    let record::Parsed::Message(ours) = record::parse(bytes, record::CheckBody::No) else {
        panic!("seed {seed}: no record")
    };
    let mut java = answer("read record", &[bytes]);
    assert_ne!(java.len(), 0, "seed {seed}: Java sees no record");
    let read = java.split_off(15);
    let expected: Vec<Vec<u8>> = vec![
        ours.size().to_be_bytes().to_vec(),
        ours.body_crc().to_be_bytes().to_vec(),
        ours.queue_id().to_be_bytes().to_vec(),
        ours.flag().to_be_bytes().to_vec(),
        ours.queue_offset().to_be_bytes().to_vec(),
        ours.position().to_be_bytes().to_vec(),
        ours.sys_flag().0.to_be_bytes().to_vec(),
        ours.born_timestamp().0.to_be_bytes().to_vec(),
        host_bytes(ours.born_host()).to_vec(),
        ours.store_timestamp().0.to_be_bytes().to_vec(),
        host_bytes(ours.store_host()).to_vec(),
        ours.reconsume_times().to_be_bytes().to_vec(),
        ours.prepared_transaction_offset().to_be_bytes().to_vec(),
        ours.body().to_vec(),
        String::from_utf8_lossy(ours.topic()).into_owned().into_bytes(),
    ];
    assert_eq!(java, expected, "seed {seed}");
    assert_eq!(pairs(&read), properties::to_map(ours.properties()), "seed {seed}");
}

/// Runs a case so many times, each with a seed of its own.
fn cases(count: u64, case: impl Fn(&mut Rng, u64)) {
    let first = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for seed in first..first + count {
        case(&mut Rng::with_seed(seed), seed);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("Java answers in UTF-8")
}

fn pairs(parts: &[Vec<u8>]) -> BTreeMap<String, String> {
    parts.chunks_exact(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

fn any_bytes(rng: &mut Rng, most: usize) -> Vec<u8> {
    (0..rng.usize(..most)).map(|_| rng.u8(..)).collect()
}

fn any_text(rng: &mut Rng, most: usize) -> String {
    let letter = |rng: &mut Rng| match rng.u8(..4) {
        0 => rng.char(..),
        1 => rng.char('\0'..'\u{a0}'),
        _ => rng.alphanumeric(),
    };
    (0..rng.usize(..most)).map(|_| letter(rng)).collect()
}

/// Text without the separators of properties, never empty.
fn any_name(rng: &mut Rng) -> String {
    let rest: String = any_text(rng, 6).chars().filter(|char| *char > '\u{2}').collect();
    format!("n{rest}")
}

/// Properties in the order in which Java writes them.
fn any_properties(rng: &mut Rng) -> String {
    let mut text = Vec::new();
    let entries: Vec<_> = (0..rng.usize(0..6)).map(|_| (any_name(rng), any_name(rng))).collect();
    for (name, value) in hash_map::in_order(entries) {
        properties::push(&name, &value, &mut text);
    }
    self::text(&text)
}

fn any_host(rng: &mut Rng) -> SocketAddrV4 {
    SocketAddrV4::new(rng.u32(..).into(), rng.u16(..))
}

fn host_bytes(host: SocketAddrV4) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&host.ip().octets());
    bytes[4..].copy_from_slice(&u32::from(host.port()).to_be_bytes());
    bytes
}

fn digits(rng: &mut Rng, range: std::ops::Range<usize>) -> String {
    (0..rng.usize(range)).map(|_| rng.digit(10)).collect()
}

fn any_decimal(rng: &mut Rng) -> String {
    let mut text = if rng.bool() { "-".to_owned() } else { String::new() };
    text += &digits(rng, 1..25);
    if rng.bool() {
        text += &format!(".{}", digits(rng, 1..12));
    }
    if rng.u8(..3) == 0 {
        text += &format!("e{}", rng.i32(-40..90));
    }
    text
}

fn any_number(rng: &mut Rng) -> String {
    match rng.u8(..5) {
        0 => rng.i64(..).to_string(),
        1 => format!("{}.{}", rng.i32(..), rng.u8(..)),
        2 => format!("\"{}\"", rng.i32(..)),
        3 => rng.bool().to_string(),
        _ => rng.i32(..).to_string(),
    }
}

/// A JSON value as other clients could put it where Java wants a text.
fn any_value(rng: &mut Rng, depth: u32) -> String {
    match rng.u8(..if depth == 0 { 5 } else { 7 }) {
        0 => "null".to_owned(),
        1 => rng.bool().to_string(),
        2 => rng.i32(..).to_string(),
        3 => format!("{}.{}", rng.i16(..), digits(rng, 1..8)),
        4 => {
            let text = any_text(rng, 8);
            String::from_utf8(json::to_vec(&text)).unwrap()
        }
        5 => {
            let values: Vec<String> = (0..rng.usize(..4)).map(|_| any_value(rng, depth - 1)).collect();
            format!("[{}]", values.join(", "))
        }
        _ => {
            let member = |rng: &mut Rng| format!("\"k{}\" : {}", rng.u8(..), any_value(rng, depth - 1));
            let members: Vec<String> = (0..rng.usize(..20)).map(|_| member(rng)).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

/// A queue in a dialect that fastjson may or may not forgive.
fn any_dialect(rng: &mut Rng) -> String {
    let pick = |rng: &mut Rng, choices: &[&str]| choices[rng.usize(..choices.len())].to_owned();
    let blank = |rng: &mut Rng| pick(rng, &["", "", "", " ", "\n", "\t", "/* x */", "// x\n"]);
    let name = |rng: &mut Rng, name: &str| match rng.u8(..4) {
        0 => name.to_owned(),
        1 => format!("'{name}'"),
        _ => format!("\"{name}\""),
    };
    let member = |rng: &mut Rng| match rng.u8(..8) {
        0..3 => {
            let value =
                pick(rng, &["7", "-7", "\"7\"", "7.9", "4294967303", "true", "false", "null", "1e2", "07", "'7'"]);
            (name(rng, "queueId"), value)
        }
        3..5 => {
            let value = pick(
                rng,
                &[
                    "\"T\"",
                    "'T'",
                    "7",
                    "1.50",
                    "true",
                    "null",
                    "\"\\u0054\\x41\"",
                    "\"\\/\\'\"",
                    "\"\"",
                    "[1,{\"a\":null}]",
                    "{\"x\" : 'y'}",
                ],
            );
            (name(rng, "topic"), value)
        }
        5 => {
            let spelling = pick(rng, &["brokerName", "brokerName", "BROKERNAME"]);
            (name(rng, &spelling), "\"b\"".to_owned())
        }
        _ => (name(rng, "other"), any_value(rng, 2)),
    };
    let mut members: Vec<(String, String)> = (0..rng.usize(0..5)).map(|_| member(rng)).collect();
    // What stands twice and is null once depends on the Java type of the field.
    if members.iter().any(|(_, value)| value == "null") {
        let mut seen = BTreeSet::new();
        members.retain(|(name, _)| seen.insert(name.trim_matches(['"', '\'']).to_lowercase()));
    }
    let mut document = format!("{}{{{}", blank(rng), blank(rng));
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            document += &pick(rng, &[",", ",", ",", ",", ",", ",,", " , "]);
        }
        document += &format!("{}{name}{}:{}{value}{}", blank(rng), blank(rng), blank(rng), blank(rng));
    }
    document += &pick(rng, &["}", "}", "}", "}", ",}", "} ", "", "}x"]);
    document
}
