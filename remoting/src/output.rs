//! What is on its way to a peer: bytes of our own, and slices of regions that somebody else holds (mapped files).

use crate::codec::{self, Head};
use crate::command::Command;
use crate::link::Link;
use crate::request::ReplyTo;
use compat::command::{CommandFlag, Opaque, ResponseCode, SerializeType};
use compat::header::{Encode, NoHeader};
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

/// Memory that stays as it is while somebody holds it. An `Arc` of a mapped file is one, without an allocation.
pub type Region = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Frames to be written, in order.
///
/// Small bodies are copied together; slices of a region of at least [`Output::SHARE_FROM`] bytes are not copied but
/// written from where they lie. A frame is there as a whole or not at all, also when encoding it panics.
#[derive(Default)]
pub struct Output {
    serialize: SerializeType,
    /// Our own bytes; those from `whole` on belong to a frame that was not finished.
    bytes: Vec<u8>,
    whole: usize,
    slices: Vec<Slice>,
    whole_slices: usize,
    /// Bytes of whole frames, and how many of them are written.
    len: usize,
    written: usize,
    /// What of `bytes` and `slices` is written.
    bytes_written: usize,
    slices_written: usize,
    /// The connection whose turn this is the output of.
    turn_of: Option<Arc<Link>>,
}

/// Bytes of a region, written in front of the own byte `at`.
struct Slice {
    at: usize,
    region: Region,
    range: Range<usize>,
}

impl Output {
    /// From this length on a slice is written from where it lies.
    pub const SHARE_FROM: usize = 1024;

    /// An empty output whose headers are of one kind.
    pub fn new(serialize: SerializeType) -> Self {
        Self { serialize, ..Self::default() }
    }

    /// Becomes the output of a turn of that connection, until it is cleared or appended to another.
    pub(crate) fn start_turn(&mut self, link: &Arc<Link>) {
        self.clear();
        self.serialize = link.serialize;
        link.note_answers(0);
        self.turn_of = Some(link.clone());
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len == self.written
    }

    /// Bytes that wait to be written.
    pub fn waiting(&self) -> usize {
        self.len - self.written
    }

    /// Appends an answer whose body is copied. Nothing is written for a one-way request.
    pub fn reply<H: Encode>(&mut self, to: ReplyTo, code: ResponseCode, remark: Option<&str>, header: &H, body: &[u8]) {
        if to.oneway {
            return;
        }
        self.begin();
        self.head(response(to, code.code(), remark), header, body.len());
        self.bytes.extend_from_slice(body);
        self.finish();
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
        if to.oneway {
            return;
        }
        self.begin();
        let body_len = body.iter().map(|(_, range)| range.len()).sum();
        self.head(response(to, code.code(), remark), header, body_len);
        let mut rest = body.iter().peekable();
        while let Some((region, range)) = rest.next() {
            let mut range = range.clone();
            while let Some((_, next)) =
                rest.next_if(|(other, next)| Arc::ptr_eq(other, region) && next.start == range.end)
            {
                range.end = next.end;
            }
            self.share(region, range);
        }
        self.finish();
    }

    /// The answer to a request whose code nobody here knows. Source: `remoting/NettyRemotingAbstract#processRequestCommand`.
    pub fn reply_unsupported(&mut self, to: ReplyTo, code: i32) {
        let remark = format!(" request type {code} not supported");
        self.reply(to, ResponseCode::RequestCodeNotSupported, Some(&remark), &NoHeader, &[]);
    }

    /// Appends an answer that came from another peer, with its code, remark, fields and body.
    pub fn relay(&mut self, to: ReplyTo, answer: &Command) {
        if !to.oneway {
            self.command(answer, to.opaque, CommandFlag(CommandFlag::RESPONSE));
        }
    }

    /// Appends a command of our own.
    pub(crate) fn command(&mut self, command: &Command, opaque: Opaque, flag: CommandFlag) {
        const SHARE_OWN_FROM: usize = 64 << 10;
        self.begin();
        let head = Head { code: command.code, opaque, flag, remark: command.remark.as_deref() };
        match &command.fields {
            Some(fields) => self.head(head, fields.as_slice(), command.body.len()),
            None => self.head(head, &NoHeader, command.body.len()),
        }
        if command.body.len() < SHARE_OWN_FROM {
            self.bytes.extend_from_slice(&command.body);
        } else {
            let body: Region = Arc::new(command.body.clone());
            self.share(&body, 0..command.body.len());
        }
        self.finish();
    }

    /// Starts anew where a frame that was not finished had started.
    fn begin(&mut self) {
        self.bytes.truncate(self.whole);
        self.slices.truncate(self.whole_slices);
    }

    fn head<H: Encode + ?Sized>(&mut self, head: Head<'_>, header: &H, body_len: usize) {
        codec::encode(self.serialize, &head, header, body_len, &mut self.bytes);
    }

