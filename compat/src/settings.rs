//! Settings: Java's keys, declared once with type, unit and default.
//!
//! [`settings!`](crate::settings!) makes a struct with a field for each key. Reading a file, `getBrokerConfig` and
//! `updateBrokerConfig` all use that table. [`load`] reads a file into several tables: a key may be in more than one.
//! Source: `common/MixAll#properties2Object`, `common/Configuration`.

use crate::java::properties::{self, Property};
use std::fmt;

/// One key of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Java's name of the key, with its typos.
    pub name: &'static str,
    /// What it does, with its unit.
    pub doc: &'static str,
    /// What values it takes.
    pub allowed: &'static str,
}

/// A value that a key does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}={value}: {allowed} is expected")]
pub struct BadValue {
    /// The key.
    pub key: String,
    /// What was given.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

/// A table of settings.
pub trait Settings {
    /// All keys, in the order of declaration.
    fn keys(&self) -> &'static [Key];
    /// Sets a key; `Ok(false)` when the table does not have it.
    fn set(&mut self, key: &str, value: &str) -> Result<bool, BadValue>;
    /// The text of a key's value; `None` when it has none or the table does not have the key.
    fn text(&self, key: &str) -> Option<String>;
}

/// A type that a setting can have.
pub trait Value: Sized {
    /// What its values look like.
    const ALLOWED: &'static str;
    /// Reads a value; `None` for one that is not allowed.
    fn parse(text: &str) -> Option<Self>;
    /// The value as text; `None` for no value.
    fn show(&self) -> Option<String>;
}

/// Something in a file that works, but hardly as meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// No table has the key.
    #[error("line {line}: unknown key {key}{}", .nearest.map(|nearest| format!(", is {nearest} meant?")).unwrap_or_default())]
    UnknownKey {
        /// Line in the file, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The known key that looks most like it, if one does.
        nearest: Option<&'static str>,
    },
    /// Blanks behind a value; they were cut off before a number, a boolean or a name was read.
    #[error("line {line}: blanks behind the value of {key} are ignored")]
    BlanksIgnored {
        /// Line in the file, from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// Blanks behind a text; they are part of it.
    #[error("line {line}: the value of {key} ends with blanks, which are part of it")]
    BlanksKept {
        /// Line in the file, from 1.
        line: usize,
        /// The key.
        key: String,
    },
}

/// Why a file is not taken: every line of it that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Name of the file.
    pub file: String,
    /// What is wrong, in the order of the file.
    pub problems: Vec<Problem>,
}

