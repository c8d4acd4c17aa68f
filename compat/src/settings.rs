//! Settings: Java's keys, declared once with type, unit and default.
//!
//! [`settings!`](crate::settings!) makes a struct with a field for each key. Reading a file, `getBrokerConfig` and
//! `updateBrokerConfig` all use that table. Source: `common/MixAll#properties2Object`, `common/Configuration`.

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
    bool => "true or false";
    String => "any text";
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
