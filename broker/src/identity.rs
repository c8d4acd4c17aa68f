//! What this broker is called and where it is reached.

use std::net::SocketAddrV4;

/// Names and addresses, fixed from the start on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name: the same for a master and its slaves.
    pub name: String,
    /// Cluster.
    pub cluster: String,
    /// Address that clients are told, as it was configured: remarks show it.
    pub ip: String,
    /// Where clients send to: part of every record and message id.
    pub address: SocketAddrV4,
}

impl Identity {
    /// `host:port` that clients are told.
    pub fn told(&self) -> String {
        format!("{}:{}", self.ip, self.address.port())
    }
}
