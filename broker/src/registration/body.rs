//! The body of a registration, plain or compressed. Source: `common/protocol/body/RegisterBrokerBody`.

use crate::settings::BrokerSettings;
use compat::body::namesrv::{RegisterBrokerBody, TopicConfigTable};
use compat::json;
use compat::topic::{Perm, TopicConfig};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;

/// The table as name servers get it. A broker that may not be read or written says so of every topic.
pub(super) fn encode(mut topics: TopicConfigTable, settings: &BrokerSettings) -> Vec<u8> {
    let permission = Perm(settings.permission);
    if !permission.readable() || !permission.writeable() {
        for topic in topics.topic_config_table.values_mut() {
            *topic = TopicConfig {
                read_queue_count: topic.read_queue_count,
                write_queue_count: topic.write_queue_count,
                ..TopicConfig::new(&topic.topic_name, 0, permission)
            };
        }
    }
    if settings.compressed_register { compressed(&topics) } else { plain(topics) }
}

fn plain(topics: TopicConfigTable) -> Vec<u8> {
    json::to_vec(&RegisterBrokerBody { filter_server_list: Some(Vec::new()), topic_config_serialize_wrapper: topics })
}

/// Lengths, the version, a line a topic, no filter servers; all of it in one zlib stream.
fn compressed(topics: &TopicConfigTable) -> Vec<u8> {
    let count = topics.topic_config_table.len() as i32;
    let mut body = Vec::new();
    push_part(&json::to_vec(&topics.data_version), &mut body);
    body.extend_from_slice(&count.to_be_bytes());
    for topic in topics.topic_config_table.values() {
        let TopicConfig { topic_name, read_queue_count, write_queue_count, perm, topic_filter_type, .. } = topic;
        let filter_type = topic_filter_type.name();
        let line = format!("{topic_name} {read_queue_count} {write_queue_count} {} {filter_type}", perm.0);
        push_part(line.as_bytes(), &mut body);
    }
    push_part(b"[]", &mut body);
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(&body).and_then(|()| encoder.finish());
    written.expect("a Vec takes every write")
}

fn push_part(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::body::DataVersion;
    use flate2::read::ZlibDecoder;
    use std::io::Read;

    fn inflate(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        ZlibDecoder::new(bytes).read_to_end(&mut out).expect("a zlib stream");
        out
    }

    fn table() -> TopicConfigTable {
        let topic = TopicConfig { order: true, ..TopicConfig::new("T", 4, Perm::READ_WRITE) };
        TopicConfigTable {
            data_version: DataVersion { counter: 3, timestamp: 1_533_000_000_000 },
            topic_config_table: [("T".to_owned(), topic)].into(),
        }
    }

    #[test]
    fn the_compressed_form_is_that_of_java() {
        let settings = BrokerSettings { compressed_register: true, ..BrokerSettings::default() };
        let java = "78da63606050af564ace2fcd2b492d52b232d6512ac9cc4d2d2e49cc2d50b2323435363680815a0606064620160a513001423385604f3f771fd7f8104777a02853742c00c3e01107";
        let java: Vec<u8> =
            (0..java.len()).step_by(2).map(|at| u8::from_str_radix(&java[at..at + 2], 16).expect("hex")).collect();
        assert_eq!(inflate(&encode(table(), &settings)), inflate(&java));
    }

    #[test]
    fn a_broker_that_may_not_be_written_says_so_of_every_topic() {
        let settings = BrokerSettings { permission: Perm::READ, ..BrokerSettings::default() };
        let body: RegisterBrokerBody = json::from_slice(&encode(table(), &settings)).expect("a body");
        let topic = &body.topic_config_serialize_wrapper.topic_config_table["T"];
        assert_eq!((topic.perm, topic.order, topic.read_queue_count), (Perm(Perm::READ), false, 4));
        assert_eq!(body.filter_server_list, Some(vec![]));
    }
}
