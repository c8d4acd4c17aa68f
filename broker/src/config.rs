//! What a broker is told: defaults, file, command line; and what follows from that.
//!
//! [`Config`] holds the four tables with everything derived filled in, as codes 26 and `-p` show them. Whatever the
//! broker cannot do yet, or could not work with, is refused here, before anything is touched.
//! Source: `broker/BrokerStartup#createBrokerController`.

mod address;
mod edit;
#[cfg(test)]
mod tests;

pub use address::{Host, ThisHost};
pub use edit::edit;

use crate::identity::Identity;
use crate::settings::{BrokerSettings, processors};
use compat::java::properties::{self, Property};
use compat::settings::{self, BadValue, Settings};
use remoting::settings::{ClientSettings, ServerSettings};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use store::StoreSettings;
use store::settings::BrokerRole;

/// Port of a broker, unless told otherwise.
pub const DEFAULT_PORT: u16 = 10911;
/// What Java shows for the socket buffers of a broker, bytes.
const JAVA_BUFFER_LEN: usize = 131_072;
/// The VIP port is so far below the main port.
pub const VIP_DISTANCE: u16 = 2;

/// All that a broker is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Its own settings.
    pub broker: BrokerSettings,
    /// Those of its sockets.
    pub server: ServerSettings,
    /// Those of its connections to name servers.
    pub client: ClientSettings,
    /// Those of its store.
    pub store: StoreSettings,
    /// The file of `-c`, which takes settings that are changed at run time.
    pub file: Option<PathBuf>,
    /// Entries of the file that no table knows: shown, and kept.
    pub unknown: Vec<Property>,
    /// Who this broker is.
    pub identity: Identity,
    /// Sentences for the log.
    pub warnings: Vec<String>,
}

/// What was asked for, before the rest is derived.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Properties file.
    pub file: Option<PathBuf>,
    /// Name servers; wins over the file.
    pub name_servers: Option<String>,
    /// Main port; wins over the file.
    pub port: Option<u16>,
    /// Address that clients are told; the file wins.
    pub address: Option<Ipv4Addr>,
    /// Root of the store; the file wins.
    pub store_root: Option<PathBuf>,
}

/// Why a broker cannot start as it is told. Nothing was touched.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {cause}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Lines of the file are wrong.
    #[error(transparent)]
    Wrong(#[from] settings::ConfigError),
    /// The list of name servers.
    #[error("The Name Server Address[{0}] illegal, please set it as follows, \"127.0.0.1:9876;192.168.0.1:9876\"")]
    NameServers(String),
    /// A value that no broker can work with.
    #[error("{0}")]
    Setting(BadValue),
    /// Something that this broker does not have yet.
    #[error("{setting}: {what} is not supported by this broker yet, so it does not start")]
    NotYet {
        /// Key and value.
        setting: String,
        /// What it stands for.
        what: &'static str,
    },
    /// `brokerIP1` is a name without an address.
    #[error("brokerIP1={host}: {cause}")]
    Host {
        /// The name.
        host: String,
        /// Why.
        cause: String,
    },
}

impl Config {
    /// Reads the file, if there is one, and derives the rest.
    pub fn load(wanted: &Wanted, host: &dyn Host) -> Result<Self, ConfigError> {
        let mut broker = BrokerSettings {
            home: host.variable("ROCKETMQ_HOME"),
            name_servers: host.variable("NAMESRV_ADDR"),
            ..BrokerSettings::default()
        };
        let mut server = ServerSettings {
            listen_port: DEFAULT_PORT,
            socket_send_buffer: JAVA_BUFFER_LEN,
            socket_receive_buffer: JAVA_BUFFER_LEN,
            ..ServerSettings::default()
        };
        let mut client = ClientSettings {
            callback_threads: processors(),
            socket_send_buffer: JAVA_BUFFER_LEN,
            socket_receive_buffer: JAVA_BUFFER_LEN,
            ..ClientSettings::default()
        };
        let mut store = StoreSettings::default();
        if let Some(address) = wanted.address {
            broker.ip1 = Some(address.to_string());
        }
        if let Some(root) = &wanted.store_root {
            store.store_path_root = root.display().to_string();
            store.store_path_commit_log = root.join("commitlog").display().to_string();
        }
        let mut warnings = Vec::new();
        let mut unknown = Vec::new();
        if let Some(file) = &wanted.file {
            let bytes = std::fs::read(file).map_err(|cause| ConfigError::File { file: file.clone(), cause })?;
            let name = file.display().to_string();
            let tables: &mut [&mut dyn Settings] = &mut [&mut broker, &mut server, &mut client, &mut store];
            let loaded = settings::load(&name, &bytes, tables)?;
            warnings.extend(loaded.iter().map(|warning| format!("{name}: {warning}")));
            let properties = properties::parse(&bytes).unwrap_or_default();
            let is_unknown = |property: &Property| tables.iter().all(|table| !has(&**table, &property.key));
            unknown = properties.into_iter().filter(is_unknown).collect();
        }
        if let Some(name_servers) = &wanted.name_servers {
            broker.name_servers = Some(name_servers.clone());
        }
        if let Some(port) = wanted.port {
            server.listen_port = port;
        }
        let file = wanted.file.clone();
        derive(&mut broker, &server, &mut store, host, &mut warnings)?;
        let identity = identity(&broker, &server, host)?;
        Ok(Self { broker, server, client, store, file, unknown, identity, warnings })
    }

