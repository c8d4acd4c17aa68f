//! The message record: 91 bytes, the body, the topic and the properties.
//!
//! | bytes      | field                         | type   | meaning                                              |
//! |------------|-------------------------------|--------|------------------------------------------------------|
//! | 0..4       | `size`                        | i32 BE | length of the whole record, bytes                    |
//! | 4..8       | `magic`                       | i32 BE | [`MESSAGE_MAGIC`], or [`BLANK_MAGIC`] (then only 8 bytes count) |
//! | 8..12      | `body_crc`                    | i32 BE | [`super::crc32`] of the body, 0 for an empty one     |
//! | 12..16     | `queue_id`                    | i32 BE |                                                      |
//! | 16..20     | `flag`                        | i32 BE | the application's                                    |
//! | 20..28     | `queue_offset`                | i64 BE | messages before it in its queue                      |
//! | 28..36     | `position`                    | i64 BE | where the record starts in the commit log, bytes     |
//! | 36..40     | `sys_flag`                    | i32 BE | [`super::SysFlag`]                                   |
//! | 40..48     | `born_timestamp`              | i64 BE | ms                                                   |
//! | 48..56     | `born_host`                   | IPv4, i32 BE | address and port of the producer               |
//! | 56..64     | `store_timestamp`             | i64 BE | ms                                                   |
//! | 64..72     | `store_host`                  | IPv4, i32 BE | address and port of the broker                 |
//! | 72..76     | `reconsume_times`             | i32 BE |                                                      |
//! | 76..84     | `prepared_transaction_offset` | i64 BE | place of the half message, or 0                      |
//! | 84..88     | `body_len`                    | i32 BE |                                                      |
//! | 88..       | body, topic length (i8), topic, properties length (i16 BE), properties | |                    |
//!
//! Source: `store/CommitLog$DefaultAppendMessageCallback#doAppend`, `#checkMessageAndReturnSize`, `common/message/MessageDecoder`.

use super::{SysFlag, crc32};
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::time::Millis;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;

/// Second word of a message record.
pub const MESSAGE_MAGIC: u32 = 0xDAA3_20A7;
/// Second word of the filler at the end of a log file.
pub const BLANK_MAGIC: u32 = 0xCBD4_3194;
/// Length of the filler's head, which is all that may be read of it.
pub const BLANK_LEN: usize = 8;
/// Length of a record without body, topic and properties.
pub const FIXED_LEN: usize = 91;
/// Longest properties text, bytes.
pub const MAX_PROPERTIES_LEN: usize = i16::MAX as usize;

/// Where the fields stand that are set when the record gets its place.
pub mod at {
    use std::ops::Range;
    /// `queue_offset`.
    pub const QUEUE_OFFSET: Range<usize> = 20..28;
    /// `position`.
    pub const POSITION: Range<usize> = 28..36;
    /// `store_timestamp`.
    pub const STORE_TIMESTAMP: Range<usize> = 56..64;
}

/// What a new record holds, apart from its place.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Queue.
    pub queue_id: QueueId,
    /// The application's flag.
    pub flag: i32,
    /// System flag.
    pub sys_flag: SysFlag,
    /// When the producer made it.
    pub born_timestamp: Millis,
    /// Address of the producer.
    pub born_host: SocketAddrV4,
    /// Address of the broker.
    pub store_host: SocketAddrV4,
    /// How often it was consumed before.
    pub reconsume_times: i32,
    /// Place of its half message, or 0.
    pub prepared_transaction_offset: i64,
    /// Body, as received.
    pub body: &'a [u8],
    /// Topic; at most 127 bytes.
    pub topic: &'a str,
    /// Properties text; at most [`MAX_PROPERTIES_LEN`] bytes.
    pub properties: &'a [u8],
}

#[expect(clippy::len_without_is_empty, reason = "no record is empty")]
impl Draft<'_> {
    /// Length of the record, bytes.
    pub fn len(&self) -> usize {
        FIXED_LEN + self.body.len() + self.topic.len() + self.properties.len()
    }

    /// Appends the record. Queue offset, position and store time are zero until [`place`] sets them.
    ///
    /// # Panics
    /// When topic or properties are longer than their length fields can say: callers check that before.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let topic_len = i8::try_from(self.topic.len()).expect("topic of at most 127 bytes");
        let properties_len = i16::try_from(self.properties.len()).expect("properties of at most 32767 bytes");
        let crc = if self.body.is_empty() { 0 } else { crc32(self.body) };
        out.reserve(self.len());
        out.extend_from_slice(&(self.len() as u32).to_be_bytes());
        out.extend_from_slice(&MESSAGE_MAGIC.to_be_bytes());
        out.extend_from_slice(&crc.to_be_bytes());
        out.extend_from_slice(&self.queue_id.to_java().to_be_bytes());
        out.extend_from_slice(&self.flag.to_be_bytes());
        out.extend_from_slice(&[0; 16]);
        out.extend_from_slice(&self.sys_flag.0.to_be_bytes());
        out.extend_from_slice(&self.born_timestamp.0.to_be_bytes());
        out.extend_from_slice(&host(self.born_host));
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&host(self.store_host));
        out.extend_from_slice(&self.reconsume_times.to_be_bytes());
        out.extend_from_slice(&self.prepared_transaction_offset.to_be_bytes());
        out.extend_from_slice(&(self.body.len() as u32).to_be_bytes());
        out.extend_from_slice(self.body);
        out.push(topic_len as u8);
        out.extend_from_slice(self.topic.as_bytes());
        out.extend_from_slice(&properties_len.to_be_bytes());
        out.extend_from_slice(self.properties);
    }
}