    fn share(&mut self, region: &Region, range: Range<usize>) {
        let memory: &[u8] = (**region).as_ref();
        assert!(range.start <= range.end && range.end <= memory.len(), "a slice lies inside its region");
        if range.len() < Self::SHARE_FROM {
            self.bytes.extend_from_slice(&memory[range]);
        } else {
            self.slices.push(Slice { at: self.bytes.len(), region: region.clone(), range });
        }
    }

    fn finish(&mut self) {
        let shared: usize = self.slices[self.whole_slices..].iter().map(|slice| slice.range.len()).sum();
        self.len += self.bytes.len() - self.whole + shared;
        self.whole = self.bytes.len();
        self.whole_slices = self.slices.len();
        if let Some(link) = &self.turn_of {
            link.note_answers(self.waiting());
        }
    }

    /// Moves everything that waits in `other` behind what waits here; `other` is empty afterwards.
    pub(crate) fn append(&mut self, other: &mut Output) {
        other.turn_of = None;
        if other.is_empty() {
            return other.clear();
        }
        if self.is_empty() {
            self.clear();
            return std::mem::swap(self, other);
        }
        self.begin();
        self.forget_written();
        let shift = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes[other.bytes_written..other.whole]);
        for mut slice in other.slices.drain(other.slices_written..other.whole_slices) {
            slice.at = slice.at - other.bytes_written + shift;
            self.slices.push(slice);
        }
        self.len += other.waiting();
        self.whole = self.bytes.len();
        self.whole_slices = self.slices.len();
        other.clear();
    }

    /// Makes room at the front, when that moves fewer bytes than it frees.
    fn forget_written(&mut self) {
        if self.bytes_written * 2 > self.bytes.len() {
            self.bytes.drain(..self.bytes_written);
            self.slices.drain(..self.slices_written);
            for slice in &mut self.slices {
                slice.at -= self.bytes_written;
            }
            self.whole = self.bytes.len();
            self.whole_slices = self.slices.len();
            self.len -= self.written;
            (self.written, self.bytes_written, self.slices_written) = (0, 0, 0);
        }
    }

    /// Drops everything; the memory stays, if it is not much.
    pub fn clear(&mut self) {
        const KEEP: usize = 1 << 20;
        self.bytes.clear();
        self.slices.clear();
        self.bytes.shrink_to(KEEP);
        self.slices.shrink_to(KEEP / size_of::<Slice>());
        *self = Self {
            serialize: self.serialize,
            bytes: std::mem::take(&mut self.bytes),
            slices: std::mem::take(&mut self.slices),
            ..Self::default()
        };
    }

    /// Fills `parts` with what comes next and tells how many there are.
    pub(crate) fn parts<'a>(&'a self, parts: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        let mut put = |part: &'a [u8]| {
            if count < parts.len() && !part.is_empty() {
                parts[count] = IoSlice::new(part);
                count += 1;
            }
        };
        let mut at = self.bytes_written;
        for slice in self.slices[self.slices_written..self.whole_slices].iter().take(64) {
            put(&self.bytes[at..slice.at]);
            put((*slice.region).as_ref().get(slice.range.clone()).unwrap_or_default());
            at = slice.at;
        }
        if self.whole_slices - self.slices_written <= 64 {
            put(&self.bytes[at..self.whole]);
        }
        count
    }

    /// Notes that `len` bytes are written.
    pub(crate) fn advance(&mut self, mut len: usize) {
        self.written += len;
        while let Some(slice) = self.slices.get_mut(self.slices_written) {
            let own = (slice.at - self.bytes_written).min(len);
            self.bytes_written += own;
            len -= own;
            let shared = slice.range.len().min(len);
            slice.range.start += shared;
            len -= shared;
            if self.bytes_written < slice.at || !slice.range.is_empty() {
                return;
            }
            self.slices_written += 1;
        }
        self.bytes_written += len;
    }

    /// Bytes of memory that are kept for this output.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.slices.capacity() * size_of::<Slice>()
    }
}

