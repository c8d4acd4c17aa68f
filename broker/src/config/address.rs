//! Name, addresses and environment of this machine. Source: `remoting/common/RemotingUtil#getLocalAddress`.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};

/// What a broker asks of the machine it runs on.
pub trait Host {
    /// Name of the machine.
    fn name(&self) -> String;
    /// The address that others probably reach this machine by.
    fn address(&self) -> Ipv4Addr;
    /// The IPv4 address of a name or of an address as text, or why there is none.
    fn resolve(&self, host: &str) -> Result<Ipv4Addr, String>;
    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The machine this program runs on.
pub struct ThisHost;

impl Host for ThisHost {
    fn name(&self) -> String {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        if name.is_empty() { "DEFAULT_BROKER".to_owned() } else { name }
    }

    fn address(&self) -> Ipv4Addr {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let addresses = interfaces.into_iter().filter_map(|interface| match interface.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
        choose(addresses).unwrap_or(Ipv4Addr::LOCALHOST)
    }

    fn resolve(&self, host: &str) -> Result<Ipv4Addr, String> {
        if let Ok(address) = host.parse() {
            return Ok(address);
        }
        let addresses = (host, 0).to_socket_addrs().map_err(|error| error.to_string())?;
        let v4 = addresses.filter_map(|address| match address.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
        v4.into_iter().next().ok_or_else(|| "an IPv4 address is expected".to_owned())
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// The first that is neither loopback nor in 192.168, else the last that is not loopback.
pub(super) fn choose(addresses: impl Iterator<Item = Ipv4Addr>) -> Option<Ipv4Addr> {
    let candidates: Vec<_> = addresses.filter(|address| !address.is_loopback()).collect();
    let is_private = |address: &&Ipv4Addr| address.octets()[..2] == [192, 168];
    candidates.iter().find(|address| !is_private(address)).or(candidates.last()).copied()
}
