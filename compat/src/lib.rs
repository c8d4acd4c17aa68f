//! What RocketMQ 4.3.0 and this broker must agree on, byte for byte.
//!
//! Pure functions and types: no sockets, no files, no async. The wire spelling of every header field, the layout of
//! every message record, the JSON dialect of every body and file stand here once; the other crates only use them.
//!
//! Not here: cutting frames out of a socket (`remoting`), where records lie on disk (`store`).
#![forbid(unsafe_code)]

pub mod body;
pub mod command;
pub mod group;
pub mod header;
pub mod java;
pub mod json;
pub mod message;
pub mod names;
pub mod offset;
pub mod registration;
pub mod settings;
pub mod subscription;
pub mod text;
pub mod time;
pub mod topic;
