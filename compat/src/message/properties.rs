//! Properties of a message: `name 0x01 value 0x02`, repeated. Source: `common/message/MessageDecoder`, `MessageConst`.

use crate::java::hash_map;
use std::collections::BTreeMap;

/// Between a name and its value.
pub const NAME_VALUE_SEPARATOR: u8 = 1;
/// After each value.
pub const PROPERTY_SEPARATOR: u8 = 2;
/// Between the keys of a message.
pub const KEY_SEPARATOR: u8 = b' ';

/// Names that brokers give a meaning to.
#[allow(missing_docs, reason = "the specification of each is where it is used")]
pub mod name {
    pub const KEYS: &str = "KEYS";
    pub const TAGS: &str = "TAGS";
    pub const WAIT: &str = "WAIT";
    pub const DELAY: &str = "DELAY";
    pub const RETRY_TOPIC: &str = "RETRY_TOPIC";
    pub const REAL_TOPIC: &str = "REAL_TOPIC";
    pub const REAL_QUEUE_ID: &str = "REAL_QID";
    pub const TRANSACTION_PREPARED: &str = "TRAN_MSG";
    pub const PRODUCER_GROUP: &str = "PGROUP";
    pub const ORIGIN_MESSAGE_ID: &str = "ORIGIN_MESSAGE_ID";
    pub const UNIQUE_KEY: &str = "UNIQ_KEY";
    pub const MAX_RECONSUME_TIMES: &str = "MAX_RECONSUME_TIMES";
    pub const TRANSACTION_PREPARED_QUEUE_OFFSET: &str = "TRAN_PREPARED_QUEUE_OFFSET";
    pub const TRANSACTION_CHECK_TIMES: &str = "TRANSACTION_CHECK_TIMES";
    pub const CHECK_IMMUNITY_TIME: &str = "CHECK_IMMUNITY_TIME_IN_SECONDS";
    /// All of them.
    pub const ALL: &[&str] = &[
        KEYS,
        TAGS,
        WAIT,
        DELAY,
        RETRY_TOPIC,
        REAL_TOPIC,
        REAL_QUEUE_ID,
        TRANSACTION_PREPARED,
        PRODUCER_GROUP,
        ORIGIN_MESSAGE_ID,
        UNIQUE_KEY,
        MAX_RECONSUME_TIMES,
        TRANSACTION_PREPARED_QUEUE_OFFSET,
        TRANSACTION_CHECK_TIMES,
        CHECK_IMMUNITY_TIME,
    ];
}

/// The properties that decide what a broker does with a message, found in one pass without a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks<'a> {
    /// `KEYS`.
    pub keys: Option<&'a [u8]>,
    /// `TAGS`.
    pub tags: Option<&'a [u8]>,
    /// `UNIQ_KEY`.
    pub unique_key: Option<&'a [u8]>,
    /// `WAIT`.
    pub wait: Option<&'a [u8]>,
    /// `DELAY`.
    pub delay: Option<&'a [u8]>,
    /// `TRAN_MSG`.
    pub transaction_prepared: Option<&'a [u8]>,
}

impl<'a> Marks<'a> {
    /// Reads the text of a message's properties.
    pub fn of(text: &'a [u8]) -> Self {
        let mut marks = Self::default();
        for (name, value) in pairs(text) {
            let mark = match name {
                b"KEYS" => &mut marks.keys,
                b"TAGS" => &mut marks.tags,
                b"UNIQ_KEY" => &mut marks.unique_key,
                b"WAIT" => &mut marks.wait,
                b"DELAY" => &mut marks.delay,
                b"TRAN_MSG" => &mut marks.transaction_prepared,
                _ => continue,
            };
            *mark = Some(value);
        }
        marks
    }

    /// Whether the producer waits for flush and replica: yes, unless `WAIT` says otherwise.
    pub fn waits(&self) -> bool {
        self.wait.is_none_or(|value| value.eq_ignore_ascii_case(b"true"))
    }

    /// The keys of the index, the unique key first.
    pub fn index_keys(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let keys = self.keys.unwrap_or_default().split(|&byte| byte == KEY_SEPARATOR);
        self.unique_key.into_iter().chain(keys.filter(|key| !key.is_empty()))
    }
}

