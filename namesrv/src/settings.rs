//! What a name server is told: by a file at its start, and by requests at run time.
//!
//! Source: `common/namesrv/NamesrvConfig`, `common/Configuration`.

use crate::requests::Refusal;
use compat::java::properties::{self, Property};
use compat::settings::{self, ConfigError, Settings, Warning};
use remoting::settings::ServerSettings;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::config_file::{ConfigFile, Unreadable};
use store::disk::Disk;

/// Port unless configured otherwise.
pub const DEFAULT_PORT: u16 = 9876;

/// Socket buffers unless configured otherwise, bytes. They get into the file with the first change, and Java would take
/// a 0 that stands there for the smallest buffer there is.
const DEFAULT_SOCKET_BUFFER: usize = 65_535;

/// Keys that nobody may change from afar: they say where files are read and written (CVE-2023-37582).
const PROTECTED: [&str; 4] = ["configStorePath", "kvConfigPath", "rocketmqHome", "configBlackList"];

compat::settings! {
    /// What a name server can be told, beside its [`ServerSettings`].
    pub struct NamesrvSettings {
        /// Directory of the installation; shown only.
        rocketmq_home: Option<String> = "rocketmqHome", None;
        /// File of the keys and values.
        kv_config_path: String = "kvConfigPath", String::new();
        /// File that settings changed at run time are written to; the file of option `-c` takes its place.
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
    /// Keys of the file that no table has: they are shown and kept.
    pub other: BTreeMap<String, String>,
}

/// Why a configuration file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such file.
    #[error("{0}: no such file")]
    Missing(String),
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Lines of it are wrong.
    #[error(transparent)]
    Wrong(#[from] ConfigError),
}

impl Config {
    /// The defaults: files below `namesrv` in the home directory of the user, port 9876.
    pub fn new(user_home: &Path) -> Self {
        let file = |name: &str| user_home.join("namesrv").join(name).display().to_string();
        Self {
            settings: NamesrvSettings {
                kv_config_path: file("kvConfig.json"),
                config_store_path: file("namesrv.properties"),
                ..NamesrvSettings::default()
            },
            server: ServerSettings {
                listen_port: DEFAULT_PORT,
                socket_send_buffer: DEFAULT_SOCKET_BUFFER,
                socket_receive_buffer: DEFAULT_SOCKET_BUFFER,
                ..ServerSettings::default()
            },
            other: BTreeMap::new(),
        }
    }

    /// The defaults, and over them the file of option `-c`, which from then on takes changed settings.
    pub fn load(disk: &Arc<dyn Disk>, file: &Path, user_home: &Path) -> Result<(Self, Vec<Warning>), LoadError> {
        let bytes = match ConfigFile::new(disk.clone(), file).load(|bytes| Ok(bytes.to_vec()))? {
            Some(bytes) => bytes,
            None => match disk.read(file, 0) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(LoadError::Missing(file.display().to_string()));
                }
                _ => Vec::new(),
            },
        };
        let mut config = Self::new(user_home);
        let name = file.display().to_string();
        let warnings = settings::load(&name, &bytes, &mut config.tables())?;
        config.settings.config_store_path = name;
        for Property { key, value, .. } in properties::parse(&bytes).unwrap_or_default() {
            if !config.has(&key) {
                config.other.insert(key, value);
            }
        }
        Ok((config, warnings))
    }

    /// All keys that have a value, in their order.
    pub fn entries(&self) -> BTreeMap<String, String> {
        let known = |table: &dyn Settings| -> Vec<(String, String)> {
            table.keys().iter().filter_map(|key| Some((key.name.to_owned(), table.text(key.name)?))).collect()
        };
        let tables = [known(&self.settings), known(&self.server)];
        self.other.clone().into_iter().chain(tables.into_iter().flatten()).collect()
    }

    fn tables(&mut self) -> [&mut dyn Settings; 2] {
        [&mut self.settings, &mut self.server]
    }

    fn has(&self, key: &str) -> bool {
        let tables: [&dyn Settings; 2] = [&self.settings, &self.server];
        tables.iter().any(|table| table.keys().iter().any(|known| known.name == key))
    }
}

/// The settings of a running name server, and the file that changes go to.
pub struct LiveConfig {
    config: Mutex<Arc<Config>>,
    file: ConfigFile,
}

impl LiveConfig {
    /// Settings that were read. Reads whether the file is there, changes nothing.
    pub fn open(config: Config, disk: Arc<dyn Disk>) -> Result<Self, Unreadable> {
        let file = ConfigFile::new(disk, &config.settings.config_store_path);
        file.load(|_| Ok(()))?;
        Ok(Self { config: Mutex::new(Arc::new(config)), file })
    }

    /// As they are.
    pub fn now(&self) -> Arc<Config> {
        self.lock().clone()
    }

