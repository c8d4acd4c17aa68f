//! Places and counts that must not be mixed up.

use std::fmt;

macro_rules! offset {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The first place.
            pub const ZERO: Self = Self(0);

            /// `None` for a negative number: Java's spelling of "none".
            pub const fn from_java(value: i64) -> Option<Self> {
                if value < 0 { None } else { Some(Self(value)) }
            }

            /// The number as Java writes it.
            pub const fn to_java(self) -> i64 {
                self.0
            }

            /// This place, `count` further on; saturates at the largest number of Java.
            pub const fn plus(self, count: u64) -> Self {
                let count = if count > i64::MAX as u64 { i64::MAX } else { count as i64 };
                Self(self.0.saturating_add(count))
            }

            /// How far this place is behind `end`; zero when it is not behind.
            pub const fn distance_to(self, end: Self) -> u64 {
                if end.0 > self.0 { (end.0 - self.0) as u64 } else { 0 }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

offset! {
    /// A place in the commit log: bytes from the first byte ever written, across files. Never negative.
    PhysicalOffset
}

offset! {
    /// A place in one queue: messages from its first message ever. Never negative.
    QueueOffset
}

/// The number of a queue of a topic on one broker. Never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(i32);

impl QueueId {
    /// The first queue of every topic.
    pub const ZERO: Self = Self(0);

    /// `None` for a negative number, which clients send for "any queue".
    pub const fn from_java(value: i32) -> Option<Self> {
        if value < 0 { None } else { Some(Self(value)) }
    }

    /// The number as Java writes it.
    pub const fn to_java(self) -> i32 {
        self.0
    }

    /// The number as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
