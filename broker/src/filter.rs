//! Which messages a subscription wants. Tags here; SQL92 gets its room beside them.
//!
//! Tags are compared by their hashes only: the client compares the text again.
//! Source: `common/filter/FilterAPI`, `broker/filter/ExpressionMessageFilter`.

use compat::body::client::SubscriptionData;
use compat::java::hash;
use store::Filter;

/// Name of the filters by tags.
pub const TAG: &str = "TAG";
/// What stands between tags.
const OR: &str = "||";
/// The expression that wants everything.
const EVERYTHING: &str = "*";

/// An expression that names no tag at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("subString split error")]
pub struct NotParsed;

/// The subscription that an expression means. Of a kind that is not by tags only the expression is kept.
pub fn subscription(topic: &str, expression: Option<&str>, kind: Option<&str>) -> Result<SubscriptionData, NotParsed> {
    let expression = expression.unwrap_or_default();
    let mut subscription =
        SubscriptionData { topic: topic.to_owned(), sub_string: expression.to_owned(), ..SubscriptionData::default() };
    match kind {
        None | Some(TAG) => tags(expression, &mut subscription)?,
        Some(_) if expression.is_empty() => return Err(NotParsed),
        Some(kind) => subscription.expression_type = kind.to_owned(),
    }
    Ok(subscription)
}

/// Whether a kind of filter is evaluated by tags; Java takes an empty name for tags too.
pub fn is_by_tags(kind: &str) -> bool {
    kind.is_empty() || kind == TAG
}

fn tags(expression: &str, subscription: &mut SubscriptionData) -> Result<(), NotParsed> {
    if expression.is_empty() || expression == EVERYTHING {
        subscription.sub_string = EVERYTHING.to_owned();
        return Ok(());
    }
    if expression.split(OR).all(str::is_empty) {
        return Err(NotParsed);
    }
    // Java trims every character up to the blank.
    let trimmed = expression.split(OR).map(|tag| tag.trim_matches(|c| c <= ' '));
    for tag in trimmed.filter(|tag| !tag.is_empty()) {
        subscription.code_set.insert(hash::hash(tag));
        subscription.tags_set.insert(tag.to_owned());
    }
    Ok(())
}

/// A subscription by tags.
pub struct TagFilter<'a> {
    /// The subscription.
    pub subscription: &'a SubscriptionData,
}

impl Filter for TagFilter<'_> {
    fn by_tags_code(&self, tags_code: Option<i64>) -> bool {
        let Some(code) = tags_code else { return true };
        let wanted = self.subscription;
        wanted.class_filter_mode || wanted.sub_string == EVERYTHING || wanted.code_set.contains(&(code as i32))
    }

    fn by_record(&self, _: &[u8]) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_split_as_java_splits_them() {
        let tags = |expression| {
            let read = subscription("T", expression, None)?;
            Ok(read.tags_set.into_iter().collect::<Vec<_>>().join("+"))
        };
        let cases = [
            (None, ""),
            (Some(""), ""),
            (Some("*"), ""),
            (Some("TagA"), "TagA"),
            (Some(" TagA || TagB\t||TagA"), "TagA+TagB"),
            (Some("||TagA||||"), "TagA"),
            (Some("|| ||"), ""),
        ];
        for (expression, expected) in cases {
            assert_eq!(tags(expression).as_deref(), Ok(expected), "{expression:?}");
        }
        for expression in ["||", "||||"] {
            assert_eq!(tags(Some(expression)), Err(NotParsed), "{expression}");
        }
    }

    #[test]
    fn hashes_decide_and_an_unknown_one_passes() {
        let wanted = subscription("T", Some("TagA || TagB"), Some(TAG)).unwrap();
        let filter = TagFilter { subscription: &wanted };
        let code = |tag| Some(i64::from(hash::hash(tag)));
        assert!(filter.by_tags_code(code("TagA")) && filter.by_tags_code(code("TagB")) && filter.by_tags_code(None));
        assert!(!filter.by_tags_code(code("TagC")) && !filter.by_tags_code(Some(0)));
        let everything = subscription("T", None, None).unwrap();
        assert!(TagFilter { subscription: &everything }.by_tags_code(Some(7)));
    }

    #[test]
    fn another_kind_keeps_its_expression() {
        let sql = subscription("T", Some("a > 1"), Some("SQL92")).unwrap();
        assert_eq!((sql.expression_type.as_str(), sql.sub_string.as_str()), ("SQL92", "a > 1"));
        assert_eq!(subscription("T", None, Some("SQL92")), Err(NotParsed));
        assert_eq!(subscription("T", Some(""), Some("")), Err(NotParsed));
    }
}
