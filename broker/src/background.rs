//! All work that is done beside requests: each with a name, one thread for all, one way to stop.
//!
//! What may wait for the disk is run on a thread of its own for that long. A round that panics is logged, and the next
//! one runs; a service that ends early ends the broker, loudly.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Services that are not running yet.
pub struct Plan {
    runtime: Runtime,
    services: Vec<(&'static str, Start)>,
}

type Start = Box<dyn FnOnce(CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Services at work.
pub struct Background {
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

impl Plan {
    /// Nothing to do yet, and at most so many threads that may wait.
    pub fn new(waiting_threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(waiting_threads.max(1))
            .thread_name("aside")
            .build()?;
        Ok(Self { runtime, services: Vec::new() })
    }

    /// For work that others give to the threads that may wait.
    pub fn handle(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// A service: it runs until its token is cancelled.
    #[must_use]
    pub fn service<F: Future<Output = ()> + Send + 'static>(
        mut self,
        name: &'static str,
        service: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Self {
        self.services.push((name, Box::new(move |stop| Box::pin(service(stop)))));
        self
    }

    /// Work that is done again and again, with a pause before each round. It may wait for the disk.
    #[must_use]
    pub fn every(self, name: &'static str, pause: Duration, round: impl Fn() + Send + Sync + 'static) -> Self {
        let round = Arc::new(round);
        self.service(name, move |stop| async move {
            while pause_or_stop(pause, &stop).await {
                let round = Arc::clone(&round);
                aside(name, move || round()).await;
            }
        })
    }

    /// Work that is done again and again, with a pause before each round. It must not wait.
    #[must_use]
    pub fn every_quick(self, name: &'static str, pause: Duration, mut round: impl FnMut() + Send + 'static) -> Self {
        self.service(name, move |stop| async move {
            while pause_or_stop(pause, &stop).await {
                if catch_unwind(AssertUnwindSafe(&mut round)).is_err() {
                    tracing::error!(name, "a round of background work failed");
                }
            }
        })
    }

    /// Starts all of it. `failed` is called when a service ends by itself.
    pub fn start(self, failed: impl Fn() + Send + Sync + 'static) -> io::Result<Background> {
        let runtime = self.runtime;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("background".to_owned()).spawn(move || {
            let failed = Arc::new(failed);
            runtime.block_on(async move {
                let running = TaskTracker::new();
                for (name, service) in self.services {
                    let (stop, failed) = (stopped.clone(), Arc::clone(&failed));
                    let work = tokio::spawn(service(stop.clone()));
                    running.spawn(async move {
                        let end = work.await;
                        if !stop.is_cancelled() {
                            tracing::error!(name, panicked = end.is_err(), "service ended early, stopping the broker");
                            failed();
                        }
                    });
                }
                running.close();
                running.wait().await;
            });
        })?;
        Ok(Background { stop, thread })
    }
}

impl Background {
    /// Tells every service to end and waits for them.
    pub fn stop(self) {
        self.stop.cancel();
        if self.thread.join().is_err() {
            tracing::error!("the background thread has panicked");
        }
    }
}

/// `false` when it is time to stop.
pub async fn pause_or_stop(pause: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}

/// Runs what may wait for the disk. A panic in it is logged and `None`.
pub async fn aside<T: Send + 'static>(name: &'static str, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Some(result),
        Err(error) => {
            tracing::error!(name, %error, "a round of background work failed");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_round_that_panics_is_followed_by_the_next() {
        let (told, rounds) = mpsc::channel();
        let plan = Plan::new(1).expect("a runtime").every("test", Duration::ZERO, move || {
            let _ = told.send(());
            panic!("this round fails on purpose");
        });
        let background = plan.start(|| ()).expect("a thread");
        for _ in 0..2 {
            rounds.recv().expect("another round");
        }
        background.stop();
    }

    #[test]
    fn a_service_that_ends_early_is_told() {
        let (told, failures) = mpsc::channel();
        let plan = Plan::new(1).expect("a runtime").service("test", |_| async {});
        let background = plan.start(move || told.send(()).unwrap_or_default()).expect("a thread");
        failures.recv().expect("told");
        background.stop();
    }
}
