//! Producer groups and their connections. Pure.

use super::Member;
use compat::time::Millis;
use std::collections::BTreeMap;

/// All producer groups. A connection is known by a number that no other has.
pub struct ProducerTable<P> {
    groups: BTreeMap<String, BTreeMap<u64, Member<P>>>,
}

impl<P> Default for ProducerTable<P> {
    fn default() -> Self {
        Self { groups: BTreeMap::new() }
    }
}

impl<P> ProducerTable<P> {
    /// The members of a group; `None` for one without any.
    pub fn members(&self, group: &str) -> Option<impl Iterator<Item = &Member<P>>> {
        self.groups.get(group).map(BTreeMap::values)
    }

    /// A connection says that it is a member.
    pub fn on_heartbeat(&mut self, group: &str, id: u64, member: Member<P>) {
        match self.groups.get_mut(group) {
            Some(members) => {
                members.insert(id, member);
            }
            None => {
                tracing::info!(group, client = %member.client_id, "producer group is here");
                self.groups.insert(group.to_owned(), BTreeMap::from([(id, member)]));
            }
        }
    }

    /// A connection leaves a group.
    pub fn on_unregister(&mut self, id: u64, group: &str) {
        if let Some(members) = self.groups.get_mut(group) {
            members.remove(&id);
            if members.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    /// A connection is gone.
    ///
    /// Differs: 4.3.0 keeps groups that have lost their last member, as empty ones.
    pub fn on_closed(&mut self, id: u64) {
        self.groups.retain(|_, members| {
            members.remove(&id);
            !members.is_empty()
        });
    }

    /// Forgets silent members and returns them.
    pub fn on_time(&mut self, now: Millis) -> Vec<Member<P>> {
        let mut silent = Vec::new();
        self.groups.retain(|_, members| {
            silent.extend(members.extract_if(.., |_, member| !member.is_alive(now)).map(|(_, member)| member));
            !members.is_empty()
        });
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::super::LIFE;
    use super::*;

    fn member(client: &str, at: i64) -> Member<()> {
        Member { peer: (), client_id: client.to_owned(), language: None, version: 0, last_heartbeat: Millis(at) }
    }

    fn ids(table: &ProducerTable<()>, group: &str) -> Option<Vec<String>> {
        table.members(group).map(|members| members.map(|member| member.client_id.clone()).collect())
    }

    #[test]
    fn members_come_and_go() {
        let mut table = ProducerTable::default();
        table.on_heartbeat("g", 1, member("one", 0));
        table.on_heartbeat("g", 2, member("two", 0));
        table.on_heartbeat("h", 1, member("one", 0));
        assert_eq!(ids(&table, "g"), Some(vec!["one".to_owned(), "two".to_owned()]));
        table.on_unregister(1, "g");
        assert_eq!(ids(&table, "g"), Some(vec!["two".to_owned()]));
        table.on_closed(2);
        assert_eq!((ids(&table, "g"), ids(&table, "h").map(|ids| ids.len())), (None, Some(1)));
        let life = LIFE.as_millis() as i64;
        assert_eq!(table.on_time(Millis(life)), []);
        assert_eq!(table.on_time(Millis(life + 1)), [member("one", 0)]);
        assert_eq!(ids(&table, "h"), None);
    }
}
