//! What both sides of this process know of one connection: the task that drives it, and everyone who holds a peer.

use crate::command::Command;
use crate::mailbox::Mailbox;
use crate::output::Output;
use compat::command::{Opaque, SerializeType};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use tokio::sync::{Semaphore, oneshot};

/// One connection.
pub(crate) struct Link {
    pub id: u64,
    pub remote: SocketAddr,
    pub local_port: u16,
    pub serialize: SerializeType,
    /// Requests to this kind of peer that may wait for their answers at a time.
    pub permits: Arc<Semaphore>,
    max_pending: usize,
    /// The loop that owns the connection; none for a connection that any thread may drive.
    home: Option<Arc<Mailbox>>,
    queue: Mutex<Queue>,
    calls: Mutex<Calls>,
    open: AtomicBool,
    /// Bytes of answers that the turn under way has written.
    answered_in_turn: AtomicUsize,
    /// A byte was read or written since the last look.
    active: AtomicBool,
    quiet_looks: AtomicU32,
}

/// What waits for the task that drives the connection.
#[derive(Default)]
struct Queue {
    handed: Output,
    wish: Wish,
    task: Option<Waker>,
}

/// What the task that drives the connection is asked for, the stronger after the weaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    #[default]
    Nothing,
    /// Memory that is not needed while nothing happens is given back.
    Trim,
    /// Nothing more is read; what is handed over is still written.
    Mute,
    /// What is due is written, then the connection is closed.
    Finish,
    /// The connection is closed at once.
    Abort,
}

/// Requests to the peer that wait for an answer.
struct Calls {
    open: bool,
    waiting: HashMap<Opaque, oneshot::Sender<Command>>,
}

/// What a connection is made from.
pub(crate) struct LinkParts {
    pub remote: SocketAddr,
    pub local_port: u16,
    pub serialize: SerializeType,
    pub permits: Arc<Semaphore>,
    pub max_pending: usize,
    pub home: Option<Arc<Mailbox>>,
}