/// One wrong line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file is no properties file.
    #[error(transparent)]
    Malformed(#[from] properties::Malformed),
    /// A key does not take the value.
    #[error("line {line}: {bad}")]
    BadValue {
        /// Line in the file, from 1.
        line: usize,
        /// Key, value, and what is allowed.
        bad: BadValue,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{}: {problem}", if at > 0 { "\n" } else { "" }, self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Reads a properties file into the tables. `file` is its name, for messages.
///
/// Differs: 4.3.0 ignores a value that it cannot read, and takes anything but `true` for false. Here the file is refused,
/// and the tables may then hold a part of it.
pub fn load(file: &str, bytes: &[u8], tables: &mut [&mut dyn Settings]) -> Result<Vec<Warning>, ConfigError> {
    let error = |problems| ConfigError { file: file.to_owned(), problems };
    let properties = properties::parse(bytes).map_err(|malformed| error(vec![malformed.into()]))?;
    let (warnings, problems) = apply(&properties, tables);
    if problems.is_empty() { Ok(warnings) } else { Err(error(problems)) }
}

/// Sets what the properties say, in their order; a key that is wrong keeps its value.
pub fn apply(properties: &[Property], tables: &mut [&mut dyn Settings]) -> (Vec<Warning>, Vec<Problem>) {
    let mut warnings = Vec::new();
    let mut problems = Vec::new();
    for Property { line, key, value } in properties {
        let line = *line;
        let has_blanks = value.trim_end() != value;
        match set_in_all(tables, key, value) {
            Ok(true) if has_blanks => warnings.push(Warning::BlanksKept { line, key: key.clone() }),
            Ok(true) => {}
            Ok(false) => {
                let nearest = if warnings.len() < MOST_HINTS { nearest(key, tables) } else { None };
                warnings.push(Warning::UnknownKey { line, key: key.clone(), nearest });
            }
            Err(bad) if has_blanks => match set_in_all(tables, key, value.trim_end()) {
                Ok(_) => warnings.push(Warning::BlanksIgnored { line, key: key.clone() }),
                Err(_) => problems.push(Problem::BadValue { line, bad }),
            },
            Err(bad) => problems.push(Problem::BadValue { line, bad }),
        }
    }
    (warnings, problems)
}

/// After so many warnings no nearest key is looked for: text of that kind is no configuration.
const MOST_HINTS: usize = 50;

fn set_in_all(tables: &mut [&mut dyn Settings], key: &str, value: &str) -> Result<bool, BadValue> {
    let mut known = false;
    for table in tables {
        known |= table.set(key, value)?;
    }
    Ok(known)
}

/// The known key that is a slip away from `key`: at most two letters or a quarter of them differ, whatever their case.
fn nearest(key: &str, tables: &[&mut dyn Settings]) -> Option<&'static str> {
    const LONGEST: usize = 64;
    if key.len() > LONGEST {
        return None;
    }
    let given = key.to_lowercase();
    let known = tables.iter().flat_map(|table| table.keys()).map(|key| key.name);
    let (distance, name) = known.map(|name| (distance(&given, &name.to_lowercase()), name)).min()?;
    (distance <= 2.max(key.len() / 4)).then_some(name)
}

/// How many letters must be put in, left out or changed to make one text of the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (at, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, other) in to.chars().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

macro_rules! parsed_value {
    ($($ty:ty => $allowed:literal;)*) => { $(
        impl Value for $ty {
            const ALLOWED: &'static str = $allowed;
            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )* };
}
parsed_value! {
    i32 => "a whole number of 32 bits";
    u16 => "a port from 0 to 65535";
    u32 => "a whole number from 0 on";
    i64 => "a whole number of 64 bits";
    u64 => "a whole number from 0 on";
    usize => "a whole number from 0 on";
    String => "any text";
}

impl Value for bool {
    const ALLOWED: &'static str = "true or false";
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for Option<String> {
    const ALLOWED: &'static str = "any text";
    fn parse(text: &str) -> Option<Self> {
        Some(Some(text.to_owned()))
    }
    fn show(&self) -> Option<String> {
        self.clone()
    }
}

/// A time span in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ms(pub u64);

impl Ms {
    /// So many seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1000)
    }
    /// The span.
    pub const fn duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl Value for Ms {
    const ALLOWED: &'static str = "a whole number of milliseconds";
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
    fn show(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

/// Declares an enum whose values are Java's names.
#[macro_export]
macro_rules! setting_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant),* }
        impl $crate::settings::Value for $name {
            const ALLOWED: &'static str = concat!("one of", $(" ", $text),*);
            fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
            fn show(&self) -> Option<String> {
                Some(match self { $(Self::$variant => $text),* }.to_owned())
            }
        }
    };
}

/// Declares a table: `field: type = "Java's key", default`.
#[macro_export]
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( #[doc = $doc:literal] $field:ident: $ty:ty = $key:literal, $default:expr; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $( #[doc = $doc] #[doc = concat!("\n\nKey: `", $key, "`.")] pub $field: $ty ),* }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default ),* }
            }
        }

        impl $crate::settings::Settings for $name {
            fn keys(&self) -> &'static [$crate::settings::Key] {
                const KEYS: &[$crate::settings::Key] = &[$( $crate::settings::Key {
                    name: $key,
                    doc: $doc,
                    allowed: <$ty as $crate::settings::Value>::ALLOWED,
                } ),*];
                KEYS
            }
            fn set(&mut self, key: &str, value: &str) -> Result<bool, $crate::settings::BadValue> {
                match key {
                    $( $key => {
                        self.$field = <$ty as $crate::settings::Value>::parse(value).ok_or_else(|| $crate::settings::BadValue {
                            key: key.to_owned(),
                            value: value.to_owned(),
                            allowed: <$ty as $crate::settings::Value>::ALLOWED,
                        })?;
                        Ok(true)
                    } )*
                    _ => Ok(false),
                }
            }
            fn text(&self, key: &str) -> Option<String> {
                match key {
                    $( $key => $crate::settings::Value::show(&self.$field), )*
                    _ => None,
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::settings! {
        /// One table.
        pub struct Net {
            /// Port.
            port: u16 = "listenPort", 8888;
            /// Whether it is so.
            flag: bool = "useTLS", false;
        }
    }
    crate::settings! {
        /// Another one.
        pub struct Store {
            /// Port of the server, for something else.
            port: i32 = "listenPort", 0;
            /// Where it is.
            root: String = "storePathRootDir", "/data".to_owned();
            /// How long.
            wait: Ms = "syncFlushTimeout", Ms::from_secs(5);
        }
    }

    fn read(text: &str) -> (Net, Store, Result<Vec<Warning>, ConfigError>) {
        let (mut net, mut store) = (Net::default(), Store::default());
        let loaded = load("broker.conf", text.as_bytes(), &mut [&mut net, &mut store]);
        (net, store, loaded)
    }

    #[test]
    fn a_key_reaches_every_table_that_has_it() {
        let (net, store, loaded) = read("listenPort=10911\n# x\nuseTLS=TRUE\nsyncFlushTimeout=1");
        assert_eq!(loaded, Ok(vec![]));
        assert_eq!((net.port, net.flag, store.port, store.wait), (10911, true, 10911, Ms(1)));
    }

    #[test]
    fn slips_are_warned_of() {
        let (net, store, loaded) = read("ListenPrt=1\nlistenPort=10911 \nstorePathRootDir=/x \nsomethingElse=1");
        let shown: Vec<String> = loaded.unwrap().iter().map(Warning::to_string).collect();
        assert_eq!(
            shown,
            [
                "line 1: unknown key ListenPrt, is listenPort meant?",
                "line 2: blanks behind the value of listenPort are ignored",
                "line 3: the value of storePathRootDir ends with blanks, which are part of it",
                "line 4: unknown key somethingElse",
            ]
        );
        assert_eq!((net.port, store.root.as_str()), (10911, "/x "));
    }

    #[test]
    fn every_wrong_value_is_named_with_its_line() {
        let (.., loaded) = read("listenPort=1x\nuseTLS=yes\n\nsyncFlushTimeout=-5 ");
        assert_eq!(
            loaded.unwrap_err().to_string(),
            "broker.conf: line 1: listenPort=1x: a port from 0 to 65535 is expected\n\
             broker.conf: line 2: useTLS=yes: true or false is expected\n\
             broker.conf: line 4: syncFlushTimeout=-5 : a whole number of milliseconds is expected"
        );
        let (.., loaded) = read("a=\\u1");
        assert_eq!(loaded.unwrap_err().to_string(), "broker.conf: line 1: four hex digits are expected after \\u");
    }

    #[test]
    fn distances_count_letters() {
        assert_eq!((distance("abc", "abc"), distance("abc", "axcd"), distance("", "ab")), (0, 2, 2));
    }
}
