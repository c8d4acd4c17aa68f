//! Pulls that wait for a message. Arrivals and time come in, due pulls come out; nothing here sleeps or sends.
//!
//! A pull is found by its queue, its connection and its deadline; whichever comes first takes it out of all three.
//! What a queue is, and what a pull, the caller says.

use compat::time::Millis;
use std::collections::{BTreeMap, BTreeSet};

/// Names one held pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HeldId(u64);

/// How many pulls may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one connection.
    pub per_connection: usize,
    /// Of all.
    pub total: usize,
}

/// A pull and what it waits for.
#[derive(Debug)]
pub(super) struct Held<Q, P> {
    pub queue: Q,
    /// Connection that it came on.
    pub peer: u64,
    /// First queue offset that it wants.
    pub offset: i64,
    /// When it is answered in any case.
    pub deadline: Millis,
    pub pull: P,
}

/// The pulls that wait.
#[derive(Debug)]
pub(super) struct HeldPulls<Q, P> {
    pulls: BTreeMap<HeldId, Held<Q, P>>,
    by_queue: BTreeMap<Q, BTreeSet<HeldId>>,
    by_peer: BTreeMap<u64, BTreeSet<HeldId>>,
    by_deadline: BTreeSet<(Millis, HeldId)>,
    next: u64,
    limits: Limits,
}

impl<Q: Ord + Clone, P> HeldPulls<Q, P> {
    pub fn new(limits: Limits) -> Self {
        Self {
            pulls: BTreeMap::new(),
            by_queue: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            by_deadline: BTreeSet::new(),
            next: 0,
            limits,
        }
    }

    /// Holds a pull; gives it back where too many wait already.
    pub fn hold(&mut self, held: Held<Q, P>) -> Result<HeldId, Held<Q, P>> {
        let of_peer = self.by_peer.get(&held.peer).map_or(0, BTreeSet::len);
        if self.pulls.len() >= self.limits.total || of_peer >= self.limits.per_connection {
            return Err(held);
        }
        let id = HeldId(self.next);
        self.next += 1;
        self.by_queue.entry(held.queue.clone()).or_default().insert(id);
        self.by_peer.entry(held.peer).or_default().insert(id);
        self.by_deadline.insert((held.deadline, id));
        self.pulls.insert(id, held);
        Ok(id)
    }

    /// A message of a queue arrived: the pulls that wanted to know, oldest first. `wants` looks at the message.
    pub fn on_arrival(&mut self, queue: &Q, offset: i64, wants: impl Fn(&P) -> bool) -> Vec<Held<Q, P>> {
        let Some(waiting) = self.by_queue.get(queue) else { return Vec::new() };
        let wanted = |id: &HeldId| self.pulls.get(id).is_some_and(|held| offset >= held.offset && wants(&held.pull));
        let due: Vec<_> = waiting.iter().copied().filter(wanted).collect();
        self.take_all(due)
    }

    /// The pulls whose time is over.
    pub fn on_time(&mut self, now: Millis) -> Vec<Held<Q, P>> {
        let due = self.by_deadline.iter().take_while(|(deadline, _)| *deadline <= now).map(|&(_, id)| id).collect();
        self.take_all(due)
    }

    /// A connection is gone: its pulls, which nobody waits for any more.
    pub fn forget(&mut self, peer: u64) -> Vec<Held<Q, P>> {
        let gone = self.by_peer.get(&peer).into_iter().flatten().copied().collect();
        self.take_all(gone)
    }

    /// Takes one pull out, if it still waits.
    pub fn take(&mut self, id: HeldId) -> Option<Held<Q, P>> {
        let held = self.pulls.remove(&id)?;
        if let Some(waiting) = self.by_queue.get_mut(&held.queue) {
            waiting.remove(&id);
            if waiting.is_empty() {
                self.by_queue.remove(&held.queue);
            }
        }
        if let Some(of_peer) = self.by_peer.get_mut(&held.peer) {
            of_peer.remove(&id);
            if of_peer.is_empty() {
                self.by_peer.remove(&held.peer);
            }
        }
        self.by_deadline.remove(&(held.deadline, id));
        Some(held)
    }

