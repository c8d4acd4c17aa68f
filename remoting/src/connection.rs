//! One connection at work: reads, turns, writes. The same task drives an accepted socket and one of the client.
//!
//! Whatever arrives in one read is one turn. Reading goes through a buffer of the thread; a connection keeps bytes of its
//! own only while a frame is not there as a whole, and the memory for it grows as the bytes arrive.

use crate::frame::{self, Cut};
use crate::link::Wish;
use crate::output::Output;
use crate::peer::Peer;
use crate::request::{Fault, Requests};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes of one read at most, and of all turns of one connection before others have theirs.
const READ_LEN: usize = 256 << 10;
/// A frame longer than this gets memory of its own and is read into that.
const OWN_BUFFER_FROM: usize = 64 << 10;
/// Slices of one write at most.
const WRITE_PARTS: usize = 64;

/// What a connection does with requests.
pub(crate) trait Handler {
    fn turn(&mut self, peer: &Peer, requests: &mut Requests<'_>, out: &mut Output);
}

/// Why a connection came to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("the peer closed it")]
    Eof,
    #[error("this side closed it")]
    Closed,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("a TLS hello on a plain port")]
    Tls,
    #[error("a request panicked")]
    Panicked,
}

/// A socket, and what is under way on it.
pub(crate) struct Connection<H> {
    stream: TcpStream,
    peer: Peer,
    handler: H,
    /// Bytes that were read and not used: the first `held` of it. That is the beginning of a frame that is whole with
    /// `needed` bytes, or, while `backlog` says so, requests that wait until the peer takes the answers of others.
    partial: Vec<u8>,
    held: usize,
    needed: usize,
    backlog: bool,
    unsent: Output,
    max_unsent: usize,
    /// Nothing is read any more: what is due is written, then this is how it ends.
    ending: Option<End>,
    _at_the_end: Forget,
}

/// However the task of a connection ends, nobody waits for the connection afterwards.
struct Forget(Peer);

impl Drop for Forget {
    fn drop(&mut self) {
        self.0.link.forget();
    }
}

/// What a thread lends to the connection that it drives.
struct Scratch {
    input: Vec<u8>,
    output: Output,
}

thread_local! {
    static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
}

impl<H: Handler> Connection<H> {
    pub fn new(stream: TcpStream, peer: Peer, handler: H, max_unsent: usize) -> Self {
        Self {
            unsent: Output::new(peer.link.serialize),
            _at_the_end: Forget(peer.clone()),
            stream,
            peer,
            handler,
            partial: Vec::new(),
            held: 0,
            needed: 0,
            backlog: false,
            max_unsent,
            ending: None,
        }
    }

    /// Works until the connection is closed; the socket is closed and nothing waits for it afterwards.
    pub async fn run(mut self) -> (H, End) {
        let end = poll_fn(|cx| self.poll(cx)).await;
        (self.handler, end)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let mut scratch = SCRATCH
            .take()
            .unwrap_or_else(|| Scratch { input: vec![0; READ_LEN], output: Output::new(self.peer.link.serialize) });
        let polled = self.poll_with(cx, &mut scratch);
        scratch.output.clear();
        SCRATCH.set(Some(scratch));
        polled.map(|end| end.unwrap_or_else(End::Io))
    }

