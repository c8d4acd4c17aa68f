//! Bodies of registrations: JSON, or a zlib stream of lengths, lines and two small JSON documents.
//!
//! | part of the stream    | content                                                                       |
//! |-----------------------|-------------------------------------------------------------------------------|
//! | i32 BE length, bytes  | the data version as JSON                                                      |
//! | i32 BE                | number of topics                                                              |
//! | i32 BE length, bytes  | for each topic `name readQueues writeQueues perm filterType`, single blanks   |
//! | i32 BE length, bytes  | addresses of filter servers, a JSON array                                     |
//!
//! The flags and the order of a topic are lost on that way. Source: `common/protocol/body/RegisterBrokerBody`,
//! `common/TopicConfig#encode`, `#decode`.

use crate::body::DataVersion;
use crate::body::namesrv::{RegisterBrokerBody, TopicConfigTable};
use crate::json;
use crate::topic::{Perm, TopicConfig, TopicFilterType};
use flate2::read::{ZlibDecoder, ZlibEncoder};
use std::collections::BTreeMap;
use std::io::Read;

/// How long a body may be when it is inflated, bytes: room for two million topics.
pub const MAX_INFLATED_LEN: usize = 256 << 20;

/// Why a body is no registration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRegistration {
    /// A JSON part is broken.
    #[error(transparent)]
    Json(#[from] json::Error),
    /// No zlib stream, or one that is cut short.
    #[error("the body is no zlib stream")]
    Stream,
    /// The stream holds more than [`MAX_INFLATED_LEN`].
    #[error("the body has more than {MAX_INFLATED_LEN} bytes when it is inflated")]
    TooLong,
    /// The stream ends inside of a part, or a length in it is negative.
    #[error("a part of the body is missing")]
    Part,
    /// A line that is no topic.
    #[error("no topic: {0}")]
    Topic(String),
}

/// The body of a registration, compressed or not.
pub fn encode(body: &RegisterBrokerBody, compressed: bool) -> Vec<u8> {
    if !compressed {
        return json::to_vec(body);
    }
    let topics = &body.topic_config_serialize_wrapper;
    let mut plain = Vec::new();
    push_part(&json::to_vec(&topics.data_version), &mut plain);
    plain.extend_from_slice(&(topics.topic_config_table.len() as u32).to_be_bytes());
    for topic in topics.topic_config_table.values() {
        push_part(topic_line(topic).as_bytes(), &mut plain);
    }
    push_part(&json::to_vec(body.filter_server_list.as_deref().unwrap_or_default()), &mut plain);
    let mut stream = Vec::new();
    ZlibEncoder::new(&plain[..], flate2::Compression::best()).read_to_end(&mut stream).expect("memory is readable");
    stream
}

/// Reads the body of a registration.
pub fn decode(bytes: &[u8], compressed: bool) -> Result<RegisterBrokerBody, BadRegistration> {
    if !compressed {
        return Ok(json::from_slice(bytes)?);
    }
    let plain = inflate(bytes, MAX_INFLATED_LEN)?;
    let mut rest = &plain[..];
    let data_version: DataVersion = json::from_slice(part(&mut rest)?)?;
    let count = length(&mut rest)?;
    let mut topics = BTreeMap::new();
    for _ in 0..count {
        let topic = topic(&String::from_utf8_lossy(part(&mut rest)?))?;
        topics.insert(topic.topic_name.clone(), topic);
    }
    // As in Java, a broken list of filter servers does not keep a broker out.
    let filter_servers = json::from_slice(part(&mut rest)?).unwrap_or_default();
    Ok(RegisterBrokerBody {
        filter_server_list: Some(filter_servers),
        topic_config_serialize_wrapper: TopicConfigTable { data_version, topic_config_table: topics },
    })
}

fn inflate(bytes: &[u8], most: usize) -> Result<Vec<u8>, BadRegistration> {
    let mut plain = Vec::new();
    let mut stream = ZlibDecoder::new(bytes).take(most as u64 + 1);
    stream.read_to_end(&mut plain).map_err(|_| BadRegistration::Stream)?;
    if plain.len() > most { Err(BadRegistration::TooLong) } else { Ok(plain) }
}

