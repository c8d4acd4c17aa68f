//! In steady state a send and a pulled message cost no heap allocation on the loop that serves them.
//!
//! A new file of the log, of a queue or of the index takes some now and then; the files here are so long that it hardly
//! happens.

#[path = "harness/mod.rs"]
mod harness;

use broker::refusal::Refusal;
use broker::service::{Call, Place, Table};
use compat::command::{CommandFlag, Opaque, RequestCode, SerializeType};
use compat::header::Encode;
use compat::text::Text;
use harness::{Broker, Wanted, message, pull_from};
use remoting::codec::{self, Head};
use remoting::output::Output;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::StoreSettings;
use tokio::sync::Mutex;

/// The system's allocator; counts what threads take that asked for it.
struct Counting;

static TAKEN: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static COUNTS: Cell<bool> = const { Cell::new(false) };
}

fn count() {
    if COUNTS.get() {
        TAKEN.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator as it came; counting takes no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises of `realloc`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUNDS: u64 = 200;
const WARM_UP: u64 = 50;

/// One test counts at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn sixteen_connections_with_sixteen_sends_each() {
    let _alone = ALONE.lock().await;
    let broker = start();
    let properties = "UNIQ_KEY\u{1}0A0102030001\u{2}WAIT\u{1}true\u{2}TAGS\u{1}TagA\u{2}";
    let frames = |queue_id: i32| {
        let mut bytes = Vec::new();
        for opaque in 0..16 {
            let mut request = message("T");
            request.queue_id = queue_id % 8;
            request.properties = Some(Text::Plain(properties));
            frame(RequestCode::SendMessageV2, opaque, &request, &[b'x'; 128], &mut bytes);
        }
        bytes
    };
    let mut connections: Vec<_> = (0..16).map(|number| Driver::connect(&broker, frames(number), 16)).collect();
    let taken = measure(&broker, || connections.iter_mut().for_each(Driver::round));
    let messages = ROUNDS * 256;
    println!("{taken} allocations");
    assert!(taken < messages / 200, "{taken} allocations for {messages} sends");
}

#[tokio::test]
async fn pulls_of_thirty_two_messages() {
    let _alone = ALONE.lock().await;
    let broker = start();
    let mut stored = Vec::new();
    for opaque in 0..64 {
        frame(RequestCode::SendMessageV2, opaque, &message("T"), &[b'x'; 128], &mut stored);
    }
    Driver::connect(&broker, stored, 64).round();
    let mut pulls = Vec::new();
    for opaque in 0..4 {
        frame(RequestCode::PullMessage, opaque, &pull_from("T", i64::from(opaque)), &[], &mut pulls);
    }
    let mut connections: Vec<_> = (0..8).map(|_| Driver::connect(&broker, pulls.clone(), 4)).collect();
    let taken = measure(&broker, || connections.iter_mut().for_each(Driver::round));
    let messages = ROUNDS * 8 * 4 * 32;
    println!("{taken} allocations");
    assert!(taken < messages / 200, "{taken} allocations for {messages} pulled messages");
}

/// Allocations of the loop in [`ROUNDS`] rounds: the fewest of three measurements, because a machine that stands still
/// for a second lets the loop take its connections for quiet, and give back their buffers.
fn measure(broker: &Broker, mut round: impl FnMut()) -> u64 {
    (0..WARM_UP).for_each(|_| round());
    ask_for_counting(broker);
    let mut once = || {
        let before = TAKEN.load(Ordering::Relaxed);
        (0..ROUNDS).for_each(|_| round());
        TAKEN.load(Ordering::Relaxed) - before
    };
    (0..3).map(|_| once()).min().unwrap_or(u64::MAX)
}

/// A broker with one loop, which can be asked to count.
fn start() -> Broker {
    fn answer((): &(), call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        COUNTS.set(true);
        call.done(out)
    }
    let more = |table: Table| table.on(RequestCode::GetBrokerRuntimeInfo, Place::Loop, &Arc::new(()), answer);
    let store_settings = StoreSettings {
        commit_log_file_len: 64 << 20,
        consume_queue_file_len: 20 * 100_000,
        max_hash_slots: 10_000,
        max_index_entries: 400_000,
        ..StoreSettings::default()
    };
    let broker = Broker::start(Wanted { more, store_settings, ..Wanted::default() });
    broker.topic("T", 8);
    broker
}

fn ask_for_counting(broker: &Broker) {
    let mut request = Vec::new();
    frame(RequestCode::GetBrokerRuntimeInfo, 0, &compat::header::NoHeader, &[], &mut request);
    Driver::connect(broker, request, 1).round();
}

fn frame<H: Encode>(code: RequestCode, opaque: i32, header: &H, body: &[u8], out: &mut Vec<u8>) {
    let head = Head { code: code.code(), opaque: Opaque(opaque), flag: CommandFlag(0), remark: None };
    codec::encode(SerializeType::Json, &head, header, body.len(), out);
    out.extend_from_slice(body);
}

/// A connection that sends the same requests again and again, and reads their answers.
struct Driver {
    stream: TcpStream,
    requests: Vec<u8>,
    answers: usize,
    input: Vec<u8>,
}

impl Driver {
    fn connect(broker: &Broker, requests: Vec<u8>, answers: usize) -> Self {
        let stream = TcpStream::connect(broker.address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, requests, answers, input: vec![0; 1 << 20] }
    }

    fn round(&mut self) {
        self.stream.write_all(&self.requests).unwrap();
        for _ in 0..self.answers {
            let mut len = [0; 4];
            self.stream.read_exact(&mut len).unwrap();
            let answer = &mut self.input[..u32::from_be_bytes(len) as usize];
            self.stream.read_exact(answer).unwrap();
            let header = &answer[4..];
            assert!(header.windows(9).any(|field| field == b"\"code\":0,"), "{}", String::from_utf8_lossy(header));
        }
    }
}
