//! Which messages a subscription wants. Tags here; SQL92 gets its room beside them.

use compat::body::client::SubscriptionData;
use store::Filter;

/// A subscription by tags. Source: `broker/filter/ExpressionMessageFilter`.
pub struct TagFilter<'a> {
    /// The subscription.
    pub subscription: &'a SubscriptionData,
}

impl Filter for TagFilter<'_> {
    fn by_tags_code(&self, tags_code: Option<i64>) -> bool {
        let Some(code) = tags_code else { return true };
        let wanted = self.subscription;
        wanted.class_filter_mode || wanted.sub_string == "*" || wanted.code_set.contains(&(code as i32))
    }

    fn by_record(&self, _: &[u8]) -> bool {
        true
    }
}
