//! Wall time as on the wire and on disk, and the clock that hands it out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

impl Millis {
    /// This time, `by` later.
    pub const fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by.as_millis() as i64))
    }

    /// How long before `later` this is; zero when it is not before.
    pub const fn until(self, later: Self) -> Duration {
        Duration::from_millis(if later.0 > self.0 { (later.0 - self.0) as u64 } else { 0 })
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where wall time comes from: the machine, or the hand of a test.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    by_hand: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { by_hand: None }
    }

    /// A clock that stands at `start` until [`Clock::set`] moves it.
    pub fn by_hand(start: Millis) -> Self {
        Self { by_hand: Some(Arc::new(AtomicI64::new(start.0))) }
    }

    /// What time it is.
    pub fn now(&self) -> Millis {
        match &self.by_hand {
            Some(at) => Millis(at.load(Ordering::Acquire)),
            None => system_now(),
        }
    }

    /// Moves a clock made by [`Clock::by_hand`]; the machine's clock stays as it is.
    pub fn set(&self, to: Millis) {
        if let Some(at) = &self.by_hand {
            at.store(to.0, Ordering::Release);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn system_now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
