//! Settings of a name server. Source: `common/namesrv/NamesrvConfig`.

use compat::java::properties::Property;
use compat::settings::{ConfigError, Warning};
use remoting::settings::ServerSettings;
use std::path::Path;
use store::disk::Disk;

compat::settings! {
    /// What a name server can be told, beside its [`ServerSettings`].
    pub struct NamesrvSettings {
        /// Directory of the installation; shown only.
        rocketmq_home: Option<String> = "rocketmqHome", None;
        /// File of the keys and values.
        kv_config_path: String = "kvConfigPath", String::new();
        /// File that settings changed at run time are written to.
        config_store_path: String = "configStorePath", String::new();
        /// Environment of a cluster test; shown only.
        product_env_name: String = "productEnvName", "center".to_owned();
        /// Whether routes are also looked up in another environment; must be false.
        cluster_test: bool = "clusterTest", false;
        /// Whether routes of ordered topics tell their order.
        order_message_enable: bool = "orderMessageEnable", false;
    }
}

/// All that a name server is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Its own settings.
    pub settings: NamesrvSettings,
    /// Those of its sockets.
    pub server: ServerSettings,
    /// The entries of the file as they stand there, also those that nobody knows.
    pub file: Vec<Property>,
}

impl Config {
    /// The defaults: files below `namesrv` in the home directory of the user, port 9876.
    pub fn new(user_home: &Path) -> Self {
        let _ = user_home;
        todo!()
    }

    /// The defaults, and over them the file of option `-c`, which from then on takes changed settings.
    pub fn load(disk: &dyn Disk, file: &Path, user_home: &Path) -> Result<(Self, Vec<Warning>), ConfigError> {
        let _ = (disk, file, user_home);
        todo!()
    }
}
