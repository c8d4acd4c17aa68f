//! JSON headers that are not strict JSON as Java writes it, but that Java reads all the same.

use super::{Header, MAX_FIELDS, Malformed};
use compat::command::{CommandFlag, Language, Opaque};
use compat::header::Fields;
use compat::text::Text;
use serde_json::Value;
use std::borrow::Cow;

/// Reads a header.
pub(super) fn read<'a>(bytes: &[u8]) -> Result<Header<'a>, Malformed> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let document: serde_json::Map<String, Value> =
        serde_json::from_str(text).map_err(|error| Malformed(error.to_string()))?;
    let mut header = Header::empty();
    for (key, value) in document {
        match key.as_str() {
            "code" => header.code = int(&value, header.code)?,
            "flag" => header.flag = CommandFlag(int(&value, header.flag.0)?),
            "opaque" => header.opaque = Opaque(int(&value, header.opaque.0)?),
            "version" => header.version = int(&value, header.version)?,
            "language" => header.language = language(&value)?,
            "remark" => header.remark = text_of(value).map(Text::Owned),
            "extFields" => header.fields = fields(value)?,
            _ => {}
        }
    }
    Ok(header)
}

fn int(value: &Value, default: i32) -> Result<i32, Malformed> {
    match value {
        Value::Null => Ok(default),
        Value::Bool(yes) => Ok(i32::from(*yes)),
        Value::Number(number) => Ok(match number.as_i64() {
            Some(whole) => whole as i32,
            None => number.as_f64().unwrap_or_default() as i32,
        }),
        Value::String(text) if text.is_empty() => Ok(0),
        Value::String(text) => text.parse::<i64>().map(|whole| whole as i32).map_err(|_| unfit(value)),
        Value::Array(_) | Value::Object(_) => Err(unfit(value)),
    }
}

fn language(value: &Value) -> Result<Option<Language>, Malformed> {
    match value {
        Value::Null => Ok(None),
        Value::String(name) => Ok(Language::from_name(name)),
        Value::Number(ordinal) => {
            let byte = ordinal.as_u64().and_then(|ordinal| u8::try_from(ordinal).ok());
            byte.and_then(Language::from_byte).map(Some).ok_or_else(|| unfit(value))
        }
        _ => Err(unfit(value)),
    }
}

fn fields<'a>(value: Value) -> Result<Fields<'a>, Malformed> {
    let mut fields = Fields::new();
    match value {
        Value::Null => {}
        Value::Object(entries) if entries.len() <= MAX_FIELDS => {
            for (name, value) in entries {
                if let Some(text) = text_of(value) {
                    fields.push(Cow::Owned(name), Text::Owned(text));
                }
            }
        }
        other => return Err(unfit(&other)),
    }
    Ok(fields)
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn unfit(value: &Value) -> Malformed {
    Malformed(format!("a value is not of its type: {}", value.to_string().chars().take(64).collect::<String>()))
}
