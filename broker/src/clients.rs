//! Who is connected: producers and consumers by group, as their heartbeats say. Codes 34, 35, 38, 40, 46.
//!
//! [`ConsumerTable`] and [`ProducerTable`] take heartbeats, goodbyes, closed connections and time, and say whom to tell;
//! the types here share them between the loops and do the telling.
//! Source: `broker/client/ConsumerManager`, `ProducerManager`, `ClientHousekeepingService`, `DefaultConsumerIdsChangeListener`.

mod consumers;
mod producers;
mod requests;

pub use consumers::{ConsumerTable, GroupState, GroupSubscription, Joined};
pub use producers::ProducerTable;
pub use requests::ClientRequests;

use compat::body::admin::Connection;
use compat::body::client::ConsumerData;
use compat::command::{Language, RequestCode};
use compat::header::client::ConsumerGroupRequest;
use compat::time::Millis;
use remoting::command::Command;
use remoting::peer::Peer;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

/// A client that says nothing for so long is forgotten.
pub const LIFE: Duration = Duration::from_secs(120);

/// One connection of a client in one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<P> {
    /// The connection.
    pub peer: P,
    /// Client id.
    pub client_id: String,
    /// Language, `None` for one that nobody here knows.
    pub language: Option<Language>,
    /// Version.
    pub version: i32,
    /// When it was last heard of.
    pub last_heartbeat: Millis,
}

impl<P> Member<P> {
    fn is_alive(&self, now: Millis) -> bool {
        self.last_heartbeat.until(now) <= LIFE
    }
}

impl Member<Peer> {
    /// As codes 203 and 204 show it.
    pub fn connection(&self) -> Connection {
        let client_addr = match self.peer.remote() {
            SocketAddr::V6(v6) if v6.ip().to_ipv4_mapped().is_some() => {
                let ip = v6.ip().to_ipv4_mapped().unwrap_or(std::net::Ipv4Addr::UNSPECIFIED);
                format!("{ip}:{}", v6.port())
            }
            other => other.to_string(),
        };
        let language = self.language.unwrap_or(Language::Other).name().to_owned();
        Connection { client_addr, client_id: self.client_id.clone(), language, version: self.version }
    }
}

/// The consumers of all groups.
#[derive(Default)]
pub struct Consumers {
    table: RwLock<ConsumerTable<Peer>>,
    generation: AtomicU64,
}

impl Consumers {
    /// What a group says of a topic; `None` for a group without a connection.
    pub fn subscription(&self, group: &str, topic: &str) -> Option<GroupSubscription> {
        self.read().subscription(group, topic)
    }

    /// Changes with every change of any group's subscriptions: whoever keeps one compares it.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The state of a group with at least one connection.
    pub fn group(&self, group: &str) -> Option<GroupState<Peer>> {
        self.read().group(group).cloned()
    }

    /// Groups that subscribe to a topic.
    pub fn groups_of(&self, topic: &str) -> Vec<String> {
        self.read().groups_of(topic)
    }

    /// Client ids of a group, one a connection.
    pub fn client_ids(&self, group: &str) -> Vec<String> {
        self.read().group(group).map_or_else(Vec::new, GroupState::client_ids)
    }

    /// A client says that it is a member. Tells the group when that is news, if `tell`.
    pub fn on_heartbeat(&self, member: Member<Peer>, data: ConsumerData, tell: bool) {
        let group = data.group_name.clone();
        let to_tell = self.change(|table| {
            let joined = table.on_heartbeat(member.peer.id(), member, data);
            if joined.is_news() && tell { table.peers(&group) } else { Vec::new() }
        });
        tell_members(&group, &to_tell);
    }

    /// A client leaves a group. Tells who stays, if `tell`.
    pub fn on_unregister(&self, peer: &Peer, group: &str, tell: bool) {
        let stay = self.change(|table| table.on_unregister(peer.id(), group));
        if tell {
            tell_members(group, &stay.unwrap_or_default());
        }
    }

    /// A connection is gone. Tells who stays in its groups, if `tell`.
    pub fn on_closed(&self, peer: &Peer, tell: bool) {
        for (group, stay) in self.change(|table| table.on_closed(peer.id())) {
            if tell {
                tell_members(&group, &stay);
            }
        }
    }

    /// Forgets silent clients and closes their connections. Tells who stays in their groups, if `tell`.
    ///
    /// Differs: 4.3.0 tells nobody here, so that the queues of a hung client wait for up to 20 s more.
    pub fn on_time(&self, now: Millis, tell: bool) {
        let gone = self.change(|table| table.on_time(now));
        for member in gone.silent {
            tracing::warn!(client = %member.client_id, peer = %member.peer, "consumer without heartbeat is forgotten");
            member.peer.close();
        }
        for (group, stay) in gone.stay {
            if tell {
                tell_members(&group, &stay);
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut ConsumerTable<Peer>) -> T) -> T {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut table);
        self.generation.store(table.generation(), Ordering::Release);
        result
    }

    fn read(&self) -> RwLockReadGuard<'_, ConsumerTable<Peer>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Code 40: the group has changed, share the queues out again.
fn tell_members(group: &str, members: &[Peer]) {
    if members.is_empty() {
        return;
    }
    let header = ConsumerGroupRequest { group: group.into() };
    let command = Command::request(RequestCode::NotifyConsumerIdsChanged, &header, Vec::new());
    for member in members {
        member.notify(&command);
    }
}

/// The producers of all groups.
#[derive(Default)]
pub struct Producers {
    table: Mutex<ProducerTable<Peer>>,
}

impl Producers {
    /// The connections of a group; `None` for a group that is not known.
    pub fn connections(&self, group: &str) -> Option<Vec<Connection>> {
        self.lock().members(group).map(|members| members.map(Member::connection).collect())
    }

    /// A client says that it is a member.
    pub fn on_heartbeat(&self, group: &str, member: Member<Peer>) {
        self.lock().on_heartbeat(group, member.peer.id(), member);
    }

    /// A client leaves a group.
    pub fn on_unregister(&self, peer: &Peer, group: &str) {
        self.lock().on_unregister(peer.id(), group);
    }

    /// A connection is gone.
    pub fn on_closed(&self, peer: &Peer) {
        self.lock().on_closed(peer.id());
    }

    /// Forgets silent clients and closes their connections.
    pub fn on_time(&self, now: Millis) {
        let silent = self.lock().on_time(now);
        for member in silent {
            tracing::warn!(client = %member.client_id, peer = %member.peer, "producer without heartbeat is forgotten");
            member.peer.close();
        }
    }

    fn lock(&self) -> MutexGuard<'_, ProducerTable<Peer>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
