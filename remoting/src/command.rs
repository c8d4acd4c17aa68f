//! A command that owns its parts: what this side sends to a peer, and answers that it waits for.

use bytes::Bytes;
use compat::command::{RequestCode, ResponseCode};
use compat::header::{Decode, Encode, Fields, HeaderError};

/// A request on its way out, or an answer that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Request or response code.
    pub code: i32,
    /// Version of the sender (incoming commands).
    pub version: i32,
    /// Remark.
    pub remark: Option<String>,
    /// Custom fields; `None` writes no `extFields` at all.
    pub fields: Option<Vec<(String, String)>>,
    /// Body; empty for none.
    pub body: Bytes,
}

impl Command {
    /// A request.
    pub fn request<H: Encode>(code: RequestCode, header: &H, body: impl Into<Bytes>) -> Self {
        let mut fields = Vec::new();
        header.encode(&mut fields);
        Self {
            code: code.code(),
            version: compat::command::version::CURRENT,
            remark: None,
            fields: H::PRESENT.then_some(fields),
            body: body.into(),
        }
    }

    /// Whether an answer says that all went well.
    pub fn is_success(&self) -> bool {
        self.code == ResponseCode::Success.code()
    }

    /// The typed header.
    pub fn header<'a, H: Decode<'a>>(&'a self) -> Result<H, HeaderError> {
        let mut fields = Fields::new();
        for (name, value) in self.fields.iter().flatten() {
            fields.push(name.as_str().into(), compat::text::Text::Plain(value));
        }
        H::decode(&fields)
    }
}
