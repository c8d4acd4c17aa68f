//! The file that the log goes on with when the current one is full, made ahead of time.
//!
//! One thread makes it, the appender takes it. Both do so under one lock, so that no file is made twice: an append that
//! needs a file before it is ready waits until it is. That is the only wait, and happens only when a whole file is
//! filled faster than an empty one is made.

use crate::segments::{Segment, Segments};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// At most one prepared file.
#[derive(Default)]
pub(super) struct Spare {
    made: Mutex<Option<Arc<Segment>>>,
}

impl Spare {
    /// Makes the file that starts at `first`, unless it is there. `None` when the log has gone on to it already.
    pub fn prepare(&self, segments: &Segments, first: u64) -> io::Result<Option<Arc<Segment>>> {
        let mut made = self.lock();
        if made.is_none() && segments.last().is_some_and(|last| last.end() == first) {
            *made = Some(segments.make(first)?);
        }
        Ok(made.clone())
    }

    /// The file that starts at `first`, added to the log; made on the spot when it is not ready.
    pub fn take(&self, segments: &Segments, first: u64) -> io::Result<Arc<Segment>> {
        let mut made = self.lock();
        let next = match made.take() {
            Some(ready) if ready.first == first => ready,
            _ => segments.make(first)?,
        };
        segments.push(Arc::clone(&next));
        Ok(next)
    }

    /// Deletes the file when it was not used.
    pub fn discard(&self, segments: &Segments) -> io::Result<()> {
        match self.lock().take() {
            Some(unused) => segments.discard(&unused),
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Segment>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
