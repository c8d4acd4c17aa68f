//! Consumer groups: their members, and what they subscribe to. Pure.

use super::Member;
use compat::body::client::{ConsumeFromWhere, ConsumeType, ConsumerData, MessageModel, SubscriptionData};
use compat::time::Millis;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// All consumer groups that have a connection. A connection is known by a number that no other has.
pub struct ConsumerTable<P> {
    groups: BTreeMap<String, GroupState<P>>,
    groups_of: HashMap<u64, BTreeSet<String>>,
    generation: u64,
}

/// A group with at least one connection. What its members say of it, the last one says for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupState<P> {
    /// Pull or push.
    pub consume_type: ConsumeType,
    /// Clustering or broadcasting.
    pub message_model: MessageModel,
    /// Where it begins without an offset.
    pub consume_from_where: ConsumeFromWhere,
    /// Subscriptions by topic.
    pub subscriptions: BTreeMap<String, Arc<SubscriptionData>>,
    /// Its connections.
    pub members: BTreeMap<u64, Member<P>>,
}

/// What a pull needs to know of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSubscription {
    /// Clustering or broadcasting.
    pub message_model: MessageModel,
    /// The subscription of the asked topic, if there is one.
    pub subscription: Option<Arc<SubscriptionData>>,
}

/// What a heartbeat changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The connection was not a member before.
    pub is_new: bool,
    /// Topics came or went.
    pub topics_changed: bool,
}

impl Joined {
    /// Whether the group has to share its queues out again.
    pub fn is_news(self) -> bool {
        self.is_new || self.topics_changed
    }
}

/// Who went because of silence, and who stays in their groups.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone<P> {
    /// The silent members, once for each group.
    pub silent: Vec<Member<P>>,
    /// The remaining connections of each group that lost one.
    pub stay: Vec<(String, Vec<P>)>,
}

impl<P> Default for ConsumerTable<P> {
    fn default() -> Self {
        Self { groups: BTreeMap::new(), groups_of: HashMap::new(), generation: 0 }
    }
}

impl<P> GroupState<P> {
    /// Client ids, one a connection.
    pub fn client_ids(&self) -> Vec<String> {
        self.members.values().map(|member| member.client_id.clone()).collect()
    }
}

impl<P: Clone> ConsumerTable<P> {
    /// Changes with every change of what [`ConsumerTable::subscription`] says.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// A group.
    pub fn group(&self, name: &str) -> Option<&GroupState<P>> {
        self.groups.get(name)
    }

    /// The connections of a group.
    pub fn peers(&self, group: &str) -> Vec<P> {
        self.groups.get(group).map_or_else(Vec::new, GroupState::peers)
    }

    /// What a group says of a topic.
    pub fn subscription(&self, group: &str, topic: &str) -> Option<GroupSubscription> {
        let group = self.groups.get(group)?;
        let subscription = group.subscriptions.get(topic).cloned();
        Some(GroupSubscription { message_model: group.message_model, subscription })
    }

    /// Groups that subscribe to a topic.
    pub fn groups_of(&self, topic: &str) -> Vec<String> {
        let subscribe = |group: &GroupState<P>| group.subscriptions.contains_key(topic);
        self.groups.iter().filter(|(_, group)| subscribe(group)).map(|(name, _)| name.clone()).collect()
    }

    /// A connection says that it is a member.
    pub fn on_heartbeat(&mut self, id: u64, member: Member<P>, data: ConsumerData) -> Joined {
        if !self.groups.contains_key(&data.group_name) {
            self.groups.insert(data.group_name.clone(), GroupState::of(&data));
            self.generation += 1;
        }
        let Some(group) = self.groups.get_mut(&data.group_name) else {
            return Joined { is_new: false, topics_changed: false };
        };
        if group.message_model != data.message_model {
            group.message_model = data.message_model;
            self.generation += 1;
        }
        group.consume_type = data.consume_type;
        group.consume_from_where = data.consume_from_where;
        let is_new = group.join(id, member);
        let subscribed = group.subscribe(data.subscriptions);
        self.generation += u64::from(subscribed.anything);
        if is_new {
            self.groups_of.entry(id).or_default().insert(data.group_name);
        }
        Joined { is_new, topics_changed: subscribed.topics }
    }

