//! Sending: codes 10, 310, 320, 36, 37, 39. Source: `common/protocol/header/SendMessageRequestHeader(V2)`.

use crate::header;
use crate::text::Text;
use std::borrow::Cow;

header! {
    /// Stores one message or a batch. Both spellings of its fields are read, whatever the code; the short one is written.
    pub struct SendRequest<'a> {
        /// Producer group.
        group: Cow<'a, str> = "a" | "producerGroup",
        /// Topic, which may be the retry topic of a group.
        topic: Cow<'a, str> = "b" | "topic",
        /// Template for a topic that does not exist.
        default_topic: Cow<'a, str> = "c" | "defaultTopic",
        /// Queues wanted for a topic that does not exist.
        default_topic_queue_count: i32 = "d" | "defaultTopicQueueNums",
        /// Queue; negative for any.
        queue_id: i32 = "e" | "queueId",
        /// System flag of the message.
        sys_flag: i32 = "f" | "sysFlag",
        /// When the client made the message, ms.
        born_timestamp: i64 = "g" | "bornTimestamp",
        /// Flag of the application.
        flag: i32 = "h" | "flag",
        /// Properties of the message as text.
        properties: Option<Text<'a>> = "i" | "properties",
        /// How often the message was consumed before.
        reconsume_times: Option<i32> = "j" | "reconsumeTimes",
        /// Unit mode.
        unit_mode: Option<bool> = "k" | "unitMode",
        /// How often the group wants to try.
        max_reconsume_times: Option<i32> = "l" | "maxReconsumeTimes",
        /// Whether the body is a batch.
        batch: Option<bool> = "m" | "batch",
    }

    /// Where the message went.
    pub struct SendResponse<'a> {
        /// Offset message id; several joined with commas for a batch.
        message_id: Cow<'a, str> = "msgId",
        /// Queue that was used.
        queue_id: i32 = "queueId",
        /// Queue offset of the (first) message.
        queue_offset: i64 = "queueOffset",
        /// Region of the broker.
        region: Cow<'a, str> = "MSG_REGION",
        /// Whether clients should trace.
        trace_on: bool = "TRACE_ON",
    }

    /// What every refusal on the send path carries.
    pub struct SendRefusal<'a> {
        /// Region of the broker.
        region: Cow<'a, str> = "MSG_REGION",
        /// Whether clients should trace.
        trace_on: bool = "TRACE_ON",
    }

    /// A consumer gives a message back to be consumed later.
    pub struct SendBackRequest<'a> {
        /// Place of the message in the commit log.
        offset: i64 = "offset",
        /// Consumer group.
        group: Cow<'a, str> = "group",
        /// Delay level; negative: dead letter, 0: the broker chooses.
        delay_level: i32 = "delayLevel",
        /// Id of the first message.
        origin_message_id: Option<Cow<'a, str>> = "originMsgId",
        /// Topic of the first message.
        origin_topic: Option<Cow<'a, str>> = "originTopic",
        /// Unit mode.
        unit_mode: Option<bool> = "unitMode",
        /// How often the group wants to try.
        max_reconsume_times: Option<i32> = "maxReconsumeTimes",
    }

    /// Ends a transaction.
    pub struct EndTransactionRequest<'a> {
        /// Producer group.
        group: Cow<'a, str> = "producerGroup",
        /// Queue offset of the half message.
        half_queue_offset: i64 = "tranStateTableOffset",
        /// Place of the half message in the commit log.
        commit_log_offset: i64 = "commitLogOffset",
        /// 0 unknown, 8 commit, 12 rollback.
        verdict: i32 = "commitOrRollback",
        /// Whether this answers a check.
        from_check: Option<bool> = "fromTransactionCheck",
        /// Unique key of the message.
        message_id: Cow<'a, str> = "msgId",
        /// Transaction id.
        transaction_id: Option<Cow<'a, str>> = "transactionId",
    }

    /// Asks a producer how its transaction ended.
    pub struct CheckTransactionRequest<'a> {
        /// Queue offset of the half message.
        half_queue_offset: i64 = "tranStateTableOffset",
        /// Place of the half message in the commit log.
        commit_log_offset: i64 = "commitLogOffset",
        /// Unique key of the message.
        message_id: Option<Cow<'a, str>> = "msgId",
        /// Transaction id.
        transaction_id: Option<Cow<'a, str>> = "transactionId",
        /// Offset id of the half message.
        offset_message_id: Option<Cow<'a, str>> = "offsetMsgId",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::{Decode, Fields};

    #[test]
    fn both_spellings_mean_the_same() {
        let spellings = [
            ("a", "producerGroup"),
            ("b", "topic"),
            ("c", "defaultTopic"),
            ("d", "defaultTopicQueueNums"),
            ("e", "queueId"),
            ("f", "sysFlag"),
            ("g", "bornTimestamp"),
            ("h", "flag"),
            ("i", "properties"),
            ("j", "reconsumeTimes"),
            ("k", "unitMode"),
            ("l", "maxReconsumeTimes"),
            ("m", "batch"),
        ];
        let digits: Vec<String> = (1..=spellings.len()).map(|digit| digit.to_string()).collect();
        let fields = |name: fn(&(&'static str, &'static str)) -> &'static str| -> Fields<'_> {
            spellings
                .iter()
                .zip(&digits)
                .map(|(names, digit)| (Cow::Borrowed(name(names)), Text::Plain(digit)))
                .collect()
        };
        let short = SendRequest::decode(&fields(|names| names.0));
        assert_eq!(short, SendRequest::decode(&fields(|names| names.1)));
        let request = short.unwrap();
        assert_eq!((&*request.topic, request.queue_id, request.max_reconsume_times), ("2", 5, Some(12)));
    }
}
