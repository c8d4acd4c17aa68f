//! What waits for the thread that changes things.
//!
//! Requests are taken until so many or so many bytes of them wait; that a connection is gone is always taken, and stays
//! behind the requests that came by it.

use remoting::peer::Peer;
use remoting::request::OwnedRequest;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Requests that may wait.
const MAX_REQUESTS: usize = 10_000;
/// Bytes of bodies that may wait.
const MAX_BYTES: usize = 256 << 20;

/// Something that changes the tables.
pub enum Change {
    /// A request, of a peer, whose body has so many bytes.
    Request(Peer, Box<OwnedRequest>, usize),
    /// A connection is gone.
    Closed(u64),
}

/// What the thread does next.
pub enum Next {
    /// This.
    Change(Change),
    /// The time has come.
    Time,
    /// Nothing any more.
    End,
}

/// The queue.
#[derive(Default)]
pub struct Changes {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    changes: VecDeque<Change>,
    requests: usize,
    bytes: usize,
    is_ended: bool,
}

impl Changes {
    /// Adds a change; `false` when it does not fit.
    pub fn push(&self, change: Change) -> bool {
        let mut waiting = self.lock();
        if let Change::Request(_, _, bytes) = &change {
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
    pub fn next(&self, until: Instant) -> Next {
        let mut waiting = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() && !waiting.is_ended {
                return Next::Time;
            }
            if let Some(change) = waiting.changes.pop_front() {
                if let Change::Request(_, _, bytes) = &change {
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

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
