//! Counters of what was sent and pulled. Source: `store/stats/BrokerStatsManager`.

/// The counters of this broker.
#[derive(Default)]
pub struct Stats {
    _later: (),
}

impl Stats {
    /// So many messages of so many bytes were stored in a topic.
    pub fn stored(&self, topic: &str, count: u32, bytes: u64) {
        let _ = (topic, count, bytes);
        todo!()
    }

    /// So many messages of so many bytes were handed to a group.
    pub fn pulled(&self, topic: &str, group: &str, count: u32, bytes: u64) {
        let _ = (topic, group, count, bytes);
        todo!()
    }
}
