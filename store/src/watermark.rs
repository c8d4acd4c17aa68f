//! A place that only moves forward, and those who wait for it.

use compat::offset::PhysicalOffset;
use tokio::sync::watch;

/// A place in the log that others wait for.
#[derive(Debug)]
pub struct Watermark {
    at: watch::Sender<PhysicalOffset>,
}

impl Watermark {
    /// Stands at `at`.
    pub fn new(at: PhysicalOffset) -> Self {
        Self { at: watch::Sender::new(at) }
    }

    /// Where it stands.
    pub fn get(&self) -> PhysicalOffset {
        *self.at.borrow()
    }

    /// Moves forward; a place that is not ahead changes nothing.
    pub fn advance(&self, to: PhysicalOffset) {
        self.at.send_if_modified(|at| {
            let ahead = to > *at;
            *at = (*at).max(to);
            ahead
        });
    }

    /// Follows it: `changed().await` wakes once for all movements since the last look.
    pub fn subscribe(&self) -> watch::Receiver<PhysicalOffset> {
        self.at.subscribe()
    }
}
