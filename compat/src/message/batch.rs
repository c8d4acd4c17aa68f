//! Batches as clients send them: items of a size, three unused words' worth of head, flag, body and properties.
//!
//! | bytes     | field            | type   | meaning                    |
//! |-----------|------------------|--------|----------------------------|
//! | 0..4      | `size`           | i32 BE | length of the item, unused |
//! | 4..12     | magic and CRC    | i32 BE | unused                     |
//! | 12..16    | `flag`           | i32 BE | the application's          |
//! | 16..20    | `body_len`       | i32 BE |                            |
//! | 20..      | body, properties length (i16 BE), properties | |        |
//!
//! Source: `common/message/MessageDecoder#encodeMessage`, `store/CommitLog$MessageExtBatchEncoder`.

/// Length of an item without body and properties.
pub const FIXED_LEN: usize = 22;

/// One message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The application's flag.
    pub flag: i32,
    /// Body.
    pub body: &'a [u8],
    /// Properties text.
    pub properties: &'a [u8],
}

/// The body of a batch ends inside of an item, or a length in it is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch is not well formed at byte {at}")]
pub struct Malformed {
    /// Where the bad item starts.
    pub at: usize,
}

/// The items of a batch; ends after the first error.
pub fn items(body: &[u8]) -> impl Iterator<Item = Result<Item<'_>, Malformed>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= body.len() {
            return None;
        }
        match item(&body[at..]) {
            Some((item, len)) => {
                at += len;
                Some(Ok(item))
            }
            None => {
                let error = Malformed { at };
                at = body.len();
                Some(Err(error))
            }
        }
    })
}

fn item(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let int = |at: usize| Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let body_len = usize::try_from(int(16)?).ok()?;
    let body = bytes.get(20..20usize.checked_add(body_len)?)?;
    let after = 20 + body_len;
    let len = bytes.get(after..after + 2)?;
    let properties_len = usize::try_from(i16::from_be_bytes([len[0], len[1]])).ok()?;
    let properties = bytes.get(after + 2..after + 2 + properties_len)?;
    Some((Item { flag: int(12)?, body, properties }, after + 2 + properties_len))
}

/// Appends an item, as a client writes it.
pub fn push(item: &Item<'_>, out: &mut Vec<u8>) {
    let size = FIXED_LEN + item.body.len() + item.properties.len();
    out.extend_from_slice(&(size as u32).to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&item.flag.to_be_bytes());
    out.extend_from_slice(&(item.body.len() as u32).to_be_bytes());
    out.extend_from_slice(item.body);
    out.extend_from_slice(&(item.properties.len() as u16).to_be_bytes());
    out.extend_from_slice(item.properties);
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

    #[test]
    fn bytes_are_those_java_wrote() {
        let java = hex!(
            "00000033 00000000 00000000 00000000 00000002 6869 001b 4b455953016b02 574149540174727565 02 54414753015461674102"
        );
        let item = Item { flag: 0, body: b"hi", properties: b"KEYS\x01k\x02WAIT\x01true\x02TAGS\x01TagA\x02" };
        let mut bytes = Vec::new();
        push(&item, &mut bytes);
        assert_eq!(bytes, java);
        assert_eq!(items(&java).collect::<Vec<_>>(), [Ok(item)]);
        for len in 1..java.len() {
            assert_eq!(items(&java[..len]).collect::<Vec<_>>(), [Err(Malformed { at: 0 })]);
        }
    }
}
