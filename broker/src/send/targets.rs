//! The topics that a loop has sent to: what a message needs to know of its topic, found once.

use crate::stats::{Item, Stats};
use compat::offset::QueueId;
use compat::topic::TopicConfig;
use std::cell::{RefCell, RefMut};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use store::{Queue, Store};

/// A topic, its queues and its counters. Good for one generation of the table of topics.
pub(super) struct Target {
    topic: Arc<TopicConfig>,
    generation: u64,
    counters: Arc<Item>,
    queues: RefCell<Vec<Option<Arc<Queue>>>>,
}

impl Target {
    /// Whether this is the topic of that name, as it is at that generation.
    pub fn is(&self, name: &str, generation: u64) -> bool {
        self.generation == generation && self.topic.topic_name == name
    }

    /// The topic.
    pub fn topic(&self) -> &TopicConfig {
        &self.topic
    }

    /// Its counters.
    pub fn counters(&self) -> &Item {
        &self.counters
    }

    /// One of its queues.
    pub fn queue(&self, store: &Store, id: QueueId) -> RefMut<'_, Arc<Queue>> {
        RefMut::map(self.queues.borrow_mut(), |queues| {
            if queues.len() <= id.index() {
                queues.resize(id.index() + 1, None);
            }
            let known = &mut queues[id.index()];
            if known.as_ref().is_some_and(|queue| queue.is_destroyed()) {
                *known = None;
            }
            known.get_or_insert_with(|| store.queue(&self.topic.topic_name, id))
        })
    }
}

/// Targets by name.
#[derive(Default)]
pub(super) struct Targets {
    by_name: HashMap<String, Rc<Target>>,
    generation: u64,
}

impl Targets {
    /// A target that is known for that generation.
    pub fn find(&mut self, name: &str, generation: u64) -> Option<Rc<Target>> {
        if self.generation != generation {
            self.by_name.clear();
            self.generation = generation;
        }
        self.by_name.get(name).map(Rc::clone)
    }

    /// Keeps a topic that was looked up after the table had that generation: a change meanwhile makes it look old, never new.
    pub fn insert(&mut self, topic: Arc<TopicConfig>, generation: u64, stats: &Stats) -> Rc<Target> {
        let counters = stats.topic(&topic.topic_name);
        let target = Rc::new(Target { generation, counters, queues: RefCell::default(), topic });
        if self.generation != generation {
            self.by_name.clear();
            self.generation = generation;
        }
        self.by_name.insert(target.topic.topic_name.clone(), Rc::clone(&target));
        target
    }
}
