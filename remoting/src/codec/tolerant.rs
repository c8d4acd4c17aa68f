//! JSON headers that are not strict JSON as Java writes it, but that Java reads all the same.

use super::{Header, MAX_FIELDS, Malformed};
use compat::command::{CommandFlag, Language, Opaque};
use compat::header::Fields;
use compat::json::{self, Value};
use compat::text::Text;
use std::borrow::Cow;
use std::collections::HashMap;

/// Reads a header.
pub(super) fn read<'a>(bytes: &[u8]) -> Result<Header<'a>, Malformed> {
    let members = json::parse_object(bytes).map_err(|error| Malformed(error.to_string()))?;
    let mut header = Header::empty();
    for (name, value) in members {
        match Key::of(&name) {
            Some(Key::Code) => header.code = int(&value, header.code)?,
            Some(Key::Flag) => header.flag = CommandFlag(int(&value, header.flag.0)?),
            Some(Key::Opaque) => header.opaque = Opaque(int(&value, header.opaque.0)?),
            Some(Key::Version) => header.version = int(&value, header.version)?,
            Some(Key::Language) => header.language = language(&value)?,
            Some(Key::Remark) => header.remark = value.to_java_string().map(Text::Owned),
            Some(Key::ExtFields) => header.fields = fields(value)?,
            None => {}
        }
    }
    Ok(header)
}

#[derive(Clone, Copy)]
enum Key {
    Code,
    ExtFields,
    Flag,
    Language,
    Opaque,
    Remark,
    Version,
}

impl Key {
    /// The key of that name; fastjson does not mind the case of its letters.
    fn of(name: &str) -> Option<Self> {
        const NAMES: [(&str, Key); 7] = [
            ("code", Key::Code),
            ("extFields", Key::ExtFields),
            ("flag", Key::Flag),
            ("language", Key::Language),
            ("opaque", Key::Opaque),
            ("remark", Key::Remark),
            ("version", Key::Version),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, key)| *key)
    }
}

fn int(value: &Value, default: i32) -> Result<i32, Malformed> {
    match value {
        Value::Null => Ok(default),
        Value::Text(text) if matches!(text.as_str(), "null" | "NULL") => Ok(default),
        value => value.to_java_int().ok_or_else(|| unfit(value)),
    }
}

/// A name that nobody knows is `None`, as Java makes it of headers whose keys are in order; a number is an ordinal.
fn language(value: &Value) -> Result<Option<Language>, Malformed> {
    match value {
        Value::Null => Ok(None),
        Value::Text(name) => Ok(Language::from_name(name)),
        Value::Number(_) => {
            let ordinal = value.to_java_int().and_then(|ordinal| u8::try_from(ordinal).ok());
            ordinal.and_then(Language::from_byte).map(Some).ok_or_else(|| unfit(value))
        }
        value => Err(unfit(value)),
    }
}

fn fields<'a>(value: Value) -> Result<Fields<'a>, Malformed> {
    let entries = match value {
        Value::Null => return Ok(Fields::new()),
        Value::Object(entries) if entries.len() <= MAX_FIELDS => entries,
        other => return Err(unfit(&other)),
    };
    let entries: Vec<_> = entries
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_java_string()?, value.to_java_string())))
        .collect();
    // A null takes back what stands before it under its name.
    let nulls: HashMap<&str, usize> = entries
        .iter()
        .enumerate()
        .filter(|(_, (_, value))| value.is_none())
        .map(|(at, (name, _))| (&**name, at))
        .collect();
    let mut fields = Fields::new();
    for (at, (name, value)) in entries.iter().enumerate() {
        if let Some(value) = value.as_ref().filter(|_| nulls.get(&**name).is_none_or(|&null_at| null_at < at)) {
            fields.push(Cow::Owned(name.clone()), Text::Owned(value.clone()));
        }
    }
    Ok(fields)
}

fn unfit(value: &Value) -> Malformed {
    let text = value.to_java_string().unwrap_or_default();
    Malformed(format!("a value does not fit its key: {}", text.chars().take(64).collect::<String>()))
}
