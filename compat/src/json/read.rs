//! Reads a document with all that fastjson forgives.
//!
//! [`Reader`] walks the text once. Of a struct it first notes where each known member stands (that makes the last of
//! two win and null the same as absent) and then reads those; of a map it skips entries whose value is null.

use super::{Error, Value};
use crate::java::number::wrapping_long;
use serde::de::value::{CowStrDeserializer, StrDeserializer, U32Deserializer};
use serde::de::{self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::fmt;

/// How deep arrays and objects may stand in each other.
pub const MAX_DEPTH: usize = 64;
/// How many values a [`Value`] may hold in all.
pub const MAX_VALUES: usize = 1 << 18;

/// Reads the one value that `bytes` hold, after a byte order mark if there is one.
pub(super) fn document<T>(bytes: &[u8], read: impl FnOnce(&mut Reader<'_>) -> Result<T, Error>) -> Result<T, Error> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = Reader { text, at: 0, depth: 0, values: 0, keys: Keys::Any };
    let value = read(&mut reader).map_err(|mut error| {
        if error.at == usize::MAX {
            error.at = reader.at;
        }
        error
    })?;
    reader.blanks()?;
    if reader.at < reader.text.len() {
        return Err(reader.error("text after the value"));
    }
    Ok(value)
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { what: message.to_string(), at: usize::MAX }
    }
}

/// A place in a document.
pub(super) struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: usize,
    values: usize,
    keys: Keys,
}

/// What the keys of an object may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// Text, numbers, objects.
    Any,
    /// Text and numbers: inside of an object that is a key itself.
    Plain,
}

