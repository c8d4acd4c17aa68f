//! The checks of a send, in 4.3.0's order: a client that fails two of them is told the first.
//!
//! Each is pure: what it needs to know is handed in. The order is that of [`super::Send`]: the time, the rights, the
//! name, the topic itself, its queue, then what kind of message it is.
//! Source: `broker/processor/AbstractSendMessageProcessor#msgCheck`, `SendMessageProcessor#sendMessage`,
//! `#sendBatchMessage`, `#handleRetryAndDLQ`.

use crate::refusal::Refusal;
use crate::settings::BrokerSettings;
use compat::header::send::SendRequest;
use compat::message::properties::Marks;
use compat::message::{SysFlag, TransactionType};
use compat::names;
use compat::offset::QueueId;
use compat::time::Millis;
use compat::topic::{self, MAX_TOPIC_LEN, Perm, TopicConfig};
use std::net::SocketAddr;

/// Clients from this version on say themselves how often they want to try. Source: `common/MQVersion` V3_4_9.
const SAYS_MAX_RECONSUME_TIMES: i32 = 121;

/// Whether the time to take messages has come.
pub(super) fn time(now: Millis, settings: &BrokerSettings) -> Result<(), Refusal> {
    let start = Millis(settings.accept_sends_from);
    if now < start { Err(Refusal::NotBefore { start }) } else { Ok(()) }
}

/// Whether the broker may be written to. 4.3.0 asks that for ordered topics only.
pub(super) fn rights(settings: &BrokerSettings, ip: &str, ordered: bool) -> Result<(), Refusal> {
    if ordered && !Perm(settings.permission).writeable() {
        return Err(Refusal::BrokerNotWriteable { ip: ip.to_owned() });
    }
    Ok(())
}

