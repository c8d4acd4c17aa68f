//! Pulling: code 11, and the pulls that wait for a message.
//! Source: `broker/processor/PullMessageProcessor`, `broker/longpolling/PullRequestHoldService`.

use crate::service::Call;
use remoting::output::Output;
use remoting::peer::Peer;

/// Hands out messages.
pub struct Pull {
    _later: (),
}

/// What one loop keeps: buffers of the last read.
pub struct Local {
    _later: (),
}

/// What one connection keeps: the last queue it pulled from.
#[derive(Default)]
pub struct Session {
    _later: (),
}

impl Pull {
    /// Called on each loop.
    pub fn local(&self) -> Local {
        todo!()
    }

    /// Answers a pull, or holds it.
    pub fn answer(&self, local: &Local, session: &mut Session, call: &Call<'_>, out: &mut Output) {
        let _ = (local, session, call, out);
        todo!()
    }

    /// A connection is gone: its held pulls go too.
    pub fn forget(&self, peer: &Peer) {
        let _ = peer;
        todo!()
    }
}
