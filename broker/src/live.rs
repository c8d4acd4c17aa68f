//! A value that is read all the time and replaced seldom: settings that an operator changes while the broker runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The value. Whoever keeps what [`Live::get`] gave compares [`Live::generation`].
#[derive(Debug, Default)]
pub struct Live<T> {
    value: RwLock<Arc<T>>,
    generation: AtomicU64,
}

impl<T> Live<T> {
    /// Holds `value`.
    pub fn new(value: T) -> Self {
        Self { value: RwLock::new(Arc::new(value)), generation: AtomicU64::new(0) }
    }

    /// What it holds.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes with every [`Live::replace`]. Costs no lock.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Holds another value from here on.
    pub fn replace(&self, value: T) {
        *self.value.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// A copy of a [`Live`] value that one loop keeps.
#[derive(Debug)]
pub struct Seen<T> {
    value: Arc<T>,
    generation: u64,
}

impl<T> Seen<T> {
    /// A copy of what `live` holds.
    pub fn of(live: &Live<T>) -> Self {
        let generation = live.generation();
        Self { value: live.get(), generation }
    }

    /// The value as it is, copied again only where it was replaced meanwhile.
    pub fn refresh(&mut self, live: &Live<T>) -> &Arc<T> {
        if self.generation != live.generation() {
            *self = Self::of(live);
        }
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_copy_follows_the_value() {
        let live = Live::new(1);
        let mut seen = Seen::of(&live);
        assert_eq!(**seen.refresh(&live), 1);
        live.replace(2);
        assert_eq!((**seen.refresh(&live), *live.get()), (2, 2));
    }
}
