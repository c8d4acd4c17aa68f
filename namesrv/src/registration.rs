//! The body of a registration, in its three forms: JSON, JSON of old brokers, and compressed (`compat::registration`).
//!
//! A broker sends the same body every 30 s, up to megabytes of it; [`LastBodies`] tells without reading it again.
//!
//! Source: `common/protocol/body/RegisterBrokerBody`, `common/TopicConfig#decode`.

use compat::body::DataVersion;
use compat::body::namesrv::TopicConfigTable;
use compat::command::version;
use compat::json;
use compat::registration::{self, BadRegistration};
use compat::topic::TopicConfig;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// What a body says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// Version of the topics.
    pub version: DataVersion,
    /// The topics.
    pub topics: Vec<TopicConfig>,
    /// Addresses of filter servers; `None` leaves those that are known.
    pub filter_servers: Option<Vec<String>>,
}

/// Reads the body of a broker of some version.
pub fn decode(bytes: &[u8], is_compressed: bool, broker_version: i32) -> Result<Body, BadRegistration> {
    match () {
        () if bytes.is_empty() => {
            Ok(Body { filter_servers: (broker_version >= version::V3_0_11).then(Vec::new), ..Body::default() })
        }
        () if broker_version < version::V3_0_11 => Ok(Body::of(json::from_slice(bytes)?, None)),
        () => {
            let body = registration::decode(bytes, is_compressed)?;
            Ok(Body::of(body.topic_config_serialize_wrapper, body.filter_server_list))
        }
    }
}

impl Body {
    fn of(table: TopicConfigTable, filter_servers: Option<Vec<String>>) -> Self {
        let topic = |(name, mut topic): (String, TopicConfig)| {
            if topic.topic_name.is_empty() {
                topic.topic_name = name;
            }
            topic
        };
        let topics = table.topic_config_table.into_iter().map(topic).collect();
        Self { version: table.data_version, topics, filter_servers }
    }
}

/// The last body of each broker, as a digest and what it said beside topics.
#[derive(Default)]
pub struct LastBodies {
    by_address: HashMap<String, (u64, Body)>,
    /// Random, so that nobody can make up two bodies with one digest.
    hasher: RandomState,
}

impl LastBodies {
    /// The body without its topics, if the broker sent the very same before.
    pub fn known(&self, address: &str, bytes: &[u8]) -> Option<Body> {
        let (digest, body) = self.by_address.get(address)?;
        (*digest == self.digest(bytes)).then(|| body.clone())
    }

    /// Remembers a body.
    pub fn put(&mut self, address: &str, bytes: &[u8], body: &Body) {
        let without_topics =
            Body { version: body.version, topics: Vec::new(), filter_servers: body.filter_servers.clone() };
        let digest = self.digest(bytes);
        self.by_address.insert(address.to_owned(), (digest, without_topics));
    }

    /// Forgets a broker that is gone.
    pub fn forget(&mut self, address: &str) {
        self.by_address.remove(address);
    }

