//! Requests that are built once and patched for each use: every number in them has a fixed width.

use compat::command::{CommandFlag, Opaque, RequestCode, SerializeType};
use compat::header::Encode;
use compat::header::pull::{PullFlag, PullRequest};
use compat::header::send::SendRequest;
use compat::message::batch::{self, Item};
use compat::message::properties;
use compat::text::Text;
use remoting::codec::{self, Head};
use std::ops::Range;

/// Smallest opaque: all of them have seven digits.
pub const FIRST_OPAQUE: i32 = 1_000_000;
const UNIQUE_KEY: &str = "7F00000100002A9F0000000000000000";
const OFFSET: i64 = 1_000_000_000_000;

/// A request, and where its numbers stand.
#[derive(Clone)]
pub struct Frame {
    bytes: Vec<u8>,
    opaque: Range<usize>,
    unique_keys: Vec<Range<usize>>,
    queue: Option<Range<usize>>,
    offset: Option<Range<usize>>,
}

impl Frame {
    /// A send of one message of `body_len` bytes, with keys, tags and a unique key as Java's producer makes them.
    pub fn send(topic: &str, queue_id: u32, body_len: usize) -> Self {
        let mut text = Vec::new();
        for (name, value) in [("KEYS", UNIQUE_KEY), ("UNIQ_KEY", UNIQUE_KEY), ("WAIT", "true"), ("TAGS", "TagA")] {
            properties::push(name, value, &mut text);
        }
        let text = String::from_utf8(text).unwrap_or_default();
        Self::new(RequestCode::SendMessageV2, &send_header(topic, queue_id, &text, false), &body(body_len))
    }

    /// A send of `count` messages in one batch.
    pub fn send_batch(topic: &str, queue_id: u32, body_len: usize, count: usize) -> Self {
        let mut text = Vec::new();
        for (name, value) in [("UNIQ_KEY", UNIQUE_KEY), ("WAIT", "true"), ("TAGS", "TagA")] {
            properties::push(name, value, &mut text);
        }
        let (content, mut items) = (body(body_len), Vec::new());
        for _ in 0..count {
            batch::push(&Item { flag: 0, body: &content, properties: &text }, &mut items);
        }
        Self::new(RequestCode::SendBatchMessage, &send_header(topic, queue_id, "", true), &items)
    }

    /// A pull of at most `max` messages, held for `hold_ms` where nothing is there; 0 does not hold.
    pub fn pull(group: &str, topic: &str, queue_id: u32, max: u32, hold_ms: i64) -> Self {
        let suspend = if hold_ms > 0 { PullFlag::SUSPEND } else { 0 };
        let header = PullRequest {
            group: group.into(),
            topic: topic.into(),
            queue_id: queue_id as i32,
            queue_offset: OFFSET,
            max_count: max as i32,
            sys_flag: PullFlag::SUBSCRIPTION | suspend,
            commit_offset: 0,
            suspend_timeout_ms: hold_ms,
            subscription: Some("*".into()),
            subscription_version: 0,
            expression_type: None,
        };
        Self::new(RequestCode::PullMessage, &header, &[])
    }

    fn new<H: Encode>(code: RequestCode, header: &H, body: &[u8]) -> Self {
        let head = Head { code: code.code(), opaque: Opaque(FIRST_OPAQUE), flag: CommandFlag::default(), remark: None };
        let mut bytes = Vec::new();
        codec::encode(SerializeType::Json, &head, header, body.len(), &mut bytes);
        bytes.extend_from_slice(body);
        let find = |what: &str, skip: usize| {
            let at = memchr::memmem::find(&bytes, what.as_bytes())? + skip;
            Some(at..at + what.len() - skip)
        };
        let label = "\"opaque\":".len();
        let opaque = find(&format!("\"opaque\":{FIRST_OPAQUE}"), label).expect("the opaque just written");
        let queue = find("\"e\":\"0\"", 5).map(|range| range.start..range.start + 1);
        let offset = find(&OFFSET.to_string(), 0);
        let unique = memchr::memmem::find_iter(&bytes, UNIQUE_KEY.as_bytes()).map(|at| at + 16..at + 32).collect();
        Self { opaque, queue, offset, unique_keys: unique, bytes }
    }

    /// The bytes of this request, after the last patches.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Sets the correlation id.
    pub fn set_opaque(&mut self, slot: usize) {
        write_digits(&mut self.bytes[self.opaque.clone()], u64::from(FIRST_OPAQUE.unsigned_abs()) + slot as u64);
    }

    /// Sets the queue of a send, 0 to 9.
    pub fn set_queue(&mut self, queue_id: u32) {
        if let Some(range) = &self.queue {
            write_digits(&mut self.bytes[range.clone()], u64::from(queue_id));
        }
    }

    /// Sets the offset of a pull.
    pub fn set_offset(&mut self, offset: u64) {
        if let Some(range) = &self.offset {
            write_digits(&mut self.bytes[range.clone()], offset);
        }
    }

    /// Gives each message a unique key; returns the next free number.
    pub fn set_unique_keys(&mut self, mut number: u64) -> u64 {
        for range in &self.unique_keys {
            write_digits(&mut self.bytes[range.clone()], number);
            number += 1;
        }
        number
    }
}

/// The body of every message: letters that a reader can check.
pub fn body(len: usize) -> Vec<u8> {
    (0..len).map(|at| b'a' + (at % 26) as u8).collect()
}

fn send_header<'a>(topic: &'a str, queue_id: u32, properties: &'a str, batch: bool) -> SendRequest<'a> {
    SendRequest {
        group: "BenchProducer".into(),
        topic: topic.into(),
        default_topic: "TBW102".into(),
        default_topic_queue_count: 4,
        queue_id: queue_id as i32,
        sys_flag: 0,
        born_timestamp: 1_700_000_000_000,
        flag: 0,
        properties: Some(Text::Plain(properties)),
        reconsume_times: Some(0),
        unit_mode: Some(false),
        max_reconsume_times: None,
        batch: Some(batch),
    }
}

fn write_digits(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
