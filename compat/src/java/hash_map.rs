//! The order in which a `java.util.HashMap` with text keys hands out its entries.
//!
//! Needed only where bytes are compared with Java's: a re-encoded properties text, `extFields`, an object in a text.
//! A bucket is `(h ^ h >>> 16) & (capacity - 1)`; the capacity starts at 16 and doubles when the size passes three
//! quarters of it; inside a bucket the order is that of insertion. Source: `java.util.HashMap` of JDK 8 and later.

use super::hash::hash;
use std::collections::HashMap;

/// The entries in the map's order; of a key that comes twice the first place and the last value remain.
///
/// Not modelled: buckets of more than eight entries, which Java turns into trees with an order of their own.
pub fn in_order<V>(entries: impl IntoIterator<Item = (String, V)>) -> impl Iterator<Item = (String, V)> {
    let mut kept: Vec<(String, V)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (key, value) in entries {
        match places.get(&key) {
            Some(&place) => kept[place].1 = value,
            None => {
                places.insert(key.clone(), kept.len());
                kept.push((key, value));
            }
        }
    }
    let capacity = capacity(kept.len());
    kept.sort_by_key(|(key, _)| bucket(key, capacity));
    kept.into_iter()
}

fn capacity(len: usize) -> u32 {
    let mut capacity = 16u32;
    while len as u64 * 4 > u64::from(capacity) * 3 && capacity < 1 << 30 {
        capacity *= 2;
    }
    capacity
}

fn bucket(key: &str, capacity: u32) -> u32 {
    let hash = hash(key) as u32;
    (hash ^ (hash >> 16)) & (capacity - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys as a 4.3.0 broker wrote them.
    const JAVA: [&str; 15] = [
        "RECONSUME_TIME",
        "TRACE_ON",
        "TRAN_MSG",
        "MAX_RECONSUME_TIMES",
        "REAL_TOPIC",
        "ORIGIN_MESSAGE_ID",
        "RETRY_TOPIC",
        "KEYS",
        "MSG_REGION",
        "UNIQ_KEY",
        "WAIT",
        "DELAY",
        "PGROUP",
        "TAGS",
        "REAL_QID",
    ];

    #[test]
    fn fifteen_keys_come_in_the_order_of_capacity_32() {
        let mut rotated = JAVA;
        rotated.rotate_left(7);
        let ordered: Vec<String> = in_order(rotated.map(|key| (key.to_owned(), ()))).map(|(key, ())| key).collect();
        assert_eq!(ordered, JAVA);
    }

    #[test]
    fn few_keys_come_in_the_order_of_capacity_16() {
        let keys = ["REAL_QID", "TAGS", "DELAY", "UNIQ_KEY", "REAL_TOPIC", "TAGS"];
        let ordered: Vec<(String, usize)> =
            in_order(keys.iter().enumerate().map(|(at, key)| ((*key).to_owned(), at))).collect();
        let names: Vec<&str> = ordered.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(names, ["REAL_TOPIC", "UNIQ_KEY", "DELAY", "TAGS", "REAL_QID"]);
        assert_eq!(ordered[3].1, 5);
    }
}
