//! Frames: a length, a header of one of two kinds, a body.
//!
//! | bytes | field        | type   | meaning                                   |
//! |-------|--------------|--------|-------------------------------------------|
//! | 0..4  | `length`     | u32 BE | bytes after this field                    |
//! | 4     | `serialize`  | u8     | kind of the header                        |
//! | 5..8  | `header_len` | u24 BE | length of the header                      |
//! | 8..   | header, body |        |                                           |
//!
//! Source: `remoting/RemotingCommand#decode`, `remoting/NettyDecoder`.

use compat::command::SerializeType;

/// Longest frame, its length field included.
pub const MAX_LEN: usize = 16_777_216;
/// Bytes in front of the header.
pub const HEAD_LEN: usize = 8;

/// One frame, borrowed from the read buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Kind of the header.
    pub serialize: SerializeType,
    /// The header, not decoded.
    pub header: &'a [u8],
    /// The body; empty for none.
    pub body: &'a [u8],
}

/// What stands at the start of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut<'a> {
    /// A frame, and how many bytes it takes.
    Whole(Frame<'a>, usize),
    /// Not all of a frame yet: so many bytes make it whole (at least 4, which tell the length).
    Incomplete(usize),
}

/// Bytes that no peer of ours sends: the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than the limit.
    #[error("a frame of {0} bytes exceeds the limit")]
    TooLong(usize),
    /// Too short for its own head, or for its header.
    #[error("the lengths of a frame do not add up")]
    Lengths,
    /// An unknown kind of header.
    #[error("unknown serialize type {0}")]
    SerializeType(u8),
}

/// Looks for a frame at the start of `bytes`.
pub fn cut(bytes: &[u8], max_len: usize) -> Result<Cut<'_>, FrameError> {
    let Some(head) = bytes.first_chunk::<4>() else { return Ok(Cut::Incomplete(4)) };
    let len = u32::from_be_bytes(*head) as usize + 4;
    if len > max_len {
        return Err(FrameError::TooLong(len));
    }
    if len < HEAD_LEN {
        return Err(FrameError::Lengths);
    }
    let Some(frame) = bytes.get(..len) else { return Ok(Cut::Incomplete(len)) };
    let serialize = SerializeType::from_byte(frame[4]).ok_or(FrameError::SerializeType(frame[4]))?;
    let header_len = u32::from_be_bytes([0, frame[5], frame[6], frame[7]]) as usize;
    let header = frame.get(HEAD_LEN..HEAD_LEN + header_len).ok_or(FrameError::Lengths)?;
    Ok(Cut::Whole(Frame { serialize, header, body: &frame[HEAD_LEN + header_len..] }, len))
}
