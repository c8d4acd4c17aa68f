//! The message log and what is derived from it, on disk.
//!
//! An append-only log in files of one size is the only truth. Consume queues, the index, the checkpoint and the next
//! offset of each queue are derived from it by one dispatcher, which serves live traffic and recovery alike.
//! Three places move forward, always `flushed <= written`, `dispatched <= written`, and others wait on them.
//! The log is written with `pwrite`, one for all records of a turn, and read through a mapping.
//!
//! Not here: what a topic or a group is, who may send (`broker`). The store never calls the broker, except through
//! [`Arrivals`].
#![deny(unsafe_code)]

pub mod append;
mod arrivals;
mod checkpoint;
mod clean;
pub mod config_file;
pub mod disk;
mod dispatch;
mod flush;
mod format;
mod index;
mod log;
mod map;
mod open_error;
mod query;
pub mod queue;
mod queues;
pub mod read;
mod recovery;
mod runtime_info;
mod segments;
pub mod settings;
pub mod store;
#[cfg(test)]
mod testing;
mod tombstones;
pub mod watermark;
mod worker;

pub use append::{AppendError, Appended, Batch, NewRecord};
pub use arrivals::{Arrival, Arrivals};
pub use open_error::OpenError;
pub use queue::Queue;
pub use read::{Filter, Found, GetStatus, QueueEnds, Read, ReadRequest, Reading};
pub use settings::StoreSettings;
pub use store::Store;
pub use watermark::Watermark;
