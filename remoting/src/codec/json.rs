//! The JSON header: one pass over strict JSON as Java writes it. What is unusual is left to the tolerant reader.

use super::{Head, Header, MAX_FIELDS};
use compat::command::{CommandFlag, Language, Opaque, version};
use compat::header::{Encode, FieldSink};
use compat::text::Text;
use std::borrow::Cow;

/// Reads a header of strict JSON; `None` for anything else, which is not yet a verdict.
pub(super) fn scan(bytes: &[u8]) -> Option<Header<'_>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut scan = Scan { text, bytes, at: 0 };
    let header = scan.header()?;
    scan.blanks();
    (scan.at == bytes.len()).then_some(header)
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn header(&mut self) -> Option<Header<'a>> {
        let mut header = Header::empty();
        self.token(b'{')?;
        loop {
            let key = self.plain_string()?;
            self.token(b':')?;
            match key {
                "code" => header.code = self.int()?,
                "extFields" => self.fields(&mut header)?,
                "flag" => header.flag = CommandFlag(self.int()?),
                "language" => header.language = Language::from_name(self.plain_string()?),
                "opaque" => header.opaque = Opaque(self.int()?),
                "remark" => header.remark = Some(self.string()?),
                "serializeTypeCurrentRPC" => drop(self.plain_string()?),
                "version" => header.version = self.int()?,
                _ => return None,
            }
            if self.ends(b'}')? {
                return Some(header);
            }
        }
    }

    fn fields(&mut self, header: &mut Header<'a>) -> Option<()> {
        if !header.fields.is_empty() {
            return None;
        }
        self.token(b'{')?;
        self.blanks();
        if self.bytes.get(self.at) == Some(&b'}') {
            self.at += 1;
            return Some(());
        }
        for _ in 0..MAX_FIELDS {
            let name = self.plain_string()?;
            self.token(b':')?;
            let value = self.string()?;
            header.fields.push(Cow::Borrowed(name), value);
            if self.ends(b'}')? {
                return Some(());
            }
        }
        None
    }

    /// A comma (`false`) or the closing bracket (`true`).
    fn ends(&mut self, close: u8) -> Option<bool> {
        self.blanks();
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        match byte {
            b',' => Some(false),
            _ if byte == close => Some(true),
            _ => None,
        }
    }

    fn token(&mut self, token: u8) -> Option<()> {
        self.blanks();
        (*self.bytes.get(self.at)? == token).then(|| self.at += 1)
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn plain_string(&mut self) -> Option<&'a str> {
        match self.string()? {
            Text::Plain(text) => Some(text),
            _ => None,
        }
    }

    fn string(&mut self) -> Option<Text<'a>> {
        self.token(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += special(self.bytes.get(self.at..)?)?;
            match self.bytes[self.at] {
                b'"' => break,
                b'\\' => self.escape()?,
                _ => return None,
            }
            escaped = true;
        }
        let text = self.text.get(start..self.at)?;
        self.at += 1;
        Some(if escaped { Text::Escaped(text) } else { Text::Plain(text) })
    }

    fn escape(&mut self) -> Option<()> {
        self.at += match self.bytes.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
            b'u' if self.bytes.get(self.at + 2..self.at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
            _ => return None,
        };
        Some(())
    }

    fn int(&mut self) -> Option<i32> {
        self.blanks();
        let negative = self.bytes.get(self.at) == Some(&b'-');
        self.at += usize::from(negative);
        let start = self.at;
        let mut value = 0i64;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            value = value * 10 + i64::from(digit - b'0');
            self.at += 1;
            if self.at - start > 10 {
                return None;
            }
        }
        let leading_zero = self.bytes.get(start) == Some(&b'0') && self.at - start > 1;
        if self.at == start
            || leading_zero
            || !matches!(self.bytes.get(self.at)?, b',' | b'}' | b' ' | b'\t' | b'\n' | b'\r')
        {
            return None;
        }
        i32::try_from(if negative { -value } else { value }).ok()
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Where the first quote, backslash or control character is, eight bytes at a time.
fn special(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let hits = (zero_bytes(word ^ (ONES * u64::from(b'"')))
            | zero_bytes(word ^ (ONES * u64::from(b'\\')))
            | (word.wrapping_sub(ONES * 0x20) & !word))
            & HIGHS;
        if hits != 0 {
            return Some(at + hits.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\').map(|found| at + found)
}

/// The high bit of each zero byte; bits above the first one may be wrong.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

/// Appends a header as fastjson writes it: keys in ascending order.
pub(super) fn write<H: Encode + ?Sized>(head: &Head<'_>, header: &H, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(b"{\"code\":");
    out.extend_from_slice(digits.format(head.code).as_bytes());
    if H::PRESENT {
        out.extend_from_slice(b",\"extFields\":{");
        header.encode(&mut Sink { out, first: true });
        out.push(b'}');
    }
    out.extend_from_slice(b",\"flag\":");
    out.extend_from_slice(digits.format(head.flag.0).as_bytes());
    out.extend_from_slice(b",\"language\":\"JAVA\",\"opaque\":");
    out.extend_from_slice(digits.format(head.opaque.0).as_bytes());
    if let Some(remark) = head.remark {
        out.extend_from_slice(b",\"remark\":\"");
        escape(remark, out);
        out.push(b'"');
    }
    out.extend_from_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    out.extend_from_slice(digits.format(version::CURRENT).as_bytes());
    out.push(b'}');
}

struct Sink<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Sink<'_> {
    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(if self.first { b"\"" } else { b",\"" });
        self.first = false;
        escape(name, self.out);
        self.out.extend_from_slice(b"\":\"");
    }
}

impl FieldSink for Sink<'_> {
    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        escape(value, self.out);
        self.out.push(b'"');
    }
    fn number(&mut self, name: &str, value: i64) {
        self.name(name);
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.out.push(b'"');
    }
}

/// Appends the inside of a JSON string as fastjson writes it.
fn escape(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| (0x20..0x7F).contains(&byte) && byte != b'"' && byte != b'\\') {
        return out.extend_from_slice(text.as_bytes());
    }
    for char in text.chars() {
        match char {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\0'..'\u{20}' | '\u{7f}'..'\u{a0}' | '\u{2028}' | '\u{2029}' => {
                out.extend_from_slice(b"\\u");
                let unit = u32::from(char);
                out.extend([12, 8, 4, 0].map(|shift| b"0123456789ABCDEF"[(unit >> shift & 0xF) as usize]));
            }
            _ => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}
