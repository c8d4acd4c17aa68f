//! Finding messages and offsets: codes 12, 33 and 29 to 32.
//! Source: `broker/processor/QueryMessageProcessor`, `AdminBrokerProcessor#searchOffsetByTimestamp` and its neighbours.

use crate::live::Live;
use crate::refusal::Refusal;
use crate::service::Call;
use compat::command::ResponseCode;
use compat::header::offset::{OffsetResponse, QueueRequest, SearchOffsetRequest, TimestampResponse};
use compat::header::query::{QueryMessageRequest, QueryMessageResponse, ViewMessageRequest};
use compat::header::{Encode, NoHeader};
use compat::offset::{PhysicalOffset, QueueId};
use compat::time::Millis;
use remoting::output::Output;
use std::sync::Arc;
use store::{Queue, Store, StoreSettings};

/// Finds messages.
pub struct Query {
    store: Store,
    settings: Arc<Live<StoreSettings>>,
}

impl Query {
    /// Looks into `store`.
    pub fn new(store: Store, settings: Arc<Live<StoreSettings>>) -> Self {
        Self { store, settings }
    }

    /// Code 12: messages of a key. Reads the index: not for a loop.
    pub fn by_key(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: QueryMessageRequest<'_> = call.request.header()?;
        let max_count = match request.unique_key {
            Some(true) => self.settings.get().default_query_max_count,
            _ => request.max_count,
        };
        let (begin, end) = (Millis(request.begin_timestamp), Millis(request.end_timestamp));
        let found = self.store.query(&request.topic, &request.key, max_count, begin, end);
        let header = QueryMessageResponse {
            index_last_timestamp: found.index_last_timestamp,
            index_last_offset: found.index_last_position,
        };
        let to = call.request.reply_to;
        if found.records.is_empty() {
            let remark = "can not find message, maybe time range not correct";
            out.reply(to, ResponseCode::QueryNotFound, Some(remark), &header, &[]);
        } else {
            let body: Vec<_> = found.records.into_iter().map(|record| (record.region, record.range)).collect();
            out.reply_shared(to, ResponseCode::Success, None, &header, &body);
        }
        Ok(())
    }

    /// Code 33: the message at a place of the log. May wait for the disk: not for a loop.
    pub fn by_id(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: ViewMessageRequest = call.request.header()?;
        let record = PhysicalOffset::from_java(request.offset).and_then(|position| self.store.record_at(position));
        let record = record.ok_or(Refusal::NoMessageAt { offset: request.offset })?;
        let body = [(record.region, record.range)];
        out.reply_shared(call.request.reply_to, ResponseCode::Success, None, &NoHeader, &body);
        Ok(())
    }

    /// Code 29: the first queue offset of a time. May wait for the disk: not for a loop.
    pub fn offset_by_time(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: SearchOffsetRequest<'_> = call.request.header()?;
        let queue = self.queue(&request.topic, request.queue_id);
        let offset = queue.map_or(0, |queue| self.store.offset_by_time(&queue, Millis(request.timestamp)));
        succeed(call, out, &OffsetResponse { offset })
    }

    /// Code 30: the queue offset behind the last message.
    pub fn max_offset(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: QueueRequest<'_> = call.request.header()?;
        let offset = self.queue(&request.topic, request.queue_id).map_or(0, |queue| queue.max().to_java());
        succeed(call, out, &OffsetResponse { offset })
    }

    /// Code 31: the queue offset of the first message.
    pub fn min_offset(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: QueueRequest<'_> = call.request.header()?;
        let offset = self.queue(&request.topic, request.queue_id).map_or(0, |queue| queue.min().to_java());
        succeed(call, out, &OffsetResponse { offset })
    }

    /// Code 32: when the first message of a queue was stored. May wait for the disk: not for a loop.
    pub fn earliest_time(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: QueueRequest<'_> = call.request.header()?;
        let queue = self.queue(&request.topic, request.queue_id);
        let timestamp = queue.map_or(-1, |queue| self.store.earliest_time(&queue));
        succeed(call, out, &TimestampResponse { timestamp })
    }

    /// A queue that exists. Differs: 4.3.0 makes the queue that it is asked for, with its files.
    fn queue(&self, topic: &str, id: i32) -> Option<Arc<Queue>> {
        self.store.existing_queue(topic, QueueId::from_java(id)?)
    }
}

fn succeed<H: Encode>(call: &Call<'_>, out: &mut Output, header: &H) -> Result<(), Refusal> {
    out.reply(call.request.reply_to, ResponseCode::Success, None, header, &[]);
    Ok(())
}
