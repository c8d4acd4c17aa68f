//! Text as it stands on the wire: borrowed while it can be, un-escaped only where somebody needs the characters.

use std::borrow::Cow;

/// One value of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// The characters themselves.
    Plain(&'a str),
    /// The inside of a JSON string that holds at least one escape; all its escapes are those of RFC 8259.
    Escaped(&'a str),
    /// Text that had to be built (another JSON dialect, replaced bytes).
    Owned(String),
}

impl<'a> Text<'a> {
    /// The characters; allocates only for escaped text.
    pub fn to_cow(&self) -> Cow<'a, str> {
        match self {
            Self::Plain(text) => Cow::Borrowed(text),
            Self::Escaped(text) => Cow::Owned(unescape(text)),
            Self::Owned(text) => Cow::Owned(text.clone()),
        }
    }

    /// The same text, borrowed from this one.
    pub fn borrow(&self) -> Text<'_> {
        match self {
            Self::Plain(text) => Text::Plain(text),
            Self::Escaped(text) => Text::Escaped(text),
            Self::Owned(text) => Text::Plain(text),
        }
    }

    /// Appends the characters as UTF-8.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Plain(text) => out.extend_from_slice(text.as_bytes()),
            Self::Escaped(text) => unescape_into(text, out),
            Self::Owned(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}

fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    unescape_into(text, &mut out);
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Appends what the JSON escapes in `text` stand for. A surrogate without its partner becomes `?`, as when Java encodes it.
pub fn unescape_into(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let (unit, after) = escape(&rest[at..]);
        rest = after;
        match unit {
            Unit::Byte(byte) => out.push(byte),
            Unit::Utf16(high) if (0xD800..0xDC00).contains(&high) => match low_surrogate(rest) {
                Some((low, after)) => {
                    rest = after;
                    push_char(0x10000 + ((u32::from(high) - 0xD800) << 10) + (u32::from(low) - 0xDC00), out);
                }
                None => out.push(b'?'),
            },
            Unit::Utf16(unit) => push_char(u32::from(unit), out),
        }
    }
    out.extend_from_slice(rest);
}

enum Unit {
    Byte(u8),
    Utf16(u16),
}

/// One escape at the start of `bytes`, and what follows it. A broken escape (the scanners let none through) is its backslash.
fn escape(bytes: &[u8]) -> (Unit, &[u8]) {
    let byte = match bytes.get(1) {
        Some(b'u') => {
            return match bytes.get(2..6).and_then(hex4) {
                Some(unit) => (Unit::Utf16(unit), &bytes[6..]),
                None => (Unit::Byte(b'\\'), &bytes[1..]),
            };
        }
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(&other @ (b'"' | b'\\' | b'/')) => other,
        _ => return (Unit::Byte(b'\\'), &bytes[1..]),
    };
    (Unit::Byte(byte), &bytes[2..])
}

fn low_surrogate(bytes: &[u8]) -> Option<(u16, &[u8])> {
    if !bytes.starts_with(b"\\u") {
        return None;
    }
    let unit = hex4(bytes.get(2..6)?)?;
    (0xDC00..0xE000).contains(&unit).then(|| (unit, &bytes[6..]))
}

fn hex4(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0u16, |value, &digit| Some(value << 4 | (digit as char).to_digit(16)? as u16))
}

fn push_char(code: u32, out: &mut Vec<u8>) {
    let char = char::from_u32(code).unwrap_or('?');
    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_their_characters() {
        let text = r#"TAGS\u0001TagA\u0002 \"\\\/\b\f\n\r\t é \u00e9 \uD83D\uDE00 \uD83D \uDE00"#;
        let plain = "TAGS\u{1}TagA\u{2} \"\\/\u{8}\u{c}\n\r\t é é 😀 ? ?";
        assert_eq!(Text::Escaped(text).to_cow(), plain);
    }
}
