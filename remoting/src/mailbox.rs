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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Wakes(AtomicUsize);
    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_reader_is_woken_once_for_everything_that_comes_before_it_looks() {
        let mailbox = Mailbox::new();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        let mut mail = Mail::default();
        for round in 1..=3 {
            assert!(mailbox.poll_take(&mut cx, &mut mail).is_pending());
            std::thread::scope(|threads| {
                for _ in 0..4 {
                    threads
                        .spawn(|| (0..25).for_each(|_| mailbox.post(|mail| mail.wakers.push(Waker::noop().clone()))));
                }
            });
            assert_eq!(wakes.0.load(Ordering::Relaxed), round);
            assert!(mailbox.poll_take(&mut cx, &mut mail).is_ready());
            assert_eq!(mail.wakers.drain(..).count(), 100);
        }
    }

    #[test]
    fn a_mailbox_knows_its_loop() {
        let (here, elsewhere) = (Mailbox::new(), Mailbox::new());
        here.settle_here();
        assert!(here.is_here() && !elsewhere.is_here());
        std::thread::scope(|threads| threads.spawn(|| assert!(!here.is_here())).join()).unwrap();
    }
}
