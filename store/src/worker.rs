//! A named thread that does its work in rounds: when it is woken, or when the time that the last round named is over.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

/// One such thread. Starts once.
pub(crate) struct Worker {
    name: &'static str,
    signals: Arc<Signals>,
    thread: OnceLock<Thread>,
    running: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Signals {
    woken: AtomicBool,
    stopped: AtomicBool,
}

/// What a round wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing until somebody wakes it.
    WhenWoken,
    /// The next round after this time, or when somebody wakes it.
    After(Duration),
    /// Nothing any more: the thread ends.
    Nothing,
}

impl Worker {
    /// A thread that does not run yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, signals: Arc::default(), thread: OnceLock::new(), running: Mutex::new(None) }
    }

    /// Starts it; the first round runs at once. A round that panics is logged, and the next one runs a second later.
    pub fn start(&self, mut round: impl FnMut() -> Next + Send + 'static) -> io::Result<()> {
        let signals = Arc::clone(&self.signals);
        let name = self.name;
        let handle = thread::Builder::new().name(name.to_owned()).spawn(move || {
            while !signals.stopped.load(Ordering::Acquire) {
                let next = catch_unwind(AssertUnwindSafe(&mut round)).unwrap_or_else(|_| {
                    tracing::error!(name, "a round panicked, going on with the next");
                    Next::After(Duration::from_secs(1))
                });
                match next {
                    Next::Nothing => break,
                    Next::WhenWoken => signals.wait(),
                    Next::After(time) => signals.wait_for(time),
                }
            }
        })?;
        let _ = self.thread.set(handle.thread().clone());
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
        Ok(())
    }

    /// Makes a round run soon. A call to the system only when the thread sleeps.
    pub fn wake(&self) {
        if !self.signals.woken.swap(true, Ordering::AcqRel)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Ends it after its round, and waits for that. Nothing happens when it does not run.
    pub fn stop(&self) {
        self.signals.stopped.store(true, Ordering::Release);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = running {
            handle.thread().unpark();
            if handle.join().is_err() {
                tracing::error!(name = self.name, "a thread ended with a panic");
            }
        }
    }
}

impl Signals {
    fn is_over(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel) || self.stopped.load(Ordering::Acquire)
    }

    fn wait(&self) {
        while !self.is_over() {
            thread::park();
        }
    }

    /// One that wakes for no reason looks at its work a little early.
    fn wait_for(&self, time: Duration) {
        if !self.is_over() {
            thread::park_timeout(time);
            self.woken.swap(false, Ordering::AcqRel);
        }
    }
}

/// Does not wait for the thread: it may be the one that drops this.
impl Drop for Worker {
    fn drop(&mut self) {
        self.signals.stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn each_wake_is_followed_by_a_round_until_it_is_stopped() {
        let worker = Worker::new("test");
        let (sender, rounds) = mpsc::channel();
        worker.wake();
        worker
            .start(move || {
                let _ = sender.send(());
                Next::WhenWoken
            })
            .unwrap();
        for _ in 0..3 {
            rounds.recv().unwrap();
            worker.wake();
        }
        rounds.recv().unwrap();
        worker.stop();
        assert!(rounds.iter().count() <= 1);
    }

    #[test]
    fn a_round_that_panics_is_not_the_last() {
        let worker = Worker::new("test");
        let (sender, rounds) = mpsc::channel();
        let mut count = 0;
        worker
            .start(move || {
                count += 1;
                let _ = sender.send(count);
                assert!(count > 1, "on purpose");
                Next::WhenWoken
            })
            .unwrap();
        worker.wake();
        assert_eq!(rounds.recv().unwrap(), 1);
        worker.wake();
        assert_eq!(rounds.recv().unwrap(), 2);
        worker.stop();
    }
}
