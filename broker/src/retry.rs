//! Messages that a consumer gives back: code 36. They are to come again later, from the retry topic of the group.
//!
//! Not here yet: it needs delayed messages. Until then the consumer is told so, and keeps the message.
//! Source: `broker/processor/SendMessageProcessor#consumerSendMsgBack`.

use crate::refusal::Refusal;
use crate::service::Call;
use remoting::output::Output;

/// Takes messages back.
#[derive(Default)]
pub struct Retry;

impl Retry {
    /// Code 36: a consumer gives a message back.
    pub fn give_back(&self, _: &Call<'_>, _: &mut Output) -> Result<(), Refusal> {
        Err(Refusal::NotYet { what: "giving a message back" })
    }
}
