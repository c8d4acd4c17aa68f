//! The header of a command in both encodings: read in place, written without intermediate maps.
//!
//! Source: `remoting/RemotingCommand#headerDecode`, `#headerEncode`, `remoting/RemotingSerializable`, `RocketMQSerializable`.

mod binary;
mod json;
mod tolerant;

use compat::command::{CommandFlag, Language, Opaque, SerializeType};
use compat::header::{Encode, Fields, NoHeader};
use compat::text::Text;

/// A header as it stands in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Header<'a> {
    /// Request or response code.
    pub code: i32,
    /// Language of the sender, `None` when nobody here knows it.
    pub language: Option<Language>,
    /// Version of the sender.
    pub version: i32,
    /// Correlation id.
    pub opaque: Opaque,
    /// Flag bits.
    pub flag: CommandFlag,
    /// Remark.
    pub remark: Option<Text<'a>>,
    /// Custom fields.
    pub fields: Fields<'a>,
}

impl Header<'_> {
    /// What Java assumes where a JSON header says nothing.
    fn empty() -> Self {
        Self {
            code: 0,
            language: Some(Language::Java),
            version: 0,
            opaque: Opaque(0),
            flag: CommandFlag(0),
            remark: None,
            fields: Fields::new(),
        }
    }
}

/// Custom fields that one header may have. Java has no limit; no client comes near this one, which keeps the memory
/// that a header takes in proportion to its length.
pub const MAX_FIELDS: usize = 4096;

/// A header that Java could not read either: the connection is closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header of a command is not well formed: {0}")]
pub struct Malformed(pub String);

/// Reads a header.
pub fn decode(serialize: SerializeType, bytes: &[u8]) -> Result<Header<'_>, Malformed> {
    match serialize {
        SerializeType::Json => match json::scan(bytes) {
            Some(header) => Ok(header),
            None => tolerant::read(bytes),
        },
        SerializeType::Binary => binary::read(bytes),
    }
}

/// A header that the scanner reads, and what the tolerant reader makes of it: for tests, which want them to be the same.
#[doc(hidden)]
pub fn decode_both_ways(bytes: &[u8]) -> Option<(Header<'_>, Result<Header<'_>, Malformed>)> {
    json::scan(bytes).map(|scanned| (scanned, tolerant::read(bytes)))
}

/// The fixed part of a header that is about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Request or response code.
    pub code: i32,
    /// Correlation id.
    pub opaque: Opaque,
    /// Flag bits.
    pub flag: CommandFlag,
    /// Remark.
    pub remark: Option<&'a str>,
}

/// Longest header that the 24 bits of its length can tell.
const MAX_HEADER_LEN: usize = 0xFF_FFFF;

/// Appends a whole frame head and header for a body of `body_len` bytes that will follow.
///
/// A header too long for its length field is replaced by one that says so.
pub fn encode<H: Encode + ?Sized>(
    serialize: SerializeType,
    head: &Head<'_>,
    header: &H,
    body_len: usize,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    out.extend_from_slice(&[0; crate::frame::HEAD_LEN]);
    match serialize {
        SerializeType::Json => json::write(head, header, out),
        SerializeType::Binary => binary::write(head, header, out),
    }
    let header_len = out.len() - start - crate::frame::HEAD_LEN;
    if header_len > MAX_HEADER_LEN {
        out.truncate(start);
        let head = Head { remark: Some("the header is too long for a frame"), ..*head };
        return encode(serialize, &head, &NoHeader, body_len, out);
    }
    let len = (4 + header_len + body_len) as u32;
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
    out[start + 4..start + 8].copy_from_slice(&(header_len as u32).to_be_bytes());
    out[start + 4] = serialize.byte();
}

#[cfg(test)]
mod tests;
