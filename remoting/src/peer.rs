//! The other end of one connection, held by whoever has something to tell it later.

use crate::command::Command;
use crate::output::Output;
use std::net::SocketAddr;
use std::time::Duration;

/// A connection: cheap to clone, safe to use from any thread. Comparing two compares the connections, not the addresses.
#[derive(Clone)]
pub struct Peer {
    _later: (),
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
        todo!()
    }

    /// Address of the other side.
    pub fn remote(&self) -> SocketAddr {
        todo!()
    }

    /// Port on this side: tells the main port from the VIP port.
    pub fn local_port(&self) -> u16 {
        todo!()
    }

    /// Whether the connection is still there.
    pub fn is_open(&self) -> bool {
        todo!()
    }

    /// Hands over frames. On the loop that owns the connection they leave with its next write; from another thread that
    /// loop is woken, once for all that was handed over meanwhile. Frames for a closed connection go nowhere.
    pub fn send(&self, output: Output) {
        let _ = output;
        todo!()
    }

    /// A request that wants no answer.
    pub fn notify(&self, command: &Command) {
        let _ = command;
        todo!()
    }

    /// A request to the client, and its answer.
    pub async fn call(&self, command: &Command, timeout: Duration) -> Result<Command, CallError> {
        let _ = (command, timeout);
        todo!()
    }

    /// Closes the connection.
    pub fn close(&self) {
        todo!()
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
