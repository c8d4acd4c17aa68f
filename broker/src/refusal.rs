//! Why a request is refused, and the one place that turns that into a code and a remark.
//!
//! Clients see both, so they are letter for letter those of 4.3.0 where it has them.

use compat::command::ResponseCode;
use compat::header::HeaderError;
use compat::names::SEE_FAQ;

/// A no, with its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The header cannot be read.
    Header(HeaderError),
    /// The body cannot be read.
    Body(String),
    /// The group does not exist and may not be made.
    GroupMissing {
        /// Group.
        group: String,
    },
    /// The topic does not exist and may not be made.
    TopicMissing {
        /// Topic.
        topic: String,
    },
    /// A group has no offset, and its queue is not young.
    OffsetMissing,
    /// Nobody of a group is connected, to a client that asks for its members.
    NoConsumer {
        /// Group.
        group: String,
    },
    /// Filters of that kind are switched off.
    FilterTypeForbidden {
        /// `SQL92`.
        kind: String,
    },
    /// A part of RocketMQ that this broker does not have yet.
    NotYet {
        /// What it is.
        what: &'static str,
    },
}

impl Refusal {
    /// The code and the remark of the answer.
    pub fn to_wire(&self) -> (ResponseCode, String) {
        use ResponseCode as Code;
        match self {
            Self::Header(error) => (Code::SystemError, error.to_string()),
            Self::Body(what) => (Code::SystemError, what.clone()),
            Self::GroupMissing { group } => {
                (Code::SubscriptionGroupNotExist, format!("subscription group [{group}] does not exist, {SEE_FAQ}"))
            }
            Self::TopicMissing { topic } => {
                (Code::TopicNotExist, format!("topic[{topic}] not exist, apply first please!{SEE_FAQ}"))
            }
            Self::OffsetMissing => {
                (Code::QueryNotFound, "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first".to_owned())
            }
            Self::NoConsumer { group } => (Code::SystemError, format!("no consumer for this group, {group}")),
            Self::FilterTypeForbidden { kind } => {
                (Code::SystemError, format!("The broker does not support consumer to filter message by {kind}"))
            }
            Self::NotYet { what } => (Code::SystemError, format!("{what} is not supported by this broker")),
        }
    }
}

impl From<HeaderError> for Refusal {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}