impl Link {
    pub fn new(parts: LinkParts) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let LinkParts { remote, local_port, serialize, permits, max_pending, home } = parts;
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            remote: SocketAddr::new(remote.ip().to_canonical(), remote.port()),
            local_port,
            serialize,
            permits,
            max_pending,
            home,
            queue: Mutex::default(),
            calls: Mutex::new(Calls { open: true, waiting: HashMap::new() }),
            open: AtomicBool::new(true),
            answered_in_turn: AtomicUsize::new(0),
            active: AtomicBool::new(true),
            quiet_looks: AtomicU32::new(0),
        }
    }

    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Hands frames to the task that drives the connection. A peer that lets four times as much pile up as it takes to
    /// stop reading its requests is cut off: what it does not read would fill our memory.
    pub fn send(&self, output: &mut Output) {
        if output.is_empty() || !self.is_open() {
            return output.clear();
        }
        let mut queue = self.queue();
        queue.handed.append(output);
        if queue.handed.waiting() > self.max_pending.saturating_mul(4) {
            tracing::warn!(peer = %self.remote, bytes = queue.handed.waiting(), "closing a peer that does not read");
            queue.handed.clear();
            queue.wish = Wish::Abort;
        }
        self.wake(queue);
    }

    /// Sends unless so much waits already that the peer is not read either.
    pub fn send_if_room(&self, output: &mut Output) -> bool {
        let room = self.queue().handed.waiting() <= self.max_pending;
        if room {
            self.send(output);
        }
        room
    }

    /// Asks the task that drives the connection for something.
    pub fn wish(&self, wish: Wish) {
        if wish >= Wish::Finish {
            self.shut();
        }
        let mut queue = self.queue();
        queue.wish = queue.wish.max(wish);
        self.wake(queue);
    }

    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        let Some(task) = queue.task.take() else { return };
        drop(queue);
        match &self.home {
            Some(home) if !home.is_here() => home.post(|mail| mail.wakers.push(task)),
            _ => task.wake(),
        }
    }

    /// For the driving task: moves what was handed over behind `unsent`, and tells what is asked for.
    pub fn take(&self, unsent: &mut Output) -> Wish {
        let mut queue = self.queue();
        if !queue.handed.is_empty() {
            unsent.append(&mut queue.handed);
        }
        match queue.wish {
            Wish::Trim => std::mem::take(&mut queue.wish),
            wish => wish,
        }
    }

    /// For the driving task: leaves its waker for those who have something, unless somebody has something already.
    /// `seen` is what it was asked for before.
    pub fn park(&self, task: &Waker, seen: Wish) -> bool {
        let mut queue = self.queue();
        let idle = queue.handed.is_empty() && (queue.wish == Wish::Nothing || queue.wish == seen);
        if idle && !queue.task.as_ref().is_some_and(|known| known.will_wake(task)) {
            queue.task = Some(task.clone());
        }
        idle
    }

    /// For the output of a turn: so many bytes of answers are in it.
    pub fn note_answers(&self, bytes: usize) {
        self.answered_in_turn.store(bytes, Ordering::Relaxed);
    }

    /// Bytes of answers that the turn under way has written.
    pub fn answered_in_turn(&self) -> usize {
        self.answered_in_turn.load(Ordering::Relaxed)
    }

    /// For the driving task: a byte was read or written.
    pub fn touch(&self) {
        self.active.store(true, Ordering::Relaxed);
    }

    /// How many looks in a row, this one included, have seen no byte move since the look before.
    pub fn look(&self) -> u32 {
        if self.active.swap(false, Ordering::Relaxed) {
            self.quiet_looks.store(0, Ordering::Relaxed);
            return 0;
        }
        self.quiet_looks.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Takes no more frames, and fails the calls that wait.
    pub fn shut(&self) {
        self.open.store(false, Ordering::Release);
        let waiting = {
            let mut calls = self.calls();
            calls.open = false;
            std::mem::take(&mut calls.waiting)
        };
        drop(waiting);
    }

    /// For the driving task, at its end: nothing that is handed over stays.
    pub fn forget(&self) {
        self.shut();
        let mut queue = self.queue();
        let handed = std::mem::take(&mut queue.handed);
        queue.task = None;
        drop(queue);
        drop(handed);
    }

    /// A call that waits from here on; `None` when the connection is closed.
    pub fn expect_answer(self: &Arc<Self>) -> Option<PendingCall> {
        static NEXT: AtomicI32 = AtomicI32::new(0);
        let (sender, answer) = oneshot::channel();
        let mut calls = self.calls();
        if !calls.open {
            return None;
        }
        loop {
            let opaque = Opaque(NEXT.fetch_add(1, Ordering::Relaxed));
            if let std::collections::hash_map::Entry::Vacant(place) = calls.waiting.entry(opaque) {
                place.insert(sender);
                return Some(PendingCall { link: self.clone(), opaque, answer });
            }
        }
    }

    /// The opaque of a request that wants no answer.
    pub fn opaque_without_answer() -> Opaque {
        static NEXT: AtomicI32 = AtomicI32::new(0);
        Opaque(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether somebody waits for that answer.
    pub fn awaits(&self, opaque: Opaque) -> bool {
        self.calls().waiting.contains_key(&opaque)
    }

    /// Hands an answer to the call that waits for it.
    pub fn answered(&self, opaque: Opaque, answer: Command) {
        let waiting = self.calls().waiting.remove(&opaque);
        if let Some(waiting) = waiting {
            // The caller may have given up in this instant.
            let _ = waiting.send(answer);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that waits; dropping it gives up.
pub(crate) struct PendingCall {
    link: Arc<Link>,
    pub opaque: Opaque,
    pub answer: oneshot::Receiver<Command>,
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        self.link.calls().waiting.remove(&self.opaque);
    }
}
