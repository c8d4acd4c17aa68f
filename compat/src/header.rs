//! Typed headers: the custom fields (`extFields`) of each request and response, declared once with their wire names.
//!
//! [`header!`](crate::header!) makes a struct that decodes from [`Fields`] and encodes into a [`FieldSink`]; JSON and
//! binary commands differ only in the scanner that fills the one and the writer behind the other (`remoting`).
//! A field is required unless its type is an `Option`. Unknown fields are ignored.
//! Source: `remoting/RemotingCommand#decodeCommandCustomHeader`, `#makeCustomHeaderToNet`.

pub mod admin;
pub mod client;
pub mod namesrv;
pub mod offset;
pub mod pull;
pub mod query;
pub mod send;

use crate::text::Text;
use arrayvec::ArrayVec;
use std::borrow::Cow;

/// The custom fields of one command, in the order of the wire. The first of them need no allocation.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    first: ArrayVec<(Cow<'a, str>, Text<'a>), 20>,
    more: Vec<(Cow<'a, str>, Text<'a>)>,
}

impl<'a> Fields<'a> {
    /// No field at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field as read from the wire.
    pub fn push(&mut self, name: Cow<'a, str>, value: Text<'a>) {
        if let Err(full) = self.first.try_push((name, value)) {
            self.more.push(full.element());
        }
    }

    /// The last field of that name: a duplicate wins over what stands before it.
    pub fn get(&self, name: &str) -> Option<&Text<'a>> {
        self.iter().filter(|(key, _)| *key == name).last().map(|(_, value)| value)
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Text<'a>)> {
        self.first.iter().chain(&self.more).map(|(key, value)| (key.as_ref(), value))
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The same fields, borrowed from these.
    pub fn borrow(&self) -> Fields<'_> {
        self.iter().map(|(key, value)| (Cow::Borrowed(key), value.borrow())).collect()
    }

    /// A copy that borrows nothing.
    pub fn to_owned(&self) -> Fields<'static> {
        self.iter().map(|(key, value)| (Cow::Owned(key.to_owned()), Text::Owned(value.to_cow().into_owned()))).collect()
    }
}

impl<'a> FromIterator<(Cow<'a, str>, Text<'a>)> for Fields<'a> {
    fn from_iter<I: IntoIterator<Item = (Cow<'a, str>, Text<'a>)>>(pairs: I) -> Self {
        let mut fields = Self::new();
        for (name, value) in pairs {
            fields.push(name, value);
        }
        fields
    }
}

impl PartialEq for Fields<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Why a header could not be read. Answered with code 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A required field is not there.
    #[error("the custom field <{0}> is null")]
    Missing(&'static str),
    /// A field does not hold what its type needs.
    #[error("the custom field <{name}> has the illegal value [{value}]")]
    Garbled {
        /// The wire name of the field.
        name: &'static str,
        /// What stood there, cut to 64 characters.
        value: String,
    },
}

/// A header that can be read from the fields of a command.
pub trait Decode<'a>: Sized {
    /// Reads every declared field.
    fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError>;
}

/// A header that can be written into a command.
pub trait Encode {
    /// `false` for the header of an answer without any (`extFields` is then left out, not empty).
    const PRESENT: bool = true;

    /// Writes every field that has a value.
    fn encode(&self, sink: &mut dyn FieldSink);
}

/// Where the fields of a header are written to.
pub trait FieldSink {
    /// A field of text.
    fn text(&mut self, name: &str, value: &str);
    /// A field that is a decimal number.
    fn number(&mut self, name: &str, value: i64);
}

impl FieldSink for Vec<(String, String)> {
    fn text(&mut self, name: &str, value: &str) {
        self.push((name.to_owned(), value.to_owned()));
    }
    fn number(&mut self, name: &str, value: i64) {
        self.push((name.to_owned(), value.to_string()));
    }
}

