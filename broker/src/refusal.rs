//! Why a request is refused, and the one place that turns that into a code and a remark.
//!
//! Clients see both, so they are letter for letter those of 4.3.0 where it has them.

use compat::command::ResponseCode;
use compat::header::HeaderError;
use compat::java::time::Zone;
use compat::names::SEE_FAQ;
use compat::settings::BadValue;
use compat::time::Millis;
use std::net::SocketAddr;

/// A no, with its facts.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The header cannot be read.
    Header(HeaderError),
    /// The body cannot be read.
    Body(String),
    /// The group does not exist and may not be made.
    GroupMissing {
        /// Group.
        group: String,
    },
    /// The topic does not exist and may not be made.
    TopicMissing {
        /// Topic.
        topic: String,
    },
    /// A group has no offset, and its queue is not young.
    OffsetMissing,
    /// Nobody of a group is connected, to a client that asks for its members.
    NoConsumer {
        /// Group.
        group: String,
    },
    /// Filters of that kind are switched off.
    FilterTypeForbidden {
        /// `SQL92`.
        kind: String,
    },
    /// A topic that an operator asks about does not exist.
    AskedTopicMissing {
        /// Topic.
        topic: String,
    },
    /// Neither `SINGLE_TAG` nor `MULTI_TAG`.
    FilterType {
        /// What was given.
        value: String,
    },
    /// Too few queues, or too many.
    QueueCount {
        /// How many.
        count: i32,
        /// The most there can be.
        max: i32,
    },
    /// Nobody of a group is connected, to an operator who asks for its members.
    GroupOffline {
        /// Group.
        group: String,
    },
    /// No producer of a group is connected.
    ProducerGroupMissing {
        /// Group.
        group: String,
    },
    /// A setting that takes effect at the next start only.
    SettingFixed {
        /// Its key.
        key: String,
    },
    /// A value that a setting does not take.
    Setting(BadValue),
    /// A change that holds, but could not be written to the disk.
    NotDurable {
        /// What the system says.
        cause: String,
    },
    /// A part of RocketMQ that this broker does not have yet.
    NotYet {
        /// What it is.
        what: &'static str,
    },
    /// More requests wait for a thread than may.
    Overload,
    /// The handler of the request failed where it must not.
    Failed,

    /// Appends are stuck: producers are asked to slow down.
    FlowControl,
    /// Sends are taken from a later time on.
    NotBefore {
        /// Settings say when.
        start: Millis,
    },
    /// The broker may not be written to, and ordered topics care.
    BrokerNotWriteable {
        /// Address of the broker.
        ip: String,
    },
    /// The topic is a template.
    ReservedTopic {
        /// Topic.
        topic: String,
    },
    /// The topic belongs to the broker.
    InternalTopic {
        /// Topic.
        topic: String,
    },
    /// The topic does not exist and its name would be no safe directory.
    IllegalTopicName,
    /// The queue of a send is not one of the topic.
    SendQueueOutOfRange {
        /// Queue.
        queue_id: i32,
        /// The topic, as Java shows it.
        topic: String,
        /// Where the producer is.
        producer: SocketAddr,
    },
    /// A send to any queue, but the topic has none to write to.
    NoQueueToWrite {
        /// Topic.
        topic: String,
    },
    /// The group of a retry topic does not exist and may not be made.
    RetryGroupMissing {
        /// Group.
        group: String,
    },
    /// A retry or dead letter topic could not be made.
    InternalTopicMissing {
        /// Topic.
        topic: String,
    },
    /// The topic of a batch is too long.
    BatchTopicTooLong {
        /// Its length, UTF-16 units.
        len: usize,
    },
    /// Batches cannot be retried.
    BatchToRetryTopic {
        /// Topic.
        topic: String,
    },
    /// The records of a batch are too long.
    BatchTooLong,
    /// Settings forbid transactions.
    TransactionsForbidden {
        /// Address of the broker.
        ip: String,
    },
    /// The delay level is no number.
    DelayLevel {
        /// What stands there, cut to 64 characters.
        text: String,
    },
    /// The message is too long, or not well formed.
    MessageIllegal,
    /// The store takes no messages.
    StoreNotWriteable {
        /// Used parts of the disks.
        used: DiskUse,
    },
    /// There is no log file to write to.
    NoLogFile,
    /// An append is stuck.
    AppendBusy,

    /// The broker may not be read.
    BrokerNotReadable {
        /// Address of the broker.
        ip: String,
    },
    /// The group may not pull.
    GroupDisabled {
        /// Group.
        group: String,
    },
    /// The topic of a pull does not exist.
    PullTopicMissing {
        /// Topic.
        topic: String,
    },
    /// The topic may not be read.
    TopicNotReadable {
        /// Topic.
        topic: String,
    },
    /// The queue of a pull is not one of the topic.
    PullQueueOutOfRange {
        /// Queue.
        queue_id: i32,
        /// Topic.
        topic: String,
        /// Queues that can be read.
        read_queue_count: i32,
        /// Where the consumer is.
        consumer: SocketAddr,
    },
    /// The subscription of a pull cannot be read.
    SubscriptionNotParsed,
    /// No consumer of the group is connected.
    GroupNotConnected,
    /// The group may not broadcast.
    NoBroadcast {
        /// Group.
        group: String,
    },
    /// The group does not subscribe to the topic.
    NotSubscribed,
    /// The subscription is older than the one of the client.
    SubscriptionNotLatest,
    /// Settings forbid that kind of filter.
    FilterNotSupported {
        /// The kind.
        kind: String,
    },
    /// The store is shut down or cannot be read.
    StoreNotReadable,
    /// No message starts at a place of the log.
    NoMessageAt {
        /// The place.
        offset: i64,
    },
}

