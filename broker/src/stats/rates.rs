//! Rates over the last seconds, from one picture a second. Source: `store/StoreStatsService`.

use super::Counts;
use std::collections::VecDeque;

/// Longest window, s.
const LONGEST: usize = 600;

/// The pictures of the last ten minutes.
#[derive(Default)]
pub struct Rates {
    pictures: VecDeque<Counts>,
}

/// What happened a second, over a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Messages stored.
    pub put: f64,
    /// Reads that found messages.
    pub found: f64,
    /// Reads that found none.
    pub missed: f64,
    /// Messages handed out.
    pub transferred: f64,
}

impl Rates {
    /// Adds the picture of one second.
    pub fn push(&mut self, counts: Counts) {
        self.pictures.push_back(counts);
        if self.pictures.len() > LONGEST + 1 {
            self.pictures.pop_front();
        }
    }

    /// The rates of the last so many pictures; `None` while there are not so many.
    pub fn window(&self, seconds: usize) -> Option<Window> {
        let last = self.pictures.back()?;
        let first = self.pictures.get(self.pictures.len().checked_sub(seconds + 1)?)?;
        let ms = (last.at.0 - first.at.0) as f64;
        let rate = |of: fn(&Counts) -> i64| (of(last) - of(first)) as f64 / ms * 1000.0;
        Some(Window {
            put: rate(|counts| counts.put),
            found: rate(|counts| counts.found),
            missed: rate(|counts| counts.missed),
            transferred: rate(|counts| counts.transferred),
        })
    }
}
