//! Writes a value as fastjson would. Source: fastjson `JSONSerializer`, `MapSerializer`, `JavaBeanSerializer`, `SerializeWriter`.

use crate::java::number::double_text;
use serde::Serialize;
use serde::ser::{self, Impossible};
use std::fmt;

/// How a document is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One line, no blanks.
    Compact,
    /// A line a member, indented by tabs.
    Pretty,
}

pub(super) fn document<T: Serialize + ?Sized>(value: &T, form: Form) -> Vec<u8> {
    let mut writer = Writer { out: Vec::with_capacity(256), form, depth: 0 };
    value.serialize(&mut writer).expect("derived implementations report no error");
    writer.out
}

/// Appends a text in double quotes, escaped as fastjson escapes.
pub(super) fn push_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut from = 0;
    for (at, char) in text.char_indices() {
        let short = match char {
            '"' => b'"',
            '\\' => b'\\',
            '\u{8}' => b'b',
            '\u{c}' => b'f',
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => 0,
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[from..at]);
        match short {
            0 => out.extend_from_slice(format!("\\u{:04X}", u32::from(char)).as_bytes()),
            letter => out.extend_from_slice(&[b'\\', letter]),
        }
        from = at + char.len_utf8();
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
    out.push(b'"');
}

struct Writer {
    out: Vec<u8>,
    form: Form,
    depth: usize,
}

impl Writer {
    fn line(&mut self) {
        if self.form == Form::Pretty {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + self.depth, b'\t');
        }
    }

    fn number(&mut self, value: impl itoa::Integer) -> Result<Wrote, Failed> {
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        Ok(Wrote::Value)
    }

    fn text(&mut self, value: &str) -> Result<Wrote, Failed> {
        push_text(value, &mut self.out);
        Ok(Wrote::Value)
    }

    fn null(&mut self) -> Result<Wrote, Failed> {
        self.out.extend_from_slice(b"null");
        Ok(Wrote::Null)
    }

    /// Opens `{"variant":` of an enum that holds something.
    fn variant(&mut self, name: &str) {
        self.out.push(b'{');
        push_text(name, &mut self.out);
        self.out.push(b':');
    }
}

/// What a value came to: members without one are left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrote {
    Value,
    Null,
}

/// A `Serialize` that refused.
#[derive(Debug)]
struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for Failed {}
impl ser::Error for Failed {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

macro_rules! numbers {
    ($($method:ident: $ty:ty),*) => { $(
        fn $method(self, value: $ty) -> Result<Wrote, Failed> {
            self.number(value)
        }
    )* };
}

impl<'a> ser::Serializer for &'a mut Writer {
    type Ok = Wrote;
    type Error = Failed;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = List<'a>;
    type SerializeMap = Map<'a>;
    type SerializeStruct = Bean<'a>;
    type SerializeStructVariant = Impossible<Wrote, Failed>;

    numbers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128
    }

    fn serialize_bool(self, value: bool) -> Result<Wrote, Failed> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(Wrote::Value)
    }

    fn serialize_f32(self, value: f32) -> Result<Wrote, Failed> {
        self.serialize_f64(f64::from(value))
    }

    /// What is no number is written as `null`, and is not left out.
    fn serialize_f64(self, value: f64) -> Result<Wrote, Failed> {
        if value.is_finite() {
            self.out.extend_from_slice(double_text(value).as_bytes());
        } else {
            self.out.extend_from_slice(b"null");
        }
        Ok(Wrote::Value)
    }

    fn serialize_char(self, value: char) -> Result<Wrote, Failed> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Wrote, Failed> {
        self.text(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Wrote, Failed> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<Wrote, Failed> {
        self.null()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Wrote, Failed> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Wrote, Failed> {
        self.null()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Wrote, Failed> {
        self.null()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Wrote, Failed> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Wrote, Failed> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Wrote, Failed> {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.out.push(b'}');
        Ok(Wrote::Value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, Failed> {
        self.out.push(b'[');
        Ok(List { writer: self, first: true, close: b"]" })
    }

    fn serialize_tuple(self, len: usize) -> Result<List<'a>, Failed> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<List<'a>, Failed> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List<'a>, Failed> {
        self.variant(variant);
        self.out.push(b'[');
        Ok(List { writer: self, first: true, close: b"]}" })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map<'a>, Failed> {
        self.out.push(b'{');
        self.depth += 1;
        Ok(Map { writer: self, first: true, empty: true, mark: 0 })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Bean<'a>, Failed> {
        self.out.push(b'{');
        self.depth += 1;
        Ok(Bean { writer: self, first: true })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Failed> {
        Err(ser::Error::custom("a variant with members has no form in fastjson"))
    }
}

/// An array or a set: in one line also in the pretty form. (fastjson breaks lines in a `java.util.List`, which no file holds.)
struct List<'a> {
    writer: &'a mut Writer,
    first: bool,
    close: &'static [u8],
}

impl List<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        if !std::mem::take(&mut self.first) {
            self.writer.out.push(b',');
        }
        value.serialize(&mut *self.writer).map(drop)
    }

    fn close(self) -> Result<Wrote, Failed> {
        self.writer.out.extend_from_slice(self.close);
        Ok(Wrote::Value)
    }
}

macro_rules! list {
    ($($trait:ident::$method:ident),*) => { $(
        impl ser::$trait for List<'_> {
            type Ok = Wrote;
            type Error = Failed;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
                self.element(value)
            }
            fn end(self) -> Result<Wrote, Failed> {
                self.close()
            }
        }
    )* };
}
list!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// A map. Text keys stand on lines of their own, other keys go on in the line.
struct Map<'a> {
    writer: &'a mut Writer,
    first: bool,
    empty: bool,
    /// Where the entry that is being written begins.
    mark: usize,
}

impl ser::SerializeMap for Map<'_> {
    type Ok = Wrote;
    type Error = Failed;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failed> {
        self.empty = false;
        self.mark = self.writer.out.len();
        if !self.first {
            self.writer.out.push(b',');
        }
        let before_line = self.writer.out.len();
        self.writer.line();
        let at = self.writer.out.len();
        key.serialize(&mut *self.writer)?;
        if self.writer.out.get(at) != Some(&b'"') {
            self.writer.out.drain(before_line..at);
        }
        self.writer.out.push(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        match value.serialize(&mut *self.writer)? {
            Wrote::Value => self.first = false,
            Wrote::Null => self.writer.out.truncate(self.mark),
        }
        Ok(())
    }

    fn end(self) -> Result<Wrote, Failed> {
        self.writer.depth -= 1;
        if !self.empty {
            self.writer.line();
        }
        self.writer.out.push(b'}');
        Ok(Wrote::Value)
    }
}

/// A Java object: a struct.
struct Bean<'a> {
    writer: &'a mut Writer,
    first: bool,
}

impl ser::SerializeStruct for Bean<'_> {
    type Ok = Wrote;
    type Error = Failed;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Failed> {
        let mark = self.writer.out.len();
        if !self.first {
            self.writer.out.push(b',');
        }
        self.writer.line();
        push_text(name, &mut self.writer.out);
        self.writer.out.push(b':');
        match value.serialize(&mut *self.writer)? {
            Wrote::Value => self.first = false,
            Wrote::Null => self.writer.out.truncate(mark),
        }
        Ok(())
    }

    fn end(self) -> Result<Wrote, Failed> {
        if self.first {
            self.writer.line();
        }
        self.writer.depth -= 1;
        self.writer.line();
        self.writer.out.push(b'}');
        Ok(Wrote::Value)
    }
}