/// Sets what a record gets with its place in the log.
///
/// # Panics
/// When `record` is shorter than [`FIXED_LEN`].
pub fn place(record: &mut [u8], queue_offset: QueueOffset, position: PhysicalOffset, store_timestamp: Millis) {
    record[at::QUEUE_OFFSET].copy_from_slice(&queue_offset.to_java().to_be_bytes());
    record[at::POSITION].copy_from_slice(&position.to_java().to_be_bytes());
    record[at::STORE_TIMESTAMP].copy_from_slice(&store_timestamp.0.to_be_bytes());
}

/// The head of the filler that ends a log file; `len` counts it and all that follows.
pub fn blank(len: u32) -> [u8; BLANK_LEN] {
    let mut head = [0; BLANK_LEN];
    head[..4].copy_from_slice(&len.to_be_bytes());
    head[4..].copy_from_slice(&BLANK_MAGIC.to_be_bytes());
    head
}

/// Whether reading a record compares the CRC of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckBody {
    /// Yes.
    Yes,
    /// No: the body is not touched.
    No,
}

/// What stands at a place of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A whole record.
    Message(Record<'a>),
    /// The filler that ends a file.
    Blank,
    /// Nothing that a broker wrote, or not all of it.
    Invalid(Invalid),
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Fewer bytes than the lengths need.
    #[error("cut short")]
    Truncated,
    /// Neither magic.
    #[error("no record starts here")]
    Magic,
    /// The lengths inside do not add up.
    #[error("its lengths do not add up")]
    Length,
    /// The body is not the one that was stored.
    #[error("the CRC of its body differs")]
    Crc,
}

/// A record, borrowed from where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    bytes: &'a [u8],
    body_len: usize,
    topic_len: usize,
}

impl<'a> Record<'a> {
    /// The whole record.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
    /// Length of the record, bytes.
    pub fn size(&self) -> u32 {
        self.bytes.len() as u32
    }
    /// CRC of the body as stored.
    pub fn body_crc(&self) -> i32 {
        self.int(8)
    }
    /// Queue.
    pub fn queue_id(&self) -> i32 {
        self.int(12)
    }
    /// The application's flag.
    pub fn flag(&self) -> i32 {
        self.int(16)
    }
    /// Queue offset.
    pub fn queue_offset(&self) -> i64 {
        self.long(20)
    }
    /// Place in the commit log, as the record itself says.
    pub fn position(&self) -> i64 {
        self.long(28)
    }
    /// System flag.
    pub fn sys_flag(&self) -> SysFlag {
        SysFlag(self.int(36))
    }
    /// When the producer made it.
    pub fn born_timestamp(&self) -> Millis {
        Millis(self.long(40))
    }
    /// Address of the producer.
    pub fn born_host(&self) -> SocketAddrV4 {
        self.host(48)
    }
    /// When it was stored.
    pub fn store_timestamp(&self) -> Millis {
        Millis(self.long(56))
    }
    /// Address of the broker.
    pub fn store_host(&self) -> SocketAddrV4 {
        self.host(64)
    }
    /// How often it was consumed before.
    pub fn reconsume_times(&self) -> i32 {
        self.int(72)
    }
    /// Place of its half message, or 0.
    pub fn prepared_transaction_offset(&self) -> i64 {
        self.long(76)
    }
    /// Body, as stored.
    pub fn body(&self) -> &'a [u8] {
        &self.bytes[88..88 + self.body_len]
    }
    /// Topic; not checked to be UTF-8.
    pub fn topic(&self) -> &'a [u8] {
        &self.bytes[89 + self.body_len..][..self.topic_len]
    }
    /// Properties text; not checked to be UTF-8.
    pub fn properties(&self) -> &'a [u8] {
        &self.bytes[FIXED_LEN + self.body_len + self.topic_len..]
    }

    fn int(&self, at: usize) -> i32 {
        int(self.bytes, at)
    }
    fn long(&self, at: usize) -> i64 {
        long(self.bytes, at)
    }
    fn host(&self, at: usize) -> SocketAddrV4 {
        let octets: [u8; 4] = self.bytes[at..at + 4].try_into().expect("four bytes");
        SocketAddrV4::new(Ipv4Addr::from(octets), self.int(at + 4) as u16)
    }
}

