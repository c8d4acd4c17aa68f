//! Consume queue entry: where one message of a queue lies in the commit log.
//!
//! | bytes  | field       | type   | meaning                                                       |
//! |--------|-------------|--------|---------------------------------------------------------------|
//! | 0..8   | `position`  | i64 BE | start of the message in the commit log, bytes                 |
//! | 8..12  | `size`      | i32 BE | length of the message record, bytes                           |
//! | 12..20 | `tags_code` | i64 BE | Java hash of the tags; of a delayed message: when due, ms UTC |
//!
//! Source: `store/ConsumeQueue#putMessagePositionInfo`, `store/CommitLog#checkMessageAndReturnSize`.

use compat::offset::PhysicalOffset;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueEntry {
    /// Start of the record in the log.
    pub position: PhysicalOffset,
    /// Length of the record, bytes.
    pub size: u32,
    /// Java hash of the tags, the time when a delayed message is due, or the address of a filter bitmap.
    pub tags_code: i64,
}

/// Length of an entry, bytes.
pub(crate) const LEN: usize = 20;

/// From here down a tags code is the address of a filter bitmap: no hash is so low.
const HIGHEST_ADDRESS: i64 = i32::MIN as i64 - 1;

impl QueueEntry {
    /// Stands in front of the first message of a queue that begins inside of a file.
    /// Source: `store/ConsumeQueue#fillPreBlank`.
    pub const BLANK: Self = Self { position: PhysicalOffset::ZERO, size: i32::MAX as u32, tags_code: 0 };

    pub fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(&self.position.to_java().to_be_bytes());
        bytes[8..12].copy_from_slice(&self.size.to_be_bytes());
        bytes[12..].copy_from_slice(&self.tags_code.to_be_bytes());
        bytes
    }

    /// `None` where nothing was written: a negative position or no size.
    pub fn decode(bytes: &[u8; LEN]) -> Option<Self> {
        let (position, rest) = bytes.split_first_chunk::<8>()?;
        let (size, tags_code) = rest.split_first_chunk::<4>()?;
        let size = u32::try_from(i32::from_be_bytes(*size)).ok().filter(|&size| size > 0)?;
        let tags_code = i64::from_be_bytes(tags_code.try_into().ok()?);
        Some(Self { position: PhysicalOffset::from_java(i64::from_be_bytes(*position))?, size, tags_code })
    }

    /// Whether it only fills the space before the first message.
    pub fn is_blank(&self) -> bool {
        *self == Self::BLANK
    }

    /// The hash of the tags; `None` where the address of a bitmap stands instead.
    pub fn tags(&self) -> Option<i64> {
        (self.tags_code > HIGHEST_ADDRESS).then_some(self.tags_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

    #[test]
    fn bytes_are_those_java_wrote() {
        let java: [([u8; LEN], (i64, u32, i64)); 4] = [
            (hex!("0000000000000000 00000094 000000000027a807"), (0, 148, 2_598_919)),
            (hex!("0000000000000330 00000081 0000000000000a5d"), (816, 129, 2653)),
            (hex!("000000000000015c 000000b3 000001a203f79e58"), (348, 179, 0x1A2_03F7_9E58)),
            (hex!("0000000000000000 7fffffff 0000000000000000"), (0, i32::MAX as u32, 0)),
        ];
        for (bytes, (position, size, tags_code)) in java {
            let entry = QueueEntry { position: PhysicalOffset::from_java(position).unwrap(), size, tags_code };
            assert_eq!((entry.encode(), QueueEntry::decode(&bytes)), (bytes, Some(entry)));
            assert_eq!(entry.is_blank(), size == i32::MAX as u32);
        }
    }

    #[test]
    fn what_was_never_written_is_no_entry() {
        assert_eq!(QueueEntry::decode(&[0; LEN]), None);
        assert_eq!(QueueEntry::decode(&[0xFF; LEN]), None);
    }

    #[test]
    fn addresses_of_bitmaps_are_no_tags() {
        let entry = |tags_code| QueueEntry { tags_code, ..QueueEntry::BLANK };
        assert_eq!(entry(i64::from(i32::MIN)).tags(), Some(i64::from(i32::MIN)));
        assert_eq!(entry(i64::from(i32::MIN) - 1).tags(), None);
        assert_eq!(entry(i64::MIN).tags(), None);
    }
}
