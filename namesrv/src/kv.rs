//! Keys and values in namespaces: a table and the file it is kept in.
//!
//! What is answered as stored is in the file. The file is `{"configTable":{namespace:{key:value}}}`, as Java writes it.
//! Source: `namesrv/KVConfigManager`.

use compat::body::namesrv::KvTable;
use compat::json;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::config_file::{ConfigFile, Unreadable};

/// The table, and the file behind it.
pub struct KeyValues {
    table: Mutex<Arc<Table>>,
    file: ConfigFile,
}

/// Namespaces, keys and values. Source: `namesrv/KVConfigSerializeWrapper`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Table {
    config_table: BTreeMap<String, BTreeMap<String, String>>,
}

impl KeyValues {
    /// Reads the file. Changes nothing.
    pub fn open(file: ConfigFile) -> Result<Self, Unreadable> {
        let table = file.load(|bytes| json::from_slice::<Table>(bytes).map_err(|error| error.to_string()))?;
        Ok(Self { table: Mutex::new(Arc::new(table.unwrap_or_default())), file })
    }

    /// The value of a key.
    pub fn get(&self, namespace: &str, key: &str) -> Option<String> {
        self.table().config_table.get(namespace)?.get(key).cloned()
    }

    /// All of a namespace.
    pub fn namespace(&self, namespace: &str) -> Option<KvTable> {
        self.table().config_table.get(namespace).map(|table| KvTable { table: table.clone() })
    }

    /// Sets a key. When that cannot be stored, nothing is changed.
    pub fn put(&self, namespace: &str, key: &str, value: &str) -> io::Result<()> {
        self.change(|table| table.put(namespace, key, value))
    }

    /// Removes a key, or does nothing. When that cannot be stored, nothing is changed.
    pub fn delete(&self, namespace: &str, key: &str) -> io::Result<()> {
        self.change(|table| table.delete(namespace, key))
    }

    /// Only one thread changes the table, so that readers need not wait for the disk.
    fn change(&self, change: impl FnOnce(&mut Table)) -> io::Result<()> {
        let mut table = Table::clone(&self.table());
        change(&mut table);
        self.file.persist(&json::to_vec(&table))?;
        *self.lock() = Arc::new(table);
        Ok(())
    }

    fn table(&self) -> Arc<Table> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Table>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn put(&mut self, namespace: &str, key: &str, value: &str) {
        let namespace = self.config_table.entry(namespace.to_owned()).or_default();
        namespace.insert(key.to_owned(), value.to_owned());
    }

    /// The namespace stays, also when it is empty.
    fn delete(&mut self, namespace: &str, key: &str) {
        if let Some(namespace) = self.config_table.get_mut(namespace) {
            namespace.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::time::{Clock, Millis};
    use std::path::Path;
    use store::disk::sim::SimDisk;
    use store::disk::{Disk, File};

    const PATH: &str = "/home/namesrv/kvConfig.json";

    #[test]
    fn values_survive_a_power_cut_once_they_are_answered() {
        for seed in 0..20 {
            let disk = SimDisk::new(Clock::by_hand(Millis(0)), seed);
            let kv = open(&disk).unwrap();
            kv.put("ns", "k", "v1").unwrap();
            kv.put("ns", "k", "v2").unwrap();
            let kv = open(&disk.crash()).unwrap();
            assert_eq!(kv.get("ns", "k").as_deref(), Some("v2"));
        }
    }

    #[test]
    fn the_file_is_the_one_of_java() {
        let disk = SimDisk::new(Clock::by_hand(Millis(0)), 1);
        let kv = open(&disk).unwrap();
        kv.put("ORDER_TOPIC_CONFIG", "T", "broker-a:4;broker-b:4").unwrap();
        kv.put("a", "b", "c").unwrap();
        kv.delete("a", "b").unwrap();
        let file = disk.read(Path::new(PATH), 1000).unwrap();
        let expected = r#"{"configTable":{"ORDER_TOPIC_CONFIG":{"T":"broker-a:4;broker-b:4"},"a":{}}}"#;
        assert_eq!(String::from_utf8(file).unwrap(), expected);
        assert_eq!(kv.namespace("a").unwrap().table.len(), 0);
        assert!(kv.namespace("nope").is_none());
    }

    #[test]
    fn a_damaged_file_gives_way_to_its_bak() {
        let disk = SimDisk::new(Clock::by_hand(Millis(0)), 1);
        let kv = open(&disk).unwrap();
        kv.put("ns", "k", "v1").unwrap();
        kv.put("ns", "k", "v2").unwrap();
        damage(&disk, PATH);
        assert_eq!(open(&disk).unwrap().get("ns", "k").as_deref(), Some("v1"));
        damage(&disk, &format!("{PATH}.bak"));
        let before = disk.contents();
        assert!(open(&disk).is_err());
        assert_eq!(disk.contents(), before);
    }

    #[test]
    fn what_cannot_be_stored_is_not_changed() {
        let disk = SimDisk::new(Clock::by_hand(Millis(0)), 1);
        let kv = open(&disk).unwrap();
        kv.put("ns", "k", "v1").unwrap();
        disk.leave_free(0);
        assert!(kv.put("ns", "k", "v2").is_err());
        assert!(kv.delete("ns", "k").is_err());
        assert_eq!(kv.get("ns", "k").as_deref(), Some("v1"));
        disk.leave_free(1 << 20);
        kv.put("ns", "k", "v2").unwrap();
    }

    fn open(disk: &SimDisk) -> Result<KeyValues, Unreadable> {
        KeyValues::open(ConfigFile::new(Arc::new(disk.clone()), PATH))
    }

    fn damage(disk: &SimDisk, path: &str) {
        let file: Arc<dyn File> = disk.open(Path::new(path)).unwrap();
        file.set_len(file.len().unwrap() - 1).unwrap();
    }
}
