//! What a message and an idle connection take from the heap. One test, so that nothing else allocates meanwhile.

use compat::command::ResponseCode;
use compat::header::send::{SendRequest, SendResponse};
use remoting::output::Output;
use remoting::peer::Peer;
use remoting::server::{Requests, Service, bind};
use remoting::settings::ServerSettings;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);

// SAFETY: everything is passed on to the allocator of the system as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of this very method.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of this very method.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const SEND: &str = concat!(
    r#"{"code":310,"extFields":{"a":"PG","b":"TopicTest","c":"TBW102","d":"4","e":"2","f":"0","g":"1533000000000","#,
    r#""h":"0","i":"TAGS\u0001TagA\u0002WAIT\u0001true\u0002","j":"0","k":"false","m":"false"},"flag":0,"#,
    r#""language":"JAVA","opaque":0,"serializeTypeCurrentRPC":"JSON","version":273}"#
);

struct Answers;

impl Service for Answers {
    type Local = ();
    type Session = ();
    fn local(self: Arc<Self>) -> Rc<()> {
        Rc::new(())
    }
    fn opened(&self, _: &Rc<()>, _: &Peer) {}
    fn turn(&self, _: &Rc<()>, _: &mut (), _: &Peer, requests: &mut Requests<'_>, out: &mut Output) {
        for request in requests {
            let send = request.header::<SendRequest<'_>>().unwrap();
            let header = SendResponse {
                message_id: "C0A8010100002A9F0000000000001000".into(),
                queue_id: send.queue_id,
                queue_offset: 7,
                region: "DefaultRegion".into(),
                trace_on: true,
            };
            out.reply(request.reply_to, ResponseCode::Success, None, &header, &[]);
        }
    }
    fn closed(&self, _: &Rc<()>, (): (), _: &Peer) {}
}

#[test]
fn a_message_allocates_nothing_and_an_idle_connection_holds_little() {
    let settings = ServerSettings { event_loops: 1, ..ServerSettings::default() };
    let listening = bind(&settings, &["127.0.0.1:0".parse().unwrap()]).unwrap();
    let address = listening.addresses()[0];
    let running = listening.start(Arc::new(Answers)).unwrap();

    let (count, rounds) = (16, 500);
    let (mut stream, mut frames, mut reply) = (connect(address), frame().repeat(count), vec![0; 0]);
    // One byte more than whole frames, so that each read leaves the beginning of a frame behind.
    frames.rotate_left(1);
    stream.write_all(&frame()[..1]).unwrap();
    let mut round = |reply: &mut Vec<u8>| {
        stream.write_all(&frames).unwrap();
        read_replies(&mut stream, count, reply);
    };
    (0..50).for_each(|_| round(&mut reply));
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..rounds).for_each(|_| round(&mut reply));
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert!(allocations < rounds / 10, "{allocations} allocations for {} messages", rounds as usize * count);

    let connections = 200;
    let mut streams = Vec::with_capacity(connections);
    let before = LIVE.load(Ordering::Relaxed);
    for _ in 0..connections {
        let mut stream = connect(address);
        stream.write_all(&frame()).unwrap();
        read_replies(&mut stream, 1, &mut reply);
        streams.push(stream);
    }
    let each = (LIVE.load(Ordering::Relaxed) - before) / connections as i64;
    println!("{each} bytes for an idle connection");
    assert!(each <= 2048, "{each} bytes for an idle connection");
    running.stop();
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn frame() -> Vec<u8> {
    let mut frame = (4 + SEND.len() as u32 + 100).to_be_bytes().to_vec();
    frame.extend_from_slice(&(SEND.len() as u32).to_be_bytes());
    frame.extend_from_slice(SEND.as_bytes());
    frame.extend_from_slice(&[7; 100]);
    frame
}

/// Reads so many replies; all of them have the length of the first.
fn read_replies(stream: &mut TcpStream, count: usize, buffer: &mut Vec<u8>) {
    let mut len = [0; 4];
    for _ in 0..count {
        stream.read_exact(&mut len).unwrap();
        buffer.resize(u32::from_be_bytes(len) as usize, 0);
        stream.read_exact(buffer).unwrap();
    }
}
