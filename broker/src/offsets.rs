//! How far each group has consumed. `consumerOffset.json`. Source: `broker/offset/ConsumerOffsetManager`.

/// The table of offsets.
pub struct ConsumerOffsets {
    _later: (),
}

impl ConsumerOffsets {
    /// Stores an offset, backwards too. Costs no allocation once the group is known.
    pub fn commit(&self, group: &str, topic: &str, queue_id: i32, offset: i64) {
        let _ = (group, topic, queue_id, offset);
        todo!()
    }

    /// The stored offset.
    pub fn query(&self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        let _ = (group, topic, queue_id);
        todo!()
    }
}
