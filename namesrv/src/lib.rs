//! The name server: which broker has which topic, and a table of keys and values.
//!
//! A [`Namesrv`] is opened (everything is read and checked, nothing is changed), bound, started and stopped. Routes live
//! in memory and come from the brokers; keys and values, and settings changed at run time, are files.
//!
//! ```text
//! routes, registration   which broker has which topic; what a broker says of itself (pure)
//! answers                routes behind their lock, and encoded
//! kv, settings           tables and the files behind them
//! requests               what can be asked: one handler a code, and why it may be refused
//! changes, server        the thread that changes things; open, bind, start, stop
//! ```
//!
//! Not here: the command line, logs and signals (`broker`).
#![forbid(unsafe_code)]

mod answers;
mod changes;
mod kv;
mod registration;
mod requests;
mod routes;
mod server;
mod settings;

pub use server::{BOOT_LINE, Bound, Namesrv, OpenError, Running};
pub use settings::{Config, LoadError, NamesrvSettings};
