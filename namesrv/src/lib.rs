//! The name server: which broker has which topic, and a table of keys and values.
//!
//! A [`Namesrv`] is opened (everything is read and checked, nothing is changed), bound, started and stopped. Routes live
//! in memory and come from the brokers; keys and values, and settings changed at run time, are files.
//!
//! Not here: the command line, logs and signals (`broker`).
#![forbid(unsafe_code)]

mod server;
mod settings;

pub use server::{BOOT_LINE, Bound, Namesrv, OpenError, Running};
pub use settings::{Config, NamesrvSettings};
