//! The checkpoint: three times, each the store time of a message up to which a part of the store is durable.
//!
//! | bytes    | field    | type   | meaning                                     |
//! |----------|----------|--------|---------------------------------------------|
//! | 0..8     | `physic` | i64 BE | of the log, ms                              |
//! | 8..16    | `logics` | i64 BE | of the consume queues, ms                   |
//! | 16..24   | `index`  | i64 BE | of the index files that are full, ms        |
//! | 24..4096 |          |        | zero                                        |
//!
//! Source: `store/StoreCheckpoint`.

use compat::time::Millis;

/// Length of the file, bytes.
pub(crate) const LEN: usize = 4096;

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamps {
    /// Of the log.
    pub physic: Millis,
    /// Of the consume queues.
    pub logics: Millis,
    /// Of the index.
    pub index: Millis,
}

impl Stamps {
    /// The whole file.
    pub fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[0..8].copy_from_slice(&self.physic.0.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.logics.0.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.index.0.to_be_bytes());
        bytes
    }

    /// Reads the file. What is missing or negative counts as 0: recovery then starts at the first file.
    pub fn decode(bytes: &[u8]) -> Self {
        let stamp = |at: usize| {
            let field = bytes.get(at..at + 8).and_then(|field| field.try_into().ok());
            Millis(field.map_or(0, i64::from_be_bytes).max(0))
        };
        Self { physic: stamp(0), logics: stamp(8), index: stamp(16) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_stand_where_java_has_them() {
        let stamps = Stamps { physic: Millis(0x1A2_03F7_9A6C), logics: Millis(0x1A2_03F7_9A70), index: Millis(1) };
        let bytes = stamps.encode();
        assert_eq!(bytes[..24], *b"\0\0\x01\xA2\x03\xF7\x9A\x6C\0\0\x01\xA2\x03\xF7\x9A\x70\0\0\0\0\0\0\0\x01");
        assert!(bytes[24..].iter().all(|&byte| byte == 0));
        assert_eq!(Stamps::decode(&bytes), stamps);
    }

    #[test]
    fn what_is_missing_or_negative_is_zero() {
        assert_eq!(Stamps::decode(b""), Stamps::default());
        assert_eq!(Stamps::decode(&[0xFF; 24]), Stamps::default());
        assert_eq!(Stamps::decode(b"\0\0\0\0\0\0\0\x05\0\0"), Stamps { physic: Millis(5), ..Stamps::default() });
    }
}
