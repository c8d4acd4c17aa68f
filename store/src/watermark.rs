//! A place that only moves forward, and those who wait for it.

use compat::offset::PhysicalOffset;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::watch;

/// A place in the log that others wait for.
#[derive(Debug)]
pub struct Watermark {
    /// The same place, for those who only look: no lock, no shared count.
    seen: AtomicI64,
    at: watch::Sender<PhysicalOffset>,
}

impl Watermark {
    /// Stands at `at`.
    pub fn new(at: PhysicalOffset) -> Self {
        Self { seen: AtomicI64::new(at.to_java()), at: watch::Sender::new(at) }
    }

    /// Where it stands.
    pub fn get(&self) -> PhysicalOffset {
        PhysicalOffset::from_java(self.seen.load(Ordering::Acquire)).unwrap_or_default()
    }

    /// Moves forward; a place that is not ahead changes nothing.
    pub fn advance(&self, to: PhysicalOffset) {
        self.at.send_if_modified(|at| {
            let ahead = to > *at;
            if ahead {
                *at = to;
                self.seen.store(to.to_java(), Ordering::Release);
            }
            ahead
        });
    }

    /// Follows it: `changed().await` wakes once for all movements since the last look.
    pub fn subscribe(&self) -> watch::Receiver<PhysicalOffset> {
        self.at.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64) -> PhysicalOffset {
        PhysicalOffset::from_java(offset).unwrap()
    }

    #[test]
    fn it_moves_forward_only_and_tells_of_it_once() {
        let mark = Watermark::new(at(10));
        let mut follower = mark.subscribe();
        mark.advance(at(5));
        assert!(!follower.has_changed().unwrap());
        mark.advance(at(20));
        mark.advance(at(30));
        assert!(follower.has_changed().unwrap());
        assert_eq!(*follower.borrow_and_update(), at(30));
        assert_eq!(mark.get(), at(30));
        assert!(!follower.has_changed().unwrap());
    }
}
