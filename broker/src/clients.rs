//! Who is connected: producers and consumers by group, as their heartbeats say.
//! Source: `broker/client/ConsumerManager`, `ProducerManager`, `ClientHousekeepingService`.

use compat::body::client::{MessageModel, SubscriptionData};
use std::sync::Arc;

/// The consumers of all groups.
pub struct Consumers {
    _later: (),
}

/// What a pull needs to know of its group.
#[derive(Clone, Debug)]
pub struct GroupSubscription {
    /// Clustering or broadcasting.
    pub message_model: MessageModel,
    /// The subscription of the asked topic, if there is one.
    pub subscription: Option<Arc<SubscriptionData>>,
}

impl Consumers {
    /// What a group says of a topic; `None` for a group without a connection.
    pub fn subscription(&self, group: &str, topic: &str) -> Option<GroupSubscription> {
        let _ = (group, topic);
        todo!()
    }

    /// Changes with every change of any group's subscriptions: whoever keeps one compares it.
    pub fn generation(&self) -> u64 {
        todo!()
    }
}
