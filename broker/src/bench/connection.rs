//! One connection under load: bytes to write, answers to cut out of what was read.

use super::BenchError;
use super::frames::FIRST_OPAQUE;
use remoting::frame::{self, Cut};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::Instant;

/// A connection with a fixed number of slots, each of which has one request under way.
pub struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    input: Vec<u8>,
    filled: usize,
    output: Vec<u8>,
    written: usize,
    /// Whether the epoll was told to wait for room.
    pub waits_for_room: bool,
    /// When the request of each slot was sent.
    pub sent_at: Vec<Instant>,
}

/// An answer, borrowed from the input.
pub struct Answer<'a> {
    /// Response code.
    pub code: i32,
    /// Slot whose request it answers.
    pub slot: usize,
    /// Body.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects.
    pub fn connect(address: SocketAddr, slots: usize) -> Result<Self, BenchError> {
        let failed = |cause| BenchError::Connection { address, cause };
        let stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_nonblocking(true).map_err(failed)?;
        let sent_at = vec![Instant::now(); slots];
        Ok(Self {
            address,
            stream,
            input: vec![0; 256 << 10],
            filled: 0,
            output: Vec::new(),
            written: 0,
            waits_for_room: false,
            sent_at,
        })
    }

    /// Takes a request that [`Connection::flush`] writes.
    pub fn queue(&mut self, frame: &[u8]) {
        self.output.extend_from_slice(frame);
    }

    /// Whether bytes wait for room in the socket.
    pub fn is_blocked(&self) -> bool {
        self.written < self.output.len()
    }

    /// Writes what is queued, as far as the socket takes it.
    pub fn flush(&mut self) -> Result<(), BenchError> {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(0) => return Err(self.failed(io::ErrorKind::WriteZero.into())),
                Ok(len) => self.written += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(self.failed(error)),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads once and hands over every whole answer.
    pub fn read(&mut self, mut take: impl FnMut(Answer<'_>) -> Result<(), BenchError>) -> Result<(), BenchError> {
        match self.stream.read(&mut self.input[self.filled..]) {
            Ok(0) => return Err(self.failed(io::ErrorKind::UnexpectedEof.into())),
            Ok(len) => self.filled += len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(self.failed(error)),
        }
        let mut at = 0;
        loop {
            match frame::cut(&self.input[at..self.filled], frame::MAX_LEN) {
                Ok(Cut::Whole(frame, len)) => {
                    take(answer(&frame)?)?;
                    at += len;
                }
                Ok(Cut::Incomplete(need)) => {
                    self.input.copy_within(at..self.filled, 0);
                    self.filled -= at;
                    if need > self.input.len() {
                        self.input.resize(need, 0);
                    }
                    return Ok(());
                }
                Err(error) => return Err(BenchError::WrongAnswer(error.to_string())),
            }
        }
    }

    fn failed(&self, cause: io::Error) -> BenchError {
        BenchError::Connection { address: self.address, cause }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Reads code and opaque without decoding the rest: the driver's time is taken from the broker's.
fn answer<'a>(frame: &frame::Frame<'a>) -> Result<Answer<'a>, BenchError> {
    let wrong = || BenchError::WrongAnswer(format!("an answer without code or opaque: {:?}", frame.header));
    let code = number_after(frame.header, b"\"code\":").ok_or_else(wrong)?;
    let opaque = number_after(frame.header, b"\"opaque\":").ok_or_else(wrong)?;
    let slot = usize::try_from(opaque - FIRST_OPAQUE).map_err(|_| wrong())?;
    Ok(Answer { code, slot, body: frame.body })
}

fn number_after(header: &[u8], label: &[u8]) -> Option<i32> {
    let at = memchr::memmem::find(header, label)? + label.len();
    let digits = header[at..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
    str::from_utf8(&header[at..at + digits]).ok()?.parse().ok()
}
