//! The JSON header: one pass over strict JSON as Java writes it. What is unusual is left to the tolerant reader.

use super::{Head, Header, MAX_FIELDS};
use compat::command::{CommandFlag, Language, Opaque, version};
use compat::header::{Encode, FieldSink};
use compat::text::Text;
use std::borrow::Cow;

/// Reads a header of strict JSON; `None` for anything else, which is not yet a verdict.
#[inline]
pub(super) fn scan(bytes: &[u8]) -> Option<Header<'_>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut scan = Scan { text, bytes, at: 0 };
    let mut header = Header::empty();
    if scan.as_java_writes(&mut header).is_none() {
        scan.at = 0;
        header = Header::empty();
        scan.in_any_order(&mut header)?;
        scan.blanks();
    }
    (scan.at == bytes.len()).then_some(header)
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// Keys in the order of fastjson, no blanks: most of a header is then compared, not searched.
    fn as_java_writes(&mut self, header: &mut Header<'a>) -> Option<()> {
        self.literal(b"{\"code\":")?;
        header.code = self.int()?;
        if self.literal(b",\"extFields\":").is_some() {
            self.fields(header)?;
        }
        self.literal(b",\"flag\":")?;
        header.flag = CommandFlag(self.int()?);
        if self.literal(b",\"language\":\"JAVA\",\"opaque\":").is_none() {
            self.literal(b",\"language\":")?;
            header.language = Language::from_name(self.plain_string()?);
            self.literal(b",\"opaque\":")?;
        }
        header.opaque = Opaque(self.int()?);
        if self.literal(b",\"remark\":").is_some() {
            header.remark = Some(self.string()?);
        }
        self.literal(b",\"serializeTypeCurrentRPC\":")?;
        self.plain_string()?;
        self.literal(b",\"version\":")?;
        header.version = self.int()?;
        self.literal(b"}")
    }

    fn in_any_order(&mut self, header: &mut Header<'a>) -> Option<()> {
        self.token(b'{')?;
        loop {
            let key = self.plain_string()?;
            self.token(b':')?;
            match key {
                "code" => header.code = self.int()?,
                "extFields" => self.fields(header)?,
                "flag" => header.flag = CommandFlag(self.int()?),
                "language" => header.language = Language::from_name(self.plain_string()?),
                "opaque" => header.opaque = Opaque(self.int()?),
                "remark" => header.remark = Some(self.string()?),
                "serializeTypeCurrentRPC" => drop(self.plain_string()?),
                "version" => header.version = self.int()?,
                _ => return None,
            }
            if self.ends()? {
                return Some(());
            }
        }
    }

    fn fields(&mut self, header: &mut Header<'a>) -> Option<()> {
        if !header.fields.is_empty() {
            return None;
        }
        self.token(b'{')?;
        if self.token(b'}').is_some() {
            return Some(());
        }
        for _ in 0..MAX_FIELDS {
            let name = self.plain_string()?;
            self.token(b':')?;
            let value = self.string()?;
            header.fields.push(Cow::Borrowed(name), value);
            if self.ends()? {
                return Some(());
            }
        }
        None
    }

    /// A comma (`false`) or the closing bracket (`true`).
    #[inline]
    fn ends(&mut self) -> Option<bool> {
        if self.token(b',').is_some() {
            return Some(false);
        }
        self.token(b'}').map(|()| true)
    }

    #[inline]
    fn literal<const LEN: usize>(&mut self, literal: &[u8; LEN]) -> Option<()> {
        (self.bytes.get(self.at..)?.first_chunk::<LEN>()? == literal).then(|| self.at += LEN)
    }

    #[inline]
    fn token(&mut self, token: u8) -> Option<()> {
        if *self.bytes.get(self.at)? <= b' ' {
            self.blanks();
        }
        (*self.bytes.get(self.at)? == token).then(|| self.at += 1)
    }

    #[cold]
    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    #[inline]
    fn plain_string(&mut self) -> Option<&'a str> {
        match self.string()? {
            Text::Plain(text) => Some(text),
            _ => None,
        }
    }

    #[inline]
    fn string(&mut self) -> Option<Text<'a>> {
        self.token(b'"')?;
        let start = self.at;
        self.at += special(self.bytes.get(start..)?)?;
        let escaped = *self.bytes.get(self.at)? != b'"';
        if escaped {
            self.rest_of_escaped()?;
        }
        let text = self.text.get(start..self.at)?;
        self.at += 1;
        Some(if escaped { Text::Escaped(text) } else { Text::Plain(text) })
    }

    /// Moves from the first escape of a string to its closing quote.
    fn rest_of_escaped(&mut self) -> Option<()> {
        loop {
            self.at += match self.bytes.get(self.at..)? {
                [b'"', ..] => return Some(()),
                // The separators of message properties.
                [b'\\', b'u', b'0', b'0', b'0', b'1' | b'2', ..] => 6,
                [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => 6,
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                _ => return None,
            };
            self.at += special(self.bytes.get(self.at..)?)?;
        }
    }

    fn int(&mut self) -> Option<i32> {
        if *self.bytes.get(self.at)? <= b' ' {
            self.blanks();
        }
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
#[inline]
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
    /// Room for the header of most answers, so that the bytes move once.
    const USUAL_LEN: usize = 320;
    let mut digits = itoa::Buffer::new();
    out.reserve(USUAL_LEN);
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
    #[inline]
    fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
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

/// Whether all bytes are printable ASCII without quotes and backslashes.
#[inline]
fn stands_for_itself(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().all(|&byte| (0x20..0x7F).contains(&byte) && byte != b'"' && byte != b'\\');
    };
    let odd = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        let quotes = zero_bytes(word ^ (ONES * u64::from(b'"'))) | zero_bytes(word ^ (ONES * u64::from(b'\\')));
        quotes | word.wrapping_sub(ONES * 0x20) | word.wrapping_add(ONES) | word
    };
    let (words, _) = bytes.as_chunks();
    words.iter().fold(odd(last), |sum, word| sum | odd(word)) & HIGHS == 0
}

/// Appends the inside of a JSON string as fastjson writes it.
fn escape(text: &str, out: &mut Vec<u8>) {
    if stands_for_itself(text.as_bytes()) {
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
