//! Sending: codes 10, 310 and 320.
//!
//! The sends of a turn are checked one by one as they come and stored together when the turn ends. A reply leaves with
//! the turn, or waits in `parked` for the flush that its message asked for.
//! Source: `broker/processor/SendMessageProcessor`, `AbstractSendMessageProcessor#msgCheck`.

use crate::service::Call;
use compat::time::Millis;
use remoting::output::Output;
use remoting::peer::Peer;

/// Stores messages.
pub struct Send {
    _later: (),
}

/// What one loop keeps: the batch of the turn, replies that wait.
pub struct Local {
    _later: (),
}

/// What one connection keeps: the topic of its last message.
#[derive(Default)]
pub struct Session {
    _later: (),
}

impl Send {
    /// Called on each loop.
    pub fn local(&self) -> Local {
        todo!()
    }

    /// Checks a send and adds it to the batch of the turn, or refuses it at once.
    pub fn accept(&self, local: &Local, session: &mut Session, call: &Call<'_>, out: &mut Output) {
        let _ = (local, session, call, out);
        todo!()
    }

    /// Stores the batch of the turn and writes its replies.
    pub fn finish(&self, local: &Local, peer: &Peer, now: Millis, out: &mut Output) {
        let _ = (local, peer, now, out);
        todo!()
    }
}