    /// The four tables.
    pub fn tables(&self) -> [&dyn Settings; 4] {
        [&self.broker, &self.server, &self.client, &self.store]
    }

    /// The four tables, to be changed.
    pub fn tables_mut(&mut self) -> [&mut dyn Settings; 4] {
        [&mut self.broker, &mut self.server, &mut self.client, &mut self.store]
    }

    /// All keys that have a value, and what else the file says: what code 26 answers.
    pub fn entries(&self) -> Vec<(String, String)> {
        let text = |table: &dyn Settings| -> Vec<(String, String)> {
            table.keys().iter().filter_map(|key| Some((key.name.to_owned(), table.text(key.name)?))).collect()
        };
        let mut entries: Vec<_> = self.tables().into_iter().flat_map(text).collect();
        entries.extend(self.unknown.iter().map(|property| (property.key.clone(), property.value.clone())));
        entries
    }

    /// Name servers, one by one.
    pub fn name_servers(&self) -> Vec<String> {
        split_name_servers(self.broker.name_servers.as_deref().unwrap_or_default())
    }

    /// Where slaves are told to connect to.
    pub fn ha_address(&self) -> String {
        format!("{}:{}", self.broker.ip2.as_deref().unwrap_or_default(), self.store.ha_listen_port)
    }

    /// A file of state below the root of the store.
    pub fn state_file(&self, name: &str) -> PathBuf {
        Path::new(&self.store.store_path_root).join("config").join(name)
    }
}

fn has(table: &dyn Settings, key: &str) -> bool {
    table.keys().iter().any(|known| known.name == key)
}

fn split_name_servers(list: &str) -> Vec<String> {
    list.split(';').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Fills in what was not said, and refuses what cannot be.
fn derive(
    broker: &mut BrokerSettings,
    server: &ServerSettings,
    store: &mut StoreSettings,
    host: &dyn Host,
    warnings: &mut Vec<String>,
) -> Result<(), ConfigError> {
    check_name_servers(broker.name_servers.as_deref())?;
    refuse_what_is_not_there(broker, store)?;
    if server.listen_port <= VIP_DISTANCE || server.listen_port == u16::MAX {
        return Err(ConfigError::Setting(BadValue {
            key: "listenPort".to_owned(),
            value: server.listen_port.to_string(),
            allowed: "a port from 3 to 65534 (the broker also uses the port 2 below and the one above)",
        }));
    }
    broker.id = 0;
    store.ha_listen_port = server.listen_port + 1;
    if broker.name.is_none() {
        broker.name = Some(host.name());
    }
    if broker.ip1.is_none() {
        let guess = host.address();
        warnings.push(format!(
            "brokerIP1 is not set: clients are told {guess}, the first address of this machine that looks right"
        ));
        broker.ip1 = Some(guess.to_string());
    }
    if broker.ip2.is_none() {
        broker.ip2 = Some(broker.ip1.clone().unwrap_or_default());
    }
    if broker.property_filter {
        warnings.push("enablePropertyFilter: filtering by SQL92 is not supported by this broker yet".to_owned());
    }
    Ok(())
}

fn check_name_servers(list: Option<&str>) -> Result<(), ConfigError> {
    let Some(list) = list.filter(|list| !list.is_empty()) else { return Ok(()) };
    let is_address = |part: &String| {
        let (host, port) = part.split_once(':').unwrap_or_default();
        !host.is_empty() && port.parse::<u16>().is_ok()
    };
    let parts = split_name_servers(list);
    if parts.is_empty() || !parts.iter().all(is_address) {
        return Err(ConfigError::NameServers(list.to_owned()));
    }
    Ok(())
}

fn refuse_what_is_not_there(broker: &BrokerSettings, store: &StoreSettings) -> Result<(), ConfigError> {
    let role = match store.broker_role {
        BrokerRole::AsyncMaster => None,
        BrokerRole::SyncMaster => Some("SYNC_MASTER"),
        BrokerRole::Slave => Some("SLAVE"),
    };
    let refused = [
        role.map(|role| (format!("brokerRole={role}"), "replication")),
        (!broker.store_plugin.is_empty())
            .then(|| (format!("messageStorePlugIn={}", broker.store_plugin), "a store plugin of Java")),
        (broker.filter_servers != 0)
            .then(|| (format!("filterServerNums={}", broker.filter_servers), "starting filter servers")),
        (broker.fetch_name_servers && broker.name_servers.is_none())
            .then(|| ("fetchNamesrvAddrByAddressServer=true".to_owned(), "asking for name servers over HTTP")),
        store.duplication_enable.then(|| ("duplicationEnable=true".to_owned(), "duplication")),
    ];
    match refused.into_iter().flatten().next() {
        Some((setting, what)) => Err(ConfigError::NotYet { setting, what }),
        None => Ok(()),
    }
}

fn identity(broker: &BrokerSettings, server: &ServerSettings, host: &dyn Host) -> Result<Identity, ConfigError> {
    let ip1 = broker.ip1.clone().unwrap_or_default();
    let resolved = host.resolve(&ip1).map_err(|cause| ConfigError::Host { host: ip1.clone(), cause })?;
    Ok(Identity {
        name: broker.name.clone().unwrap_or_default(),
        cluster: broker.cluster.clone(),
        ip: ip1,
        address: SocketAddrV4::new(resolved, server.listen_port),
    })
}
