//! What a header, a reply and a round trip cost: `cargo bench -p remoting`.
//!
//! Prints nanoseconds a call for the codec, and for echoes over loopback the messages a second, the processor time of
//! the server's loop and, where `perf` may count them, its system calls for each message.

use compat::command::{CommandFlag, Opaque, ResponseCode, SerializeType};
use compat::header::Decode;
use compat::header::send::{SendRequest, SendResponse};
use remoting::codec::{self, Head};
use remoting::output::Output;
use remoting::peer::Peer;
use remoting::request::ReplyTo;
use remoting::server::{Requests, Service, bind};
use remoting::settings::ServerSettings;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SEND: &str = concat!(
    r#"{"code":310,"extFields":{"a":"PG","b":"TopicTest","c":"TBW102","d":"4","e":"2","f":"0","g":"1533000000000","#,
    r#""h":"0","i":"TAGS\u0001TagA\u0002KEYS\u0001k1\u0002UNIQ_KEY\u0001C0A8\u0002WAIT\u0001true\u0002","j":"0","#,
    r#""k":"false","m":"false"},"flag":0,"language":"JAVA","opaque":0,"serializeTypeCurrentRPC":"JSON","version":273}"#
);

fn main() {
    codec();
    for (connections, depth) in [(1, 1), (64, 1), (16, 16), (1, 32)] {
        echo(connections, depth);
    }
}

fn codec() {
    let mut binary = Vec::new();
    {
        let header = codec::decode(SerializeType::Json, SEND.as_bytes()).unwrap();
        let fields: Vec<_> =
            header.fields.iter().map(|(name, value)| (name.to_owned(), value.to_cow().into_owned())).collect();
        let head = Head { code: 310, opaque: Opaque(1), flag: CommandFlag(0), remark: None };
        codec::encode(SerializeType::Binary, &head, fields.as_slice(), 0, &mut binary);
    }
    let binary = &binary[8..];
    measure("scan of a send header, JSON", || {
        black_box(codec::decode(SerializeType::Json, black_box(SEND.as_bytes())).unwrap());
    });
    measure("scan and typed header, JSON", || {
        let header = codec::decode(SerializeType::Json, black_box(SEND.as_bytes())).unwrap();
        black_box(SendRequest::decode(&header.fields).unwrap());
    });
    measure("scan of a send header, binary", || {
        black_box(codec::decode(SerializeType::Binary, black_box(binary)).unwrap());
    });
    for serialize in [SerializeType::Json, SerializeType::Binary] {
        let mut out = Output::new(serialize);
        let mut count = 0;
        measure(&format!("send reply, {}", serialize.name()), || {
            let header = SendResponse {
                message_id: "C0A8010100002A9F0000000000001000".into(),
                queue_id: 3,
                queue_offset: 123_456,
                region: "DefaultRegion".into(),
                trace_on: true,
            };
            let to = ReplyTo { opaque: Opaque(77), oneway: false };
            out.reply(to, ResponseCode::Success, None, black_box(&header), &[]);
            count += 1;
            if count % 32 == 0 {
                out.clear();
            }
        });
    }
}

fn measure(what: &str, mut work: impl FnMut()) {
    const ROUNDS: u32 = 5_000;
    let mut best = Duration::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        best = best.min(start.elapsed());
    }
    println!("{what:<32} {:>7.1} ns", best.as_nanos() as f64 / f64::from(ROUNDS));
}

/// Answers a send with the header of its answer.
struct Echo;

impl Service for Echo {
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
                queue_offset: 123_456,
                region: "DefaultRegion".into(),
                trace_on: true,
            };
            out.reply(request.reply_to, ResponseCode::Success, None, &header, &[]);
        }
    }
    fn closed(&self, _: &Rc<()>, (): (), _: &Peer) {}
}

fn echo(connections: usize, depth: usize) {
    let settings = ServerSettings { event_loops: 1, ..ServerSettings::default() };
    let listening = bind(&settings, &["127.0.0.1:0".parse().unwrap()]).unwrap();
    let address = listening.addresses()[0];
    let running = listening.start(Arc::new(Echo)).unwrap();
    let done = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let client = std::thread::spawn({
        let (done, stop) = (done.clone(), stop.clone());
        move || load(address, connections, depth, &done, &stop)
    });
    std::thread::sleep(Duration::from_millis(300));
    let thread = thread_named("loop-0");
    let (count, cpu, start) = (done.load(Ordering::Relaxed), cpu_nanos(thread), Instant::now());
    let calls = system_calls(thread, Duration::from_secs(2));
    let count = (done.load(Ordering::Relaxed) - count) as f64;
    let (cpu, elapsed) = (cpu_nanos(thread) - cpu, start.elapsed());
    stop.store(true, Ordering::Relaxed);
    client.join().unwrap();
    running.stop();
    let calls = calls.map_or("?".to_owned(), |calls| format!("{:.3}", calls as f64 / count));
    println!(
        "echo {connections:>3} x {depth:<3} {:>9.0} /s {:>7.2} us CPU/message {calls:>7} calls/message",
        count / elapsed.as_secs_f64(),
        cpu as f64 / 1000.0 / count,
    );
}

/// Keeps `depth` requests under way on each connection.
fn load(address: SocketAddr, connections: usize, depth: usize, done: &AtomicU64, stop: &AtomicBool) {
    let mut frame = Vec::new();
    frame.extend_from_slice(&(4 + SEND.len() as u32 + 128).to_be_bytes());
    frame.extend_from_slice(&(SEND.len() as u32).to_be_bytes());
    frame.extend_from_slice(SEND.as_bytes());
    frame.extend_from_slice(&[7; 128]);
    let request = frame.repeat(depth);
    let mut expected = Output::new(SerializeType::Json);
    let header = SendResponse {
        message_id: "C0A8010100002A9F0000000000001000".into(),
        queue_id: 2,
        queue_offset: 123_456,
        region: "DefaultRegion".into(),
        trace_on: true,
    };
    for _ in 0..depth {
        expected.reply(ReplyTo { opaque: Opaque(0), oneway: false }, ResponseCode::Success, None, &header, &[]);
    }
    let mut reply = vec![0; expected.waiting()];
    let mut streams: Vec<_> = (0..connections).map(|_| TcpStream::connect(address).unwrap()).collect();
    for stream in &mut streams {
        stream.set_nodelay(true).unwrap();
        stream.write_all(&request).unwrap();
    }
    while !stop.load(Ordering::Relaxed) {
        for stream in &mut streams {
            stream.read_exact(&mut reply).unwrap();
            stream.write_all(&request).unwrap();
        }
        done.fetch_add((connections * depth) as u64, Ordering::Relaxed);
    }
}

/// The number of a thread of this process.
fn thread_named(name: &str) -> u32 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let mut named = tasks
        .filter(|task| std::fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name));
    named.next().and_then(|task| task.file_name().to_str()?.parse().ok()).expect("the loop has a thread")
}

/// Processor time that a thread has used.
fn cpu_nanos(thread: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

/// System calls of a thread during a time; `None` where nobody counts them.
fn system_calls(thread: u32, time: Duration) -> Option<u64> {
    let counted = Command::new("perf")
        .args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-t", &thread.to_string()])
        .args(["--", "sleep", &time.as_secs_f64().to_string()])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = counted else {
        std::thread::sleep(time);
        return None;
    };
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .find(|line| line.contains("sys_enter"))?
        .split(',')
        .next()?
        .parse()
        .ok()
}
