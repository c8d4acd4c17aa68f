//! `java.lang.String#hashCode`: over UTF-16 code units, 32 bits, wrapping.

/// The hash of a text.
pub fn hash(text: &str) -> i32 {
    continue_hash(0, text.as_bytes())
}

/// The hash of `prefix + text`, from the hash of the prefix. Bytes that are no UTF-8 count as U+FFFD.
pub fn continue_hash(prefix: i32, text: &[u8]) -> i32 {
    if text.is_ascii() {
        return text.iter().fold(prefix, |hash, &byte| step(hash, u16::from(byte)));
    }
    String::from_utf8_lossy(text).encode_utf16().fold(prefix, step)
}

/// The hash of a message's tags, as consume queues hold it: 0 for none, sign-extended.
pub fn tags_code(tags: Option<&[u8]>) -> i64 {
    tags.map_or(0, |tags| i64::from(continue_hash(0, tags)))
}

fn step(hash: i32, unit: u16) -> i32 {
    hash.wrapping_mul(31).wrapping_add(i32::from(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_java() {
        let cases = [
            ("TagA", 2598919),
            ("TopicTest#k1", 2746024),
            ("\u{4E2D}", 20013),
            ("\u{1F600}", 1772899),
            ("polygenelubricants", i32::MIN),
            ("", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(hash(text), expected, "{text}");
        }
        assert_eq!(continue_hash(hash("TopicTest#"), b"k1"), 2746024);
    }
}