    fn digest(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::topic::Perm;
    use flate2::Compression;
    use flate2::read::ZlibDecoder;
    use flate2::write::ZlibEncoder;
    use hex_literal::hex;
    use std::io::{Read, Write};

    /// `RegisterBrokerBody.encode(true)` of 4.3.0: topic T with 4 queues, version 3 of 1533000000000, no filter servers.
    const JAVA: [u8; 72] = hex!(
        "78da63606050af564ace2fcd2b492d52b232d6512ac9cc4d2d2e49cc2d50b23234353636"
        "80815a0606064620160a513001423385604f3f771fd7f8104777a02853742c00c3e01107"
    );

    #[test]
    fn a_stream_of_java_is_read() {
        let body = decode(&JAVA, true, 273).unwrap();
        assert_eq!(body.version, DataVersion { counter: 3, timestamp: 1_533_000_000_000 });
        assert_eq!(body.topics, [TopicConfig::new("T", 4, Perm::READ_WRITE)]);
        assert_eq!(body.filter_servers, Some(Vec::new()));
    }

    #[test]
    fn json_is_read_with_and_without_filter_servers() {
        let wrapper = r#"{"dataVersion":{"counter":3,"timestamp":5},"topicConfigTable":{"T":{"order":false,"perm":6,
            "readQueueNums":4,"topicFilterType":"SINGLE_TAG","topicName":"T","topicSysFlag":0,"writeQueueNums":4}}}"#;
        let json = format!(r#"{{"filterServerList":["f:1"],"topicConfigSerializeWrapper":{wrapper}}}"#);
        let body = decode(json.as_bytes(), false, 273).unwrap();
        assert_eq!(body.topics, [TopicConfig::new("T", 4, Perm::READ_WRITE)]);
        assert_eq!(body.filter_servers, Some(vec!["f:1".to_owned()]));

        let old = decode(wrapper.as_bytes(), true, 36).unwrap();
        assert_eq!((old.topics, old.filter_servers), (body.topics, None));
    }

    #[test]
    fn no_body_is_version_zero_without_topics() {
        assert_eq!(decode(b"", true, 273).unwrap(), Body { filter_servers: Some(vec![]), ..Body::default() });
        assert_eq!(decode(b"", false, 36).unwrap(), Body::default());
    }

    #[test]
    fn the_same_body_is_known_until_another_one_comes() {
        let mut last = LastBodies::default();
        let body = Body { version: DataVersion { counter: 1, timestamp: 2 }, ..Body::default() };
        let with_topics = Body { topics: vec![TopicConfig::new("T", 4, Perm::READ_WRITE)], ..body.clone() };
        last.put("a:1", b"bytes", &with_topics);
        assert_eq!(last.known("a:1", b"bytes"), Some(body));
        assert_eq!(last.known("a:1", b"other"), None);
        assert_eq!(last.known("b:1", b"bytes"), None);
        last.forget("a:1");
        assert_eq!(last.known("a:1", b"bytes"), None);
    }

    #[test]
    fn a_stream_that_lies_is_refused() {
        let version = [&[0, 0, 0, 2][..], b"{}"].concat();
        for (what, content) in [
            ("a negative length", vec![0xFF, 0, 0, 0]),
            ("a length past the end", vec![0x7F, 0, 0, 0]),
            ("topics that are missing", [&version[..], &[0x7F, 0, 0, 0]].concat()),
            ("a topic of two parts", [&version[..], &[0, 0, 0, 1, 0, 0, 0, 3], b"T 4", &[0, 0, 0, 2], b"[]"].concat()),
            ("no filter servers", [&version[..], &[0, 0, 0, 0]].concat()),
        ] {
            assert!(decode(&deflate(&content), true, 273).is_err(), "{what}");
        }
        assert!(decode(b"no zlib", true, 273).is_err());
        assert!(decode(b"{}", true, 273).is_err());
        let fine = [&version[..], &[0, 0, 0, 0, 0, 0, 0, 2], b"[]"].concat();
        assert!(decode(&deflate(&fine), true, 273).is_ok());
    }

    #[test]
    fn damaged_bodies_are_refused_or_read_but_never_a_panic() {
        let mut inflated = Vec::new();
        ZlibDecoder::new(&JAVA[..]).read_to_end(&mut inflated).unwrap();
        let mut seed = 1u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize
        };
        for _ in 0..5000 {
            let mut content = inflated.clone();
            for _ in 0..=next() % 3 {
                let at = next() % content.len();
                match next() % 3 {
                    0 => content[at] = next() as u8,
                    1 => content.truncate(at.max(1)),
                    _ => content.insert(at, next() as u8),
                }
            }
            let _ = decode(&deflate(&content), true, 273);
            let _ = decode(&content, true, 273);
            let _ = decode(&content[4.min(content.len())..], false, 273);
        }
    }

    fn deflate(content: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }
}
