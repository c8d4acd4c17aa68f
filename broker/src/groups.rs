//! The consumer groups of this broker. `subscriptionGroup.json`. Source: `broker/subscription/SubscriptionGroupManager`.

use compat::group::GroupConfig;
use std::sync::Arc;

/// The table of groups.
pub struct Groups {
    _later: (),
}

impl Groups {
    /// A group, made with the defaults when it is missing and that is allowed.
    pub fn find_or_create(&self, name: &str) -> Option<Arc<GroupConfig>> {
        let _ = name;
        todo!()
    }
}
