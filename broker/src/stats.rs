//! Counters of what was sent and pulled, and what they were some time ago.
//!
//! Whoever counts keeps an [`Item`], found once; counting is then a few additions, without a look-up and without an
//! allocation. [`Stats::sample`] takes pictures of all of them from time to time, which rates and sums are made from.
//!
//! Differs: `GROUP_GET_LATENCY` is not counted: it is the time that Java needs to copy messages to its heap.
//! Not here: how fast the store is (`store`, its runtime info).
//! Source: `store/stats/BrokerStatsManager`, `common/stats/StatsItem`, `store/stats/BrokerStats`.

mod item;

pub use item::{Item, Span, Summary, Total};

use compat::time::Millis;
use item::Due;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// What is counted, each by keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Messages stored, by topic.
    TopicPut,
    /// Messages handed out, by `topic@group`.
    GroupGet,
    /// Messages given back, by `topic@group`.
    SendBack,
    /// Messages stored, by cluster.
    BrokerPut,
    /// Messages handed out, by cluster.
    BrokerGet,
}

/// Which number of an item a name of Java means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Messages.
    Count,
    /// Bytes.
    Bytes,
}

impl Kind {
    /// What a name of Java means; `None` for one that is not counted.
    pub fn of_name(name: &str) -> Option<(Self, Measure)> {
        Some(match name {
            "TOPIC_PUT_NUMS" => (Self::TopicPut, Measure::Count),
            "TOPIC_PUT_SIZE" => (Self::TopicPut, Measure::Bytes),
            "GROUP_GET_NUMS" => (Self::GroupGet, Measure::Count),
            "GROUP_GET_SIZE" => (Self::GroupGet, Measure::Bytes),
            "SNDBCK_PUT_NUMS" => (Self::SendBack, Measure::Count),
            "BROKER_PUT_NUMS" => (Self::BrokerPut, Measure::Count),
            "BROKER_GET_NUMS" => (Self::BrokerGet, Measure::Count),
            _ => return None,
        })
    }
}

/// The counters of this broker.
pub struct Stats {
    items: RwLock<BTreeMap<Kind, BTreeMap<String, Arc<Item>>>>,
    falls: RwLock<BTreeMap<String, Arc<AtomicI64>>>,
    put: Arc<Item>,
    get: Arc<Item>,
    due: Mutex<Due>,
    days: Mutex<Days>,
}

/// Totals at the last two midnights, and so far. Source: `store/stats/BrokerStats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// Messages stored until the midnight before the last one.
    pub put_yesterday_morning: i64,
    /// Messages stored until the last midnight.
    pub put_today_morning: i64,
    /// Messages handed out until the midnight before the last one.
    pub get_yesterday_morning: i64,
    /// Messages handed out until the last midnight.
    pub get_today_morning: i64,
}

impl Stats {
    /// Counters at zero, for a broker of a cluster.
    pub fn new(cluster: &str) -> Self {
        let (put, get) = (Arc::new(Item::default()), Arc::new(Item::default()));
        let broker = |item: &Arc<Item>| BTreeMap::from([(cluster.to_owned(), Arc::clone(item))]);
        let items = BTreeMap::from([(Kind::BrokerPut, broker(&put)), (Kind::BrokerGet, broker(&get))]);
        Self {
            items: RwLock::new(items),
            falls: RwLock::default(),
            put,
            get,
            due: Mutex::default(),
            days: Mutex::default(),
        }
    }

    /// What a topic counts: to be kept by whoever stores messages.
    pub fn topic(&self, topic: &str) -> Arc<Item> {
        self.item(Kind::TopicPut, topic)
    }

    /// What a group counts of a topic: to be kept by whoever hands messages out.
    pub fn group(&self, topic: &str, group: &str) -> Arc<Item> {
        self.item(Kind::GroupGet, &group_key(topic, group))
    }

    /// How far behind the end of the log a group was at its last pull from a queue, bytes. To be kept too.
    pub fn fall(&self, queue_id: i32, topic: &str, group: &str) -> Arc<AtomicI64> {
        let key = format!("{queue_id}@{topic}@{group}");
        let mut falls = self.falls.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(falls.entry(key).or_default())
    }

    /// All of [`Stats::fall`], by `queueId@topic@group`.
    pub fn falls(&self) -> Vec<(String, i64)> {
        let falls = self.falls.read().unwrap_or_else(PoisonError::into_inner);
        falls.iter().map(|(key, bytes)| (key.clone(), bytes.load(Ordering::Relaxed))).collect()
    }

    /// A message was given back.
    pub fn given_back(&self, topic: &str, group: &str) {
        self.item(Kind::SendBack, &group_key(topic, group)).add(1, 0, 1);
    }

    /// So many messages of so many bytes were stored, in so many requests.
    pub fn stored(&self, topic: &Item, count: u64, bytes: u64, requests: u64) {
        topic.add(count, bytes, requests);
        self.put.add(count, bytes, 0);
    }

    /// So many messages of so many bytes were handed to a group by one pull.
    pub fn pulled(&self, group: &Item, count: u64, bytes: u64) {
        group.add(count, bytes, 1);
        self.get.add(count, bytes, 0);
    }

    /// Takes the pictures that are due. To be called once a second.
    pub fn sample(&self, now: Millis) {
        let spans = self.due.lock().unwrap_or_else(PoisonError::into_inner).spans(now);
        for item in self.items.read().unwrap_or_else(PoisonError::into_inner).values().flat_map(BTreeMap::values) {
            spans.iter().flatten().for_each(|&span| item.sample(span, now));
        }
    }

