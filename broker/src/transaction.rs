//! Transactions: code 37 ends one. Half messages and the checks of those that do not end belong here too.
//!
//! Not here yet: half messages are refused when they are sent, so that there is no transaction to end.
//! Source: `broker/processor/EndTransactionProcessor`.

use crate::refusal::Refusal;
use crate::service::Call;
use remoting::output::Output;

/// Ends transactions.
#[derive(Default)]
pub struct Transactions;

impl Transactions {
    /// Code 37: a producer ends a transaction.
    pub fn end(&self, _: &Call<'_>, _: &mut Output) -> Result<(), Refusal> {
        Err(Refusal::NotYet { what: "ending a transaction" })
    }
}
