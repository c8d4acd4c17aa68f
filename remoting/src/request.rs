//! A request of a peer, as a handler sees it.

use crate::codec::Header;
use compat::command::{Language, Opaque};
use compat::header::{Decode, Fields, HeaderError};
use compat::text::Text;

/// One request; borrows from the read buffer of its connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    /// Request code, known or not.
    pub code: i32,
    /// Where the answer goes.
    pub reply_to: ReplyTo,
    /// Version of the client.
    pub version: i32,
    /// Language of the client.
    pub language: Option<Language>,
    /// Remark.
    pub remark: Option<Text<'a>>,
    /// Custom fields.
    pub fields: Fields<'a>,
    /// Body; empty for none.
    pub body: &'a [u8],
}

/// What an answer needs to find its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// Correlation id.
    pub opaque: Opaque,
    /// The peer wants no answer: whatever is written for it goes nowhere.
    pub oneway: bool,
}

impl<'a> Request<'a> {
    /// The request of a decoded header.
    pub fn new(header: Header<'a>, body: &'a [u8]) -> Self {
        Self {
            code: header.code,
            reply_to: ReplyTo { opaque: header.opaque, oneway: header.flag.is_oneway() },
            version: header.version,
            language: header.language,
            remark: header.remark,
            fields: header.fields,
            body,
        }
    }

    /// The typed header.
    pub fn header<H: Decode<'a>>(&self) -> Result<H, HeaderError> {
        H::decode(&self.fields)
    }

    /// A copy that can leave the loop.
    pub fn to_owned(&self) -> OwnedRequest {
        OwnedRequest {
            code: self.code,
            reply_to: self.reply_to,
            version: self.version,
            language: self.language,
            remark: self.remark.as_ref().map(|text| text.to_cow().into_owned()),
            fields: self.fields.to_owned(),
            body: self.body.to_vec(),
        }
    }
}

/// A request that owns its parts: one that is answered by another thread.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedRequest {
    code: i32,
    reply_to: ReplyTo,
    version: i32,
    language: Option<Language>,
    remark: Option<String>,
    fields: Fields<'static>,
    body: Vec<u8>,
}

impl OwnedRequest {
    /// The request, borrowed again.
    pub fn borrow(&self) -> Request<'_> {
        Request {
            code: self.code,
            reply_to: self.reply_to,
            version: self.version,
            language: self.language,
            remark: self.remark.as_deref().map(Text::Plain),
            fields: self.fields.borrow(),
            body: &self.body,
        }
    }
}
