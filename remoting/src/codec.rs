//! The header of a command in both encodings: read in place, written without intermediate maps.

use compat::command::{CommandFlag, Language, Opaque, SerializeType};
use compat::header::{Encode, Fields};
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

/// A header that Java could not read either: the connection is closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header of a command is not well formed: {0}")]
pub struct Malformed(pub String);

/// Reads a header.
pub fn decode(serialize: SerializeType, bytes: &[u8]) -> Result<Header<'_>, Malformed> {
    todo!("{serialize:?} {}", bytes.len())
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

/// Appends a whole frame head and header for a body of `body_len` bytes that will follow.
pub fn encode<H: Encode + ?Sized>(
    serialize: SerializeType,
    head: &Head<'_>,
    header: &H,
    body_len: usize,
    out: &mut Vec<u8>,
) {
    let _ = (serialize, head, header, body_len, out);
    todo!()
}
