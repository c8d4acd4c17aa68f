//! One counted thing: its totals, and pictures of them at even distances.

use super::Measure;
use compat::time::Millis;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Messages, bytes and requests since the start, and some older pictures of them.
#[derive(Default)]
pub struct Item {
    count: AtomicI64,
    bytes: AtomicI64,
    requests: AtomicI64,
    pictures: Mutex<[VecDeque<Picture>; 3]>,
}

/// What an item stands at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Messages.
    pub count: i64,
    /// Bytes.
    pub bytes: i64,
    /// Requests.
    pub requests: i64,
}

#[derive(Clone, Copy)]
struct Picture {
    at: Millis,
    total: Total,
}

/// A span that is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// A minute, in steps of ten seconds.
    Minute,
    /// An hour, in steps of ten minutes.
    Hour,
    /// A day, in steps of an hour.
    Day,
}

impl Span {
    const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    const fn step_ms(self) -> i64 {
        match self {
            Self::Minute => 10_000,
            Self::Hour => 600_000,
            Self::Day => 3_600_000,
        }
    }

    const fn pictures(self) -> usize {
        match self {
            Self::Minute | Self::Hour => 7,
            Self::Day => 25,
        }
    }
}

/// One statistic over a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How much was added.
    pub sum: i64,
    /// A second; not a number when there is a single picture.
    pub tps: f64,
    /// A request.
    pub average: f64,
}

impl Item {
    pub(super) fn add(&self, count: u64, bytes: u64, requests: u64) {
        self.count.fetch_add(count as i64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as i64, Ordering::Relaxed);
        self.requests.fetch_add(requests as i64, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Total {
        Total {
            count: self.count.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
        }
    }

    pub(super) fn sample(&self, span: Span, now: Millis) {
        let mut pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        let pictures = &mut pictures[span as usize];
        if pictures.len() == span.pictures() {
            pictures.pop_front();
        }
        pictures.push_back(Picture { at: now, total: self.counts() });
    }

    pub(super) fn summary(&self, span: Span, measure: Measure) -> Summary {
        let pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        let pictures = &pictures[span as usize];
        let (Some(first), Some(last)) = (pictures.front(), pictures.back()) else {
            return Summary { sum: 0, tps: 0.0, average: 0.0 };
        };
        let value = |picture: &Picture| match measure {
            Measure::Count => picture.total.count,
            Measure::Bytes => picture.total.bytes,
        };
        let sum = value(last) - value(first);
        let requests = last.total.requests - first.total.requests;
        let average = if requests > 0 { sum as f64 / requests as f64 } else { 0.0 };
        Summary { sum, tps: sum as f64 * 1000.0 / (last.at.0 - first.at.0) as f64, average }
    }
}

/// When which picture is to be taken.
#[derive(Default)]
pub(super) struct Due {
    next: [Option<Millis>; 3],
}

impl Due {
    /// The spans whose step is over; all of them the first time.
    pub(super) fn spans(&mut self, now: Millis) -> [Option<Span>; 3] {
        Span::ALL.map(|span| {
            let next = &mut self.next[span as usize];
            if next.is_some_and(|next| now < next) {
                return None;
            }
            *next = Some(Millis(now.0.saturating_add(span.step_ms())));
            Some(span)
        })
    }
}
