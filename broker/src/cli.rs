//! Command lines: our own, and exactly Java's when called as `mqnamesrv` or `mqbroker`.
//! Source: `srvutil/ServerUtil`, `broker/BrokerStartup`, `namesrv/NamesrvStartup`.

mod java;

pub use java::{Answer, JavaProgram};

use crate::bench;
use clap::{Args, Parser, Subcommand};
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// The RocketMQ 4.3 name server and broker in one program.
///
/// Without a role: a name server and a broker in this process, ready for a client at 127.0.0.1:9876.
#[derive(Debug, Parser)]
#[command(name = "rocketmq", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to be.
    #[command(subcommand)]
    pub role: Option<Role>,
    /// Options of `standalone`, which is the default.
    #[command(flatten)]
    pub standalone: Standalone,
}

/// What the program can be.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// A name server and a broker in one process (the default).
    Standalone(Standalone),
    /// A name server.
    Namesrv(NamesrvOptions),
    /// A broker.
    Broker(BrokerOptions),
    /// Puts a broker under load and measures it.
    Bench(bench::Options),
}

/// Options of a name server and a broker in one process.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Standalone {
    /// Directory of all data, made when it is missing.
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
    /// IPv4 address that clients reach this machine by. Unless it is a loopback address, all addresses are listened on.
    #[arg(long, value_name = "IP", default_value_t = Ipv4Addr::LOCALHOST)]
    pub address: Ipv4Addr,
    /// Port of the name server.
    #[arg(long, value_name = "PORT", default_value_t = 9876)]
    pub namesrv_port: u16,
    /// Port of the broker; the port 2 below is used too.
    #[arg(long, value_name = "PORT", default_value_t = crate::config::DEFAULT_PORT)]
    pub broker_port: u16,
    /// Broker settings: a properties file as Java's mqbroker takes it.
    #[arg(short = 'c', long = "configFile", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
}

/// Options of a name server: those of Java.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct NamesrvOptions {
    /// Name server config properties file.
    #[arg(short = 'c', long = "configFile", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Print all config items and exit.
    #[arg(short = 'p', long = "printConfigItem")]
    pub print: bool,
    /// Accepted as Java accepts it; means nothing to a name server.
    #[arg(short = 'n', long = "namesrvAddr", value_name = "LIST", hide = true)]
    pub name_servers: Option<String>,
}

/// Options of a broker: those of Java.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerOptions {
    /// Broker config properties file.
    #[arg(short = 'c', long = "configFile", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Name server address list, eg: 192.168.0.1:9876;192.168.0.2:9876.
    #[arg(short = 'n', long = "namesrvAddr", value_name = "LIST")]
    pub name_servers: Option<String>,
    /// Print all config items and exit.
    #[arg(short = 'p', long = "printConfigItem")]
    pub print: bool,
    /// Print important config items and exit.
    #[arg(short = 'm', long = "printImportantConfig")]
    pub print_important: bool,
}
