//! The binary header `ROCKETMQ`. All numbers are big-endian.
//!
//! | order | field         | type | meaning                                                     |
//! |-------|---------------|------|-------------------------------------------------------------|
//! | 1     | `code`        | i16  | request or response code                                    |
//! | 2     | `language`    | u8   | language of the sender                                      |
//! | 3     | `version`     | i16  | version of the sender                                       |
//! | 4     | `opaque`      | i32  | correlation id                                              |
//! | 5     | `flag`        | i32  | flag bits                                                   |
//! | 6     | `remark_len`  | i32  | length of the remark; 0 or less: none                       |
//! | 7     | `remark`      | text | UTF-8                                                       |
//! | 8     | `fields_len`  | i32  | bytes of all fields; 0 or less: none                        |
//! | 9     | `fields`      |      | each: i16 length, name, i32 length, value, until used up    |
//!
//! Bytes after the fields are ignored.
//! Source: `remoting/RocketMQSerializable`.

use super::{Head, Header, MAX_FIELDS, Malformed};
use compat::command::{CommandFlag, Language, Opaque, version};
use compat::header::{Encode, FieldSink, Fields};
use compat::text::Text;
use std::borrow::Cow;

/// Reads a header.
pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Malformed> {
    let mut get = Get(bytes);
    let code = i32::from(get.i16()?);
    let language = Language::from_byte(get.u8()?);
    let version = i32::from(get.i16()?);
    let opaque = Opaque(get.i32()?);
    let flag = CommandFlag(get.i32()?);
    let remark = match usize::try_from(get.i32()?) {
        Ok(len @ 1..) => Some(text(get.take(len)?)),
        _ => None,
    };
    let fields = match usize::try_from(get.i32()?) {
        Ok(len @ 1..) => read_fields(Get(get.take(len)?))?,
        _ => Fields::new(),
    };
    Ok(Header { code, language, version, opaque, flag, remark, fields })
}

fn read_fields(mut get: Get<'_>) -> Result<Fields<'_>, Malformed> {
    let mut fields = Fields::new();
    for _ in 0..MAX_FIELDS {
        if get.0.is_empty() {
            return Ok(fields);
        }
        let name_len = usize::try_from(get.i16()?).map_err(|_| malformed())?;
        let name = get.take(name_len)?;
        let value_len = usize::try_from(get.i32()?).map_err(|_| malformed())?;
        fields.push(String::from_utf8_lossy(name), text(get.take(value_len)?));
    }
    if get.0.is_empty() { Ok(fields) } else { Err(Malformed(format!("more than {MAX_FIELDS} fields"))) }
}

fn text(bytes: &[u8]) -> Text<'_> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => Text::Plain(text),
        Cow::Owned(text) => Text::Owned(text),
    }
}

fn malformed() -> Malformed {
    Malformed("its lengths do not add up".to_owned())
}

struct Get<'a>(&'a [u8]);

impl<'a> Get<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn i16(&mut self) -> Result<i16, Malformed> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }
}

/// Appends a header.
pub(super) fn write<H: Encode + ?Sized>(head: &Head<'_>, header: &H, out: &mut Vec<u8>) {
    out.extend_from_slice(&(head.code as i16).to_be_bytes());
    out.push(Language::Java as u8);
    out.extend_from_slice(&(version::CURRENT as i16).to_be_bytes());
    out.extend_from_slice(&head.opaque.0.to_be_bytes());
    out.extend_from_slice(&head.flag.0.to_be_bytes());
    put_text(head.remark.unwrap_or_default(), out);
    let len_at = out.len();
    out.extend_from_slice(&[0; 4]);
    if H::PRESENT {
        header.encode(&mut Sink { out });
    }
    let len = (out.len() - len_at - 4) as u32;
    out[len_at..len_at + 4].copy_from_slice(&len.to_be_bytes());
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

struct Sink<'a> {
    out: &'a mut Vec<u8>,
}

impl FieldSink for Sink<'_> {
    /// A name that its length field cannot tell is left out: Java could not read it.
    fn text(&mut self, name: &str, value: &str) {
        let Ok(name_len) = i16::try_from(name.len()) else { return };
        self.out.extend_from_slice(&name_len.to_be_bytes());
        self.out.extend_from_slice(name.as_bytes());
        put_text(value, self.out);
    }
    fn number(&mut self, name: &str, value: i64) {
        self.text(name, itoa::Buffer::new().format(value));
    }
}
