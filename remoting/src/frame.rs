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

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(len: u32, serialize: u8, header_len: u32, rest: &[u8]) -> Vec<u8> {
        let mut bytes = len.to_be_bytes().to_vec();
        bytes.extend_from_slice(&header_len.to_be_bytes());
        bytes[4] = serialize;
        bytes.extend_from_slice(rest);
        bytes
    }

    #[test]
    fn a_frame_is_cut_when_it_is_whole() {
        let frame = bytes(4 + 2 + 3, 1, 2, b"hhbbbnext");
        for len in 0..4 {
            assert_eq!(cut(&frame[..len], MAX_LEN), Ok(Cut::Incomplete(4)));
        }
        for len in 4..13 {
            assert_eq!(cut(&frame[..len], MAX_LEN), Ok(Cut::Incomplete(13)));
        }
        let expected = Frame { serialize: SerializeType::Binary, header: b"hh", body: b"bbb" };
        assert_eq!(cut(&frame, MAX_LEN), Ok(Cut::Whole(expected, 13)));
        let empty = Frame { serialize: SerializeType::Json, header: b"", body: b"" };
        assert_eq!(cut(&bytes(4, 0, 0, b""), MAX_LEN), Ok(Cut::Whole(empty, 8)));
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_as_soon_as_they_are_seen() {
        assert_eq!(cut(&[0, 0, 0, 3], MAX_LEN), Err(FrameError::Lengths));
        assert_eq!(cut(&[0, 0, 0, 0], MAX_LEN), Err(FrameError::Lengths));
        assert_eq!(cut(&[0xFF, 0xFF, 0xFF, 0xFF], MAX_LEN), Err(FrameError::TooLong(0x1_0000_0003)));
        assert_eq!(cut(&[0x16, 3, 1, 0], MAX_LEN), Err(FrameError::TooLong(0x1603_0104)));
        let longest = (MAX_LEN - 4) as u32;
        assert_eq!(cut(&longest.to_be_bytes(), MAX_LEN), Ok(Cut::Incomplete(MAX_LEN)));
        assert_eq!(cut(&(longest + 1).to_be_bytes(), MAX_LEN), Err(FrameError::TooLong(MAX_LEN + 1)));
    }

    #[test]
    fn a_header_longer_than_its_frame_and_an_unknown_kind_are_refused() {
        assert_eq!(cut(&bytes(6, 0, 3, b"hh"), MAX_LEN), Err(FrameError::Lengths));
        assert_eq!(cut(&bytes(6, 0, 0xFF_FFFF, b"hh"), MAX_LEN), Err(FrameError::Lengths));
        assert_eq!(cut(&bytes(6, 2, 2, b"hh"), MAX_LEN), Err(FrameError::SerializeType(2)));
    }
}
