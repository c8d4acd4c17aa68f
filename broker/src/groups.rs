//! The consumer groups of this broker. `subscriptionGroup.json`.
//!
//! A group that an operator sets is durable before the answer; one that a client's first request makes is used at once
//! and saved shortly after. Source: `broker/subscription/SubscriptionGroupManager`.

use crate::live::Live;
use crate::settings::BrokerSettings;
use crate::table_file::{SharedTable, Table, TableFile};
use compat::body::DataVersion;
use compat::body::admin::GroupConfigTable;
use compat::group::GroupConfig;
use compat::names::{BUILT_IN_GROUPS, SYSTEM_GROUP_PREFIX};
use compat::time::{Clock, Millis};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use store::config_file::{ConfigFile, Unreadable};
use tokio::sync::watch;

/// The table of groups.
pub struct Groups {
    table: SharedTable<GroupTable>,
    settings: Arc<Live<BrokerSettings>>,
    clock: Clock,
}

impl Groups {
    /// The built-in groups and those of the file, which win.
    pub fn load(file: ConfigFile, settings: Arc<Live<BrokerSettings>>, clock: Clock) -> Result<Self, Unreadable> {
        let file = TableFile::new(file);
        let mut table = GroupTable::new(clock.now());
        if let Some(stored) = file.load()? {
            table.merge(stored);
        }
        Ok(Self { table: SharedTable::new(table, file), settings, clock })
    }

    /// Changes with every change of any group: whoever keeps a group compares it.
    pub fn generation(&self) -> u64 {
        self.table.generation()
    }

    /// A group.
    pub fn find(&self, name: &str) -> Option<Arc<GroupConfig>> {
        self.table.read().groups.get(name).cloned()
    }

    /// A group, made with the defaults when it is missing and that is allowed.
    pub fn find_or_create(&self, name: &str) -> Option<Arc<GroupConfig>> {
        if let Some(group) = self.find(name) {
            return Some(group);
        }
        if !may_be_made(name, self.settings.get().auto_create_group) {
            return None;
        }
        let now = self.clock.now();
        tracing::info!(group = name, "group made");
        Some(self.table.change(|table| (true, table.create(name, now))))
    }

    /// Makes or replaces a group. Durable when this returns: may wait for the disk.
    pub fn put(&self, group: GroupConfig) -> io::Result<()> {
        tracing::info!(?group, "group set");
        let now = self.clock.now();
        self.table.change(|table| (true, table.put(group, now)));
        self.save()
    }

    /// Removes a group; `false` when there is none. Durable when this returns: may wait for the disk.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        let now = self.clock.now();
        let removed = self.table.change(|table| {
            let removed = table.remove(name, now);
            (removed, removed)
        });
        tracing::info!(group = name, removed, "group removed");
        self.save()?;
        Ok(removed)
    }

    /// No more pulls for a group, until an operator sets it again.
    pub fn disable(&self, name: &str) {
        let now = self.clock.now();
        self.table.change(|table| {
            let group = table.groups.get(name).filter(|group| group.consume_enable);
            let disabled = group.map(|group| GroupConfig { consume_enable: false, ..GroupConfig::clone(group) });
            let is_change = disabled.is_some();
            disabled.into_iter().for_each(|group| table.put(group, now));
            (is_change, ())
        });
    }

    /// The whole table.
    pub fn snapshot(&self) -> GroupConfigTable {
        self.table.read().snapshot()
    }

    /// The number of the last change; whoever holds this can wait for the next.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.table.changes()
    }

    /// Makes every change so far durable. May wait for the disk.
    pub fn save(&self) -> io::Result<()> {
        self.table.save()
    }
}

fn may_be_made(group: &str, auto_create: bool) -> bool {
    !group.is_empty() && (auto_create || group.starts_with(SYSTEM_GROUP_PREFIX))
}

/// All groups of a broker by name. Pure.
struct GroupTable {
    groups: BTreeMap<String, Arc<GroupConfig>>,
    version: DataVersion,
}

impl GroupTable {
    fn new(now: Millis) -> Self {
        let groups = BUILT_IN_GROUPS.iter().map(|name| ((*name).to_owned(), Arc::new(GroupConfig::new(name))));
        Self { groups: groups.collect(), version: DataVersion { counter: 0, timestamp: now.0 } }
    }