    /// A midnight passed: what was "today" is "yesterday".
    pub fn day_ended(&self) {
        let (put, get) = (self.put.counts().count, self.get.counts().count);
        let days = &mut *self.lock_days();
        *days = Days {
            put_yesterday_morning: days.put_today_morning,
            put_today_morning: put,
            get_yesterday_morning: days.get_today_morning,
            get_today_morning: get,
        };
    }

    /// Totals at the last midnights.
    pub fn days(&self) -> Days {
        *self.lock_days()
    }

    /// Messages and bytes stored since the start.
    pub fn put_total(&self) -> Total {
        self.put.counts()
    }

    /// Messages and bytes handed out since the start.
    pub fn get_total(&self) -> Total {
        self.get.counts()
    }

    /// One statistic over a span, by Java's name and key; `None` for what was never counted.
    pub fn summary(&self, name: &str, key: &str, span: Span) -> Option<Summary> {
        let (kind, measure) = Kind::of_name(name)?;
        let items = self.items.read().unwrap_or_else(PoisonError::into_inner);
        Some(items.get(&kind)?.get(key)?.summary(span, measure))
    }

    /// Forgets a deleted topic. Differs: 4.3.0 keeps such counters for ever.
    pub fn forget_topic(&self, topic: &str) {
        self.forget(|kind, key| match kind {
            Kind::TopicPut => key == topic,
            Kind::GroupGet | Kind::SendBack => key.split('@').next() == Some(topic),
            Kind::BrokerPut | Kind::BrokerGet => false,
        });
    }

    /// Forgets a deleted group.
    pub fn forget_group(&self, group: &str) {
        self.forget(|kind, key| match kind {
            Kind::GroupGet | Kind::SendBack => key.rsplit('@').next() == Some(group),
            Kind::TopicPut | Kind::BrokerPut | Kind::BrokerGet => false,
        });
    }

    fn forget(&self, gone: impl Fn(Kind, &str) -> bool) {
        let mut items = self.items.write().unwrap_or_else(PoisonError::into_inner);
        for (&kind, items) in &mut *items {
            items.retain(|key, _| !gone(kind, key));
        }
    }

    fn item(&self, kind: Kind, key: &str) -> Arc<Item> {
        let known = self.items.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(item) = known.get(&kind).and_then(|items| items.get(key)) {
            return Arc::clone(item);
        }
        drop(known);
        let mut items = self.items.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(items.entry(kind).or_default().entry(key.to_owned()).or_default())
    }

    fn lock_days(&self) -> MutexGuard<'_, Days> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn group_key(topic: &str, group: &str) -> String {
    format!("{topic}@{group}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_rates_are_between_the_first_and_the_last_picture() {
        let stats = Stats::new("C");
        let topic = stats.topic("T");
        for second in 0..=60 {
            stats.sample(Millis(second * 1000));
            stats.stored(&topic, 4, 400, 2);
        }
        let minute = |name, key| stats.summary(name, key, Span::Minute).unwrap();
        assert_eq!(minute("TOPIC_PUT_NUMS", "T"), Summary { sum: 240, tps: 4.0, average: 2.0 });
        assert_eq!(minute("TOPIC_PUT_SIZE", "T"), Summary { sum: 24_000, tps: 400.0, average: 200.0 });
        assert_eq!(minute("BROKER_PUT_NUMS", "C"), Summary { sum: 240, tps: 4.0, average: 0.0 });
        assert_eq!(minute("BROKER_GET_NUMS", "C"), Summary { sum: 0, tps: 0.0, average: 0.0 });
        assert_eq!(stats.summary("TOPIC_PUT_NUMS", "other", Span::Minute), None);
        assert_eq!(stats.summary("GROUP_GET_LATENCY", "T", Span::Minute), None);
    }

    #[test]
    fn one_picture_gives_no_rate() {
        let stats = Stats::new("C");
        let item = stats.group("T", "G");
        let empty = stats.summary("GROUP_GET_NUMS", "T@G", Span::Hour).unwrap();
        assert_eq!(empty, Summary { sum: 0, tps: 0.0, average: 0.0 });
        stats.pulled(&item, 3, 30);
        stats.sample(Millis(1000));
        let once = stats.summary("GROUP_GET_NUMS", "T@G", Span::Hour).unwrap();
        assert!(once.sum == 0 && once.tps.is_nan(), "{once:?}");
    }

    #[test]
    fn midnights_move_the_totals() {
        let stats = Stats::new("C");
        let item = stats.topic("T");
        stats.stored(&item, 5, 0, 1);
        stats.day_ended();
        stats.stored(&item, 2, 0, 1);
        stats.day_ended();
        let days = stats.days();
        assert_eq!((days.put_yesterday_morning, days.put_today_morning, stats.put_total().count), (5, 7, 7));
    }

    #[test]
    fn a_deleted_topic_is_forgotten() {
        let stats = Stats::new("C");
        stats.topic("T");
        stats.group("T", "G");
        stats.group("T2", "G");
        stats.forget_topic("T");
        let known = |name, key| stats.summary(name, key, Span::Day).is_some();
        assert!(!known("TOPIC_PUT_NUMS", "T") && !known("GROUP_GET_NUMS", "T@G") && known("GROUP_GET_NUMS", "T2@G"));
        stats.forget_group("G");
        assert!(!known("GROUP_GET_NUMS", "T2@G"));
    }
}
