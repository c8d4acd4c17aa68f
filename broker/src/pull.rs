//! Pulling: code 11, and the pulls that wait for a message.
//!
//! A pull is decided ([`decide`]), read and answered ([`answer`]) on its loop. Messages that are not in memory are read by
//! a thread that may wait. A pull that finds nothing is [`held`] until a message comes or its time is over.
//! Source: `broker/processor/PullMessageProcessor`, `broker/longpolling/PullRequestHoldService`.

use crate::clients::Consumers;
use crate::groups::Groups;
use crate::identity::Identity;
use crate::live::Live;
use crate::offsets::ConsumerOffsets;
use crate::service::{Aside, Call};
use crate::settings::BrokerSettings;
use crate::stats::Stats;
use crate::topics::Topics;
use compat::time::Clock;
use remoting::output::Output;
use remoting::peer::Peer;
use std::sync::Arc;
use store::{Arrivals, Store, StoreSettings};

/// What pulling works with.
pub struct Parts {
    /// Where messages come from.
    pub store: Store,
    /// Topics.
    pub topics: Arc<Topics>,
    /// Groups, made by their first pull.
    pub groups: Arc<Groups>,
    /// Subscriptions of connected consumers.
    pub consumers: Arc<Consumers>,
    /// Offsets that pulls bring along.
    pub offsets: Arc<ConsumerOffsets>,
    /// Counts.
    pub stats: Arc<Stats>,
    /// Settings of the broker.
    pub settings: Arc<Live<BrokerSettings>>,
    /// Settings of the store.
    pub store_settings: Arc<Live<StoreSettings>>,
    /// Name and address.
    pub identity: Arc<Identity>,
    /// Threads that may wait.
    pub aside: Aside,
    /// Wall time.
    pub clock: Clock,
}

/// Hands out messages.
pub struct Pull {
    parts: Parts,
}

/// What one loop keeps: buffers of the last read.
pub struct Local {
    _later: (),
}

/// What one connection keeps: the queues it pulls from.
#[derive(Default)]
pub struct Session {
    _later: (),
}

impl Pull {
    /// Pulls read `parts.store`.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self { parts })
    }

    /// What the store tells of messages that come: to be handed to [`Store::start`].
    pub fn arrivals(self: &Arc<Self>) -> Arc<dyn Arrivals> {
        todo!("{}", self.parts.identity.ip)
    }

    /// Answers held pulls whose time is over, exactly then. Runs as long as the broker does.
    pub async fn expire(self: Arc<Self>) {
        todo!()
    }

    /// Called on each loop.
    pub fn local(&self) -> Local {
        todo!()
    }

    /// Answers a pull, or holds it.
    pub fn answer(&self, local: &Local, session: &mut Session, call: &Call<'_>, out: &mut Output) {
        let _ = (local, session, call, out);
        todo!()
    }

    /// A connection is gone: its held pulls go too.
    pub fn forget(&self, peer: &Peer) {
        let _ = peer;
        todo!()
    }
}
