//! What `mqadmin` asks and orders, by theme. Source: `broker/processor/AdminBrokerProcessor`.

mod config;
mod groups;
mod offsets;
mod runtime;
mod topics;

pub use config::ConfigAdmin;
pub use groups::GroupAdmin;
pub use offsets::OffsetAdmin;
pub use runtime::RuntimeAdmin;
pub use topics::TopicAdmin;

use crate::refusal::Refusal;
use compat::message::record;
use compat::offset::QueueOffset;
use store::Store;

/// When the message in front of a queue offset was stored: 0 for none, -1 for one that is gone.
fn stored_before(store: &Store, queue: &store::Queue, offset: i64) -> i64 {
    if offset <= 0 {
        return 0;
    }
    let record = QueueOffset::from_java(offset - 1).and_then(|last| store.record_in_queue(queue, last));
    let time = record
        .and_then(|record| record.bytes().get(record::at::STORE_TIMESTAMP)?.try_into().ok().map(i64::from_be_bytes));
    time.unwrap_or(-1)
}

/// A change that could not be made durable: it holds, but may not survive a restart.
fn not_durable(error: std::io::Error) -> Refusal {
    tracing::error!(%error, "a change could not be written");
    Refusal::NotDurable { cause: error.to_string() }
}