    fn poll_with(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<io::Result<End>> {
        let mut turned = 0;
        loop {
            let wish = self.peer.link.take(&mut self.unsent);
            match wish {
                Wish::Nothing | Wish::Mute => {}
                Wish::Trim => self.trim(),
                Wish::Finish => _ = self.ending.get_or_insert(End::Closed),
                Wish::Abort => return Poll::Ready(Ok(End::Closed)),
            }
            let written = self.poll_write(cx, &mut scratch.output)?;
            let read = if self.ending.is_some() {
                if written.is_ready() {
                    self.discard_input(&mut scratch.input);
                    return Poll::Ready(Ok(self.ending.take().unwrap_or(End::Closed)));
                }
                Poll::Pending
            } else if wish == Wish::Mute || self.unsent.waiting() > self.max_unsent {
                Poll::Pending
            } else if turned >= READ_LEN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            } else {
                self.poll_turn(cx, scratch)?
            };
            match read {
                Poll::Ready(len) => turned += len,
                Poll::Pending if self.peer.link.park(cx.waker(), wish) => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }

    /// Reads once, unless requests wait already, and runs the turn of what is there. Tells how many bytes that was.
    fn poll_turn(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<io::Result<usize>> {
        let Scratch { input, output } = scratch;
        if self.needed > OWN_BUFFER_FROM {
            return self.poll_large(cx, output);
        }
        let mut len = 0;
        if !std::mem::take(&mut self.backlog) {
            let mut buffer = ReadBuf::new(&mut input[self.held..]);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            len = buffer.filled().len();
            if len == 0 {
                self.ending = Some(End::Eof);
                return Poll::Ready(Ok(0));
            }
            self.peer.link.touch();
        }
        let held = std::mem::take(&mut self.held);
        input[..held].copy_from_slice(&self.partial[..held]);
        let bytes = &input[..held + len];
        let used = self.turn(bytes, output);
        self.keep(&bytes[used..]);
        self.unsent.append(output);
        Poll::Ready(Ok(held + len))
    }

    /// The same for a frame that has memory of its own; what follows it is not read along.
    fn poll_large(&mut self, cx: &mut Context<'_>, output: &mut Output) -> Poll<io::Result<usize>> {
        if self.held == self.partial.len() {
            let len = self.needed.min((self.held * 2).max(READ_LEN));
            self.partial.resize(len, 0);
        }
        let mut buffer = ReadBuf::new(&mut self.partial[self.held..]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let len = buffer.filled().len();
        if len == 0 {
            self.ending = Some(End::Eof);
            return Poll::Ready(Ok(0));
        }
        self.peer.link.touch();
        self.held += len;
        if self.held == self.needed {
            let bytes = std::mem::take(&mut self.partial);
            (self.held, self.needed) = (0, 0);
            let used = self.turn(&bytes, output);
            self.keep(&bytes[used..]);
            self.unsent.append(output);
        }
        Poll::Ready(Ok(len))
    }

    /// Runs the turn of `bytes`; tells how many of them were whole frames.
    fn turn(&mut self, bytes: &[u8], output: &mut Output) -> usize {
        if let Ok(Cut::Incomplete(needed)) = frame::cut(bytes, frame::MAX_LEN) {
            self.needed = needed;
            return 0;
        }
        output.start_turn(&self.peer.link);
        let mut requests = Requests::new(bytes, &self.peer.link, self.max_unsent);
        loop {
            let before = requests.used();
            let turn = catch_unwind(AssertUnwindSafe(|| self.handler.turn(&self.peer, &mut requests, output)));
            if turn.is_err() {
                tracing::error!(peer = %self.peer.remote(), "a turn panicked; its connection is closed");
                self.ending = Some(End::Panicked);
                break;
            }
            if requests.is_done() {
                break;
            }
            if requests.has_enough() {
                self.backlog = true;
                break;
            }
            if requests.used() == before {
                tracing::error!(peer = %self.peer.remote(), "a turn left its requests unread; its connection is closed");
                self.ending = Some(End::Closed);
                break;
            }
        }
        self.needed = requests.needed();
        let used = requests.used();
        if let Some(fault) = requests.into_fault() {
            let tls = used == 0 && bytes.first() == Some(&0x16);
            self.ending = Some(if tls { End::Tls } else { End::Fault(fault) });
        }
        used
    }

    /// Keeps the beginning of a frame until the rest of it comes.
    fn keep(&mut self, rest: &[u8]) {
        self.partial.clear();
        if self.ending.is_none() {
            self.partial.extend_from_slice(rest);
            self.held = rest.len();
        }
        if self.held == 0 {
            self.needed = 0;
        }
    }

    /// Writes what waits; ready when nothing waits any more. The memory that held it is lent to the thread again.
    fn poll_write(&mut self, cx: &mut Context<'_>, spare: &mut Output) -> io::Result<Poll<()>> {
        while !self.unsent.is_empty() {
            let mut parts = [io::IoSlice::new(&[]); WRITE_PARTS];
            let count = self.unsent.parts(&mut parts);
            let stream = Pin::new(&mut self.stream);
            let polled = match &parts[..count] {
                [part] => stream.poll_write(cx, part),
                parts => stream.poll_write_vectored(cx, parts),
            };
            match polled? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(len) => {
                    self.peer.link.touch();
                    self.unsent.advance(len);
                }
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        self.unsent.clear();
        if self.unsent.memory() > spare.memory() {
            std::mem::swap(&mut self.unsent, spare);
        }
        Ok(Poll::Ready(()))
    }

    /// Takes what nobody will answer any more. A socket that is closed with bytes unread is reset, and then the peer may
    /// lose the answers that were written last.
    fn discard_input(&self, input: &mut [u8]) {
        const READS: usize = 16;
        for _ in 0..READS {
            if !self.stream.try_read(input).is_ok_and(|len| len > 0) {
                return;
            }
        }
    }

    /// Gives back memory that is not needed while nothing happens.
    fn trim(&mut self) {
        if self.held == 0 {
            self.partial = Vec::new();
        }
        if self.unsent.is_empty() {
            self.unsent = Output::new(self.peer.link.serialize);
        }
    }
}

#[cfg(test)]
mod tests;
