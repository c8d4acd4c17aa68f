//! Codes 14 and 15.

use super::ConsumerOffsets;
use crate::refusal::Refusal;
use crate::service::Call;
use compat::header::offset::{OffsetResponse, QueryConsumerOffsetRequest, UpdateConsumerOffsetRequest};
use compat::offset::{QueueId, QueueOffset};
use remoting::output::Output;
use std::sync::Arc;
use store::Store;

/// Answers what consumers ask of their offsets.
pub struct OffsetRequests {
    /// The offsets.
    pub offsets: Arc<ConsumerOffsets>,
    /// For groups that have none.
    pub store: Store,
}

impl OffsetRequests {
    /// Code 15: stores an offset, whatever it is.
    pub fn update(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: UpdateConsumerOffsetRequest<'_> = call.request.header()?;
        self.offsets.commit(&request.group, &request.topic, request.queue_id, request.commit_offset);
        call.done_with_empty_header(out)
    }

    /// Code 14: a group without an offset begins at 0 on a young queue, and otherwise where its client wants.
    /// May wait for the disk, which tells how old a queue is.
    pub fn query(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: QueryConsumerOffsetRequest<'_> = call.request.header()?;
        let stored = self.offsets.query(&request.group, &request.topic, request.queue_id);
        let offset = match stored {
            Some(offset) => offset,
            None if self.is_young(&request.topic, request.queue_id) => 0,
            None => return Err(Refusal::OffsetMissing),
        };
        call.answer(out, &OffsetResponse { offset }, &[])
    }

    /// Whether the first message of a queue ever is still there, and still in memory.
    fn is_young(&self, topic: &str, queue_id: i32) -> bool {
        let Some(id) = QueueId::from_java(queue_id) else { return false };
        let Some(queue) = self.store.existing_queue(topic, id) else { return true };
        queue.min() == QueueOffset::ZERO && !self.store.is_on_disk(&queue, QueueOffset::ZERO)
    }
}
