//! `java.util.Properties` files, read as `Properties.load` reads them, and the two texts that 4.3.0 writes.
//!
//! Bytes are ISO-8859-1, `=`, `:` or blanks stand between key and value, `#` and `!` begin a comment, a backslash at the
//! end of a line joins it with the next one and otherwise escapes. Blanks before a value are dropped, those behind it stay.
//! Source: `java.util.Properties#load`, `common/MixAll#properties2String`, `#string2Properties`.

/// One entry of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The line it begins in, from 1.
    pub line: usize,
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
}

/// A `\u` without four hex digits behind it: Java refuses the whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: four hex digits are expected after \\u")]
pub struct Malformed {
    /// The line the entry begins in, from 1.
    pub line: usize,
}

/// The entries in the order of the file; of a key that comes twice the last one counts.
pub fn parse(bytes: &[u8]) -> Result<Vec<Property>, Malformed> {
    let mut lines = Lines { bytes, at: 0, line: 1 };
    let mut entries = Vec::new();
    while let Some((line, text)) = lines.next_logical() {
        let (key, value) = split(&text);
        match (unescape(key), unescape(value)) {
            (Some(key), Some(value)) => entries.push(Property { line, key, value }),
            _ => return Err(Malformed { line }),
        }
    }
    Ok(entries)
}

/// `key=value` lines without escapes, as codes 26 and 319 answer.
pub fn answer<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    entries.into_iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}

/// `key=value` lines for a file.
///
/// Differs: 4.3.0 escapes nothing, so that a value with a backslash, a line end, a blank at its start or a letter outside of
/// ASCII is another one after a restart. Everything else is written as 4.3.0 writes it, and Java reads both.
pub fn file<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (key, value) in entries {
        push_escaped(
            key,
            |char, first| matches!(char, '=' | ':' | ' ') || first && matches!(char, '#' | '!'),
            &mut out,
        );
        out.push('=');
        push_escaped(value, |char, first| first && char == ' ', &mut out);
        out.push('\n');
    }
    out
}

/// Appends a text; `special` says which further characters need a backslash, the flag whether it is the first one.
fn push_escaped(text: &str, special: impl Fn(char, bool) -> bool, out: &mut String) {
    for (at, char) in text.char_indices() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => {
                if special(char, at == 0) {
                    out.push('\\');
                }
                out.push(char);
            }
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
}

/// Cuts a file into logical lines.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    /// The next entry and where it begins: without blanks before it, comments, and the line ends that a backslash escapes.
    fn next_logical(&mut self) -> Option<(usize, Vec<u8>)> {
        'entries: while self.at < self.bytes.len() {
            let begins = self.line;
            let natural = self.next_natural();
            if natural.is_empty() || matches!(natural[0], b'#' | b'!') {
                continue;
            }
            let mut text = natural.to_vec();
            while continues(&text) && self.at < self.bytes.len() {
                text.pop();
                if text.is_empty() {
                    continue 'entries;
                }
                text.extend_from_slice(self.next_natural());
            }
            if continues(&text) {
                text.pop();
            }
            if !text.is_empty() {
                return Some((begins, text));
            }
        }
        None
    }

    /// The next line of the file, without its end and the blanks before it.
    fn next_natural(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let end = if rest[len..].starts_with(b"\r\n") { 2 } else { 1 };
        self.at += (len + end).min(rest.len());
        self.line += 1;
        let blanks = rest[..len].iter().position(|byte| !is_blank(*byte)).unwrap_or(len);
        &rest[blanks..len]
    }
}

/// Whether an odd number of backslashes ends the text.
fn continues(text: &[u8]) -> bool {
    text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 12)
}

/// Key and value of a logical line, both still escaped.
fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < text.len() && !is_blank(text[at]) && !matches!(text[at], b'=' | b':') {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    let (key, rest) = text.split_at(at.min(text.len()));
    let rest = without_blanks(rest);
    match rest.first() {
        Some(b'=' | b':') => (key, without_blanks(&rest[1..])),
        _ => (key, rest),
    }
}

fn without_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().position(|byte| !is_blank(*byte)).unwrap_or(text.len())..]
}

/// `None` for a broken `\u`. Half a surrogate pair becomes `?`, as when Java encodes it.
fn unescape(text: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        let unit = match byte {
            b'\\' => match bytes.next().copied() {
                Some(b'u') => {
                    let digits = bytes.as_slice().get(..4)?;
                    bytes.nth(3);
                    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | (digit as char).to_digit(16)? as u16))?
                }
                Some(b't') => 9,
                Some(b'n') => 10,
                Some(b'f') => 12,
                Some(b'r') => 13,
                Some(other) => u16::from(other),
                None => break,
            },
            other => u16::from(other),
        };
        units.push(unit);
    }
    Some(char::decode_utf16(units).map(|char| char.unwrap_or('?')).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, String, String)> {
        let entries = parse(text.as_bytes()).unwrap();
        entries.into_iter().map(|entry| (entry.line, entry.key, entry.value)).collect()
    }

    #[test]
    fn entries_are_read_as_java_reads_them() {
        let cases: [(&str, &str, &str); 16] = [
            ("a=b", "a", "b"),
            ("  a : b  ", "a", "b  "),
            ("a b=c", "a", "b=c"),
            ("a = = b", "a", "= b"),
            ("a", "a", ""),
            ("=b", "", "b"),
            ("a\\=b=c", "a=b", "c"),
            ("a\\ b c", "a b", "c"),
            ("a=\\u4e2d\\uD83D\\uDE00\\uD83D", "a", "中😀?"),
            ("a=x\\\n   y\\\r\n\tz", "a", "xyz"),
            ("a=x\\\\\n", "a", "x\\"),
            ("a=x\\", "a", "x"),
            ("a=\\t\\n\\r\\f\\q", "a", "\t\n\r\u{c}q"),
            ("a=x\\\n#y", "a", "x#y"),
            ("a=x\\\n\n", "a", "x"),
            ("listenPort=10911 \r", "listenPort", "10911 "),
        ];
        for (text, key, value) in cases {
            assert_eq!(read(text), [(1, key.to_owned(), value.to_owned())], "{text:?}");
        }
        assert_eq!(parse(b"a=\xe9").unwrap()[0].value, "é");
    }

    #[test]
    fn comments_and_empty_lines_count_as_lines() {
        let text = "# a=1\n\n  ! b=2 \\\nc=3\r\n\\\n#\nd=\\\n  4\re=5";
        let expected = [(4, "c", "3"), (7, "d", "4"), (9, "e", "5")];
        assert_eq!(read(text), expected.map(|(line, key, value)| (line, key.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_broken_unicode_escape_names_its_line() {
        for text in ["a=1\nb=\\u12", "a=1\nb=\\u12g4", "#\n\\u=1"] {
            assert_eq!(parse(text.as_bytes()), Err(Malformed { line: 2 }), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let entries = [(" a=#b:", " x \\ y "), ("#k", "1\n2\u{1F600}é"), ("", ""), ("path", "/a:b=c#d!")];
        let written = file(entries);
        assert_eq!(written, "\\ a\\=#b\\:=\\ x \\\\ y \n\\#k=1\\n2\\uD83D\\uDE00\\u00E9\n=\npath=/a:b=c#d!\n");
        let read: Vec<_> =
            parse(written.as_bytes()).unwrap().into_iter().map(|entry| (entry.key, entry.value)).collect();
        assert_eq!(read, entries.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(answer([("a", "b\\"), ("c", "")]), "a=b\\\nc=\n");
    }
}