    /// Differs: 4.3.0 forgets the version, so that slaves copy the table after each restart of their master.
    fn merge(&mut self, stored: GroupConfigTable) {
        for (name, mut group) in stored.subscription_group_table {
            group.group_name.clone_from(&name);
            self.groups.insert(name, Arc::new(group));
        }
        self.version = stored.data_version;
    }

    /// The group there is, or a new one.
    fn create(&mut self, name: &str, now: Millis) -> Arc<GroupConfig> {
        if let Some(group) = self.groups.get(name) {
            return Arc::clone(group);
        }
        let group = Arc::new(GroupConfig::new(name));
        self.groups.insert(name.to_owned(), Arc::clone(&group));
        self.version = self.version.next(now);
        group
    }

    fn put(&mut self, group: GroupConfig, now: Millis) {
        self.groups.insert(group.group_name.clone(), Arc::new(group));
        self.version = self.version.next(now);
    }

    fn remove(&mut self, name: &str, now: Millis) -> bool {
        let removed = self.groups.remove(name).is_some();
        if removed {
            self.version = self.version.next(now);
        }
        removed
    }
}

impl Table for GroupTable {
    type Stored = GroupConfigTable;

    fn snapshot(&self) -> GroupConfigTable {
        let groups = self.groups.iter().map(|(name, group)| (name.clone(), GroupConfig::clone(group)));
        GroupConfigTable { data_version: self.version, subscription_group_table: groups.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use store::disk::Disk;
    use store::disk::sim::SimDisk;

    fn load(disk: &SimDisk, auto_create: bool) -> Groups {
        let file = ConfigFile::new(Arc::new(disk.clone()), "/config/subscriptionGroup.json");
        let settings = BrokerSettings { auto_create_group: auto_create, ..BrokerSettings::default() };
        Groups::load(file, Arc::new(Live::new(settings)), Clock::by_hand(Millis(5))).expect("a table")
    }

    fn disk() -> SimDisk {
        let disk = SimDisk::new(Clock::by_hand(Millis(0)), 1);
        disk.create_dir_all(Path::new("/config")).expect("a directory");
        disk
    }

    #[test]
    fn a_group_is_made_where_that_is_allowed() {
        let groups = load(&disk(), true);
        assert_eq!(groups.find_or_create("g").expect("made").retry_max_times, 16);
        assert_eq!(groups.find_or_create(""), None);
        let generation = groups.generation();
        groups.find_or_create("g").expect("there");
        assert_eq!(groups.generation(), generation);

        let closed = load(&disk(), false);
        assert_eq!(closed.find_or_create("g"), None);
        assert!(closed.find_or_create("CID_RMQ_SYS_TRANS").is_some(), "the broker's own groups are always allowed");
        assert!(BUILT_IN_GROUPS.iter().all(|group| closed.find(group).is_some()));
    }

    #[test]
    fn what_is_put_is_on_the_disk_even_when_the_power_fails() {
        let disk = disk();
        let groups = load(&disk, true);
        let group = GroupConfig { consume_enable: false, ..GroupConfig::new("g") };
        groups.put(group.clone()).expect("durable");
        let after = load(&disk.if_power_failed(), true);
        assert_eq!(after.find("g").as_deref(), Some(&group));
        assert_eq!(after.snapshot().data_version, groups.snapshot().data_version);
        assert!(groups.remove("g").expect("durable"));
        assert_eq!(load(&disk.if_power_failed(), true).find("g"), None);
    }

    #[test]
    fn a_disabled_group_stays_so_until_it_is_set_again() {
        let groups = load(&disk(), true);
        groups.find_or_create("g").expect("made");
        let generation = groups.generation();
        groups.disable("g");
        groups.disable("g");
        groups.disable("unknown");
        assert_eq!(groups.generation(), generation + 1, "one change");
        assert!(!groups.find("g").expect("a group").consume_enable);
        groups.put(GroupConfig::new("g")).expect("durable");
        assert!(groups.find("g").expect("a group").consume_enable);
    }
}
