//! Topics: their configuration, permissions and names. Source: `common/TopicConfig`, `common/constant/PermName`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest name of a topic, bytes: its length is one signed byte in every record.
pub const MAX_TOPIC_LEN: usize = 127;

/// Permission bits of topics and brokers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Perm(pub i32);

impl Perm {
    /// Serves as a template for new topics.
    pub const INHERIT: i32 = 1;
    /// Can be written.
    pub const WRITE: i32 = 2;
    /// Can be read.
    pub const READ: i32 = 4;
    /// Read and write.
    pub const READ_WRITE: Self = Self(Self::READ | Self::WRITE);

    /// Whether messages can be read.
    pub const fn readable(self) -> bool {
        self.0 & Self::READ != 0
    }
    /// Whether messages can be written.
    pub const fn writeable(self) -> bool {
        self.0 & Self::WRITE != 0
    }
    /// Whether new topics can be made after it.
    pub const fn inherited(self) -> bool {
        self.0 & Self::INHERIT != 0
    }
    /// These bits without one.
    pub const fn without(self, bit: i32) -> Self {
        Self(self.0 & !bit)
    }
}

impl fmt::Display for Perm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |bit, letter| if self.0 & bit != 0 { letter } else { '-' };
        write!(f, "{}{}{}", letter(Self::READ, 'R'), letter(Self::WRITE, 'W'), letter(Self::INHERIT, 'X'))
    }
}

/// How many tags a message of a topic has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TopicFilterType {
    /// One.
    #[default]
    #[serde(rename = "SINGLE_TAG")]
    SingleTag,
    /// Several.
    #[serde(rename = "MULTI_TAG")]
    MultiTag,
}

impl TopicFilterType {
    /// Java's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SingleTag => "SINGLE_TAG",
            Self::MultiTag => "MULTI_TAG",
        }
    }
    /// The type of Java's name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "SINGLE_TAG" => Some(Self::SingleTag),
            "MULTI_TAG" => Some(Self::MultiTag),
            _ => None,
        }
    }
}

/// A topic as one broker has it: an element of `topics.json` and of registrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicConfig {
    /// Whether the topic is ordered.
    pub order: bool,
    /// Permission bits.
    pub perm: Perm,
    /// Queues that can be read.
    #[serde(rename = "readQueueNums")]
    pub read_queue_count: i32,
    /// Tags of a message.
    #[serde(deserialize_with = "crate::json::known_or_default")]
    pub topic_filter_type: TopicFilterType,
    /// Name.
    pub topic_name: String,
    /// System flag bits: 1 unit, 2 unit subscription.
    pub topic_sys_flag: i32,
    /// Queues that can be written.
    #[serde(rename = "writeQueueNums")]
    pub write_queue_count: i32,
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            order: false,
            perm: Perm::READ_WRITE,
            read_queue_count: 16,
            topic_filter_type: TopicFilterType::SingleTag,
            topic_name: String::new(),
            topic_sys_flag: 0,
            write_queue_count: 16,
        }
    }
}

impl TopicConfig {
    /// A topic with the same number of queues for reading and writing.
    pub fn new(name: &str, queue_count: i32, perm: Perm) -> Self {
        Self {
            topic_name: name.to_owned(),
            read_queue_count: queue_count,
            write_queue_count: queue_count,
            perm,
            ..Self::default()
        }
    }
}

/// The text that remarks show.
impl fmt::Display for TopicConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TopicConfig [topicName={}, readQueueNums={}, writeQueueNums={}, perm={}, topicFilterType={}, topicSysFlag={}, order={}]",
            self.topic_name,
            self.read_queue_count,
            self.write_queue_count,
            self.perm,
            self.topic_filter_type.name(),
            self.topic_sys_flag,
            self.order
        )
    }
}

/// Whether a name can be a topic or a group: 1 to 127 bytes of letters, digits and `_-%|`, so that it is a safe directory name.
///
/// Differs: 4.3.0 takes any name from a client and writes outside its directory for `../x` (CVE-2019-17572).
pub fn is_legal_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'%' | b'|');
    !name.is_empty() && name.len() <= MAX_TOPIC_LEN && name.bytes().all(legal)
}
