//! Dispatch: what follows from a stored record, derived in log order by one path for live traffic and recovery.
//!
//! An [`Entry`] is all of a record that queue, index and readers in waiting need. An append hands out the entries of
//! what it stored; recovery makes the same ones from the log.
//! Source: `store/DefaultMessageStore$ReputMessageService`, `store/CommitLog#checkMessageAndReturnSize`.

use crate::queue::Queue;
use compat::java::hash;
use compat::message::properties::Marks;
use compat::names::SCHEDULE_TOPIC;
use compat::offset::{PhysicalOffset, QueueOffset};
use compat::time::Millis;
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

/// Hashes of the keys of one message.
pub(crate) type KeyHashes = SmallVec<[i32; 6]>;

/// What a stored record means to those who find messages.
pub(crate) struct Entry {
    /// Its queue.
    pub queue: Arc<Queue>,
    /// Whether it has a place in the queue (half messages and roll backs do not).
    pub queued: bool,
    /// Its place in the queue.
    pub queue_offset: QueueOffset,
    /// Where the record starts.
    pub position: PhysicalOffset,
    /// Length of the record, bytes.
    pub size: u32,
    /// What the consume queue says of it: see [`Tags::code`].
    pub tags_code: i64,
    /// When it was stored.
    pub store_timestamp: Millis,
    /// What the index finds it by: see [`key_hashes`]. Empty when it is not to be indexed.
    pub key_hashes: KeyHashes,
}

/// The hashes that the index holds for a message of a topic, the unique key first. `prefix` is
/// [`Queue::key_hash_prefix`]. Source: `store/index/IndexService#buildIndex`, `IndexFile#indexKeyHashMethod`.
pub(crate) fn key_hashes(prefix: i32, marks: &Marks<'_>) -> KeyHashes {
    marks.index_keys().map(|key| key_hash(prefix, key)).collect()
}

/// The hash of one key: never negative.
pub(crate) fn key_hash(prefix: i32, key: &[u8]) -> i32 {
    hash::continue_hash(prefix, key).checked_abs().unwrap_or(0)
}

/// Makes the tags codes of consume queues. Knows the delay levels, because a delayed message's code is its time.
pub(crate) struct Tags {
    delays: Vec<Duration>,
}

impl Tags {
    /// Reads `messageDelayLevel`; `None` for a text that Java does not start with.
    /// Source: `store/schedule/ScheduleMessageService#parseDelayLevel`.
    pub fn new(levels: &str) -> Option<Self> {
        let delays = levels.split(' ').map(delay).collect::<Option<_>>()?;
        Some(Self { delays })
    }

    /// The code of a message: the Java hash of its tags, or when a delayed one is due.
    pub fn code(&self, topic: &[u8], marks: &Marks<'_>, store_timestamp: Millis) -> i64 {
        let due = if topic == SCHEDULE_TOPIC.as_bytes() { self.due(marks, store_timestamp) } else { None };
        due.unwrap_or_else(|| hash::tags_code(marks.tags))
    }

    fn due(&self, marks: &Marks<'_>, store_timestamp: Millis) -> Option<i64> {
        let level: i32 = str::from_utf8(marks.delay?).ok()?.parse().ok()?;
        let level = usize::try_from(level).ok().filter(|&level| level > 0)?.min(self.delays.len());
        Some(store_timestamp.plus(self.delays[level - 1]).0)
    }
}

fn delay(text: &str) -> Option<Duration> {
    let unit = text.char_indices().next_back()?;
    let millis = match unit.1 {
        's' => 1000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    let count: u64 = text[..unit.0].parse().ok()?;
    Some(Duration::from_millis(count.checked_mul(millis)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_java_wrote() {
        let marks = Marks::of(b"KEYS\x01k1 k2\x02UNIQ_KEY\x010A0102030001\x02TAGS\x01TagA\x02");
        let prefix = hash::hash("TopicTest#");
        assert_eq!(key_hashes(prefix, &marks).as_slice(), [0x5531_f226, 0x0029_e6a8, 0x0029_e6a9]);
        assert_eq!(key_hash(0, b"polygenelubricants"), 0);
    }

    #[test]
    fn a_delayed_message_has_its_time_for_a_code() {
        let tags = Tags::new("1s 5s 10s 2h").unwrap();
        let code = |topic: &[u8], text: &[u8]| tags.code(topic, &Marks::of(text), Millis(0x1A2_03F7_9A70));
        assert_eq!(code(b"SCHEDULE_TOPIC_XXXX", b"DELAY\x011\x02TAGS\x01TagB\x02"), 0x1A2_03F7_9E58);
        assert_eq!(code(b"SCHEDULE_TOPIC_XXXX", b"DELAY\x0199\x02"), 0x1A2_03F7_9A70 + 7_200_000);
        assert_eq!(code(b"SCHEDULE_TOPIC_XXXX", b"DELAY\x010\x02TAGS\x01TagA\x02"), 2_598_919);
        assert_eq!(code(b"T", b"DELAY\x011\x02TAGS\x01TagA\x02"), 2_598_919);
    }

    #[test]
    fn level_texts_that_java_refuses_are_refused() {
        for text in ["", "1s  5s", "1x", "s", "1S"] {
            assert!(Tags::new(text).is_none(), "{text}");
        }
    }
}
