//! Held pulls of all loops, and what wakes them: the dispatcher of the store, and the time.

use super::held::{Held, HeldId, HeldPulls, Limits};
use super::{Asked, Pull};
use crate::filter::TagFilter;
use compat::body::client::SubscriptionData;
use compat::header::pull::PullRequest;
use compat::time::{Clock, Millis};
use remoting::peer::Peer;
use remoting::request::ReplyTo;
use std::cmp::Ordering as Order;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Arrival, Arrivals, Filter, Queue};
use tokio::sync::Notify;

/// The pulls that wait.
pub(super) struct Waiting {
    held: Mutex<Shared>,
    earlier: Notify,
}

struct Shared {
    pulls: HeldPulls<ByHandle, HeldPull>,
    /// When the timer looks next. A pull that is due before has to tell it.
    timer: Millis,
    closed: bool,
}

/// A pull that can outlive its turn.
pub(super) struct HeldPull {
    request: PullRequest<'static>,
    to: ReplyTo,
    peer: Peer,
    subscription: Option<Arc<SubscriptionData>>,
}

/// A queue by its handle, so that finding it compares no text.
#[derive(Clone)]
struct ByHandle(Arc<Queue>);

impl Waiting {
    pub fn new(limits: Limits) -> Self {
        let shared = Shared { pulls: HeldPulls::new(limits), timer: Millis(i64::MAX), closed: false };
        Self { held: Mutex::new(shared), earlier: Notify::new() }
    }

    /// Holds a pull; `None` where too many are held, or no more are. Who looks at the queue afterwards misses no message.
    pub fn hold(&self, queue: &Arc<Queue>, deadline: Millis, pull: HeldPull) -> Option<HeldId> {
        let held = Held {
            queue: ByHandle(Arc::clone(queue)),
            peer: pull.peer.id(),
            offset: pull.request.queue_offset,
            deadline,
            pull,
        };
        queue.watch();
        let mut shared = self.shared();
        let id = if shared.closed { None } else { shared.pulls.hold(held).ok() };
        let is_earlier = id.is_some() && deadline < shared.timer;
        drop(shared);
        if id.is_none() {
            queue.unwatch();
        }
        if is_earlier {
            self.earlier.notify_one();
        }
        id
    }

    /// Takes a pull out, if it still waits.
    pub fn take(&self, id: HeldId) -> Option<HeldPull> {
        let held = self.shared().pulls.take(id);
        held.map(release)
    }

    /// The pulls whose time is over.
    pub fn on_time(&self, now: Millis) -> Vec<HeldPull> {
        let due = self.shared().pulls.on_time(now);
        due.into_iter().map(release).collect()
    }

    /// Waits until the time of a pull may be over.
    pub async fn until_next_deadline(&self, clock: &Clock) {
        let deadline = {
            let mut shared = self.shared();
            shared.timer = shared.pulls.next_deadline().unwrap_or(Millis(i64::MAX));
            shared.timer
        };
        tokio::select! {
            () = self.earlier.notified() => {}
            () = tokio::time::sleep(clock.now().until(deadline)) => {}
        }
    }

    /// A connection is gone.
    pub fn forget(&self, peer: &Peer) {
        self.take_all_of(peer).into_iter().for_each(drop);
    }

    /// The pulls of one connection, which wait no longer.
    pub fn take_all_of(&self, peer: &Peer) -> Vec<HeldPull> {
        let taken = self.shared().pulls.forget(peer.id());
        taken.into_iter().map(release).collect()
    }

    /// No more pulls are held from here on, and no message wakes one.
    pub fn close(&self) {
        self.shared().closed = true;
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.shared().pulls.len()
    }

    fn on_arrival(&self, arrival: &Arrival) -> Vec<HeldPull> {
        let queue = ByHandle(Arc::clone(&arrival.queue));
        let due = {
            let mut shared = self.shared();
            if shared.closed {
                return Vec::new();
            }
            shared.pulls.on_arrival(&queue, arrival.queue_offset.to_java(), |pull| pull.wants(arrival))
        };
        due.into_iter().map(release).collect()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pull that is no longer held: its queue is watched for it no longer.
fn release(held: Held<ByHandle, HeldPull>) -> HeldPull {
    held.queue.0.unwatch();
    held.pull
}

impl HeldPull {
    /// A copy of a pull that can leave its turn.
    pub fn of(asked: &Asked<'_>) -> Self {
        let request = asked.request;
        let own = |text: &str| text.to_owned().into();
        let request = PullRequest {
            group: own(&request.group),
            topic: own(&request.topic),
            subscription: request.subscription.as_deref().map(own),
            expression_type: request.expression_type.as_deref().map(own),
            queue_id: request.queue_id,
            queue_offset: request.queue_offset,
            max_count: request.max_count,
            sys_flag: request.sys_flag,
            commit_offset: request.commit_offset,
            suspend_timeout_ms: request.suspend_timeout_ms,
            subscription_version: request.subscription_version,
        };
        Self { request, to: asked.to, peer: asked.peer.clone(), subscription: None }
    }

    /// Only messages of a subscription wake it.
    pub fn wanting(mut self, subscription: &Arc<SubscriptionData>) -> Self {
        self.subscription = Some(Arc::clone(subscription));
        self
    }

    /// The pull, to be tried again.
    pub fn asked(&self, now: Millis) -> Asked<'_> {
        Asked { request: &self.request, to: self.to, peer: &self.peer, now }
    }

    /// Who wants it.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    fn wants(&self, arrival: &Arrival) -> bool {
        let wants = |subscription: &Arc<_>| TagFilter { subscription }.by_tags_code(Some(arrival.tags_code));
        self.subscription.as_ref().is_none_or(wants)
    }
}

/// Answers held pulls as their messages come, on the thread that brings them.
pub(super) struct Wakes(pub Arc<Pull>);

impl Arrivals for Wakes {
    fn arrived(&self, arrivals: &[Arrival]) {
        for arrival in arrivals {
            for pull in self.0.waiting.on_arrival(arrival) {
                self.0.answer_held(pull);
            }
        }
    }
}

impl ByHandle {
    fn place(&self) -> *const Queue {
        Arc::as_ptr(&self.0)
    }
}

impl PartialEq for ByHandle {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}
impl Eq for ByHandle {}

impl PartialOrd for ByHandle {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}
impl Ord for ByHandle {
    fn cmp(&self, other: &Self) -> Order {
        self.place().cmp(&other.place())
    }
}
