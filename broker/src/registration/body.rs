//! The body of a registration, plain or compressed. Source: `common/protocol/body/RegisterBrokerBody`.

use crate::settings::BrokerSettings;
use compat::body::namesrv::{RegisterBrokerBody, TopicConfigTable};
use compat::registration;
use compat::topic::{Perm, TopicConfig};

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
    let body = RegisterBrokerBody { filter_server_list: Some(Vec::new()), topic_config_serialize_wrapper: topics };
    registration::encode(&body, settings.compressed_register)
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::body::DataVersion;
    use compat::json;

    fn table() -> TopicConfigTable {
        let topic = TopicConfig { order: true, ..TopicConfig::new("T", 4, Perm::READ_WRITE) };
        TopicConfigTable {
            data_version: DataVersion { counter: 3, timestamp: 1_533_000_000_000 },
            topic_config_table: [("T".to_owned(), topic)].into(),
        }
    }

    #[test]
    fn the_compressed_form_says_the_same_without_the_order() {
        let settings = BrokerSettings { compressed_register: true, ..BrokerSettings::default() };
        let body = registration::decode(&encode(table(), &settings), true).expect("a body");
        let topic = &body.topic_config_serialize_wrapper.topic_config_table["T"];
        assert_eq!(*topic, TopicConfig::new("T", 4, Perm::READ_WRITE));
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
