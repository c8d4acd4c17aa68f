//! fastjson's dialect of JSON, read and written.
//!
//! Written: what fastjson 1.2.29 writes, to the byte. Absent values are left out, keys that are no text stand bare
//! (`{0:5}`, `{{"brokerName":"b","queueId":0,"topic":"T"}:5}`), the pretty form is that of the files on disk.
//! Read: all of that and what fastjson forgives: bare and single-quoted keys, comments, commas too many, names in
//! another case, numbers and booleans as text and the reverse, a member that is null (it counts as absent), one that
//! stands twice (the last counts), bytes that are no UTF-8 (U+FFFD).
//! Nesting is bounded by [`MAX_DEPTH`], the tree of [`Value`] by [`MAX_VALUES`].
//!
//! Not here: the shape of each document (`body`), the fast scanner of command headers (`remoting`), which hands
//! anything but plain JSON to [`parse_object`].
//! Source: `remoting/protocol/RemotingSerializable`, fastjson 1.2.29 with its default features.

mod read;
mod value;
mod write;

pub use read::{MAX_DEPTH, MAX_VALUES};
pub use value::Value;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

/// Why a document could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct Error {
    /// What is wrong.
    pub what: String,
    /// Where reading stopped, bytes from the start (after a byte order mark, with bad UTF-8 replaced).
    pub at: usize,
}

/// The document in one line, as bodies are.
///
/// # Panics
/// When the `Serialize` of the value itself reports an error, which derived ones never do.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    write::document(value, write::Form::Compact)
}

/// The document as config files are: a line a member, indented by tabs.
///
/// # Panics
/// As [`to_vec`].
pub fn to_vec_pretty<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    write::document(value, write::Form::Pretty)
}

/// Reads a document; text after it is an error.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    read::document(bytes, |reader| T::deserialize(reader))
}

/// Reads a document of any shape; text after it is an error.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    read::document(bytes, |reader| reader.value())
}

/// The members of a document that is an object, in their order, duplicates included.
pub fn parse_object(bytes: &[u8]) -> Result<Vec<(String, Value)>, Error> {
    match parse(bytes)? {
        Value::Object(members) => {
            Ok(members.into_iter().map(|(name, value)| (name.to_java_string().unwrap_or_default(), value)).collect())
        }
        _ => Err(Error { what: "an object is expected".to_owned(), at: 0 }),
    }
}

/// For a field with names that newer versions add to: one that is not known here is the default. Java reads it as null.
pub(crate) fn known_or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(T::deserialize(from).unwrap_or_default())
}

#[cfg(test)]
mod tests;
