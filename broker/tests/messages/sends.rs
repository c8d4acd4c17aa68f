//! What comes back from a send, and what is stored.

use crate::harness::{Broker, Wanted, bodies, field, message, pull_from, records, told, with_properties};
use broker::settings::BrokerSettings;
use compat::command::RequestCode;
use compat::header::send::{EndTransactionRequest, SendBackRequest, SendRequest};
use compat::header::{FieldSink, NoHeader};
use compat::message::batch::{self, Item};
use compat::message::id;
use compat::message::properties;
use compat::offset::PhysicalOffset;
use compat::text::Text;
use compat::topic::{Perm, TopicConfig, TopicFilterType};

const ILLEGAL: &str = "the message is illegal, maybe msg body or properties length not matched. \
                       msg body length limit 128k, msg properties length limit 32k.";
const FAQ: &str = "\nSee http://rocketmq.apache.org/docs/faq/ for further details.";

#[tokio::test]
async fn a_message_is_stored_as_it_came() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    let properties = "KEYS\u{1}k1 k2\u{2}TAGS\u{1}TagA\u{2}n\u{1}\u{4E2D}\u{1F600}\u{2}";
    let request = SendRequest { queue_id: 3, reconsume_times: Some(2), ..with_properties("T", properties) };
    let answer = client.send(&request, "hello").await;

    assert_eq!(told(&answer), (0, "-"));
    let first = PhysicalOffset::ZERO;
    assert_eq!(field(&answer, "msgId").as_bytes(), id::encode(broker.own_address(), first));
    assert_eq!((field(&answer, "queueId"), field(&answer, "queueOffset")), ("3", "0"));
    assert_eq!((field(&answer, "MSG_REGION"), field(&answer, "TRACE_ON")), ("DefaultRegion", "true"));
    assert!(answer.body.is_empty());

    let mut pull = pull_from("T", 0);
    pull.queue_id = 3;
    let pulled = client.pull(&pull).await;
    assert_eq!(told(&pulled), (0, "FOUND"));
    let records = records(&pulled.body);
    let [record] = records.as_slice() else { panic!("one record") };
    assert_eq!((record.body(), record.topic()), (b"hello".as_slice(), b"T".as_slice()));
    assert_eq!(record.properties(), properties.as_bytes());
    assert_eq!((record.flag(), record.queue_id(), record.queue_offset(), record.position()), (7, 3, 0, 0));
    assert_eq!((record.born_timestamp().0, record.reconsume_times()), (1_530_000_000_000, 2));
    assert_eq!(record.store_host(), broker.own_address());
    assert_eq!(record.born_host().ip().to_string(), "127.0.0.1");
    assert_eq!(record.sys_flag().0, 0);
}

#[tokio::test]
async fn both_spellings_of_the_header_are_read() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    struct Long;
    impl compat::header::Encode for Long {
        fn encode(&self, sink: &mut dyn FieldSink) {
            for (name, value) in [("producerGroup", "P"), ("topic", "T"), ("defaultTopic", "TBW102")] {
                sink.text(name, value);
            }
            for name in ["defaultTopicQueueNums", "queueId", "sysFlag", "bornTimestamp", "flag", "reconsumeTimes"] {
                sink.number(name, 0);
            }
            sink.text("unitMode", "false");
        }
    }
    let answer = client.call(RequestCode::SendMessage, &Long, "long").await;
    assert_eq!(told(&answer), (0, "-"));
    assert_eq!(bodies(&client.pull(&pull_from("T", 0)).await), ["long"]);
}

