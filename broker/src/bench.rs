//! The load driver: `rocketmq bench`.
//!
//! One thread, one epoll, frames that are built once and patched for each request, so that the driver costs little
//! beside the broker it drives. It speaks to any broker of the 4.3 protocol, so that two can be compared side by side.
//! Every answer is checked: its code is counted, a pull must hold the offset it asked for, and after a run of sends the
//! offsets of the queues have moved by exactly the messages that were acknowledged.
//!
//! Not here: starting brokers and comparing them (`broker/benches/side_by_side.py`).

mod connection;
mod control;
mod frames;
mod latency;
mod process;
mod run;

use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::time::Duration;

/// What to do to which broker.
#[derive(Args, Debug)]
pub struct Options {
    /// The load.
    #[command(subcommand)]
    load: Load,
}

#[derive(Subcommand, Debug)]
enum Load {
    /// Sends messages.
    Send(SendLoad),
    /// Pulls messages, which it stores first.
    Pull(PullLoad),
    /// Sends at a fixed rate and measures until a held pull answers.
    EndToEnd(EndToEndLoad),
}

/// What all loads are told.
#[derive(Args, Debug, Clone)]
struct Common {
    /// Address of the broker.
    #[arg(long, default_value = "127.0.0.1:10911")]
    address: SocketAddr,
    /// Connections.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Requests under way on each connection.
    #[arg(long, default_value_t = 1)]
    depth: usize,
    /// Body of a message, bytes.
    #[arg(long, default_value_t = 128)]
    body: usize,
    /// Topic; made when it is missing.
    #[arg(long, default_value = "BenchTopic")]
    topic: String,
    /// Topics, named by a number after the name.
    #[arg(long, default_value_t = 1)]
    topics: usize,
    /// Queues of a topic.
    #[arg(long, default_value_t = 8)]
    queues: u32,
    /// Time that is measured, s.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Time before it, s.
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Process of the broker, to measure what it uses.
    #[arg(long)]
    pid: Option<u32>,
    /// One line of JSON instead of text.
    #[arg(long)]
    json: bool,
}

impl Common {
    fn warm_up(&self) -> Duration {
        Duration::from_secs_f64(self.warm_up.max(0.0))
    }

    fn measured(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.max(0.1))
    }

    fn topic_names(&self) -> Vec<String> {
        match self.topics {
            0 | 1 => vec![self.topic.clone()],
            count => (0..count).map(|number| format!("{}{number}", self.topic)).collect(),
        }
    }
}

#[derive(Args, Debug)]
struct SendLoad {
    #[command(flatten)]
    common: Common,
    /// Messages of a batch; 1 sends single messages.
    #[arg(long, default_value_t = 1)]
    batch: usize,
}

#[derive(Args, Debug)]
struct PullLoad {
    #[command(flatten)]
    common: Common,
    /// Messages to store before.
    #[arg(long, default_value_t = 400_000)]
    messages: u64,
    /// Messages of a pull.
    #[arg(long, default_value_t = 32)]
    max: u32,
}

#[derive(Args, Debug)]
struct EndToEndLoad {
    #[command(flatten)]
    common: Common,
    /// Messages a second.
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
}

/// Why a run says nothing.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The broker cannot be reached, or closed a connection.
    #[error("{address}: {cause}")]
    Connection {
        /// The broker.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// An answer that no broker should give.
    #[error("{0}")]
    WrongAnswer(String),
}

/// Runs a load and prints what was measured.
pub fn run(options: &Options) -> Result<(), BenchError> {
    let (report, json) = match &options.load {
        Load::Send(load) => (run::send(load)?, load.common.json),
        Load::Pull(load) => (run::pull(load)?, load.common.json),
        Load::EndToEnd(load) => (run::end_to_end(load)?, load.common.json),
    };
    println!("{}", if json { report.to_json() } else { report.to_text() });
    Ok(())
}