/// Every pair that Java sees, in order: a part counts only when it splits into exactly a name and a value,
/// and an empty value is none. Of duplicates the last one counts.
pub fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|&byte| byte == PROPERTY_SEPARATOR).filter_map(|part| {
        let mut end = part.len();
        while end > 0 && part[end - 1] == NAME_VALUE_SEPARATOR {
            end -= 1;
        }
        let part = &part[..end];
        let at = memchr::memchr(NAME_VALUE_SEPARATOR, part)?;
        let (name, value) = (&part[..at], &part[at + 1..]);
        (memchr::memchr(NAME_VALUE_SEPARATOR, value).is_none()).then_some((name, value))
    })
}

/// All properties by name, for the paths that change some. Bytes that are no UTF-8 become U+FFFD.
pub fn to_map(text: &[u8]) -> BTreeMap<String, String> {
    let own = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    pairs(text).map(|(name, value)| (own(name), own(value))).collect()
}

/// The text with some properties set and some removed, in the order in which Java writes it again: that of a `HashMap`
/// into which the pairs of `text` and then those of `set` were put.
pub fn changed(text: &[u8], set: &[(&str, &str)], removed: &[&str]) -> Vec<u8> {
    let own = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let read = pairs(text).map(|(name, value)| (own(name), own(value)));
    let put = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut out = Vec::with_capacity(text.len() + 64);
    for (name, value) in hash_map::in_order(read.chain(put)).filter(|(name, _)| !removed.contains(&name.as_str())) {
        push(&name, &value, &mut out);
    }
    out
}

/// Appends one pair.
pub fn push(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(NAME_VALUE_SEPARATOR);
    out.extend_from_slice(value.as_bytes());
    out.push(PROPERTY_SEPARATOR);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_split_as_java_splits_them() {
        type Pairs = &'static [(&'static str, &'static str)];
        let cases: [(&[u8], Pairs); 7] = [
            (b"A\x01B\x02", &[("A", "B")]),
            (b"A\x01B", &[("A", "B")]),
            (b"A\x01\x02", &[]),
            (b"A\x01B\x01\x02", &[("A", "B")]),
            (b"A\x01B\x01C\x02", &[]),
            (b"\x01B\x02", &[("", "B")]),
            (b"A\x01 \x02", &[("A", " ")]),
        ];
        for (text, expected) in cases {
            let read: Vec<_> =
                pairs(text).map(|(n, v)| (str::from_utf8(n).unwrap(), str::from_utf8(v).unwrap())).collect();
            assert_eq!(read, expected, "{text:?}");
        }
    }

    /// The delayed message of a 4.3.0 broker.
    #[test]
    fn changed_properties_stand_in_the_order_of_java() {
        let text = b"UNIQ_KEY\x01U2\x02DELAY\x0199\x02TAGS\x01TagB\x02GONE\x01\x01x\x02";
        let java = b"REAL_TOPIC\x01TopicTest\x02UNIQ_KEY\x01U2\x02DELAY\x011\x02TAGS\x01TagB\x02REAL_QID\x011\x02";
        let set = [("DELAY", "1"), ("REAL_TOPIC", "TopicTest"), ("REAL_QID", "1")];
        assert_eq!(changed(text, &set, &[]).escape_ascii().to_string(), java.escape_ascii().to_string());
        assert_eq!(changed(java, &[], &["REAL_TOPIC", "REAL_QID"]), changed(text, &[("DELAY", "1")], &[]));
    }

    #[test]
    fn marks_take_the_last_duplicate_and_split_keys_on_blanks() {
        let marks = Marks::of(b"KEYS\x01a\x02KEYS\x01k1  k2 \x02UNIQ_KEY\x01U\x02WAIT\x01FALSE\x02");
        assert_eq!(marks.index_keys().collect::<Vec<_>>(), [b"U".as_slice(), b"k1", b"k2"]);
        assert!(!marks.waits());
        assert!(Marks::of(b"").waits());
    }
}