    /// A connection leaves a group: who stays, if it was in it.
    pub fn on_unregister(&mut self, id: u64, group: &str) -> Option<Vec<P>> {
        if let Some(groups) = self.groups_of.get_mut(&id) {
            groups.remove(group);
            if groups.is_empty() {
                self.groups_of.remove(&id);
            }
        }
        self.leave(id, group).map(|(_, stay)| stay)
    }

    /// A connection is gone: its groups, and who stays in them.
    pub fn on_closed(&mut self, id: u64) -> Vec<(String, Vec<P>)> {
        let groups = self.groups_of.remove(&id).unwrap_or_default();
        groups.into_iter().filter_map(|group| self.leave(id, &group).map(|(_, stay)| (group, stay))).collect()
    }

    /// Forgets silent members.
    pub fn on_time(&mut self, now: Millis) -> Gone<P> {
        let mut silent = Vec::new();
        let mut shrunk = BTreeSet::new();
        let late = self.groups.iter().flat_map(|(name, group)| {
            group.members.iter().filter(|(_, member)| !member.is_alive(now)).map(|(&id, _)| (id, name.clone()))
        });
        for (id, group) in late.collect::<Vec<_>>() {
            if let Some(groups) = self.groups_of.get_mut(&id) {
                groups.remove(&group);
                if groups.is_empty() {
                    self.groups_of.remove(&id);
                }
            }
            silent.extend(self.leave(id, &group).map(|(member, _)| member));
            shrunk.insert(group);
        }
        let stay = shrunk.into_iter().map(|group| (self.peers(&group), group)).map(|(peers, group)| (group, peers));
        Gone { silent, stay: stay.collect() }
    }

    fn leave(&mut self, id: u64, name: &str) -> Option<(Member<P>, Vec<P>)> {
        let group = self.groups.get_mut(name)?;
        let member = group.members.remove(&id)?;
        let stay = group.peers();
        if stay.is_empty() {
            self.groups.remove(name);
            self.generation += 1;
        }
        Some((member, stay))
    }
}

/// What a new set of subscriptions changed.
struct Subscribed {
    /// Topics came or went.
    topics: bool,
    /// These, or what is wanted of a topic.
    anything: bool,
}

impl<P> GroupState<P> {
    fn of(data: &ConsumerData) -> Self {
        Self {
            consume_type: data.consume_type,
            message_model: data.message_model,
            consume_from_where: data.consume_from_where,
            subscriptions: BTreeMap::new(),
            members: BTreeMap::new(),
        }
    }

    fn peers(&self) -> Vec<P>
    where
        P: Clone,
    {
        self.members.values().map(|member| member.peer.clone()).collect()
    }

    /// Returns whether the connection was not a member before.
    fn join(&mut self, id: u64, member: Member<P>) -> bool {
        let client_id = member.client_id.clone();
        match self.members.insert(id, member) {
            Some(before) if before.client_id != client_id => {
                tracing::warn!(before = %before.client_id, now = %client_id, "a connection changes its client id");
                false
            }
            before => before.is_none(),
        }
    }

    /// Takes these subscriptions instead of those there are; of two of one topic, the newer version.
    fn subscribe(&mut self, wanted: Vec<SubscriptionData>) -> Subscribed {
        let mut changed = Subscribed { topics: false, anything: false };
        let mut topics = BTreeSet::new();
        for subscription in wanted {
            topics.insert(subscription.topic.clone());
            match self.subscriptions.get_mut(&subscription.topic) {
                None => {
                    self.subscriptions.insert(subscription.topic.clone(), Arc::new(subscription));
                    changed = Subscribed { topics: true, anything: true };
                }
                Some(known) if subscription.sub_version > known.sub_version => {
                    *known = Arc::new(subscription);
                    changed.anything = true;
                }
                Some(_) => {}
            }
        }
        let before = self.subscriptions.len();
        self.subscriptions.retain(|topic, _| topics.contains(topic));
        if self.subscriptions.len() != before {
            changed = Subscribed { topics: true, anything: true };
        }
        changed
    }
}

#[cfg(test)]
mod tests;
