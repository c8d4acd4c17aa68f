//! The server: opened, bound, started, stopped.

use crate::settings::Config;
use compat::time::Clock;
use remoting::server::BindError;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use store::disk::Disk;

/// What Java prints when a name server is up.
pub const BOOT_LINE: &str = "The Name Server boot success. serializeType=JSON";

/// A name server whose files were read.
pub struct Namesrv {
    _later: (),
}

/// Why a name server cannot start. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file of keys and values.
    #[error(transparent)]
    Kv(#[from] store::config_file::Unreadable),
}

/// A name server that listens, but accepts nothing yet.
pub struct Bound {
    _later: (),
}

/// A name server at work.
pub struct Running {
    _later: (),
}

impl Namesrv {
    /// Reads and checks everything.
    pub fn open(config: Config, disk: Arc<dyn Disk>, clock: Clock) -> Result<Self, OpenError> {
        let _ = (config, disk, clock);
        todo!()
    }

    /// Listens on `listenPort` of an address, usually the unspecified one.
    pub fn bind(self, ip: IpAddr) -> Result<Bound, BindError> {
        let _ = ip;
        todo!()
    }
}

impl Bound {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        todo!()
    }

    /// Starts to serve.
    pub fn start(self) -> io::Result<Running> {
        todo!()
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        todo!()
    }

    /// Answers what was asked, closes all connections and ends all threads.
    pub fn stop(self) {
        todo!()
    }
}