/// A value that is no array and no object.
enum Scalar<'de> {
    Null,
    Bool(bool),
    Number(&'de str),
    Text(Cow<'de, str>),
}

impl<'de> Reader<'de> {
    fn error(&self, what: &str) -> Error {
        Error { what: what.to_owned(), at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes `byte` if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Moves over bytes while they are such; all of them are ASCII.
    fn take_while(&mut self, such: impl Fn(u8) -> bool) -> &'de str {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii() && such(byte)) {
            self.at += 1;
        }
        &self.text[from..self.at]
    }

    /// Moves over blanks and comments.
    fn blanks(&mut self) -> Result<(), Error> {
        loop {
            self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 8 | 12));
            let rest = &self.text[self.at..];
            if rest.starts_with("//") {
                self.at = rest.find('\n').map_or(self.text.len(), |end| self.at + end);
            } else if let Some(comment) = rest.strip_prefix("/*") {
                match comment.find("*/") {
                    Some(end) => self.at += end + 4,
                    None => return Err(self.error("a comment without end")),
                }
            } else {
                return Ok(());
            }
        }
    }

    /// Goes one level down; `depth` is lowered by whoever reads the closing bracket.
    fn open(&mut self) -> Result<(), Error> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.error("values nested too deeply")) } else { Ok(()) }
    }

    /// Moves to the next element or key; `false` when `close` came instead. Commas too many are no matter.
    fn next(&mut self, close: u8, first: bool) -> Result<bool, Error> {
        self.blanks()?;
        let mut commas = 0;
        while self.take(b',') {
            commas += 1;
            self.blanks()?;
        }
        if self.take(close) {
            self.depth -= 1;
            return Ok(false);
        }
        if first || commas > 0 { Ok(true) } else { Err(self.error("a comma is expected")) }
    }

    fn colon(&mut self) -> Result<(), Error> {
        self.blanks()?;
        if self.take(b':') { self.blanks() } else { Err(self.error("a colon is expected")) }
    }

    /// What stands where a value is expected and is no array or object.
    fn scalar(&mut self) -> Result<Scalar<'de>, Error> {
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote).map(Scalar::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Scalar::Number),
            Some(_) => match self.word() {
                "true" => Ok(Scalar::Bool(true)),
                "false" => Ok(Scalar::Bool(false)),
                "null" | "NaN" | "undefined" => Ok(Scalar::Null),
                _ => Err(self.error("a value is expected")),
            },
            None => Err(self.error("a value is expected, but the text ends")),
        }
    }

    /// A key that is no object: also a bare word.
    fn plain_key(&mut self) -> Result<Scalar<'de>, Error> {
        match self.peek() {
            Some(b'"' | b'\'' | b'-' | b'0'..=b'9') => self.scalar(),
            _ => match self.word() {
                "" => Err(self.error("a name is expected")),
                name => Ok(Scalar::Text(Cow::Borrowed(name))),
            },
        }
    }

    fn word(&mut self) -> &'de str {
        let letter = |char: char| char.is_alphanumeric() || matches!(char, '_' | '$' | '@');
        let rest = &self.text[self.at..];
        let word = &rest[..rest.find(|char| !letter(char)).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn number(&mut self) -> Result<&'de str, Error> {
        let from = self.at;
        self.take(b'-');
        let digit = |byte: u8| byte.is_ascii_digit();
        let mut digits = self.take_while(digit).len();
        if self.take(b'.') {
            digits += self.take_while(digit).len();
        }
        if digits == 0 {
            return Err(self.error("a digit is expected"));
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if !self.take(b'-') {
                self.take(b'+');
            }
            if self.take_while(digit).is_empty() {
                return Err(self.error("a digit is expected"));
            }
        }
        let text = &self.text[from..self.at];
        if matches!(self.peek(), Some(b'L' | b'S' | b'B' | b'F' | b'D')) {
            self.at += 1;
        }
        Ok(text)
    }

    fn quoted(&mut self, quote: u8) -> Result<Cow<'de, str>, Error> {
        self.at += 1;
        let from = self.at;
        let mut built: Vec<u16> = Vec::new();
        let mut plain_from = from;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let Some(len) = memchr::memchr2(quote, b'\\', rest) else {
                return Err(self.error("a text without end"));
            };
            self.at += len;
            let plain = &self.text[plain_from..self.at];
            if rest[len] == quote {
                self.at += 1;
                return Ok(if plain_from == from {
                    Cow::Borrowed(plain)
                } else {
                    built.extend(plain.encode_utf16());
                    Cow::Owned(from_utf16(&built))
                });
            }
            built.extend(plain.encode_utf16());
            built.push(self.escape()?);
            plain_from = self.at;
        }
    }

    /// One escape, as a UTF-16 unit: what RFC 8259 has and what fastjson adds.
    fn escape(&mut self) -> Result<u16, Error> {
        let letter = self.text.as_bytes().get(self.at + 1).copied();
        let hex = |reader: &Self, len: usize| {
            let digits = reader.text.get(reader.at + 2..reader.at + 2 + len)?;
            digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
        };
        let (unit, len) = match letter {
            Some(b'u') => (hex(self, 4), 6),
            Some(b'x') => (hex(self, 2), 4),
            Some(b'b') => (Some(8), 2),
            Some(b'f' | b'F') => (Some(12), 2),
            Some(b'n') => (Some(10), 2),
            Some(b'r') => (Some(13), 2),
            Some(b't') => (Some(9), 2),
            Some(b'v') => (Some(11), 2),
            Some(digit @ b'0'..=b'7') => (Some(u16::from(digit - b'0')), 2),
            Some(same @ (b'"' | b'\'' | b'\\' | b'/')) => (Some(u16::from(same)), 2),
            _ => (None, 0),
        };
        let unit = unit.ok_or_else(|| self.error("an unknown escape"))?;
        self.at += len;
        Ok(unit)
    }

    /// Moves over a value.
    fn skip(&mut self) -> Result<(), Error> {
        self.blanks()?;
        match self.peek() {
            Some(b'{') => self.skip_object(),
            Some(b'[') => {
                self.open()?;
                let mut first = true;
                while self.next(b']', std::mem::take(&mut first))? {
                    self.skip()?;
                }
                Ok(())
            }
            _ => self.scalar().map(drop),
        }
    }

    fn skip_object(&mut self) -> Result<(), Error> {
        self.open()?;
        let mut first = true;
        while self.next(b'}', std::mem::take(&mut first))? {
            self.skip_key()?;
            self.colon()?;
            self.skip()?;
        }
        Ok(())
    }

    fn skip_key(&mut self) -> Result<(), Error> {
        if self.peek() == Some(b'{') { self.in_key(Self::skip_object) } else { self.plain_key().map(drop) }
    }

    /// Reads an object that is a key. Its own keys are plain: so nothing is read more than three times over.
    fn in_key<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.keys == Keys::Plain {
            return Err(self.error("an object as key in an object that is a key"));
        }
        self.keys = Keys::Plain;
        let read = read(self);
        self.keys = Keys::Any;
        read
    }

    /// Whether the value that comes next is null; moves over it then.
    fn take_null(&mut self) -> Result<bool, Error> {
        let from = self.at;
        let is_null =
            !matches!(self.peek(), Some(b'{' | b'[' | b'"' | b'\'')) && matches!(self.scalar()?, Scalar::Null);
        if !is_null {
            self.at = from;
        }
        Ok(is_null)
    }

    /// A value of any shape.
    pub(super) fn value(&mut self) -> Result<Value, Error> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error("too many values"));
        }
        self.blanks()?;
        match self.peek() {
            Some(b'{') => {
                self.open()?;
                let mut members = Vec::new();
                let mut first = true;
                while self.next(b'}', std::mem::take(&mut first))? {
                    let key =
                        if self.peek() == Some(b'{') { self.in_key(Self::value)? } else { self.plain_key()?.into() };
                    self.colon()?;
                    members.push((key, self.value()?));
                }
                Ok(Value::Object(members))
            }
            Some(b'[') => {
                self.open()?;
                let mut values = Vec::new();
                let mut first = true;
                while self.next(b']', std::mem::take(&mut first))? {
                    values.push(self.value()?);
                }
                Ok(Value::List(values))
            }
            _ => self.scalar().map(Value::from),
        }
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.open()?;
        visitor.visit_map(Members { reader: self, first: true })
    }

    fn seq<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.open()?;
        visitor.visit_seq(Elements { reader: self, first: true })
    }

    /// Where the value of each of `fields` stands, the last one of each, none that is null; ends behind the object.
    fn find(&mut self, fields: &'static [&'static str]) -> Result<SmallVec<[Option<usize>; 16]>, Error> {
        let mut places = SmallVec::from_elem(None, fields.len());
        self.open()?;
        let mut first = true;
        while self.next(b'}', std::mem::take(&mut first))? {
            let name = if self.peek() == Some(b'{') {
                self.skip_key()?;
                None
            } else {
                self.plain_key()?.into_text()
            };
            self.colon()?;
            let place = self.at;
            let found = if self.take_null()? {
                None
            } else {
                self.skip()?;
                Some(place)
            };
            if let Some(field) = name.and_then(|name| field_of(fields, &name)) {
                places[field] = found;
            }
        }
        Ok(places)
    }
}