/// Reads what stands at the start of `bytes`, which may hold more than that.
pub fn parse(bytes: &[u8], check: CheckBody) -> Parsed<'_> {
    match try_parse(bytes, check) {
        Ok(parsed) => parsed,
        Err(invalid) => Parsed::Invalid(invalid),
    }
}

fn try_parse(bytes: &[u8], check: CheckBody) -> Result<Parsed<'_>, Invalid> {
    if bytes.len() < BLANK_LEN {
        return Err(Invalid::Truncated);
    }
    match int(bytes, 4) as u32 {
        BLANK_MAGIC => return Ok(Parsed::Blank),
        MESSAGE_MAGIC => {}
        _ => return Err(Invalid::Magic),
    }
    let size = usize::try_from(int(bytes, 0)).map_err(|_| Invalid::Length)?;
    if size < FIXED_LEN {
        return Err(Invalid::Length);
    }
    let bytes = bytes.get(..size).ok_or(Invalid::Truncated)?;
    let body_len = usize::try_from(int(bytes, 84)).map_err(|_| Invalid::Length)?;
    let topic_at = 88usize.checked_add(body_len).ok_or(Invalid::Length)?;
    let topic_len = usize::from(*bytes.get(topic_at).ok_or(Invalid::Length)?);
    let properties_at = topic_at + 1 + topic_len;
    let properties_len = bytes.get(properties_at..properties_at + 2).ok_or(Invalid::Length)?;
    let properties_len = usize::from(u16::from_be_bytes([properties_len[0], properties_len[1]]));
    if topic_len > i8::MAX as usize || properties_at + 2 + properties_len != size {
        return Err(Invalid::Length);
    }
    let record = Record { bytes, body_len, topic_len };
    if check == CheckBody::Yes && body_len > 0 && crc32(record.body()) != record.body_crc() {
        return Err(Invalid::Crc);
    }
    Ok(Parsed::Message(record))
}

/// Where the body, the topic and the properties of a record of these lengths stand.
pub fn body_range(body_len: usize) -> Range<usize> {
    88..88 + body_len
}

fn host(address: SocketAddrV4) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&address.ip().octets());
    bytes[4..].copy_from_slice(&u32::from(address.port()).to_be_bytes());
    bytes
}

fn int(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn long(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

    /// Written by the 4.3.0 store.
    const JAVA: [u8; 148] = hex!(
        "00000094 daa320a7 3610a686 00000003 11223344 0000000000000000 0000000000000000 00000000"
        "000001643b1b4400 0a0102030000d431 000001a203f79a6c 7f00000100002a9f 00000002 0000000000000000"
        "00000005 68656c6c6f 09 546f70696354657374 002b"
        "4b455953016b31206b3202 554e49515f4b455901304130313032303330303031 02 544147530154616741 02"
    );

    #[test]
    fn bytes_are_those_java_wrote() {
        let draft = Draft {
            queue_id: QueueId::from_java(3).unwrap(),
            flag: 0x11223344,
            sys_flag: SysFlag(0),
            born_timestamp: Millis(1_530_000_000_000),
            born_host: "10.1.2.3:54321".parse().unwrap(),
            store_host: "127.0.0.1:10911".parse().unwrap(),
            reconsume_times: 2,
            prepared_transaction_offset: 0,
            body: b"hello",
            topic: "TopicTest",
            properties: b"KEYS\x01k1 k2\x02UNIQ_KEY\x010A0102030001\x02TAGS\x01TagA\x02",
        };
        let mut bytes = Vec::new();
        draft.encode(&mut bytes);
        place(&mut bytes, QueueOffset::ZERO, PhysicalOffset::ZERO, Millis(0x1A203F79A6C));
        assert_eq!(bytes, JAVA);
        let Parsed::Message(record) = parse(&JAVA, CheckBody::Yes) else { panic!("no record") };
        assert_eq!(
            (record.body(), record.topic(), record.properties()),
            (draft.body, b"TopicTest".as_slice(), draft.properties)
        );
        assert_eq!((record.born_host(), record.store_host()), (draft.born_host, draft.store_host));
    }

    #[test]
    fn every_cut_is_invalid_and_a_changed_body_is_noticed() {
        for len in 0..JAVA.len() {
            assert!(matches!(parse(&JAVA[..len], CheckBody::Yes), Parsed::Invalid(_)), "{len}");
        }
        let mut changed = JAVA;
        changed[90] ^= 1;
        assert_eq!(parse(&changed, CheckBody::Yes), Parsed::Invalid(Invalid::Crc));
        assert!(matches!(parse(&changed, CheckBody::No), Parsed::Message(_)));
    }
}