    /// When the first of them is to be answered in any case.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.by_deadline.first().map(|&(deadline, _)| deadline)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.pulls.len()
    }

    fn take_all(&mut self, ids: Vec<HeldId>) -> Vec<Held<Q, P>> {
        ids.into_iter().filter_map(|id| self.take(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { per_connection: 3, total: 5 };

    #[test]
    fn a_message_wakes_those_that_want_it() {
        let mut pulls = HeldPulls::new(LIMITS);
        for (queue, offset, tag) in [("a", 10, 'x'), ("a", 10, 'y'), ("a", 12, 'x'), ("b", 10, 'x')] {
            pulls.hold(held(queue, u64::from(offset == 12), offset, 100, tag)).unwrap();
        }
        let mut arrive = |queue, offset, tag| tags(pulls.on_arrival(&queue, offset, |&wanted| wanted == tag));
        assert_eq!(arrive("c", 10, 'x'), "");
        assert_eq!(arrive("a", 9, 'x'), "");
        assert_eq!(arrive("a", 10, 'z'), "");
        assert_eq!(arrive("a", 10, 'x'), "x");
        assert_eq!(arrive("a", 11, 'x'), "");
        assert_eq!(arrive("a", 12, 'x'), "x");
        assert_eq!(arrive("a", 12, 'y'), "y");
        assert_eq!(arrive("b", 10, 'x'), "x");
        assert_eq!((pulls.len(), pulls.next_deadline()), (0, None));
    }

    #[test]
    fn time_wakes_exactly_those_whose_time_is_over() {
        let mut pulls = HeldPulls::new(LIMITS);
        for (deadline, tag) in [(300, 'c'), (100, 'a'), (200, 'b')] {
            pulls.hold(held("q", 1, 0, deadline, tag)).unwrap();
        }
        assert_eq!(pulls.next_deadline(), Some(Millis(100)));
        assert_eq!(tags(pulls.on_time(Millis(99))), "");
        assert_eq!(tags(pulls.on_time(Millis(200))), "ab");
        assert_eq!(pulls.next_deadline(), Some(Millis(300)));
    }

    #[test]
    fn a_closed_connection_takes_its_pulls_along() {
        let mut pulls = HeldPulls::new(LIMITS);
        pulls.hold(held("q", 1, 0, 100, 'a')).unwrap();
        pulls.hold(held("q", 2, 0, 100, 'b')).unwrap();
        pulls.hold(held("r", 1, 0, 100, 'c')).unwrap();
        assert_eq!(tags(pulls.forget(1)), "ac");
        assert_eq!(tags(pulls.forget(1)), "");
        assert_eq!(tags(pulls.on_arrival(&"q", 0, |_| true)), "b");
    }

    #[test]
    fn too_many_are_given_back() {
        let mut pulls = HeldPulls::new(LIMITS);
        let ids: Vec<_> = (0..3).map(|_| pulls.hold(held("q", 1, 0, 100, 'a')).unwrap()).collect();
        assert!(pulls.hold(held("q", 1, 0, 100, 'a')).is_err());
        assert!(pulls.hold(held("q", 2, 0, 100, 'b')).is_ok());
        assert!(pulls.hold(held("q", 3, 0, 100, 'c')).is_ok());
        assert!(pulls.hold(held("q", 4, 0, 100, 'd')).is_err());
        assert!(pulls.take(ids[1]).is_some() && pulls.take(ids[1]).is_none());
        assert!(pulls.hold(held("q", 1, 0, 100, 'a')).is_ok());
        assert_eq!(pulls.len(), 5);
    }

    fn held(queue: &'static str, peer: u64, offset: i64, deadline: i64, pull: char) -> Held<&'static str, char> {
        Held { queue, peer, offset, deadline: Millis(deadline), pull }
    }

    fn tags(due: Vec<Held<&'static str, char>>) -> String {
        due.into_iter().map(|held| held.pull).collect()
    }
}
