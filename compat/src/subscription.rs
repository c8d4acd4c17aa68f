//! What a subscription says as text: tags joined with `||`, or an expression of another language.
//! Source: `common/filter/FilterAPI`, `common/filter/ExpressionType`.

use crate::body::client::SubscriptionData;
use crate::java::hash::hash;
use crate::time::Millis;

/// The subscription to everything.
pub const ALL: &str = "*";
/// The expression type of tags; also meant where none is given.
pub const TAG: &str = "TAG";
/// The expression type of conditions over properties.
pub const SQL92: &str = "SQL92";

/// Why a text is no subscription.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSubscription {
    /// Nothing but `||`.
    #[error("subString split error")]
    NoTag,
    /// No text, of a type that needs one.
    #[error("Expression can't be null! {0}")]
    NoExpression(String),
}

impl SubscriptionData {
    /// The subscription that a client means: what a pull request carries, or what code 46 checks. `now` becomes its version.
    pub fn of(topic: &str, text: Option<&str>, kind: Option<&str>, now: Millis) -> Result<Self, BadSubscription> {
        let mut subscription = Self { topic: topic.to_owned(), sub_version: now.0, ..Self::default() };
        match kind {
            None | Some(TAG) => subscription.set_tags(text.unwrap_or_default())?,
            Some(other) => {
                let text = text.filter(|text| !text.is_empty());
                text.ok_or_else(|| BadSubscription::NoExpression(other.to_owned()))?
                    .clone_into(&mut subscription.sub_string);
                other.clone_into(&mut subscription.expression_type);
            }
        }
        Ok(subscription)
    }

    /// Whether messages are chosen by tags. A blank type is none of the others, so it counts as tags too.
    pub fn is_by_tags(&self) -> bool {
        self.expression_type.is_empty() || self.expression_type == TAG
    }

    fn set_tags(&mut self, text: &str) -> Result<(), BadSubscription> {
        if text.is_empty() || text == ALL {
            ALL.clone_into(&mut self.sub_string);
            return Ok(());
        }
        if text.split("||").all(str::is_empty) {
            return Err(BadSubscription::NoTag);
        }
        text.clone_into(&mut self.sub_string);
        for tag in text.split("||").map(|tag| tag.trim_matches(|char| char <= ' ')).filter(|tag| !tag.is_empty()) {
            self.tags_set.insert(tag.to_owned());
            self.code_set.insert(hash(tag));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Option<Vec<String>> {
        let subscription = SubscriptionData::of("T", Some(text), None, Millis(7)).ok()?;
        let codes = subscription.tags_set.iter().map(|tag| hash(tag)).collect();
        assert_eq!((subscription.code_set, subscription.sub_string.as_str()), (codes, text));
        Some(subscription.tags_set.into_iter().collect())
    }

    #[test]
    fn tags_are_split_as_java_splits_them() {
        let cases: [(&str, Option<&[&str]>); 9] = [
            ("*", Some(&[])),
            ("TagA", Some(&["TagA"])),
            ("TagA || TagB", Some(&["TagA", "TagB"])),
            ("a||", Some(&["a"])),
            ("||a", Some(&["a"])),
            (" || ", Some(&[])),
            ("||", None),
            ("||||", None),
            ("|||", Some(&["|"])),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>());
            assert_eq!(tags(text), expected, "{text}");
        }
    }

    #[test]
    fn no_text_means_everything_but_only_for_tags() {
        let all = SubscriptionData::of("T", None, Some(TAG), Millis(7)).unwrap();
        assert_eq!((all.sub_string.as_str(), all.sub_version, all.tags_set.len()), (ALL, 7, 0));
        let sql = SubscriptionData::of("T", Some("a > 5"), Some(SQL92), Millis(7)).unwrap();
        assert_eq!((sql.sub_string.as_str(), sql.is_by_tags(), sql.code_set.len()), ("a > 5", false, 0));
        let error = SubscriptionData::of("T", Some(""), Some(SQL92), Millis(7)).unwrap_err();
        assert_eq!(error.to_string(), "Expression can't be null! SQL92");
    }
}
