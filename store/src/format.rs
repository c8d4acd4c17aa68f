//! Byte layouts of the store's files, each in one place: table, encoding, decoding and golden bytes.

pub(crate) mod checkpoint;
pub(crate) mod index;
pub(crate) mod queue_entry;
