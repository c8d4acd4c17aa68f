//! The broker: one module a feature, and the executable with all its roles.
//!
//! A request comes in as a typed header and a body; a feature decides; the store acts; a typed answer goes out.
//! [`service`] is the way of every request; [`wiring`] lists what the broker can do and builds the parts.
//! Features do not call each other's insides, and none of them knows the whole broker.
#![forbid(unsafe_code)]

pub mod admin;
pub mod answer;
pub mod background;
pub mod bench;
pub mod cli;
pub mod clients;
pub mod config;
pub mod filter;
pub mod groups;
pub mod identity;
pub mod live;
pub mod locks;
pub mod offsets;
pub mod pull;
pub mod query;
pub mod refusal;
pub mod registration;
pub mod retry;
pub mod send;
pub mod service;
pub mod settings;
pub mod stats;
pub mod table_file;
pub mod topics;
pub mod transaction;
pub mod wiring;
