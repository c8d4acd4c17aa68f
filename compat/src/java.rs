//! What Java's own library does that files and the wire depend on.

pub mod hash;