fn push_part(part: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(part.len() as u32).to_be_bytes());
    out.extend_from_slice(part);
}

fn length(rest: &mut &[u8]) -> Result<usize, BadRegistration> {
    let (length, behind) = rest.split_first_chunk().ok_or(BadRegistration::Part)?;
    *rest = behind;
    usize::try_from(i32::from_be_bytes(*length)).map_err(|_| BadRegistration::Part)
}

fn part<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], BadRegistration> {
    let len = length(rest)?;
    let (part, behind) = rest.split_at_checked(len).ok_or(BadRegistration::Part)?;
    *rest = behind;
    Ok(part)
}

fn topic_line(topic: &TopicConfig) -> String {
    let TopicConfig { topic_name, read_queue_count, write_queue_count, perm, topic_filter_type, .. } = topic;
    format!("{topic_name} {read_queue_count} {write_queue_count} {} {}", perm.0, topic_filter_type.name())
}

fn topic(line: &str) -> Result<TopicConfig, BadRegistration> {
    let parse = || {
        let mut words = line.trim_end_matches(' ').split(' ');
        let topic = TopicConfig {
            topic_name: words.next()?.to_owned(),
            read_queue_count: words.next()?.parse().ok()?,
            write_queue_count: words.next()?.parse().ok()?,
            perm: Perm(words.next()?.parse().ok()?),
            topic_filter_type: TopicFilterType::from_name(words.next()?)?,
            ..TopicConfig::default()
        };
        words.next().is_none().then_some(topic)
    };
    parse().ok_or_else(|| BadRegistration::Topic(line.chars().take(200).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

    /// Written by `RegisterBrokerBody#encode` of 4.3.0.
    const JAVA: [u8; 72] = hex!(
        "78da63606050af564ace2fcd2b492d52b232d6512ac9cc4d2d2e49cc2d50b2323435363680815a0606064620160a513001423385604f3f771f
         d7f8104777a02853742c00c3e01107"
    );

    fn body() -> RegisterBrokerBody {
        let topic = TopicConfig::new("T", 4, Perm::READ_WRITE);
        RegisterBrokerBody {
            filter_server_list: Some(vec![]),
            topic_config_serialize_wrapper: TopicConfigTable {
                data_version: DataVersion { counter: 3, timestamp: 1_533_000_000_000 },
                topic_config_table: [("T".to_owned(), topic)].into(),
            },
        }
    }

    #[test]
    fn what_java_compressed_is_read() {
        assert_eq!(decode(&JAVA, true), Ok(body()));
        assert_eq!(inflate(&encode(&body(), true), 1000), inflate(&JAVA, 1000));
        for len in 0..JAVA.len() {
            assert!(decode(&JAVA[..len], true).is_err(), "{len}");
        }
    }

    #[test]
    fn plain_bodies_are_json() {
        let text = r#"{"filterServerList":[],"topicConfigSerializeWrapper":{"dataVersion":{"counter":3,"timestamp":1533000000000},"topicConfigTable":{"T":{"order":false,"perm":6,"readQueueNums":4,"topicFilterType":"SINGLE_TAG","topicName":"T","topicSysFlag":0,"writeQueueNums":4}}}}"#;
        assert_eq!(encode(&body(), false), text.as_bytes());
        assert_eq!(decode(text.as_bytes(), false), Ok(body()));
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        let zeros = [0; 1001];
        let mut bomb = Vec::new();
        ZlibEncoder::new(&zeros[..], flate2::Compression::fast()).read_to_end(&mut bomb).unwrap();
        assert_eq!(inflate(&bomb, 1000), Err(BadRegistration::TooLong));
        assert_eq!(inflate(&bomb, 1001).as_deref(), Ok(&zeros[..]));
    }

    #[test]
    fn lines_that_are_no_topics_are_named() {
        for line in ["T", "T 4 4 6", "T 4 4 6 SINGLE_TAG x", "T 4 x 6 SINGLE_TAG", "T 4 4 6 ONE_TAG"] {
            assert_eq!(topic(line), Err(BadRegistration::Topic(line.to_owned())));
        }
    }
}
