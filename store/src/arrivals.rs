//! What the store tells of messages that can be pulled: the only way in which it calls back.

use crate::queue::Queue;
use compat::offset::{PhysicalOffset, QueueOffset};
use compat::time::Millis;
use std::sync::Arc;

/// A message that can be pulled.
#[derive(Clone)]
pub struct Arrival {
    /// Its queue.
    pub queue: Arc<Queue>,
    /// Its offset in the queue.
    pub queue_offset: QueueOffset,
    /// Java hash of its tags.
    pub tags_code: i64,
    /// When it was stored.
    pub store_timestamp: Millis,
    /// Where it lies.
    pub position: PhysicalOffset,
    /// Length of its record, bytes.
    pub size: u32,
}

/// Told of messages in watched queues, in queue order. Called by whichever thread dispatches: must not block.
pub trait Arrivals: Send + Sync {
    /// These messages can be pulled.
    fn arrived(&self, arrivals: &[Arrival]);
}
