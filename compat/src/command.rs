//! Commands: what a frame on the wire says. Codes, flags, languages and versions.
//!
//! Source: `common/RequestCode`, `common/ResponseCode`, `remoting/RemotingCommand`, `remoting/LanguageCode`, `common/MQVersion`.

pub mod version;

mod codes;
pub use codes::{RequestCode, ResponseCode};

/// Correlates an answer with its request. Any number; unique on one connection at best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Opaque(pub i32);

/// Bits of a command's `flag`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandFlag(pub i32);

impl CommandFlag {
    /// Bit of a response.
    pub const RESPONSE: i32 = 1;
    /// Bit of a request that wants no answer.
    pub const ONEWAY: i32 = 2;

    /// Whether the command is a response.
    pub const fn is_response(self) -> bool {
        self.0 & Self::RESPONSE != 0
    }

    /// Whether the command wants no answer.
    pub const fn is_oneway(self) -> bool {
        self.0 & Self::ONEWAY != 0
    }
}

/// How the header of a command is written: byte 4 of its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SerializeType {
    /// A JSON object.
    #[default]
    Json,
    /// The binary form `ROCKETMQ`.
    Binary,
}

impl SerializeType {
    /// The type of a frame, `None` for a byte that Java does not know.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Json),
            1 => Some(Self::Binary),
            _ => None,
        }
    }

    /// The byte in a frame.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Json => 0,
            Self::Binary => 1,
        }
    }

    /// Java's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Binary => "ROCKETMQ",
        }
    }
}

macro_rules! languages {
    ($($variant:ident = $byte:literal, $name:literal;)*) => {
        /// The language of a client.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names say all there is to say")]
        #[repr(u8)]
        pub enum Language { #[default] $($variant = $byte),* }

        impl Language {
            /// The language of a binary header's byte.
            pub const fn from_byte(byte: u8) -> Option<Self> {
                match byte { $($byte => Some(Self::$variant),)* _ => None }
            }

            /// The language of a JSON header's name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// Java's name of the language.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}
languages! {
    Java = 0, "JAVA";
    Cpp = 1, "CPP";
    DotNet = 2, "DOTNET";
    Python = 3, "PYTHON";
    Delphi = 4, "DELPHI";
    Erlang = 5, "ERLANG";
    Ruby = 6, "RUBY";
    Other = 7, "OTHER";
    Http = 8, "HTTP";
    Go = 9, "GO";
    Php = 10, "PHP";
    Oms = 11, "OMS";
    Rust = 12, "RUST";
}
