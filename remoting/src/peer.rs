//! The other end of one connection, held by whoever has something to tell it later.

use crate::command::Command;
use crate::link::{Link, Wish};
use crate::output::Output;
use compat::command::CommandFlag;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A connection: cheap to clone, safe to use from any thread. Comparing two compares the connections, not the addresses.
#[derive(Clone)]
pub struct Peer {
    pub(crate) link: Arc<Link>,
}

/// Why a request to a peer has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection could be made.
    #[error("connect to <{0}> failed")]
    Connect(String),
    /// The connection is gone.
    #[error("the connection to <{0}> is closed")]
    Closed(String),
    /// No answer in time.
    #[error("wait response on the channel <{address}> timeout, {timeout_ms}(ms)")]
    Timeout {
        /// Address of the peer.
        address: String,
        /// The limit, ms.
        timeout_ms: u64,
    },
}

impl Peer {
    /// A number that no other connection of this process has.
    pub fn id(&self) -> u64 {
        self.link.id
    }

    /// Address of the other side.
    pub fn remote(&self) -> SocketAddr {
        self.link.remote
    }

    /// Port on this side: tells the main port from the VIP port.
    pub fn local_port(&self) -> u16 {
        self.link.local_port
    }

    /// Whether the connection is still there.
    pub fn is_open(&self) -> bool {
        self.link.is_open()
    }

    /// Hands over frames. On the loop that owns the connection they leave with its next write; from another thread that
    /// loop is woken, once for all that was handed over meanwhile. Frames for a closed connection go nowhere.
    pub fn send(&self, mut output: Output) {
        self.link.send(&mut output);
    }

    /// The same with an output that serves again: it is empty afterwards, and has memory for the next frames.
    pub fn send_from(&self, output: &mut Output) {
        self.link.send(output);
    }

    /// A request that wants no answer. It is dropped when more waits for the peer than `maxPendingOutputBytes`.
    pub fn notify(&self, command: &Command) {
        let mut output = Output::new(self.link.serialize);
        output.command(command, Link::opaque_without_answer(), CommandFlag(CommandFlag::ONEWAY));
        if !self.link.send_if_room(&mut output) {
            tracing::debug!(peer = %self.remote(), code = command.code, "one-way request dropped: the peer does not read");
        }
    }

    /// A request to the client, and its answer. Needs a tokio runtime around it, for its timer.
    pub async fn call(&self, command: &Command, timeout: Duration) -> Result<Command, CallError> {
        let answer = tokio::time::timeout(timeout, self.call_without_limit(command)).await;
        answer.unwrap_or_else(|_| {
            Err(CallError::Timeout { address: self.remote().to_string(), timeout_ms: timeout.as_millis() as u64 })
        })
    }

    async fn call_without_limit(&self, command: &Command) -> Result<Command, CallError> {
        let closed = || CallError::Closed(self.remote().to_string());
        let _permit = self.link.permits.acquire().await.map_err(|_| closed())?;
        let mut call = self.link.expect_answer().ok_or_else(closed)?;
        let mut output = Output::new(self.link.serialize);
        output.command(command, call.opaque, CommandFlag(0));
        self.link.send(&mut output);
        (&mut call.answer).await.map_err(|_| closed())
    }

    /// Closes the connection, after what was handed over before is written.
    pub fn close(&self) {
        self.link.wish(Wish::Finish);
    }
}

impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}
impl Eq for Peer {}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peer({} {})", self.id(), self.remote())
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.remote().fmt(f)
    }
}
