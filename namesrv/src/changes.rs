//! What waits for the thread that changes things.
//!
//! Requests are taken until so many or so many bytes of them wait; that a connection is gone is always taken, and stays
//! behind the requests that came by it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Requests that may wait.
const MAX_REQUESTS: usize = 10_000;
/// Bytes of bodies that may wait; a single body may be longer.
const MAX_BYTES: usize = 256 << 20;

/// Something that changes the tables.
#[derive(Debug, PartialEq, Eq)]
pub enum Change<R> {
    /// A request, whose body has so many bytes.
    Request(R, usize),
    /// A connection is gone.
    Closed(u64),
}

/// What the thread does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<R> {
    /// This.
    Change(Change<R>),
    /// The time has come.
    Time,
    /// Nothing any more.
    End,
}

/// The queue.
pub struct Changes<R> {
    waiting: Mutex<Waiting<R>>,
    arrived: Condvar,
}

struct Waiting<R> {
    changes: VecDeque<Change<R>>,
    requests: usize,
    bytes: usize,
    is_ended: bool,
}

impl<R> Changes<R> {
    /// An empty queue.
    pub fn new() -> Self {
        let waiting = Waiting { changes: VecDeque::new(), requests: 0, bytes: 0, is_ended: false };
        Self { waiting: Mutex::new(waiting), arrived: Condvar::new() }
    }

    /// Adds a change; `false` when it does not fit.
    pub fn push(&self, change: Change<R>) -> bool {
        let mut waiting = self.lock();
        if let Change::Request(_, bytes) = &change {
            if waiting.requests >= MAX_REQUESTS || waiting.requests > 0 && waiting.bytes + bytes > MAX_BYTES {
                return false;
            }
            waiting.requests += 1;
            waiting.bytes += bytes;
        }
        waiting.changes.push_back(change);
        self.arrived.notify_one();
        true
    }

    /// Nothing will be added any more.
    pub fn end(&self) {
        self.lock().is_ended = true;
        self.arrived.notify_all();
    }

    /// Waits for the next change, until some time. What waits is handed out before the end.
    pub fn next(&self, until: Instant) -> Next<R> {
        let mut waiting = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() && !waiting.is_ended {
                return Next::Time;
            }
            if let Some(change) = waiting.changes.pop_front() {
                if let Change::Request(_, bytes) = &change {
                    waiting.requests -= 1;
                    waiting.bytes -= bytes;
                }
                return Next::Change(change);
            }
            if waiting.is_ended {
                return Next::End;
            }
            let woken = self.arrived.wait_timeout(waiting, left);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<R>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn changes_come_in_order_and_before_the_end() {
        let changes = Changes::new();
        assert!(changes.push(Change::Request('a', 1)) && changes.push(Change::Closed(7)));
        changes.end();
        assert_eq!(changes.next(later()), Next::Change(Change::Request('a', 1)));
        assert_eq!(changes.next(later()), Next::Change(Change::Closed(7)));
        assert_eq!(changes.next(later()), Next::End);
    }

    #[test]
    fn the_time_comes_also_while_changes_wait() {
        let changes = Changes::new();
        changes.push(Change::Request('a', 1));
        assert_eq!(changes.next(Instant::now()), Next::Time);
        assert_eq!(changes.next(later()), Next::Change(Change::Request('a', 1)));
    }

    #[test]
    fn too_many_bytes_or_requests_do_not_fit_but_closed_connections_do() {
        let changes = Changes::new();
        assert!(changes.push(Change::Request('a', MAX_BYTES + 1)), "one body always fits");
        assert!(!changes.push(Change::Request('b', 1)));
        assert!(changes.push(Change::Closed(1)));
        changes.next(later());
        for _ in 0..MAX_REQUESTS {
            assert!(changes.push(Change::Request('c', 1)));
        }
        assert!(!changes.push(Change::Request('d', 1)));
        assert!(changes.push(Change::Closed(2)));
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }
}
