//! A request of a peer, as a handler sees it.

use crate::codec::{self, Header, Malformed};
use crate::command::Command;
use crate::frame::{self, Cut, Frame, FrameError};
use crate::link::Link;
use bytes::Bytes;
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

/// The requests of one turn, decoded as they are taken. Answers to our own requests are not among them: they go to the
/// calls that wait for them. Requests that a turn leaves, or that come when its answers are more than may wait to be
/// written, are the next turn.
pub struct Requests<'a> {
    bytes: &'a [u8],
    used: usize,
    needed: usize,
    fault: Option<Fault>,
    link: &'a Link,
    max_unsent: usize,
}

/// Bytes that end a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Header(#[from] Malformed),
}

impl<'a> Iterator for Requests<'a> {
    type Item = Request<'a>;

    fn next(&mut self) -> Option<Request<'a>> {
        loop {
            let frame = self.frame()?;
            match codec::decode(frame.serialize, frame.header) {
                Ok(header) if header.flag.is_response() => self.answer(header, frame.body),
                Ok(header) => return Some(Request::new(header, frame.body)),
                Err(malformed) => {
                    self.fault = Some(malformed.into());
                    return None;
                }
            }
        }
    }
}

impl<'a> Requests<'a> {
    pub(crate) fn new(bytes: &'a [u8], link: &'a Link, max_unsent: usize) -> Self {
        Self { bytes, used: 0, needed: 0, fault: None, link, max_unsent }
    }

    fn frame(&mut self) -> Option<Frame<'a>> {
        if self.is_done() || self.has_enough() {
            return None;
        }
        match frame::cut(&self.bytes[self.used..], frame::MAX_LEN) {
            Ok(Cut::Whole(frame, len)) => {
                self.used += len;
                Some(frame)
            }
            Ok(Cut::Incomplete(needed)) => {
                self.needed = needed;
                None
            }
            Err(error) => {
                self.fault = Some(error.into());
                None
            }
        }
    }

    /// Gives an answer to the call that waits for it. Late ones and those to nothing go nowhere.
    fn answer(&self, header: Header<'a>, body: &[u8]) {
        if !self.link.awaits(header.opaque) {
            tracing::debug!(peer = %self.link.remote, opaque = header.opaque.0, "an answer that nobody waits for");
            return;
        }
        let fields = header.fields.iter().map(|(name, value)| (name.to_owned(), value.to_cow().into_owned()));
        let answer = Command {
            code: header.code,
            version: header.version,
            remark: header.remark.map(|text| text.to_cow().into_owned()),
            fields: Some(fields.collect()),
            body: Bytes::copy_from_slice(body),
        };
        self.link.answered(header.opaque, answer);
    }

    /// Bytes of whole frames that were taken.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Whether no whole frame is left.
    pub(crate) fn is_done(&self) -> bool {
        self.needed != 0 || self.fault.is_some()
    }

    /// Whether the answers of this turn are more than may wait to be written.
    pub(crate) fn has_enough(&self) -> bool {
        self.link.answered_in_turn() > self.max_unsent
    }

    /// Bytes that make the next frame whole, once [`Self::is_done`].
    pub(crate) fn needed(&self) -> usize {
        self.needed
    }

    pub(crate) fn into_fault(self) -> Option<Fault> {
        self.fault
    }
}