/// Which field a name means: the one of that name, or else one that differs in the case of its letters.
fn field_of(fields: &[&str], name: &str) -> Option<usize> {
    let exactly = fields.iter().position(|field| *field == name);
    exactly.or_else(|| fields.iter().position(|field| field.eq_ignore_ascii_case(name)))
}

/// Text of UTF-16 units; one without its partner becomes `?`, as when Java encodes it.
fn from_utf16(units: &[u16]) -> String {
    char::decode_utf16(units.iter().copied()).map(|char| char.unwrap_or('?')).collect()
}

impl<'de> Scalar<'de> {
    fn into_text(self) -> Option<Cow<'de, str>> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
            Self::Text(text) => Some(text),
            number @ Self::Number(_) => Value::from(number).to_java_string().map(Cow::Owned),
        }
    }

    /// The number of a number, of a text that holds one, of a boolean; 0 for an empty text.
    fn long(&self) -> Option<i64> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(i64::from(*value)),
            Self::Number(text) => wrapping_long(text),
            Self::Text(text) if text.is_empty() => Some(0),
            Self::Text(text) => wrapping_long(text),
        }
    }

    fn double(&self) -> Option<f64> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Number(text) => text.parse().ok().filter(|value: &f64| value.is_finite()),
            Self::Text(text) if text.is_empty() => Some(0.0),
            Self::Text(text) => text.parse().ok().filter(|value: &f64| value.is_finite()),
        }
    }

    fn bool(&self) -> Option<bool> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(*value),
            Self::Number(text) => wrapping_long(text).map(|number| number == 1),
            Self::Text(text) if text.eq_ignore_ascii_case("true") || text == "1" => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") || text == "0" || text.is_empty() => Some(false),
            Self::Text(_) => None,
        }
    }

    fn unexpected(&self) -> de::Unexpected<'_> {
        match self {
            Self::Null => de::Unexpected::Unit,
            Self::Bool(value) => de::Unexpected::Bool(*value),
            Self::Number(text) => de::Unexpected::Other(text),
            Self::Text(text) => de::Unexpected::Str(text),
        }
    }

    fn invalid(&self, expected: &dyn de::Expected) -> Error {
        de::Error::invalid_type(self.unexpected(), expected)
    }
}

impl From<Scalar<'_>> for Value {
    fn from(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Bool(value) => Self::Bool(value),
            Scalar::Number(text) => Self::Number(text.to_owned()),
            Scalar::Text(text) => Self::Text(text.into_owned()),
        }
    }
}

