//! The task of a loop that lets parked answers go: it follows the flusher, and the time.

use super::Parts;
use super::answer::{Answers, Fate, Ids, Place};
use super::parked::Parked;
use crate::settings::BrokerSettings;
use compat::offset::PhysicalOffset;
use compat::time::Millis;
use remoting::output::Output;
use remoting::peer::Peer;
use remoting::request::ReplyTo;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;

/// The answers of one loop that wait.
pub(super) struct Waiting {
    parked: RefCell<Parked<WaitingAnswer>>,
    wakes: Notify,
    emptied: Notify,
}

/// An answer that waits until the disk has its message.
pub(super) struct WaitingAnswer {
    pub peer: Peer,
    pub to: ReplyTo,
    pub place: Place,
    pub ids: Ids<'static>,
}

impl Waiting {
    /// Starts the task on this loop. It ends with the loop.
    pub fn start(parts: Arc<Parts>) -> Rc<Self> {
        let waiting = Rc::new(Self { parked: RefCell::default(), wakes: Notify::new(), emptied: Notify::new() });
        tokio::task::spawn_local(follow(Rc::clone(&waiting), parts));
        waiting
    }

    /// Keeps an answer until the disk has everything in front of `end`, or until `deadline`.
    pub fn park(&self, end: PhysicalOffset, deadline: Millis, answer: WaitingAnswer) {
        self.parked.borrow_mut().park(end, deadline, answer);
    }

    /// Answers were parked: the task looks once the turn is over.
    pub fn look(&self) {
        self.wakes.notify_one();
    }

    /// Waits until nothing is parked. May be dropped.
    pub async fn until_empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.next_deadline().is_none() {
                return;
            }
            emptied.await;
        }
    }

    /// Lets all answers go, as those that waited for too long.
    pub fn give_up(&self, parts: &Parts) {
        self.expire(Millis(i64::MAX), parts);
    }

    fn next_deadline(&self) -> Option<Millis> {
        self.parked.borrow().next_deadline()
    }

    fn on_flushed(&self, flushed: PhysicalOffset, parts: &Parts) {
        deliver(self.parked.borrow_mut().on_flushed(flushed), Fate::Done, parts);
        self.tell_if_empty();
    }

    fn expire(&self, now: Millis, parts: &Parts) {
        deliver(self.parked.borrow_mut().on_time(now), Fate::NotFlushed, parts);
        self.tell_if_empty();
    }

    fn tell_if_empty(&self) {
        if self.next_deadline().is_none() {
            self.emptied.notify_waiters();
        }
    }
}

/// Lets answers go as the disk gets their messages. While nothing is parked it sleeps, however much is flushed.
async fn follow(waiting: Rc<Waiting>, parts: Arc<Parts>) {
    let mut flushed = parts.store.flushed().subscribe();
    loop {
        let place = *flushed.borrow_and_update();
        waiting.on_flushed(place, &parts);
        let Some(deadline) = waiting.next_deadline() else {
            waiting.wakes.notified().await;
            continue;
        };
        tokio::select! {
            moved = flushed.changed() => if moved.is_err() { return },
            () = tokio::time::sleep(parts.clock.now().until(deadline)) => {
                waiting.expire(parts.clock.now(), &parts);
            }
        }
    }
}

/// Hands each peer its answers, neighbours together.
fn deliver(answers: impl Iterator<Item = WaitingAnswer>, fate: Fate, parts: &Parts) {
    let mut answers = answers.peekable();
    if answers.peek().is_none() {
        return;
    }
    let settings: Arc<BrokerSettings> = parts.settings.get();
    let writer = Answers::new(&settings, &parts.identity);
    while let Some(first) = answers.next() {
        let mut out = Output::default();
        writer.stored(fate, first.to, first.place, &first.ids, &mut out);
        while let Some(next) = answers.next_if(|next| next.peer == first.peer) {
            writer.stored(fate, next.to, next.place, &next.ids, &mut out);
        }
        first.peer.send(out);
    }
}
