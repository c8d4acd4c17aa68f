//! What is on its way to a peer: bytes of our own, and slices of regions that somebody else holds (mapped files).

use crate::request::ReplyTo;
use compat::command::{ResponseCode, SerializeType};
use compat::header::Encode;
use std::ops::Range;
use std::sync::Arc;

/// Memory that stays as it is while somebody holds it. An `Arc` of a mapped file is one, without an allocation.
pub type Region = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Frames to be written, in order.
///
/// Small bodies are copied together; slices of a region of at least [`Output::SHARE_FROM`] bytes are not copied but
/// written from where they lie.
#[derive(Default)]
pub struct Output {
    serialize: SerializeType,
    _later: (),
}

impl Output {
    /// From this length on a slice is written from where it lies.
    pub const SHARE_FROM: usize = 1024;

    /// An empty output whose headers are of one kind.
    pub fn new(serialize: SerializeType) -> Self {
        Self { serialize, _later: () }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        todo!()
    }

    /// Appends an answer whose body is copied. Nothing is written for a one-way request.
    pub fn reply<H: Encode>(&mut self, to: ReplyTo, code: ResponseCode, remark: Option<&str>, header: &H, body: &[u8]) {
        let _ = (to, code, remark, header, body, self.serialize);
        todo!()
    }

    /// Appends an answer whose body is made of slices of regions, merged where they touch.
    pub fn reply_shared<H: Encode>(
        &mut self,
        to: ReplyTo,
        code: ResponseCode,
        remark: Option<&str>,
        header: &H,
        body: &[(Region, Range<usize>)],
    ) {
        let _ = (to, code, remark, header, body);
        todo!()
    }
}