/// Whether clients may send to a topic of that name.
///
/// Differs: the topics that the broker keeps delayed and half messages in are refused, as later versions do.
pub(super) fn name(topic: &str) -> Result<(), Refusal> {
    match topic {
        names::AUTO_CREATE_TOPIC | names::AUTO_CREATE_TOPIC_LEGACY => {
            Err(Refusal::ReservedTopic { topic: topic.to_owned() })
        }
        names::SCHEDULE_TOPIC | names::HALF_TOPIC | names::OP_TOPIC => {
            Err(Refusal::InternalTopic { topic: topic.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Whether a topic of that name may be made.
///
/// Differs: 4.3.0 makes any topic, outside of its directory too, and refuses the message of one that is too long later.
pub(super) fn new_name(request: &SendRequest<'_>) -> Result<(), Refusal> {
    let topic = &request.topic;
    if topic.len() > MAX_TOPIC_LEN {
        return Err(too_long(request));
    }
    if topic::is_legal_name(topic) { Ok(()) } else { Err(Refusal::IllegalTopicName) }
}

fn too_long(request: &SendRequest<'_>) -> Refusal {
    match is_batch(request) {
        true => Refusal::BatchTopicTooLong { len: request.topic.encode_utf16().count() },
        false => Refusal::MessageIllegal,
    }
}

/// System flag of a topic that a send makes.
pub(super) fn topic_sys_flag(request: &SendRequest<'_>) -> i32 {
    const UNIT: i32 = 1;
    const UNIT_SUBSCRIPTION: i32 = 2;
    match (request.unit_mode, request.topic.starts_with(names::RETRY_PREFIX)) {
        (Some(true), true) => UNIT_SUBSCRIPTION,
        (Some(true), false) => UNIT,
        _ => 0,
    }
}

/// The queue that a message goes to: the one it names, or any of those that are written to.
pub(super) fn queue(
    wanted: i32,
    topic: &TopicConfig,
    producer: SocketAddr,
    random: impl FnOnce() -> u32,
) -> Result<QueueId, Refusal> {
    if wanted >= topic.write_queue_count.max(topic.read_queue_count) {
        return Err(Refusal::SendQueueOutOfRange { queue_id: wanted, topic: topic.to_string(), producer });
    }
    if let Some(queue) = QueueId::from_java(wanted) {
        return Ok(queue);
    }
    let any = u32::try_from(topic.write_queue_count).ok().and_then(|count| random().checked_rem(count));
    any.and_then(|any| QueueId::from_java(any as i32))
        .ok_or_else(|| Refusal::NoQueueToWrite { topic: topic.topic_name.clone() })
}

/// Whether the body is a batch: the header says so, not the code.
pub(super) fn is_batch(request: &SendRequest<'_>) -> bool {
    request.batch == Some(true)
}

/// What only batches are asked.
pub(super) fn batch(request: &SendRequest<'_>) -> Result<(), Refusal> {
    if request.topic.len() > MAX_TOPIC_LEN {
        return Err(too_long(request));
    }
    if request.topic.starts_with(names::RETRY_PREFIX) {
        return Err(Refusal::BatchToRetryTopic { topic: request.topic.clone().into_owned() });
    }
    Ok(())
}

/// Whether a message for a retry topic was tried often enough: it goes to the dead letter topic then.
///
/// Differs: a client that should say how often it wants to try and does not gets what the group says, not an error.
pub(super) fn is_dead(request: &SendRequest<'_>, version: i32, retry_max_times: i32) -> bool {
    let wanted = request.max_reconsume_times.filter(|_| version >= SAYS_MAX_RECONSUME_TIMES);
    request.reconsume_times.unwrap_or(0) >= wanted.unwrap_or(retry_max_times)
}

/// What a single message is, by its properties: a plain one, or not stored at all for the time being.
pub(super) fn kind(
    request: &SendRequest<'_>,
    marks: &Marks<'_>,
    settings: &BrokerSettings,
    ip: &str,
) -> Result<(), Refusal> {
    let half = marks.transaction_prepared.is_some_and(|value| value.eq_ignore_ascii_case(b"true"));
    if half {
        if settings.reject_transactions {
            return Err(Refusal::TransactionsForbidden { ip: ip.to_owned() });
        }
        // A consumer that sends a message again keeps the mark of a transaction that has ended.
        if request.reconsume_times.unwrap_or(0) == 0 {
            return Err(Refusal::NotYet { what: "a transactional message" });
        }
    }
    let delayable = matches!(SysFlag(request.sys_flag).transaction(), TransactionType::None | TransactionType::Commit);
    match delay_level(marks)? {
        level if level > 0 && delayable => Err(Refusal::NotYet { what: "a delayed message" }),
        _ => Ok(()),
    }
}

/// The delay level of a message; 0 for none.
pub(super) fn delay_level(marks: &Marks<'_>) -> Result<i32, Refusal> {
    let Some(text) = marks.delay else { return Ok(0) };
    let level = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    level.ok_or_else(|| Refusal::DelayLevel { text: String::from_utf8_lossy(text).chars().take(64).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::command::ResponseCode;

    const IP: &str = "10.0.0.1";

    #[test]
    fn messages_are_taken_from_their_time_on() {
        let settings = BrokerSettings { accept_sends_from: 1000, ..BrokerSettings::default() };
        assert_eq!(time(Millis(999), &settings), Err(Refusal::NotBefore { start: Millis(1000) }));
        assert_eq!(time(Millis(1000), &settings), Ok(()));
    }

    #[test]
    fn only_ordered_topics_care_for_the_rights_of_the_broker() {
        let settings = BrokerSettings { permission: Perm::READ, ..BrokerSettings::default() };
        assert_eq!(rights(&settings, IP, false), Ok(()));
        let refused = rights(&settings, IP, true).unwrap_err().to_wire();
        assert_eq!(refused, (ResponseCode::NoPermission, "the broker[10.0.0.1] sending message is forbidden".into()));
        assert_eq!(rights(&BrokerSettings::default(), IP, true), Ok(()));
    }

    #[test]
    fn names_that_mean_something_are_refused() {
        let code = |topic| name(topic).map_err(|refusal| refusal.to_wire().0);
        for topic in ["AUTO_CREATE_TOPIC_KEY", "TBW102"] {
            assert_eq!(code(topic), Err(ResponseCode::SystemError), "{topic}");
        }
        for topic in ["SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC"] {
            assert_eq!(code(topic), Err(ResponseCode::NoPermission), "{topic}");
        }
        for topic in ["RMQ_SYS_TRACE_TOPIC", "OFFSET_MOVED_EVENT", "BenchmarkTest", "%RETRY%G", "T"] {
            assert_eq!(code(topic), Ok(()), "{topic}");
        }
    }

    #[test]
    fn names_that_are_no_safe_directory_make_no_topic() {
        let long = "x".repeat(128);
        let checked = |topic: &str, batch| {
            let request = SendRequest { batch: Some(batch), ..request(topic) };
            new_name(&request).map_err(|refusal| refusal.to_wire().1)
        };
        for topic in ["../x", "a/b", "", "a b", "\u{4E2D}"] {
            assert!(checked(topic, false).unwrap_err().starts_with("The specified topic contains illegal"), "{topic}");
        }
        assert!(checked(&long, false).unwrap_err().starts_with("the message is illegal, maybe msg body or"));
        assert_eq!(checked(&long, true), Err("message topic length too long 128".into()));
        assert_eq!(checked(&long[1..], false), Ok(()));
    }

    #[test]
    fn a_queue_is_the_one_named_or_any() {
        let topic = TopicConfig { write_queue_count: 4, read_queue_count: 6, ..TopicConfig::new("T", 0, Perm(6)) };
        let producer = "10.1.2.3:54321".parse().unwrap();
        let chosen = |wanted, random| queue(wanted, &topic, producer, || random).map(QueueId::to_java);
        assert_eq!((chosen(0, 9), chosen(5, 9), chosen(-1, 9), chosen(-7, 8)), (Ok(0), Ok(5), Ok(1), Ok(0)));
        assert_eq!(
            chosen(6, 0).unwrap_err().to_wire().1,
            "request queueId[6] is illegal, TopicConfig [topicName=T, readQueueNums=6, writeQueueNums=4, perm=RW-, \
             topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false] Producer: 10.1.2.3:54321"
        );
        let closed = TopicConfig { write_queue_count: 0, ..topic.clone() };
        let refused = queue(-1, &closed, producer, || 1).unwrap_err();
        assert_eq!(refused, Refusal::NoQueueToWrite { topic: "T".into() });
    }

    #[test]
    fn batches_are_not_retried() {
        let refused = batch(&request("%RETRY%G")).unwrap_err().to_wire();
        let remark = "batch request does not support retry group %RETRY%G";
        assert_eq!(refused, (ResponseCode::MessageIllegal, remark.into()));
        assert_eq!(batch(&request("T")), Ok(()));
    }

    #[test]
    fn new_clients_say_how_often_they_try() {
        let dead = |times, max, version| {
            let request = SendRequest { reconsume_times: times, max_reconsume_times: max, ..request("%RETRY%G") };
            is_dead(&request, version, 16)
        };
        assert!(dead(Some(3), Some(3), 273) && !dead(Some(2), Some(3), 273));
        assert!(!dead(Some(3), Some(3), 120) && dead(Some(16), Some(99), 120));
        assert!(!dead(None, None, 273) && dead(Some(16), None, 273));
        assert!(dead(None, Some(0), 273));
    }

    #[test]
    fn what_comes_with_the_next_features_is_refused_clearly() {
        let told = |text: &[u8], sys_flag, times, reject| {
            let request = SendRequest { sys_flag, reconsume_times: Some(times), ..request("T") };
            let settings = BrokerSettings { reject_transactions: reject, ..BrokerSettings::default() };
            kind(&request, &Marks::of(text), &settings, IP).map_err(|refusal| refusal.to_wire().1)
        };
        let half = Err("a transactional message is not supported by this broker".to_owned());
        let delayed = Err("a delayed message is not supported by this broker".to_owned());
        let forbidden = Err("the broker[10.0.0.1] sending transaction message is forbidden".to_owned());
        let no_number = Err("java.lang.NumberFormatException: For input string: \"x\"".to_owned());
        assert_eq!(told(b"TRAN_MSG\x01true\x02", 4, 0, false), half);
        assert_eq!(told(b"TRAN_MSG\x01TRUE\x02DELAY\x011\x02", 4, 0, true), forbidden);
        assert_eq!(told(b"TRAN_MSG\x01true\x02", 0, 1, false), Ok(()));
        assert_eq!(told(b"TRAN_MSG\x01no\x02", 0, 0, true), Ok(()));
        assert_eq!(told(b"DELAY\x011\x02", 0, 0, false), delayed);
        assert_eq!(told(b"DELAY\x010\x02", 0, 0, false), Ok(()));
        assert_eq!(told(b"DELAY\x01-1\x02", 0, 0, false), Ok(()));
        assert_eq!(told(b"DELAY\x011\x02", 4, 0, false), Ok(()));
        assert_eq!(told(b"DELAY\x01x\x02", 0, 0, false), no_number);
        assert_eq!(told(b"", 4, 0, true), Ok(()));
    }

    #[test]
    fn unit_topics_carry_their_flag() {
        let flag = |topic, unit_mode| topic_sys_flag(&SendRequest { unit_mode, ..request(topic) });
        assert_eq!((flag("T", None), flag("T", Some(false)), flag("T", Some(true))), (0, 0, 1));
        assert_eq!(flag("%RETRY%G", Some(true)), 2);
    }

    fn request(topic: &str) -> SendRequest<'_> {
        SendRequest {
            group: "P".into(),
            topic: topic.into(),
            default_topic: names::AUTO_CREATE_TOPIC.into(),
            default_topic_queue_count: 4,
            queue_id: 0,
            sys_flag: 0,
            born_timestamp: 0,
            flag: 0,
            properties: None,
            reconsume_times: None,
            unit_mode: None,
            max_reconsume_times: None,
            batch: None,
        }
    }
}
