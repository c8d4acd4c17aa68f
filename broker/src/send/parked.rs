//! Answers that wait until the disk has their messages. Progress and time come in, answers that may go come out.
//!
//! Answers are parked in the order of the places that they wait for: one loop appends one batch after the other. All
//! wait equally long, so their deadlines are in that order too.

use compat::offset::PhysicalOffset;
use compat::time::Millis;
use std::collections::VecDeque;

/// The answers of one loop that wait.
#[derive(Debug)]
pub(super) struct Parked<R> {
    waiting: VecDeque<Waiting<R>>,
}

#[derive(Debug)]
struct Waiting<R> {
    end: PhysicalOffset,
    deadline: Millis,
    answer: R,
}

impl<R> Default for Parked<R> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<R> Parked<R> {
    /// Keeps an answer until the disk has everything in front of `end`, or until `deadline`.
    pub fn park(&mut self, end: PhysicalOffset, deadline: Millis, answer: R) {
        debug_assert!(self.waiting.back().is_none_or(|last| last.end <= end), "parked in the order of their places");
        self.waiting.push_back(Waiting { end, deadline, answer });
    }

    /// The disk has everything in front of `flushed`: the answers that may go, in order.
    pub fn on_flushed(&mut self, flushed: PhysicalOffset) -> impl Iterator<Item = R> + '_ {
        let count = self.waiting.partition_point(|waiting| waiting.end <= flushed);
        self.waiting.drain(..count).map(|waiting| waiting.answer)
    }

    /// The answers that waited for too long.
    pub fn on_time(&mut self, now: Millis) -> impl Iterator<Item = R> + '_ {
        let count = self.waiting.partition_point(|waiting| waiting.deadline <= now);
        self.waiting.drain(..count).map(|waiting| waiting.answer)
    }

    /// When the first of them has waited for too long.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.waiting.front().map(|waiting| waiting.deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_when_the_disk_has_their_messages() {
        let mut parked = Parked::default();
        for (end, answer) in [(100, 'a'), (100, 'b'), (250, 'c'), (300, 'd')] {
            parked.park(at(end), Millis(5000), answer);
        }
        assert_eq!(parked.on_flushed(at(99)).collect::<String>(), "");
        assert_eq!(parked.on_flushed(at(250)).collect::<String>(), "abc");
        assert_eq!(parked.on_flushed(at(250)).collect::<String>(), "");
        assert_eq!(parked.on_flushed(at(1000)).collect::<String>(), "d");
        assert_eq!(parked.next_deadline(), None);
    }

    #[test]
    fn answers_that_waited_too_long_go_too() {
        let mut parked = Parked::default();
        for (end, deadline, answer) in [(100, 5000, 'a'), (200, 5001, 'b'), (300, 6000, 'c')] {
            parked.park(at(end), Millis(deadline), answer);
        }
        assert_eq!(parked.next_deadline(), Some(Millis(5000)));
        assert_eq!(parked.on_time(Millis(4999)).collect::<String>(), "");
        assert_eq!(parked.on_time(Millis(5001)).collect::<String>(), "ab");
        assert_eq!(parked.next_deadline(), Some(Millis(6000)));
        assert_eq!(parked.on_flushed(at(300)).collect::<String>(), "c");
    }

    fn at(place: i64) -> PhysicalOffset {
        PhysicalOffset::from_java(place).unwrap()
    }
}
