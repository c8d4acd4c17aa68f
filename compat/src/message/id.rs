//! Offset message ids: address of the broker and place in its commit log, as 32 hex digits.
//! Source: `common/message/MessageDecoder#createMessageId`, `#decodeMessageId`.

use crate::offset::PhysicalOffset;
use std::net::{Ipv4Addr, SocketAddrV4};

/// Length of an offset message id, bytes of ASCII.
pub const LEN: usize = 32;

/// The id of the message at `position` of the broker at `host`.
pub fn encode(host: SocketAddrV4, position: PhysicalOffset) -> [u8; LEN] {
    let mut raw = [0; LEN / 2];
    raw[..4].copy_from_slice(&host.ip().octets());
    raw[4..8].copy_from_slice(&u32::from(host.port()).to_be_bytes());
    raw[8..].copy_from_slice(&position.to_java().to_be_bytes());
    let mut text = [0; LEN];
    for (byte, digits) in raw.iter().zip(text.chunks_exact_mut(2)) {
        digits[0] = HEX[usize::from(byte >> 4)];
        digits[1] = HEX[usize::from(byte & 15)];
    }
    text
}

/// Broker and place of an id; `None` for anything that is not one.
pub fn decode(id: &str) -> Option<(SocketAddrV4, PhysicalOffset)> {
    if id.len() != LEN || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let ip = u32::from_str_radix(&id[..8], 16).ok()?;
    let port = u16::try_from(u32::from_str_radix(&id[8..16], 16).ok()?).ok()?;
    let position = u64::from_str_radix(&id[16..], 16).ok()?;
    Some((SocketAddrV4::new(Ipv4Addr::from(ip), port), PhysicalOffset::from_java(position as i64)?))
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_java_made() {
        let host = "10.0.0.1:10911".parse().unwrap();
        let position = PhysicalOffset::from_java(0x1234).unwrap();
        assert_eq!(&encode(host, position), b"0A00000100002A9F0000000000001234");
        assert_eq!(decode("0a00000100002a9f0000000000001234"), Some((host, position)));
        for id in
            ["C0000202138030946E096F92BF1B000", "+A00000100002A9F0000000000001234", "0A00000100012A9F0000000000001234"]
        {
            assert_eq!(decode(id), None, "{id}");
        }
    }
}
