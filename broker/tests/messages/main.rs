//! Sending, pulling and finding messages, over real sockets and a real store.

#[path = "../harness/mod.rs"]
mod harness;

mod flushes;
mod holds;
mod pulls;
mod queries;
mod sends;
mod stops;
