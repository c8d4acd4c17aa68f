//! What a connection knows of the queues that it pulls from, found once.

use super::Parts;
use super::decide::{Allowed, Tables};
use crate::clients::GroupSubscription;
use crate::filter::{self, NotParsed};
use crate::stats::Item;
use compat::body::client::SubscriptionData;
use compat::group::GroupConfig;
use compat::header::pull::PullRequest;
use compat::topic::TopicConfig;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use store::Queue;

/// Queues of one connection that are known at a time.
const MAX_KNOWN: usize = 256;

/// What one connection keeps: the queues it pulls from.
#[derive(Default)]
pub struct Session {
    known: Vec<Known>,
}

/// One queue, pulled from by one group.
pub(super) struct Known {
    group: Arc<str>,
    topic: Arc<str>,
    queue_id: i32,
    topics: u64,
    groups: u64,
    carried: Option<Carried>,
    /// The queue.
    pub queue: Arc<Queue>,
    /// Messages that the group got of the topic.
    pub counters: Arc<Item>,
    /// How far behind the group is, bytes.
    pub fall: Arc<AtomicI64>,
}

/// The subscription that came with the last pull.
struct Carried {
    version: i64,
    expression: Option<String>,
    kind: Option<String>,
    subscription: Arc<SubscriptionData>,
}

impl Session {
    /// What is known of the queue of a pull. Pulls of one queue follow one another.
    pub(super) fn known(&mut self, request: &PullRequest<'_>, parts: &Parts) -> Option<&mut Known> {
        let place = self.find(request, parts)?;
        self.known.get_mut(place)
    }

    /// The same, found where it is not known yet.
    pub(super) fn place(&mut self, request: &PullRequest<'_>, allowed: &Allowed, parts: &Parts) -> &Known {
        let place = self.find(request, parts).unwrap_or_else(|| {
            if self.known.len() == MAX_KNOWN {
                self.known.clear();
            }
            self.known.push(Known::find(request, allowed, parts));
            self.known.len() - 1
        });
        &self.known[place]
    }

    fn find(&mut self, request: &PullRequest<'_>, parts: &Parts) -> Option<usize> {
        let place = self.known.iter().position(|known| known.is_of(request))?;
        if self.known[place].is_good(parts) {
            return Some(place);
        }
        self.known.swap_remove(place);
        None
    }
}

impl Known {
    fn find(request: &PullRequest<'_>, allowed: &Allowed, parts: &Parts) -> Self {
        let (group, topic) = (&*request.group, &*request.topic);
        let mut known = Self {
            group: group.into(),
            topic: topic.into(),
            queue_id: request.queue_id,
            topics: parts.topics.generation(),
            groups: parts.groups.generation(),
            carried: None,
            queue: parts.store.queue(topic, allowed.queue_id),
            counters: parts.stats.group(topic, group),
            fall: parts.stats.fall(request.queue_id, topic, group),
        };
        if compat::header::pull::PullFlag(request.sys_flag).has(compat::header::pull::PullFlag::SUBSCRIPTION) {
            known.carried = Some(Carried::of(request, Arc::clone(&allowed.subscription)));
        }
        known
    }

    fn is_of(&self, request: &PullRequest<'_>) -> bool {
        self.queue_id == request.queue_id && *self.topic == *request.topic && *self.group == *request.group
    }

    fn is_good(&self, parts: &Parts) -> bool {
        self.topics == parts.topics.generation()
            && self.groups == parts.groups.generation()
            && !self.queue.is_destroyed()
    }
}

impl Carried {
    fn of(request: &PullRequest<'_>, subscription: Arc<SubscriptionData>) -> Self {
        Self {
            version: request.subscription_version,
            expression: request.subscription.as_deref().map(str::to_owned),
            kind: request.expression_type.as_deref().map(str::to_owned),
            subscription,
        }
    }

    fn is_of(&self, request: &PullRequest<'_>) -> bool {
        self.version == request.subscription_version
            && self.expression.as_deref() == request.subscription.as_deref()
            && self.kind.as_deref() == request.expression_type.as_deref()
    }
}

/// The tables of the broker, and what the connection knows already.
pub(super) struct Lookup<'a> {
    pub parts: &'a Parts,
    pub known: Option<&'a mut Known>,
}

impl Tables for Lookup<'_> {
    fn group(&mut self, name: &str) -> Option<Arc<GroupConfig>> {
        self.parts.groups.find_or_create(name)
    }

    fn topic(&mut self, name: &str) -> Option<Arc<TopicConfig>> {
        self.parts.topics.find(name)
    }

    fn subscription(&mut self, group: &str, topic: &str) -> Option<GroupSubscription> {
        self.parts.consumers.subscription(group, topic)
    }

    fn carried(&mut self, request: &PullRequest<'_>) -> Result<Arc<SubscriptionData>, NotParsed> {
        if let Some(carried) = self.known.as_deref().and_then(|known| known.carried.as_ref())
            && carried.is_of(request)
        {
            return Ok(Arc::clone(&carried.subscription));
        }
        let (expression, kind) = (request.subscription.as_deref(), request.expression_type.as_deref());
        let subscription = Arc::new(filter::subscription(&request.topic, expression, kind)?);
        if let Some(known) = self.known.as_deref_mut() {
            known.carried = Some(Carried::of(request, Arc::clone(&subscription)));
        }
        Ok(subscription)
    }
}
