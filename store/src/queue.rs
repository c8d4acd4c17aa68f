//! A consume queue: where each message of one queue of a topic lies in the log.

use compat::offset::{QueueId, QueueOffset};

/// One queue. Held by whoever sends to it or pulls from it, so that a message costs no look-up.
pub struct Queue {
    _later: (),
}

impl Queue {
    /// Topic.
    pub fn topic(&self) -> &str {
        todo!()
    }

    /// Number of the queue.
    pub fn id(&self) -> QueueId {
        todo!()
    }

    /// First offset there is.
    pub fn min(&self) -> QueueOffset {
        todo!()
    }

    /// Behind the last message that can be pulled.
    pub fn max(&self) -> QueueOffset {
        todo!()
    }

    /// Asks for [`crate::Arrivals`] of this queue, until as many [`Queue::unwatch`] have come. Costs nothing while nobody watches.
    pub fn watch(&self) {
        todo!()
    }

    /// Ends one [`Queue::watch`].
    pub fn unwatch(&self) {
        todo!()
    }

    /// Whether the queue was destroyed (its topic deleted): handles to it must be dropped and looked up again.
    pub fn is_destroyed(&self) -> bool {
        todo!()
    }
}
