//! What Java's own library does that files and the wire depend on.

pub mod hash;
pub mod hash_map;
pub mod number;
pub mod properties;
pub mod time;