/// The header of a command that has none: no `extFields`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoHeader;

impl Encode for NoHeader {
    const PRESENT: bool = false;
    fn encode(&self, _: &mut dyn FieldSink) {}
}

/// The header of a response whose Java class has no fields: an empty `extFields`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmptyHeader;

impl Encode for EmptyHeader {
    fn encode(&self, _: &mut dyn FieldSink) {}
}

impl Encode for [(String, String)] {
    fn encode(&self, sink: &mut dyn FieldSink) {
        for (name, value) in self {
            sink.text(name, value);
        }
    }
}

/// A type that a header field can have.
pub trait Field<'a>: Sized {
    /// Reads the field, or says what is wrong with it.
    fn from_wire(name: &'static str, value: Option<&Text<'a>>) -> Result<Self, HeaderError>;
    /// Writes the field, or nothing where it has no value.
    fn to_wire(&self, name: &str, sink: &mut dyn FieldSink);
}

macro_rules! number_field {
    ($($ty:ty),*) => { $(
        impl<'a> Field<'a> for $ty {
            fn from_wire(name: &'static str, value: Option<&Text<'a>>) -> Result<Self, HeaderError> {
                let text = value.ok_or(HeaderError::Missing(name))?;
                let parsed = match text {
                    Text::Plain(plain) => plain.parse().ok(),
                    other => other.to_cow().parse().ok(),
                };
                parsed.ok_or_else(|| garbled(name, text))
            }
            fn to_wire(&self, name: &str, sink: &mut dyn FieldSink) {
                sink.number(name, i64::from(*self));
            }
        }
    )* };
}
number_field!(i32, i64);

impl<'a> Field<'a> for bool {
    fn from_wire(name: &'static str, value: Option<&Text<'a>>) -> Result<Self, HeaderError> {
        let text = value.ok_or(HeaderError::Missing(name))?;
        Ok(text.to_cow().eq_ignore_ascii_case("true"))
    }
    fn to_wire(&self, name: &str, sink: &mut dyn FieldSink) {
        sink.text(name, if *self { "true" } else { "false" });
    }
}

impl<'a> Field<'a> for Cow<'a, str> {
    fn from_wire(name: &'static str, value: Option<&Text<'a>>) -> Result<Self, HeaderError> {
        value.map(Text::to_cow).ok_or(HeaderError::Missing(name))
    }
    fn to_wire(&self, name: &str, sink: &mut dyn FieldSink) {
        sink.text(name, self);
    }
}

impl<'a> Field<'a> for String {
    fn from_wire(name: &'static str, value: Option<&Text<'a>>) -> Result<Self, HeaderError> {
        value.map(|text| text.to_cow().into_owned()).ok_or(HeaderError::Missing(name))
    }
    fn to_wire(&self, name: &str, sink: &mut dyn FieldSink) {
        sink.text(name, self);
    }
}

impl<'a> Field<'a> for Text<'a> {
    fn from_wire(name: &'static str, value: Option<&Text<'a>>) -> Result<Self, HeaderError> {
        value.cloned().ok_or(HeaderError::Missing(name))
    }
    fn to_wire(&self, name: &str, sink: &mut dyn FieldSink) {
        sink.text(name, &self.to_cow());
    }
}

impl<'a, T: Field<'a>> Field<'a> for Option<T> {
    fn from_wire(name: &'static str, value: Option<&Text<'a>>) -> Result<Self, HeaderError> {
        value.map(|text| T::from_wire(name, Some(text))).transpose()
    }
    fn to_wire(&self, name: &str, sink: &mut dyn FieldSink) {
        if let Some(value) = self {
            value.to_wire(name, sink);
        }
    }
}

fn garbled(name: &'static str, value: &Text<'_>) -> HeaderError {
    HeaderError::Garbled { name, value: value.to_cow().chars().take(64).collect() }
}

