//! Finding single messages: by place, by offset, by time and by key.

use crate::dispatch;
use crate::index::{Index, Wanted};
use crate::log::Log;
use crate::queue::Queue;
use crate::read::LogSlice;
use crate::store::QueryFound;
use compat::java::hash;
use compat::message::properties::Marks;
use compat::message::record::{self, CheckBody, Parsed, Record};
use compat::offset::{PhysicalOffset, QueueOffset};
use compat::time::Millis;
use std::io;

/// The record that starts at a place.
pub(crate) fn record_at(log: &Log, position: PhysicalOffset) -> Option<LogSlice> {
    let rest = log.rest(position)?;
    let size = parse(rest.bytes())?.size() as usize;
    Some(LogSlice { range: rest.range.start..rest.range.start + size, region: rest.region })
}

/// The record of a queue offset.
pub(crate) fn record_in_queue(log: &Log, queue: &Queue, offset: QueueOffset) -> Option<LogSlice> {
    if offset < queue.min() || offset >= queue.max() {
        return None;
    }
    let entry = queue.entry(offset).ok()??;
    log.slice(entry.position, entry.size as usize)
}

/// Store time of a message; `None` when the log no longer has it.
fn time_of(log: &Log, queue: &Queue, offset: i64) -> io::Result<Option<Millis>> {
    let Some(entry) = queue.entry(QueueOffset::from_java(offset).unwrap_or_default())? else { return Ok(None) };
    let slice = log.slice(entry.position, entry.size as usize);
    Ok(slice.as_ref().and_then(|slice| parse(slice.bytes())).map(|record| record.store_timestamp()))
}

/// Queue offset of the first message stored at or after a time; the end of the queue when there is none.
///
/// Source: `store/ConsumeQueue#getOffsetInQueueByTime`. Differs: searched by store times, not by the times of files,
/// and never the message before the time.
pub(crate) fn offset_by_time(log: &Log, queue: &Queue, time: Millis) -> io::Result<i64> {
    let (mut low, mut high) = (queue.min().to_java(), queue.max().to_java());
    while low < high {
        let middle = low + (high - low) / 2;
        match time_of(log, queue, middle)? {
            Some(stored) if stored >= time => high = middle,
            _ => low = middle + 1,
        }
    }
    Ok(low)
}

/// Store time of the first message of a queue; -1 for none.
pub(crate) fn earliest_time(log: &Log, queue: &Queue) -> io::Result<i64> {
    let min = queue.min();
    if min >= queue.max() {
        return Ok(-1);
    }
    Ok(time_of(log, queue, min.to_java())?.map_or(-1, |time| time.0))
}

/// Messages of a key. Differs: topic and key of every record are compared, so that equal hashes find no strangers, and
/// a message with the same key twice is found once.
pub(crate) fn by_key(
    log: &Log,
    index: &Index,
    topic: &str,
    key: &str,
    most: usize,
    begin: Millis,
    end: Millis,
) -> QueryFound {
    let prefix = hash::continue_hash(hash::hash(topic), b"#");
    let wanted = Wanted { key_hash: dispatch::key_hash(prefix, key.as_bytes()), begin: begin.0, end: end.0 };
    let mut found: Vec<(PhysicalOffset, LogSlice)> = Vec::new();
    if most > 0 {
        index.find(wanted, &mut |position| {
            let is_new = found.last().is_none_or(|(last, _)| *last != position);
            if is_new
                && let Some(slice) = record_at(log, position)
                && parse(slice.bytes()).is_some_and(|record| has_key(&record, topic, key))
            {
                found.push((position, slice));
            }
            found.len() < most
        });
    }
    if found.is_empty() {
        return QueryFound::default();
    }
    found.sort_unstable_by_key(|(position, _)| *position);
    found.dedup_by_key(|(position, _)| *position);
    let (index_last_timestamp, index_last_position) = index.newest();
    QueryFound {
        records: found.into_iter().map(|(_, slice)| slice).collect(),
        index_last_timestamp,
        index_last_position,
    }
}

/// Store time of a record.
pub(crate) fn store_time(slice: &LogSlice) -> Option<Millis> {
    parse(slice.bytes()).map(|record| record.store_timestamp())
}

fn has_key(record: &Record<'_>, topic: &str, key: &str) -> bool {
    record.topic() == topic.as_bytes() && Marks::of(record.properties()).index_keys().any(|one| one == key.as_bytes())
}

fn parse(bytes: &[u8]) -> Option<Record<'_>> {
    match record::parse(bytes, CheckBody::No) {
        Parsed::Message(record) => Some(record),
        _ => None,
    }
}
