//! What other threads tell a loop: which of its connections have something to write, and which sockets are its own from
//! here on. However much comes in before the loop looks, it is woken once.

use std::cell::Cell;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The mailbox of one loop.
#[derive(Debug)]
pub(crate) struct Mailbox {
    loop_id: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    mail: Mail,
    reader: Option<Waker>,
}

/// What has come in.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    /// Connections of the loop that have something to do.
    pub wakers: Vec<Waker>,
    /// Sockets that were accepted for the loop.
    pub sockets: Vec<(TcpStream, SocketAddr)>,
    /// The server stops.
    pub stop: bool,
}

thread_local! {
    static LOOP_HERE: Cell<u64> = const { Cell::new(0) };
}

impl Mailbox {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { loop_id: NEXT.fetch_add(1, Ordering::Relaxed), inner: Mutex::default() }
    }

    /// Makes the calling thread the loop of this mailbox.
    pub fn settle_here(&self) {
        LOOP_HERE.set(self.loop_id);
    }

    /// Whether the calling thread is the loop of this mailbox.
    pub fn is_here(&self) -> bool {
        LOOP_HERE.get() == self.loop_id
    }

    /// Puts something in, and wakes the loop unless it is awake already.
    pub fn post(&self, put: impl FnOnce(&mut Mail)) {
        let reader = {
            let mut inner = self.lock();
            put(&mut inner.mail);
            inner.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Takes everything out; waits while there is nothing.
    pub fn poll_take(&self, cx: &mut Context<'_>, mail: &mut Mail) -> Poll<()> {
        let mut inner = self.lock();
        let waiting = &mut inner.mail;
        if waiting.wakers.is_empty() && waiting.sockets.is_empty() && !waiting.stop {
            inner.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        std::mem::swap(mail, waiting);
        Poll::Ready(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