/// Declares headers: `field: type = "wire name"`, with further accepted spellings after `|`.
#[macro_export]
macro_rules! header {
    () => {};
    (
        $(#[$meta:meta])*
        pub struct $name:ident<$lt:lifetime> {
            $( $(#[$field_meta:meta])* $field:ident: $ty:ty = $wire:literal $(| $alias:literal)* ),* $(,)?
        }
        $($rest:tt)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name<$lt> { $( $(#[$field_meta])* #[doc = concat!("On the wire: `", $wire, "`.")] pub $field: $ty ),* }
        impl<$lt> $crate::header::Decode<$lt> for $name<$lt> {
            $crate::header!(@decode $lt; $( $field: $ty = $wire $(| $alias)* ),*);
        }
        impl<$lt> $crate::header::Encode for $name<$lt> {
            $crate::header!(@encode $( $field = $wire ),*);
        }
        $crate::header!($($rest)*);
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$field_meta:meta])* $field:ident: $ty:ty = $wire:literal $(| $alias:literal)* ),* $(,)?
        }
        $($rest:tt)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $( $(#[$field_meta])* #[doc = concat!("On the wire: `", $wire, "`.")] pub $field: $ty ),* }
        impl<'wire> $crate::header::Decode<'wire> for $name {
            $crate::header!(@decode 'wire; $( $field: $ty = $wire $(| $alias)* ),*);
        }
        impl $crate::header::Encode for $name {
            $crate::header!(@encode $( $field = $wire ),*);
        }
        $crate::header!($($rest)*);
    };
    (@decode $lt:lifetime; $( $field:ident: $ty:ty = $wire:literal $(| $alias:literal)* ),*) => {
        fn decode(fields: &$crate::header::Fields<$lt>) -> Result<Self, $crate::header::HeaderError> {
            $( let mut $field = None; )*
            for (name, value) in fields.iter() {
                match name {
                    $( $wire $(| $alias)* => $field = Some(value), )*
                    _ => {}
                }
            }
            Ok(Self { $( $field: <$ty as $crate::header::Field<$lt>>::from_wire($wire, $field)? ),* })
        }
    };
    (@encode $( $field:ident = $wire:literal ),*) => {
        fn encode(&self, sink: &mut dyn $crate::header::FieldSink) {
            $( $crate::header::Field::to_wire(&self.$field, $wire, sink); )*
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    header! {
        /// A header for the tests.
        pub struct Sample<'a> {
            topic: Cow<'a, str> = "b" | "topic",
            queue_id: i32 = "e" | "queueId",
            order: Option<bool> = "order",
        }
    }

    fn fields(pairs: &[(&'static str, &'static str)]) -> Fields<'static> {
        let mut fields = Fields::new();
        for (name, value) in pairs {
            fields.push(Cow::Borrowed(name), Text::Plain(value));
        }
        fields
    }

    #[test]
    fn either_spelling_is_read_and_the_last_duplicate_wins() {
        let read = Sample::decode(&fields(&[("topic", "A"), ("e", "+07"), ("x", "?"), ("b", "T"), ("order", "TRUE")]));
        assert_eq!(read, Ok(Sample { topic: "T".into(), queue_id: 7, order: Some(true) }));
    }

    #[test]
    fn missing_and_garbled_fields_are_named() {
        assert_eq!(Sample::decode(&fields(&[("b", "T")])), Err(HeaderError::Missing("e")));
        let garbled = Sample::decode(&fields(&[("b", "T"), ("e", " 1")]));
        assert_eq!(garbled, Err(HeaderError::Garbled { name: "e", value: " 1".into() }));
    }

    #[test]
    fn absent_values_are_not_written() {
        let mut out = Vec::new();
        Sample { topic: "T".into(), queue_id: 1, order: None }.encode(&mut out);
        assert_eq!(out, [("b".to_owned(), "T".to_owned()), ("e".to_owned(), "1".to_owned())]);
    }
}