    /// `key=value` lines.
    pub fn lines(&self) -> String {
        let entries = self.now().entries();
        properties::answer(entries.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    /// Takes `key=value` lines in the syntax of properties files: all of them, or none. Keys that nobody knows are ignored.
    ///
    /// Differs: 4.3.0 lets anybody move its files by this (CVE-2023-37582), and keeps quiet about values that it cannot
    /// read and about a file that it cannot write.
    pub fn update(&self, lines: &[u8]) -> Result<(), Refusal> {
        let lines = properties::parse(lines).map_err(|_| Refusal::Properties)?;
        if let Some(line) = lines.iter().find(|line| PROTECTED.contains(&line.key.as_str())) {
            return Err(Refusal::ProtectedKey { key: line.key.clone() });
        }
        let mut config = Config::clone(&self.now());
        let (_, problems) = settings::apply(&lines, &mut config.tables());
        if let Some(problem) = problems.first() {
            return Err(Refusal::Setting { problem: problem.to_string() });
        }
        if config.settings.cluster_test {
            return Err(Refusal::ClusterTest);
        }
        for Property { key, value, .. } in lines {
            if let Some(known) = config.other.get_mut(&key) {
                *known = value;
            }
        }
        if config == *self.now() {
            return Ok(());
        }
        let entries = config.entries();
        let file = properties::file(entries.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        self.file.persist(file.as_bytes()).map_err(|error| Refusal::NotStored { cause: error.to_string() })?;
        *self.lock() = Arc::new(config);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Config>> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::time::{Clock, Millis};
    use store::disk::sim::SimDisk;

    const HOME: &str = "/home/user";
    const FILE: &str = "/etc/namesrv.conf";

    #[test]
    fn the_defaults_are_those_of_java() {
        let config = Config::new(Path::new(HOME));
        let entries = config.entries();
        for (key, value) in [
            ("kvConfigPath", "/home/user/namesrv/kvConfig.json"),
            ("configStorePath", "/home/user/namesrv/namesrv.properties"),
            ("productEnvName", "center"),
            ("clusterTest", "false"),
            ("orderMessageEnable", "false"),
            ("listenPort", "9876"),
            ("serverChannelMaxIdleTimeSeconds", "120"),
            ("serverSocketSndBufSize", "65535"),
            ("serverSocketRcvBufSize", "65535"),
        ] {
            assert_eq!(entries.get(key).map(String::as_str), Some(value), "{key}");
        }
        assert!(!entries.contains_key("rocketmqHome"));
    }

    #[test]
    fn a_file_is_read_and_its_unknown_keys_are_kept() {
        let (config, warnings) = load("listenPort=1234\norderMessageEnable=true\nmine=x\nconfigStorePath=/elsewhere\n");
        assert_eq!(config.server.listen_port, 1234);
        assert!(config.settings.order_message_enable);
        assert_eq!(config.settings.config_store_path, FILE);
        assert_eq!(config.other, BTreeMap::from([("mine".to_owned(), "x".to_owned())]));
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn a_missing_file_is_an_error_and_an_empty_one_is_not() {
        let missing = Config::load(&disk_with(None), Path::new(FILE), Path::new(HOME));
        assert!(matches!(missing, Err(LoadError::Missing(_))));
        let (config, _) = load("");
        assert_eq!(config.server.listen_port, DEFAULT_PORT);
        let wrong = Config::load(&disk_with(Some("listenPort=x")), Path::new(FILE), Path::new(HOME)).unwrap_err();
        assert!(wrong.to_string().contains("line 1: listenPort=x"), "{wrong}");
    }

    #[test]
    fn a_change_is_in_force_and_in_the_file() {
        let disk = disk_with(Some("# mine\nmine=x\n"));
        let live = open(&disk);
        live.update(b"orderMessageEnable=true\nmine=y\nnobody=knows\n").unwrap();
        assert!(live.now().settings.order_message_enable);
        assert!(live.lines().contains("\norderMessageEnable=true\n"));
        assert!(!live.lines().contains("nobody"));
        let (again, warnings) = Config::load(&disk, Path::new(FILE), Path::new(HOME)).unwrap();
        assert_eq!(again, *live.now());
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let bak = disk.read(Path::new("/etc/namesrv.conf.bak"), 100).unwrap();
        assert_eq!(bak, b"# mine\nmine=x\n");
    }

    #[test]
    fn keys_that_name_files_are_refused() {
        let disk = disk_with(Some("mine=x"));
        let live = open(&disk);
        for key in PROTECTED {
            let update = format!("orderMessageEnable=true\n{key}=/tmp/x\n");
            assert_eq!(live.update(update.as_bytes()), Err(Refusal::ProtectedKey { key: key.to_owned() }));
        }
        // Escapes and blanks hide nothing.
        assert!(live.update(b"  kv\\u0043onfigPath : /tmp/x").is_err());
        assert!(!live.now().settings.order_message_enable);
        assert_eq!(disk.read(Path::new(FILE), 100).unwrap(), b"mine=x");
    }

    #[test]
    fn wrong_updates_change_nothing() {
        let live = open(&disk_with(Some("mine=x")));
        assert_eq!(live.update(b"mine=\\u00"), Err(Refusal::Properties));
        assert_eq!(live.update(b"clusterTest=true"), Err(Refusal::ClusterTest));
        assert!(matches!(live.update(b"mine=y\norderMessageEnable=maybe"), Err(Refusal::Setting { .. })));
        assert_eq!(live.now().other["mine"], "x");
    }

    fn disk_with(file: Option<&str>) -> Arc<dyn Disk> {
        let disk = SimDisk::new(Clock::by_hand(Millis(0)), 1);
        disk.create_dir_all(Path::new("/etc")).unwrap();
        if let Some(content) = file {
            disk.create(Path::new(FILE)).unwrap().write_all_at(content.as_bytes(), 0).unwrap();
        }
        Arc::new(disk)
    }

    fn load(content: &str) -> (Config, Vec<Warning>) {
        Config::load(&disk_with(Some(content)), Path::new(FILE), Path::new(HOME)).unwrap()
    }

    fn open(disk: &Arc<dyn Disk>) -> LiveConfig {
        let (config, _) = Config::load(disk, Path::new(FILE), Path::new(HOME)).unwrap();
        LiveConfig::open(config, disk.clone()).unwrap()
    }
}
