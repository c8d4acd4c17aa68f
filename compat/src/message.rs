//! Messages: the record that the commit log, pull answers and HA streams all hold, and what is inside of it.

pub mod batch;
pub mod id;
pub mod properties;
pub mod record;

/// CRC-32 (IEEE) with the sign bit cleared, as RocketMQ stores and compares it. Source: `common/UtilAll#crc32`.
pub fn crc32(bytes: &[u8]) -> i32 {
    (crc32fast::hash(bytes) & 0x7FFF_FFFF) as i32
}

/// Bits of a message's `sysFlag`. Source: `common/sysflag/MessageSysFlag`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SysFlag(pub i32);

/// Part that a message has in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionType {
    /// None.
    None,
    /// A half message.
    Prepared,
    /// Committed.
    Commit,
    /// Rolled back.
    Rollback,
}

impl SysFlag {
    /// The body is a zlib stream.
    pub const COMPRESSED: i32 = 1;
    /// The topic has several tags a message.
    pub const MULTI_TAGS: i32 = 2;
    /// Bits of the transaction type.
    pub const TRANSACTION_MASK: i32 = 0xC;

    /// Part in a transaction.
    pub const fn transaction(self) -> TransactionType {
        match self.0 & Self::TRANSACTION_MASK {
            0x4 => TransactionType::Prepared,
            0x8 => TransactionType::Commit,
            0xC => TransactionType::Rollback,
            _ => TransactionType::None,
        }
    }

    /// Whether such a message gets a place in its queue: half messages and roll backs do not.
    pub const fn is_queued(self) -> bool {
        matches!(self.transaction(), TransactionType::None | TransactionType::Commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_java() {
        assert_eq!((crc32(b"hello"), crc32(b"123456789"), crc32(b"")), (907_060_870, 1_274_296_614, 0));
    }
}