fn response(to: ReplyTo, code: i32, remark: Option<&str>) -> Head<'_> {
    Head { code, opaque: to.opaque, flag: CommandFlag(CommandFlag::RESPONSE), remark }
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::header::EmptyHeader;

    const TO: ReplyTo = ReplyTo { opaque: Opaque(9), oneway: false };

    fn region(len: usize) -> Region {
        Arc::new((0..len).map(|at| at as u8).collect::<Vec<_>>())
    }

    /// Everything that waits, taken in writes of at most `step` bytes.
    fn drained(output: &mut Output, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !output.is_empty() {
            let mut parts = [IoSlice::new(&[]); 8];
            let count = output.parts(&mut parts);
            let taken: Vec<u8> = parts[..count].iter().flat_map(|part| part.iter().copied()).take(step).collect();
            output.advance(taken.len());
            all.extend_from_slice(&taken);
        }
        all
    }

    fn shared(pieces: &[(Region, Range<usize>)]) -> Output {
        let mut output = Output::default();
        output.reply_shared(TO, ResponseCode::Success, None, &EmptyHeader, pieces);
        output
    }

    fn copied(pieces: &[(Region, Range<usize>)]) -> Output {
        let mut output = Output::default();
        let body: Vec<u8> =
            pieces.iter().flat_map(|(region, range)| (**region).as_ref()[range.clone()].to_vec()).collect();
        output.reply(TO, ResponseCode::Success, None, &EmptyHeader, &body);
        output
    }

    #[test]
    fn touching_slices_are_one_and_large_ones_are_not_copied() {
        let (a, b) = (region(10_000), region(10_000));
        let touching = [(a.clone(), 0..700), (a.clone(), 700..1400), (a.clone(), 1400..2000)];
        assert_eq!(shared(&touching).slices.len(), 1);
        let apart = [(a.clone(), 0..2000), (a.clone(), 2001..4001), (b.clone(), 4001..6001)];
        assert_eq!(shared(&apart).slices.len(), 3);
        let small = [(a.clone(), 0..1023), (b.clone(), 1023..1100)];
        assert_eq!(shared(&small).slices.len(), 0);
        for pieces in [&touching[..], &apart, &small, &[]] {
            assert_eq!(drained(&mut shared(pieces), usize::MAX), drained(&mut copied(pieces), usize::MAX));
        }
    }

    #[test]
    fn writes_of_any_size_give_the_same_bytes() {
        let pieces = [(region(3000), 0..3000), (region(10), 3..9), (region(2000), 100..1200), (region(5000), 0..5000)];
        let expected = drained(&mut copied(&pieces), usize::MAX);
        for step in [1, 7, 100, 1023, 4096] {
            let mut output = shared(&pieces);
            output.append(&mut shared(&pieces));
            assert_eq!(output.waiting(), expected.len() * 2);
            let taken = drained(&mut output, step);
            assert!(taken == expected.repeat(2), "in steps of {step}");
        }
    }

    #[test]
    fn what_is_appended_to_a_half_written_output_comes_after_it() {
        let pieces = [(region(3000), 0..3000), (region(100), 0..100)];
        let whole = drained(&mut shared(&pieces), usize::MAX);
        for written in 0..whole.len() {
            let mut output = shared(&pieces);
            output.advance(written);
            let mut next = shared(&pieces);
            next.advance(written);
            output.append(&mut next);
            assert!(next.is_empty());
            assert!(drained(&mut output, 777) == [&whole[written..], &whole[written..]].concat(), "{written} written");
        }
    }

    #[test]
    fn many_slices_are_written_in_several_writes() {
        let piece = region(2000);
        let mut output = Output::default();
        for _ in 0..200 {
            output.reply_shared(TO, ResponseCode::Success, None, &EmptyHeader, &[(piece.clone(), 0..2000)]);
        }
        let one = drained(&mut shared(&[(piece, 0..2000)]), usize::MAX);
        assert!(drained(&mut output, usize::MAX) == one.repeat(200));
    }

    #[test]
    fn a_one_way_request_gets_nothing() {
        let to = ReplyTo { opaque: Opaque(1), oneway: true };
        let mut output = Output::default();
        output.reply(to, ResponseCode::Success, None, &EmptyHeader, b"x");
        output.reply_shared(to, ResponseCode::Success, None, &EmptyHeader, &[(region(2000), 0..2000)]);
        output.reply_unsupported(to, 77);
        assert!(output.is_empty());
    }

    #[test]
    fn a_frame_whose_header_panics_leaves_nothing() {
        struct Panics;
        impl Encode for Panics {
            fn encode(&self, sink: &mut dyn compat::header::FieldSink) {
                sink.text("a", "b");
                panic!("no header");
            }
        }
        let mut output = copied(&[(region(10), 0..10)]);
        let expected = drained(&mut copied(&[(region(10), 0..10)]), usize::MAX);
        let reply = std::panic::AssertUnwindSafe(|| output.reply(TO, ResponseCode::Success, None, &Panics, b""));
        assert!(std::panic::catch_unwind(reply).is_err());
        assert_eq!(output.waiting(), expected.len());
        output.append(&mut copied(&[(region(10), 0..10)]));
        assert_eq!(drained(&mut output, usize::MAX), expected.repeat(2));
    }

    #[test]
    fn an_unknown_code_is_answered_with_code_3() {
        let mut output = Output::default();
        output.reply_unsupported(TO, 9999);
        let bytes = drained(&mut output, usize::MAX);
        let header = codec::decode(SerializeType::Json, &bytes[crate::frame::HEAD_LEN..]).unwrap();
        assert_eq!((header.code, header.opaque, header.flag), (3, Opaque(9), CommandFlag(1)));
        assert_eq!(header.remark.unwrap().to_cow(), " request type 9999 not supported");
    }
}