/// Used parts of the disks of the store, 0 to 1; -1 where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiskUse {
    /// Commit log.
    pub log: f64,
    /// Consume queues.
    pub queues: f64,
    /// Index.
    pub index: f64,
}

impl Refusal {
    /// The code and the remark of the answer.
    pub fn to_wire(&self) -> (ResponseCode, String) {
        use ResponseCode as Code;
        match self {
            Self::Header(error) => (Code::SystemError, error.to_string()),
            Self::Body(what) => (Code::SystemError, what.clone()),
            Self::GroupMissing { group } => {
                (Code::SubscriptionGroupNotExist, format!("subscription group [{group}] does not exist, {SEE_FAQ}"))
            }
            Self::TopicMissing { topic } => {
                (Code::TopicNotExist, format!("topic[{topic}] not exist, apply first please!{SEE_FAQ}"))
            }
            Self::OffsetMissing => {
                (Code::QueryNotFound, "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first".to_owned())
            }
            Self::NoConsumer { group } => (Code::SystemError, format!("no consumer for this group, {group}")),
            Self::FilterTypeForbidden { kind } => {
                (Code::SystemError, format!("The broker does not support consumer to filter message by {kind}"))
            }
            Self::AskedTopicMissing { topic } => (Code::TopicNotExist, format!("topic[{topic}] not exist")),
            Self::FilterType { value } => (
                Code::SystemError,
                format!("topicFilterType = [{value}] value invalid: SINGLE_TAG or MULTI_TAG is expected"),
            ),
            Self::QueueCount { count, max } => {
                (Code::SystemError, format!("a topic has from 0 to {max} queues, not {count}"))
            }
            Self::GroupOffline { group } => {
                (Code::ConsumerNotOnline, format!("the consumer group[{group}] not online"))
            }
            Self::ProducerGroupMissing { group } => {
                (Code::SystemError, format!("the producer group[{group}] not exist"))
            }
            Self::SettingFixed { key } => (
                Code::SystemError,
                format!(
                    "{key} cannot be changed while the broker runs: set it in the file of settings and start again"
                ),
            ),
            Self::Setting(bad) => (Code::SystemError, bad.to_string()),
            Self::NotDurable { cause } => {
                (Code::SystemError, format!("the change holds but could not be written to the disk: {cause}"))
            }
            Self::NotYet { what } => (Code::SystemError, format!("{what} is not supported by this broker")),
            Self::Overload => (Code::SystemBusy, "[OVERLOAD]system busy, start flow control for a while".to_owned()),
            Self::Failed => (Code::SystemError, "the request failed inside of the broker: see its log".to_owned()),

            Self::FlowControl => {
                (Code::SystemBusy, "[REJECTREQUEST]system busy, start flow control for a while".to_owned())
            }
            Self::NotBefore { start } => (
                Code::SystemError,
                format!("broker unable to service, until {}", Zone::system().at(*start).with_comma()),
            ),
            Self::BrokerNotWriteable { ip } => {
                (Code::NoPermission, format!("the broker[{ip}] sending message is forbidden"))
            }
            Self::ReservedTopic { topic } => {
                (Code::SystemError, format!("the topic[{topic}] is conflict with system reserved words."))
            }
            Self::InternalTopic { topic } => {
                (Code::NoPermission, format!("Sending message to topic[{topic}] is forbidden."))
            }
            Self::IllegalTopicName => (
                Code::SystemError,
                "The specified topic contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$".to_owned(),
            ),
            Self::SendQueueOutOfRange { queue_id, topic, producer } => {
                (Code::SystemError, format!("request queueId[{queue_id}] is illegal, {topic} Producer: {producer}"))
            }
            Self::NoQueueToWrite { topic } => {
                (Code::SystemError, format!("the topic[{topic}] has no queue that can be written"))
            }
            Self::RetryGroupMissing { group } => {
                (Code::SubscriptionGroupNotExist, format!("subscription group not exist, {group} {SEE_FAQ}"))
            }
            Self::InternalTopicMissing { topic } => (Code::SystemError, format!("topic[{topic}] not exist")),
            Self::BatchTopicTooLong { len } => (Code::MessageIllegal, format!("message topic length too long {len}")),
            Self::BatchToRetryTopic { topic } => {
                (Code::MessageIllegal, format!("batch request does not support retry group {topic}"))
            }
            Self::BatchTooLong => (Code::SystemError, "java.lang.RuntimeException: message size exceeded".to_owned()),
            Self::TransactionsForbidden { ip } => {
                (Code::NoPermission, format!("the broker[{ip}] sending transaction message is forbidden"))
            }
            Self::DelayLevel { text } => {
                (Code::SystemError, format!("java.lang.NumberFormatException: For input string: \"{text}\""))
            }
            Self::MessageIllegal => (Code::MessageIllegal, MESSAGE_ILLEGAL.to_owned()),
            Self::StoreNotWriteable { used: DiskUse { log, queues, index } } => (
                Code::ServiceNotAvailable,
                format!(
                    "service not available now, maybe disk full, CL: {log:5.2} CQ: {queues:5.2} INDEX: {index:5.2}, \
                     maybe your broker machine memory too small."
                ),
            ),
            Self::NoLogFile => (Code::SystemError, "create mapped file failed, server is busy or broken.".to_owned()),
            Self::AppendBusy => {
                (Code::SystemError, "[PC_SYNCHRONIZED]broker busy, start flow control for a while".to_owned())
            }

            Self::BrokerNotReadable { ip } => {
                (Code::NoPermission, format!("the broker[{ip}] pulling message is forbidden"))
            }
            Self::GroupDisabled { group } => (Code::NoPermission, format!("subscription group no permission, {group}")),
            Self::PullTopicMissing { topic } => {
                (Code::TopicNotExist, format!("topic[{topic}] not exist, apply first please! {SEE_FAQ}"))
            }
            Self::TopicNotReadable { topic } => {
                (Code::NoPermission, format!("the topic[{topic}] pulling message is forbidden"))
            }
            Self::PullQueueOutOfRange { queue_id, topic, read_queue_count, consumer } => (
                Code::SystemError,
                format!(
                    "queueId[{queue_id}] is illegal, topic:[{topic}] topicConfig.readQueueNums:[{read_queue_count}] \
                     consumer:[/{consumer}]"
                ),
            ),
            Self::SubscriptionNotParsed => {
                (Code::SubscriptionParseFailed, "parse the consumer's subscription failed".to_owned())
            }
            Self::GroupNotConnected => {
                (Code::SubscriptionNotExist, format!("the consumer's group info not exist{SEE_FAQ}"))
            }
            Self::NoBroadcast { group } => {
                (Code::NoPermission, format!("the consumer group[{group}] can not consume by broadcast way"))
            }
            Self::NotSubscribed => {
                (Code::SubscriptionNotExist, format!("the consumer's subscription not exist{SEE_FAQ}"))
            }
            Self::SubscriptionNotLatest => {
                (Code::SubscriptionNotLatest, "the consumer's subscription not latest".to_owned())
            }
            Self::FilterNotSupported { kind } => {
                (Code::SystemError, format!("The broker does not support consumer to filter message by {kind}"))
            }
            Self::StoreNotReadable => (Code::SystemError, "store getMessage return null".to_owned()),
            Self::NoMessageAt { offset } => {
                (Code::SystemError, format!("can not find message by the offset, {offset}"))
            }
        }
    }
}

const MESSAGE_ILLEGAL: &str = "the message is illegal, maybe msg body or properties length not matched. \
                               msg body length limit 128k, msg properties length limit 32k.";

impl From<HeaderError> for Refusal {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}
