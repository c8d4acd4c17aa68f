//! The topics of this broker: built in, created by hand, created by the first send. `topics.json`.
//! Source: `broker/topic/TopicConfigManager`.

use compat::body::DataVersion;
use compat::topic::{Perm, TopicConfig};
use std::sync::Arc;

/// The table of topics. Reading it is cheap; each change is persisted before it is answered.
pub struct Topics {
    _later: (),
}

/// What a send says of a topic that may have to be made.
#[derive(Clone, Copy, Debug)]
pub struct AutoCreate<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Its template.
    pub default_topic: &'a str,
    /// Queues wanted.
    pub queue_count: i32,
    /// System flag bits.
    pub sys_flag: i32,
}

impl Topics {
    /// Changes with every change of any topic: whoever keeps a topic compares it once a turn.
    pub fn generation(&self) -> u64 {
        todo!()
    }

    /// A topic.
    pub fn find(&self, name: &str) -> Option<Arc<TopicConfig>> {
        let _ = name;
        todo!()
    }

    /// The topic of a send, made after its template where that is allowed; `None` where it is not.
    pub fn find_or_create(&self, wanted: &AutoCreate<'_>) -> Option<Arc<TopicConfig>> {
        let _ = wanted;
        todo!()
    }

    /// A retry or dead letter topic, made when missing.
    pub fn find_or_create_internal(
        &self,
        name: &str,
        queue_count: i32,
        perm: Perm,
        sys_flag: i32,
    ) -> Option<Arc<TopicConfig>> {
        let _ = (name, queue_count, perm, sys_flag);
        todo!()
    }

    /// Version of the table.
    pub fn data_version(&self) -> DataVersion {
        todo!()
    }
}