#[tokio::test]
async fn refusals_are_told_as_java_tells_them() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let ordered = TopicConfig { order: true, ..TopicConfig::new("Ordered", 4, Perm::READ_WRITE) };
    broker.topics.put(ordered).unwrap();
    let client = broker.client();
    let long_name = "x".repeat(128);
    let queue_9 = SendRequest { queue_id: 9, ..message("T") };
    let no_template = SendRequest { default_topic: "NoSuchTemplate".into(), ..message("New") };
    let long_batch = SendRequest { batch: Some(true), ..message(&long_name) };
    let retry_batch = SendRequest { batch: Some(true), ..message("%RETRY%G") };
    let unit_retry = SendRequest { default_topic: "NoSuchTemplate".into(), ..message("%RETRY%..") };
    let topic_text = "TopicConfig [topicName=T, readQueueNums=4, writeQueueNums=4, perm=RW-, \
                      topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false]";
    let illegal_name = "The specified topic contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$";
    let cases = [
        (
            message("AUTO_CREATE_TOPIC_KEY"),
            1,
            "the topic[AUTO_CREATE_TOPIC_KEY] is conflict with system reserved words.".to_owned(),
        ),
        (message("TBW102"), 1, "the topic[TBW102] is conflict with system reserved words.".to_owned()),
        (message("SCHEDULE_TOPIC_XXXX"), 16, "Sending message to topic[SCHEDULE_TOPIC_XXXX] is forbidden.".to_owned()),
        (message("../x"), 1, illegal_name.to_owned()),
        (message(&long_name), 13, ILLEGAL.to_owned()),
        (long_batch, 13, "message topic length too long 128".to_owned()),
        (retry_batch, 13, "batch request does not support retry group %RETRY%G".to_owned()),
        (no_template, 17, format!("topic[New] not exist, apply first please!{FAQ}")),
        (unit_retry, 1, illegal_name.to_owned()),
        (
            with_properties("T", "TRAN_MSG\u{1}true\u{2}"),
            1,
            "a transactional message is not supported by this broker".to_owned(),
        ),
        (with_properties("T", "DELAY\u{1}3\u{2}"), 1, "a delayed message is not supported by this broker".to_owned()),
        (queue_9, 1, format!("request queueId[9] is illegal, {topic_text} Producer: ")),
    ];
    for (request, code, remark) in cases {
        let answer = client.send(&request, "x").await;
        let (told_code, told_remark) = told(&answer);
        assert_eq!(told_code, code, "{}: {told_remark}", request.topic);
        if request.queue_id == 9 {
            assert!(told_remark.starts_with(&remark) && told_remark.contains("Producer: 127.0.0.1:"), "{told_remark}");
        } else {
            assert_eq!(told_remark, remark);
        }
        assert_eq!((field(&answer, "MSG_REGION"), field(&answer, "TRACE_ON")), ("DefaultRegion", "true"));
    }
    assert!(broker.topics.find("../x").is_none() && broker.topics.find(&long_name).is_none());

    broker.set(|settings| settings.permission = Perm::READ);
    let told_code = |answer| told(&answer).0;
    let refused = client.send(&message("Ordered"), "x").await;
    assert_eq!(told(&refused), (16, "the broker[127.0.0.1] sending message is forbidden"));
    assert_eq!(told_code(client.send(&message("T"), "x").await), 0, "4.3.0 asks only for ordered topics");

    broker.set(|settings| {
        settings.permission = Perm::READ_WRITE.0;
        settings.reject_transactions = true;
        settings.trace_on = false;
        settings.region = "R".to_owned();
    });
    let refused = client.send(&with_properties("T", "TRAN_MSG\u{1}true\u{2}"), "x").await;
    assert_eq!(told(&refused), (16, "the broker[127.0.0.1] sending transaction message is forbidden"));
    assert_eq!((field(&refused, "MSG_REGION"), field(&refused, "TRACE_ON")), ("R", "false"));

    broker.set(|settings| settings.accept_sends_from = i64::from(i32::MAX) * 1000);
    let refused = client.send(&message("AUTO_CREATE_TOPIC_KEY"), "x").await;
    let (code, remark) = told(&refused);
    assert!(code == 1 && remark.starts_with("broker unable to service, until 2038-01-1"), "{remark}");
}

#[tokio::test]
async fn a_header_that_cannot_be_read_is_named() {
    let broker = Broker::start(Wanted::default());
    let answer = broker.client().call(RequestCode::SendMessageV2, &NoHeader, "x").await;
    assert_eq!(told(&answer), (1, "the custom field <a> is null"));
}

#[tokio::test]
async fn what_comes_with_the_next_features_is_refused_clearly() {
    let broker = Broker::start(Wanted::default());
    let client = broker.client();
    let back = SendBackRequest {
        offset: 0,
        group: "G".into(),
        delay_level: 0,
        origin_message_id: None,
        origin_topic: None,
        unit_mode: None,
        max_reconsume_times: None,
    };
    let answer = client.call(RequestCode::ConsumerSendMessageBack, &back, "").await;
    assert_eq!(told(&answer), (1, "giving a message back is not supported by this broker"));
    let end = EndTransactionRequest {
        group: "P".into(),
        half_queue_offset: 0,
        commit_log_offset: 0,
        verdict: 8,
        from_check: None,
        message_id: "m".into(),
        transaction_id: None,
    };
    let answer = client.call(RequestCode::EndTransaction, &end, "").await;
    assert_eq!(told(&answer), (1, "ending a transaction is not supported by this broker"));
}

