use super::*;
use crate::body::MessageQueue;
use crate::body::admin::{
    ConsumerOffsetTable, DelayOffsetTable, QueueOffsetForCpp, ResetOffsetsForCpp, TopicStatsTable,
};
use crate::body::client::{HeartbeatData, MessageModel, SubscriptionData};
use crate::body::namesrv::{KvTable, TopicConfigTable, TopicRouteData};
use crate::topic::TopicConfig;
use serde::Deserialize;
use std::collections::BTreeMap;

fn text<T: Serialize>(value: &T) -> String {
    String::from_utf8(to_vec(value)).unwrap()
}

fn pretty<T: Serialize>(value: &T) -> String {
    String::from_utf8(to_vec_pretty(value)).unwrap()
}

fn queue(queue_id: i32) -> MessageQueue {
    MessageQueue { broker_name: "b-a".into(), queue_id, topic: "T".into() }
}

#[test]
fn keys_that_are_no_text_stand_bare() {
    let offsets = ConsumerOffsetTable { offset_table: [("T@G".into(), [(0, 10), (1, 20)].into())].into() };
    assert_eq!(text(&offsets), r#"{"offsetTable":{"T@G":{0:10,1:20}}}"#);
    let by_queue: BTreeMap<MessageQueue, i64> = [(queue(0), 5), (queue(1), 6)].into();
    let written = r#"{{"brokerName":"b-a","queueId":0,"topic":"T"}:5,{"brokerName":"b-a","queueId":1,"topic":"T"}:6}"#;
    assert_eq!(text(&by_queue), written);
    assert_eq!(from_slice::<BTreeMap<MessageQueue, i64>>(written.as_bytes()).unwrap(), by_queue);
}

#[test]
fn clients_in_cpp_get_their_offsets_as_a_list() {
    let offset = QueueOffsetForCpp { broker_name: "b-a".into(), offset: 5, queue_id: 0, topic: "T".into() };
    let body = ResetOffsetsForCpp { offset_table: vec![offset] };
    assert_eq!(text(&body), r#"{"offsetTable":[{"brokerName":"b-a","offset":5,"queueId":0,"topic":"T"}]}"#);
}

#[test]
fn files_look_as_java_lays_them_out() {
    let offsets = ConsumerOffsetTable {
        offset_table: [("T1@G1".into(), [(0, 5), (1, 7)].into()), ("T1@G2".into(), [(3, i64::MAX)].into())].into(),
    };
    assert_eq!(
        pretty(&offsets),
        "{\n\t\"offsetTable\":{\n\t\t\"T1@G1\":{0:5,1:7\n\t\t},\n\t\t\"T1@G2\":{3:9223372036854775807\n\t\t}\n\t}\n}"
    );
    let delays = DelayOffsetTable { offset_table: [(1, 1), (3, 12), (17, 100)].into() };
    assert_eq!(pretty(&delays), "{\n\t\"offsetTable\":{1:1,3:12,17:100\n\t}\n}");
    assert_eq!(pretty(&DelayOffsetTable::default()), "{\n\t\"offsetTable\":{}\n}");
    let topic = TopicConfig::new("SELF_TEST_TOPIC", 1, crate::topic::Perm::READ_WRITE);
    let mut table =
        TopicConfigTable { topic_config_table: [(topic.topic_name.clone(), topic)].into(), ..Default::default() };
    table.data_version.timestamp = 1795362819589;
    assert_eq!(
        pretty(&table),
        "{\n\t\"dataVersion\":{\n\t\t\"counter\":0,\n\t\t\"timestamp\":1795362819589\n\t},\n\t\"topicConfigTable\":{\n\t\t\
         \"SELF_TEST_TOPIC\":{\n\t\t\t\"order\":false,\n\t\t\t\"perm\":6,\n\t\t\t\"readQueueNums\":1,\n\t\t\t\
         \"topicFilterType\":\"SINGLE_TAG\",\n\t\t\t\"topicName\":\"SELF_TEST_TOPIC\",\n\t\t\t\"topicSysFlag\":0,\n\t\t\t\
         \"writeQueueNums\":1\n\t\t}\n\t}\n}"
    );
}

#[test]
fn arrays_stay_in_one_line_and_absent_members_are_left_out() {
    #[derive(Serialize)]
    struct Sample {
        bits: Vec<i32>,
        tps: f64,
        what: Option<String>,
    }
    let sample = Sample { bits: vec![36, 12, 100], tps: f64::NAN, what: None };
    assert_eq!(text(&sample), r#"{"bits":[36,12,100],"tps":null}"#);
    assert_eq!(pretty(&sample), "{\n\t\"bits\":[36,12,100],\n\t\"tps\":null\n}");
    let absent: BTreeMap<&str, Option<i32>> = [("a", None), ("b", Some(1)), ("c", None)].into();
    assert_eq!(text(&absent), r#"{"b":1}"#);
}

#[test]
fn text_is_escaped_as_fastjson_escapes() {
    let table = |key: &str, value: &str| KvTable { table: [(key.to_owned(), value.to_owned())].into() };
    let sample = table("k", "\"\\/<>&' \u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}\u{9f}\u{a0}\u{2028}\u{2029} é \u{1F600}");
    assert_eq!(
        text(&sample),
        "{\"table\":{\"k\":\"\\\"\\\\/<>&' \\b\\f\\n\\r\\t\\u0001\\u001F\\u007F\\u009F\u{a0}\\u2028\\u2029 é \u{1F600}\"}}"
    );
    assert_eq!(from_slice::<KvTable>(&to_vec(&sample)).unwrap(), sample);
}

#[test]
fn what_fastjson_forgives_is_read() {
    let expected = MessageQueue { broker_name: "b".into(), queue_id: 34, topic: "T".into() };
    let documents = [
        r#"{"brokerName":"b","queueId":34,"topic":"T"}"#,
        r#"{Topic:'T',queueID:"34",brokerName:"b",}"#,
        "\u{feff} { /* a */ \"queueId\" : 34.0 ,, // b\n 'topic':\"T\", \"brokerName\":\"b\" } ",
        r#"{"queueId":1,"queueId":34,"topic":null,"brokerName":"b","topic":"T"}"#,
        r#"{"queueId":4294967330,"topic":"\x54","brokerName":"\u0062","x":[1,{"y":[]}],{"z":1}:2,3:4}"#,
    ];
    for document in documents {
        assert_eq!(from_slice::<MessageQueue>(document.as_bytes()).as_ref(), Ok(&expected), "{document}");
    }
    let read: MessageQueue =
        from_slice(br#"{"queueId":true,"topic":17,"brokerName":{"b" : 1.50, "a":[null,true]}}"#).unwrap();
    let text = MessageQueue { broker_name: r#"{"a":[null,true],"b":1.50}"#.into(), queue_id: 1, topic: "17".into() };
    assert_eq!(read, text);
    let read: MessageQueue = from_slice(b"{\"queueId\":\"\",\"topic\":\"\xff\"}").unwrap();
    assert_eq!((read.queue_id, read.topic.as_str()), (0, "\u{fffd}"));
}

#[test]
fn integer_keys_are_read_bare_and_quoted_and_nulls_do_not_count() {
    let read: DelayOffsetTable = from_slice(br#"{"offsetTable":{"1":5,2:6,3:null}}"#).unwrap();
    assert_eq!(read.offset_table, [(1, 5), (2, 6)].into());
    let read: TopicConfigTable = from_slice(br#"{"topicConfigTable":null,"dataVersion":{"counter":3}}"#).unwrap();
    assert_eq!((read.topic_config_table.len(), read.data_version.counter), (0, 3));
    let read: TopicStatsTable =
        from_slice(br#"{"offsetTable":{{"topic":"T","brokerName":"b-a","queueId":1}:{"maxOffset":"3"}}}"#).unwrap();
    assert_eq!(read.offset_table[&queue(1)].max_offset, 3);
    let route: TopicRouteData = from_slice(br#"{"brokerDatas":[null,{"brokerAddrs":{0:"a","1":"b"}}]}"#).unwrap();
    assert_eq!(route.broker_datas[0].broker_addrs, [(0, "a".into()), (1, "b".into())].into());
}

#[test]
fn enums_are_read_by_name_and_by_ordinal() {
    assert_eq!(from_slice::<MessageModel>(br#""CLUSTERING""#), Ok(MessageModel::Clustering));
    assert_eq!(from_slice::<MessageModel>(b"0"), Ok(MessageModel::Broadcasting));
    assert!(from_slice::<MessageModel>(b"2").is_err());
    assert!(from_slice::<MessageModel>(br#""clustering""#).is_err());
    let read: HeartbeatData =
        from_slice(br#"{"clientID":"c","consumerDataSet":[{"groupName":"G","subscriptionDataSet":[{"topic":"T"}]}]}"#)
            .unwrap();
    assert_eq!(read.consumers[0].subscriptions[0], SubscriptionData { topic: "T".into(), ..Default::default() });
}

#[test]
fn a_name_that_a_newer_client_brings_does_not_refuse_its_heartbeat() {
    let read: HeartbeatData = from_slice(
        br#"{"consumerDataSet":[{"consumeType":"CONSUME_POP","messageModel":"BROADCASTING","unitMode":true}]}"#,
    )
    .unwrap();
    let consumer = &read.consumers[0];
    assert_eq!((consumer.message_model, consumer.unit_mode), (MessageModel::Broadcasting, true));
    assert_eq!(consumer.consume_type, crate::body::client::ConsumeType::Passively);
}

#[test]
fn broken_documents_are_refused() {
    let documents = [
        "",
        "null",
        "[]",
        "{",
        "{}x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":\"x}",
        "{\"a\":tru}",
        "{'a':\"\\q\"}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":1]",
        "/* {}",
        "{:1}",
        "{\"queueId\":\"1x\"}",
        "{{{1:2}:3}:4}",
        "\"x\"",
        "{\"a\":\"\\u12\"}",
    ];
    for document in documents {
        assert!(from_slice::<MessageQueue>(document.as_bytes()).is_err(), "{document}");
    }
    let error = from_slice::<MessageQueue>(b"{\"topic\":\"T\" 1}").unwrap_err();
    assert_eq!(error.to_string(), "a comma is expected at byte 13");
}

#[test]
fn nesting_and_size_are_bounded() {
    for open in ["[", "{\"a\":", "{", "{{\"a\":"] {
        let deep = open.repeat(1_000_000);
        assert!(parse(deep.as_bytes()).is_err(), "{open}");
        assert!(from_slice::<serde::de::IgnoredAny>(deep.as_bytes()).is_err(), "{open}");
        assert!(from_slice::<MessageQueue>(format!("{{\"x\":{deep}").as_bytes()).is_err(), "{open}");
    }
    let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert!(parse(deepest.as_bytes()).is_ok());
    let many = format!("[{}]", "1,".repeat(MAX_VALUES));
    assert_eq!(parse(many.as_bytes()).unwrap_err().what, "too many values");
}

#[test]
fn members_of_an_object_become_java_text_and_numbers() {
    let members =
        parse_object(br#"{code:"34", 'n':1e3, b:false, "d":34.9, e:"", x:{"b":"\u0001","a":null}, z:null, 7:[1, 2]}"#)
            .unwrap();
    let shown: Vec<(&str, Option<String>, Option<i32>)> =
        members.iter().map(|(name, value)| (name.as_str(), value.to_java_string(), value.to_java_int())).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        shown,
        [
            ("code", text("34"), Some(34)),
            ("n", text("1E+3"), Some(1000)),
            ("b", text("false"), Some(0)),
            ("d", text("34.9"), Some(34)),
            ("e", text(""), Some(0)),
            ("x", text(r#"{"b":"\u0001"}"#), None),
            ("z", None, None),
            ("7", text("[1,2]"), None),
        ]
    );
    assert!(parse_object(b"[1]").is_err());
}

#[test]
fn any_shape_can_be_asked_for() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Sample {
        f: f64,
        t: (i32, String),
        o: Option<u16>,
        n: Option<u16>,
    }
    let read: Sample = from_slice(br#"{"f":"1e-7","t":["5",6],"o":7,"n":null}"#).unwrap();
    assert_eq!(read, Sample { f: 1e-7, t: (5, "6".into()), o: Some(7), n: None });
    assert_eq!(from_slice::<Option<bool>>(b"null"), Ok(None));
    assert_eq!(from_slice::<Vec<bool>>(br#"[1,0,"true",'false']"#), Ok(vec![true, false, true, false]));
}