impl<'de> de::Deserializer<'de> for Scalar<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Number(text) if text.contains(['.', 'e', 'E']) => self.deserialize_f64(visitor),
            Self::Number(_) => self.deserialize_i64(visitor),
            Self::Text(text) => CowStrDeserializer::new(text).deserialize_any(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.bool() {
            Some(value) => visitor.visit_bool(value),
            None => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.long() {
            Some(value) => visitor.visit_i32(value as i32),
            None => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.long() {
            Some(value) => visitor.visit_i64(value),
            None => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.double() {
            Some(value) => visitor.visit_f64(value),
            None => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.into_text() {
            Some(text) => CowStrDeserializer::new(text).deserialize_any(visitor),
            None => Err(Self::Null.invalid(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// An enum stands as its name or as its ordinal.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit unit_struct seq tuple tuple_struct map struct ignored_any
    }
}

impl<'de> EnumAccess<'de> for Scalar<'de> {
    type Error = Error;
    type Variant = Unit;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Unit), Error> {
        let variant = match &self {
            Self::Text(name) => seed.deserialize(StrDeserializer::<Error>::new(name)),
            Self::Number(_) => match self.long().map(u32::try_from) {
                Some(Ok(ordinal)) => seed.deserialize(U32Deserializer::<Error>::new(ordinal)),
                _ => return Err(self.invalid(&"the ordinal of an enum")),
            },
            _ => return Err(self.invalid(&"the name of an enum")),
        };
        Ok((variant?, Unit))
    }
}

/// The inside of an enum that has none.
struct Unit;

impl<'de> VariantAccess<'de> for Unit {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Error> {
        Err(de::Error::invalid_type(de::Unexpected::UnitVariant, &"a variant with a value"))
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        Err(de::Error::invalid_type(de::Unexpected::UnitVariant, &visitor))
    }
    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        Err(de::Error::invalid_type(de::Unexpected::UnitVariant, &visitor))
    }
}

macro_rules! scalars {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.blanks()?;
            match self.peek() {
                Some(b'{') => self.map(visitor),
                Some(b'[') => self.seq(visitor),
                _ => self.scalar()?.$method(visitor),
            }
        }
    )* };
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    scalars! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
        deserialize_char deserialize_identifier deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_seq deserialize_map
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    /// An array or object where a text is wanted is its JSON text.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.blanks()?;
        match self.peek() {
            Some(b'{' | b'[') => visitor.visit_string(self.value()?.to_java_string().unwrap_or_default()),
            _ => self.scalar()?.deserialize_str(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.blanks()?;
        if self.take_null()? { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.blanks()?;
        match self.peek() {
            Some(b'{') => {
                let places = self.find(fields)?;
                let behind = self.at;
                self.depth += 1;
                let value = visitor.visit_map(Found { reader: self, fields, places, next: 0 })?;
                self.depth -= 1;
                self.at = behind;
                Ok(value)
            }
            Some(b'[') => Err(self.error("an object is expected")),
            _ => {
                let scalar = self.scalar()?;
                Err(scalar.invalid(&visitor))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.blanks()?;
        self.scalar()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { i128 u128 }
}

/// The elements of an array, without those that are null.
struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    first: bool,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        while self.reader.next(b']', std::mem::take(&mut self.first))? {
            if !self.reader.take_null()? {
                return seed.deserialize(&mut *self.reader).map(Some);
            }
        }
        Ok(None)
    }
}

/// The entries of a map, without those whose value is null.
struct Members<'a, 'de> {
    reader: &'a mut Reader<'de>,
    first: bool,
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        while self.reader.next(b'}', std::mem::take(&mut self.first))? {
            let key = self.reader.at;
            self.reader.skip_key()?;
            self.reader.colon()?;
            if !self.reader.take_null()? {
                self.reader.at = key;
                let read = if self.reader.peek() == Some(b'{') {
                    self.reader.in_key(|reader| seed.deserialize(reader))
                } else {
                    seed.deserialize(self.reader.plain_key()?)
                };
                return read.map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        self.reader.colon()?;
        seed.deserialize(&mut *self.reader)
    }
}

/// The members of a struct, as [`Reader::find`] found them.
struct Found<'a, 'de> {
    reader: &'a mut Reader<'de>,
    fields: &'static [&'static str],
    places: SmallVec<[Option<usize>; 16]>,
    next: usize,
}

impl<'de> MapAccess<'de> for Found<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        while let Some(place) = self.places.get(self.next) {
            let field = self.fields[self.next];
            self.next += 1;
            if let Some(place) = place {
                self.reader.at = *place;
                let name: StrDeserializer<'_, Error> = field.into_deserializer();
                return seed.deserialize(name).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(&mut *self.reader)
    }
}