#[tokio::test]
async fn a_topic_is_made_by_its_first_message() {
    let broker = Broker::start(Wanted::default());
    let client = broker.client();
    for (topic, template) in [("New", "AUTO_CREATE_TOPIC_KEY"), ("Old", "TBW102")] {
        let request = SendRequest { default_topic: template.into(), queue_id: 3, ..message(topic) };
        let answer = client.send(&request, "x").await;
        assert_eq!(told(&answer), (0, "-"), "{topic}");
        assert_eq!(broker.topics.find(topic).unwrap().write_queue_count, 4);
    }
    let answer = client.send(&SendRequest { queue_id: -1, ..message("New") }, "x").await;
    let queue: i32 = field(&answer, "queueId").parse().unwrap();
    assert!((0..4).contains(&queue));
}

#[tokio::test]
async fn a_topic_that_changes_is_seen_by_the_next_message() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    let request = SendRequest { queue_id: 3, ..message("T") };
    assert_eq!(told(&client.send(&request, "x").await).0, 0);
    broker.topic("T", 2);
    assert_eq!(told(&client.send(&request, "x").await).0, 1);
    let many =
        TopicConfig { topic_filter_type: TopicFilterType::MultiTag, ..TopicConfig::new("T", 4, Perm::READ_WRITE) };
    broker.topics.put(many).unwrap();
    assert_eq!(told(&client.send(&message("T"), "x").await).0, 0);
    let pulled = client.pull(&pull_from("T", 0)).await;
    assert_eq!(records(&pulled.body)[0].sys_flag().0, 2);
}

#[tokio::test]
async fn a_batch_is_stored_message_by_message() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    let body = batch_of(&["one", "two", "three"]);
    let request = SendRequest { batch: Some(true), ..with_properties("T", "WAIT\u{1}true\u{2}") };
    let answer = client.call(RequestCode::SendBatchMessage, &request, body.clone()).await;
    assert_eq!(told(&answer), (0, "-"));
    assert_eq!((field(&answer, "queueId"), field(&answer, "queueOffset")), ("0", "0"));
    let pulled = client.pull(&pull_from("T", 0)).await;
    let stored = records(&pulled.body);
    let ids: Vec<String> = stored.iter().map(|record| id_of(&broker, record.position())).collect();
    assert_eq!(field(&answer, "msgId"), ids.join(","));
    assert_eq!(stored.iter().map(|record| record.queue_offset()).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(bodies(&pulled), ["one", "two", "three"]);
    assert_eq!(broker.stats.put_total().count, 3);

    let plain = SendRequest { batch: None, ..message("T") };
    let answer = client.call(RequestCode::SendBatchMessage, &plain, body).await;
    assert_eq!((told(&answer).0, field(&answer, "queueOffset")), (0, "3"), "the flag decides, not the code");
}

#[tokio::test]
async fn bad_batches_are_refused() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    let batch = |properties| SendRequest { batch: Some(true), ..with_properties("T", properties) };
    let good = batch_of(&["one"]);
    let delayed = client.send(&batch("DELAY\u{1}1\u{2}"), good.clone()).await;
    assert_eq!(told(&delayed), (13, ILLEGAL));
    let half = client.send(&SendRequest { sys_flag: 4, ..batch("") }, good.clone()).await;
    assert_eq!(told(&half), (13, ILLEGAL));
    let cut = client.send(&batch(""), good[..good.len() - 1].to_vec()).await;
    assert_eq!(told(&cut).0, 13);
    let too_long = "x".repeat((4 << 20) - 50);
    let long = client.send(&batch(""), batch_of(&[&too_long])).await;
    assert_eq!(told(&long), (1, "java.lang.RuntimeException: message size exceeded"));
    assert_eq!(told(&client.pull(&pull_from("T", 0)).await).1, "NO_MESSAGE_IN_QUEUE");
}

