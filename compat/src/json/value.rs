//! A document of unknown shape, and what Java would make of its parts.

use super::write::push_text;
use crate::java::hash_map;
use crate::java::number::{decimal_text, wrapping_long};

/// Any JSON value. Numbers keep their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`, `NaN` or `undefined`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A text.
    Text(String),
    /// An array.
    List(Vec<Value>),
    /// An object: keys and values in their order, duplicates included.
    Object(Vec<(Value, Value)>),
}

impl Value {
    /// What fastjson makes of the value where a `String` is wanted: a text as it is, a whole number as written, a decimal as
    /// `BigDecimal` shows it, an object or array as its JSON text. `None` for null.
    pub fn to_java_string(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(value.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Number(text) => Some(number_text(text)),
            Self::List(_) | Self::Object(_) => {
                let mut out = Vec::new();
                self.push_to(&mut out);
                Some(String::from_utf8_lossy(&out).into_owned())
            }
        }
    }

    /// What fastjson makes of the value where an `int` is wanted: the low 32 bits of a number, also one in quotes, 1 or 0 for
    /// a boolean, 0 for an empty text. `None` where Java refuses, and for null.
    pub fn to_java_int(&self) -> Option<i32> {
        self.to_java_long().map(|value| value as i32)
    }

    /// As [`Value::to_java_int`], with 64 bits.
    pub fn to_java_long(&self) -> Option<i64> {
        match self {
            Self::Bool(value) => Some(i64::from(*value)),
            Self::Number(text) => wrapping_long(text),
            Self::Text(text) if text.is_empty() => Some(0),
            Self::Text(text) => wrapping_long(text),
            Self::Null | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// The text of a text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Appends the value as `JSONObject.toString` writes it: members in the order of a `HashMap`, without those that are null.
    fn push_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Self::Number(text) => out.extend_from_slice(number_text(text).as_bytes()),
            Self::Text(text) => push_text(text, out),
            Self::List(values) => {
                out.push(b'[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    value.push_to(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                let named = members.iter().map(|(key, value)| (key.to_java_string().unwrap_or_default(), value));
                let mut first = true;
                out.push(b'{');
                for (name, value) in hash_map::in_order(named).filter(|(_, value)| **value != Self::Null) {
                    if !std::mem::take(&mut first) {
                        out.push(b',');
                    }
                    push_text(&name, out);
                    out.push(b':');
                    value.push_to(out);
                }
                out.push(b'}');
            }
        }
    }
}

fn number_text(text: &str) -> String {
    if text.contains(['.', 'e', 'E']) { decimal_text(text).unwrap_or_else(|| text.to_owned()) } else { text.to_owned() }
}
