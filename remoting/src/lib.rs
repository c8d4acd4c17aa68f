//! Bytes on a socket to commands and back.
//!
//! A connection has one reading loop that cuts frames out of one buffer; all complete frames of one read are a *turn*,
//! which runs to completion on the thread that owns the connection, and whose replies leave in one write.
//! A frame is decoded in place: headers and bodies borrow from the buffer.
//!
//! Not here: what a request means (`broker`, `namesrv`), the fields of its header (`compat::header`).
#![forbid(unsafe_code)]

pub mod client;
pub mod codec;
pub mod command;
mod connection;
pub mod frame;
mod link;
mod mailbox;
pub mod output;
pub mod peer;
pub mod request;
pub mod server;
pub mod settings;