#[tokio::test]
async fn a_record_may_be_four_mebibytes_and_not_a_byte_more() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    let longest = (4 << 20) - 91 - "T".len();
    let answer = client.send(&message("T"), vec![1; longest]).await;
    assert_eq!(told(&answer), (0, "-"));
    let answer = client.send(&message("T"), vec![1; longest + 1]).await;
    assert_eq!(told(&answer), (13, ILLEGAL));
    let pulled = client.pull(&pull_from("T", 0)).await;
    assert_eq!(records(&pulled.body)[0].body().len(), longest);

    let properties = format!("a\u{1}{}\u{2}", "x".repeat(32767 - 3));
    assert_eq!(told(&client.send(&with_properties("T", &properties), "x").await).0, 0);
    let properties = format!("a\u{1}{}\u{2}", "x".repeat(32768 - 3));
    assert_eq!(told(&client.send(&with_properties("T", &properties), "x").await), (13, ILLEGAL));
}

#[tokio::test]
async fn properties_without_a_last_separator_stay_so() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    for text in ["TAGS\u{1}TagA", "", "a\u{1}\"\\/\u{8}\u{c}\n\r\t\u{2}"] {
        assert_eq!(told(&client.send(&with_properties("T", text), text.to_owned()).await).0, 0);
    }
    let pulled = client.pull(&pull_from("T", 0)).await;
    for record in records(&pulled.body) {
        assert_eq!(record.properties(), record.body());
    }
}

#[tokio::test]
async fn a_one_way_send_is_stored_in_silence() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    client.notify(RequestCode::SendMessageV2, &message("T"), "quiet").await;
    client.notify(RequestCode::SendMessageV2, &message("TBW102"), "refused").await;
    let answer = client.send(&message("T"), "loud").await;
    assert_eq!((told(&answer).0, field(&answer, "queueOffset")), (0, "1"));
    assert_eq!(bodies(&client.pull(&pull_from("T", 0)).await), ["quiet", "loud"]);
}

#[tokio::test]
async fn a_message_that_was_tried_too_often_is_a_dead_letter() {
    let broker = Broker::start(Wanted::default());
    let client = broker.client();
    let again = |times| SendRequest {
        reconsume_times: Some(times),
        max_reconsume_times: Some(3),
        properties: Some(Text::Plain("RETRY_TOPIC\u{1}T\u{2}")),
        ..message("%RETRY%G")
    };
    let answer = client.send(&again(2), "again").await;
    assert_eq!(told(&answer), (0, "-"));
    let answer = client.send(&again(3), "dead").await;
    assert_eq!((told(&answer).0, field(&answer, "queueId")), (0, "0"));
    let dead = broker.topics.find("%DLQ%G").unwrap();
    assert_eq!((dead.write_queue_count, dead.perm), (1, Perm(Perm::WRITE)));
    assert_eq!(bodies(&client.pull(&pull_from("%RETRY%G", 0)).await), ["again"]);
    let end = broker.store.ends("%DLQ%G", Default::default()).max;
    assert_eq!(end.to_java(), 1);

    broker.set(|settings| settings.auto_create_group = false);
    let refused = client.send(&SendRequest { reconsume_times: Some(0), ..message("%RETRY%Other") }, "x").await;
    assert_eq!(told(&refused), (26, format!("subscription group not exist, Other {FAQ}").as_str()));
}

#[tokio::test]
async fn sends_are_counted_by_topic() {
    let settings = BrokerSettings::default();
    let broker = Broker::start(Wanted { settings, ..Wanted::default() });
    broker.topic("T", 4);
    let client = broker.client();
    for _ in 0..3 {
        client.send(&message("T"), "x").await;
    }
    let total = broker.stats.put_total();
    assert_eq!((total.count, total.bytes), (3, 3 * (91 + 1 + 1)));
}

fn batch_of(bodies: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for body in bodies {
        let mut text = Vec::new();
        properties::push("KEYS", "k", &mut text);
        batch::push(&Item { flag: 1, body: body.as_bytes(), properties: &text }, &mut out);
    }
    out
}

fn id_of(broker: &Broker, position: i64) -> String {
    let id = id::encode(broker.own_address(), PhysicalOffset::from_java(position).unwrap());
    String::from_utf8(id.to_vec()).unwrap()
}
