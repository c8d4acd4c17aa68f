//! Servers and clients over real sockets.

use bytes::Bytes;
use compat::command::{CommandFlag, Opaque, RequestCode, ResponseCode, SerializeType};
use compat::header::NoHeader;
use remoting::client::Client;
use remoting::codec::{self, Head};
use remoting::command::Command;
use remoting::frame::{self, Cut};
use remoting::output::{Output, Region};
use remoting::peer::{CallError, Peer};
use remoting::request::ReplyTo;
use remoting::server::{Requests, Running, Service, bind};
use remoting::settings::{ClientSettings, ServerSettings};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

const LONG: Duration = Duration::from_secs(20);

/// Requests that [`Tester`] does something special about.
const PANIC: i32 = 901;
const SILENT: i32 = 902;
const SHARED: i32 = 903;
const UNKNOWN: i32 = 904;

/// Echoes, and tells what it sees.
struct Tester {
    events: Mutex<Sender<Event>>,
    region: Region,
    /// One for each loop that may stop.
    settled: Semaphore,
}

#[derive(Debug)]
enum Event {
    Opened(Peer),
    Request(i32),
    Closed(Peer),
    Settling(Vec<Peer>),
}

impl Tester {
    fn new() -> (Self, Receiver<Event>) {
        let (events, seen) = channel();
        let region = Arc::new((0..1 << 20).map(|at| (at / 7) as u8).collect::<Vec<_>>());
        (Self { events: Mutex::new(events), region, settled: Semaphore::new(1000) }, seen)
    }

    fn tell(&self, event: Event) {
        let _ = self.events.lock().unwrap().send(event);
    }
}

impl Service for Tester {
    type Local = ();
    type Session = Peer;

    fn local(self: Arc<Self>) -> Rc<()> {
        Rc::new(())
    }
    fn opened(&self, _: &Rc<()>, peer: &Peer) -> Peer {
        self.tell(Event::Opened(peer.clone()));
        peer.clone()
    }
    fn turn(&self, _: &Rc<()>, session: &mut Peer, peer: &Peer, requests: &mut Requests<'_>, out: &mut Output) {
        assert_eq!(session, peer);
        for request in requests {
            self.tell(Event::Request(request.code));
            match request.code {
                PANIC => panic!("as asked for"),
                SILENT => {}
                UNKNOWN => out.reply_unsupported(request.reply_to, request.code),
                SHARED => {
                    let pieces = [(self.region.clone(), 0..300_000), (self.region.clone(), 300_000..900_000)];
                    out.reply_shared(request.reply_to, ResponseCode::Success, None, &NoHeader, &pieces);
                }
                _ => out.reply(request.reply_to, ResponseCode::Success, None, &NoHeader, request.body),
            }
        }
    }
    fn closed(&self, _: &Rc<()>, session: Peer, peer: &Peer) {
        assert_eq!(&session, peer);
        assert!(!peer.is_open());
        self.tell(Event::Closed(session));
    }
    async fn settle(&self, _: &Rc<()>, peers: &[Peer]) {
        self.tell(Event::Settling(peers.to_vec()));
        self.settled.acquire().await.unwrap().forget();
    }
}

struct Server {
    address: SocketAddr,
    running: Running,
    seen: Receiver<Event>,
}

impl Server {
    fn start(settings: &ServerSettings) -> Self {
        let (tester, seen) = Tester::new();
        Self::start_with(settings, Arc::new(tester), seen)
    }

    fn start_with(settings: &ServerSettings, tester: Arc<Tester>, seen: Receiver<Event>) -> Self {
        let listening = bind(settings, &["127.0.0.1:0".parse().unwrap()]).unwrap();
        Self { address: listening.addresses()[0], running: listening.start(tester).unwrap(), seen }
    }

    fn next(&self) -> Event {
        self.seen.recv_timeout(LONG).expect("something happens")
    }

    fn opened(&self) -> Peer {
        loop {
            if let Event::Opened(peer) = self.next() {
                return peer;
            }
        }
    }

    fn closed(&self) -> Peer {
        loop {
            if let Event::Closed(peer) = self.next() {
                return peer;
            }
        }
    }

    fn connect(&self) -> Raw {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Raw { stream, unread: Vec::new() }
    }
}

/// A peer that writes what it likes.
struct Raw {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Raw {
    fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next frame: opaque, flag, code and body; `None` when the other side has closed.
    fn read(&mut self) -> Option<(i32, i32, i32, Vec<u8>)> {
        loop {
            if let Ok(Cut::Whole(frame, len)) = frame::cut(&self.unread, usize::MAX) {
                let header = codec::decode(frame.serialize, frame.header).unwrap();
                let read = (header.opaque.0, header.flag.0, header.code, frame.body.to_vec());
                drop(header);
                self.unread.drain(..len);
                return Some(read);
            }
            let mut buffer = [0; 1 << 16];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(len) => self.unread.extend_from_slice(&buffer[..len]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// The peer that was opened last, once `until` holds of an event. Lets the tasks of this thread run meanwhile.
async fn wait_for(seen: &Receiver<Event>, until: impl Fn(&Event) -> bool) -> Peer {
    let mut last = None;
    loop {
        let Ok(event) = seen.try_recv() else {
            tokio::task::yield_now().await;
            continue;
        };
        if until(&event) {
            return match event {
                Event::Closed(peer) => peer,
                _ => last.expect("a connection was opened"),
            };
        }
        if let Event::Opened(peer) = event {
            last = Some(peer);
        }
    }
}

fn request(code: i32, opaque: i32, flag: i32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let head = Head { code, opaque: Opaque(opaque), flag: CommandFlag(flag), remark: None };
    codec::encode(SerializeType::Json, &head, &NoHeader, body.len(), &mut bytes);
    bytes.extend_from_slice(body);
    bytes
}

fn heartbeat(body: impl Into<Bytes>) -> Command {
    Command::request(RequestCode::HeartBeat, &NoHeader, body)
}

#[test]
fn replies_come_in_the_order_they_were_written_and_one_way_gets_none() {
    let server = Server::start(&ServerSettings::default());
    let mut peer = server.connect();
    let mut bytes = Vec::new();
    for opaque in 0..1000i32 {
        let flag = if opaque % 3 == 0 { CommandFlag::ONEWAY } else { 0 };
        bytes.extend(request(34, opaque, flag, &opaque.to_be_bytes()));
    }
    peer.write(&bytes);
    for opaque in (0..1000i32).filter(|opaque| opaque % 3 != 0) {
        assert_eq!(peer.read(), Some((opaque, 1, 0, opaque.to_be_bytes().to_vec())));
    }
    peer.write(&request(UNKNOWN, 5, 0, b""));
    assert_eq!(peer.read(), Some((5, 1, 3, Vec::new())));
    server.running.stop();
    assert_eq!(peer.read(), None);
}

#[test]
fn garbled_input_closes_its_connection_and_no_other() {
    let server = Server::start(&ServerSettings::default());
    let mut other = server.connect();
    let whole = request(34, 1, 0, b"x");
    let mut bad_header = request(34, 2, 0, b"");
    bad_header[8] = b'[';
    let mut bad_kind = request(34, 3, 0, b"");
    bad_kind[4] = 7;
    let garbled: [&[u8]; 9] = [
        &bad_header,
        &bad_kind,
        &[0, 0, 0, 3, 1, 1, 1],
        &[0, 0, 0, 0],
        &[0xFF; 64],
        &[0, 0, 0, 6, 0, 0, 0, 9, b'{', b'}'],
        &[0, 0, 0, 4, 0, 0, 0, 0],
        &[0, 0, 0, 6, 1, 0, 0, 2, 0, 1],
        &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3],
    ];
    for bytes in garbled {
        let mut peer = server.connect();
        peer.write(&[&whole, bytes, &whole].concat());
        assert_eq!(peer.read(), Some((1, 1, 0, b"x".to_vec())), "the answer to what came before {bytes:02x?}");
        assert_eq!(peer.read(), None, "{bytes:02x?}");
        other.write(&whole);
        assert!(other.read().is_some());
    }
    let mut tls = server.connect();
    tls.write(garbled[8]);
    assert_eq!(tls.read(), None);
    server.running.stop();
}

#[test]
fn a_frame_may_have_16_mib_and_not_a_byte_more() {
    let server = Server::start(&ServerSettings::default());
    let head_len = request(34, 1, 0, b"").len();
    let mut peer = server.connect();
    peer.write(&request(34, 1, 0, &vec![7; frame::MAX_LEN - head_len]));
    assert_eq!(peer.read().unwrap().3.len(), frame::MAX_LEN - head_len);
    peer.write(&request(34, 1, 0, &vec![7; frame::MAX_LEN - head_len + 1])[..8]);
    assert_eq!(peer.read(), None);
    server.running.stop();
}

#[test]
fn shared_slices_arrive_as_they_lie() {
    let server = Server::start(&ServerSettings::default());
    let mut peer = server.connect();
    peer.write(&[request(SHARED, 1, 0, b""), request(34, 2, 0, b"x"), request(SHARED, 3, 0, b"")].concat());
    let expected: Vec<u8> = (0..900_000).map(|at| (at / 7) as u8).collect();
    assert!(peer.read() == Some((1, 1, 0, expected.clone())));
    assert_eq!(peer.read(), Some((2, 1, 0, b"x".to_vec())));
    assert!(peer.read() == Some((3, 1, 0, expected)));
    server.running.stop();
}

#[test]
fn a_peer_that_does_not_read_is_not_read() {
    let limits = ServerSettings {
        max_pending_output: 64 << 10,
        socket_send_buffer: 64 << 10,
        socket_receive_buffer: 64 << 10,
        event_loops: 1,
        ..ServerSettings::default()
    };
    let server = Server::start(&limits);
    let mut peer = server.connect();
    let one = request(34, 1, 0, &[7; 10_000]);
    peer.stream.set_nonblocking(true).unwrap();
    // Sockets on both sides hold some megabytes at most; a server that went on reading would take all of this.
    let (mut written, all) = (0, one.repeat(20_000));
    // One loop drives both connections: each answer on the other one is a chance to read this one.
    let (mut other, mut chances) = (server.connect(), 0);
    while written < all.len() && chances < 1000 {
        match peer.stream.write(&all[written..(written + 65_536).min(all.len())]) {
            Ok(len) => {
                written += len;
                chances = 0;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                other.write(&request(34, 1, 0, b""));
                assert!(other.read().is_some());
                chances += 1;
            }
        }
    }
    assert!(written < all.len() / 2, "{written} bytes were taken");
    peer.stream.set_nonblocking(false).unwrap();
    let complete = written / one.len();
    for _ in 0..complete {
        assert_eq!(peer.read().unwrap().3.len(), 10_000);
    }
    server.running.stop();
}

#[test]
fn a_panic_ends_its_connection_and_no_other() {
    let server = Server::start(&ServerSettings::default());
    let (mut peer, mut other) = (server.connect(), server.connect());
    let first = server.opened();
    peer.write(&request(PANIC, 1, 0, b""));
    assert_eq!(peer.read(), None);
    assert_eq!(server.closed(), first);
    other.write(&request(34, 1, 0, b"x"));
    assert!(other.read().is_some());
    server.running.stop();
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let server = Server::start(&ServerSettings { max_idle_secs: 1, ..ServerSettings::default() });
    let (mut idle, mut busy) = (server.connect(), server.connect());
    let start = Instant::now();
    let busy = std::thread::spawn(move || {
        while start.elapsed() < Duration::from_millis(2500) {
            busy.write(&request(34, 1, 0, b"x"));
            assert!(busy.read().is_some());
        }
    });
    assert_eq!(idle.read(), None);
    assert!(start.elapsed() >= Duration::from_millis(990), "{:?}", start.elapsed());
    busy.join().unwrap();
    server.running.stop();
}

#[test]
fn connections_beyond_the_limit_are_closed_at_once() {
    let server = Server::start(&ServerSettings { max_connections: 2, event_loops: 2, ..ServerSettings::default() });
    let mut kept = [server.connect(), server.connect()];
    for peer in &mut kept {
        peer.write(&request(34, 1, 0, b"x"));
        assert!(peer.read().is_some());
    }
    assert_eq!(server.connect().read(), None);
    let [first, _second] = kept;
    drop(first);
    server.closed();
    let mut again = server.connect();
    again.write(&request(34, 1, 0, b"x"));
    assert!(again.read().is_some());
    server.running.stop();
}

#[test]
fn all_ports_are_served_and_tell_themselves_apart() {
    let (tester, seen) = Tester::new();
    let any = "127.0.0.1:0".parse().unwrap();
    let listening = bind(&ServerSettings { event_loops: 3, ..ServerSettings::default() }, &[any, any]).unwrap();
    let addresses = listening.addresses();
    let running = listening.start(Arc::new(tester)).unwrap();
    for address in addresses.iter().cycle().take(6) {
        let mut peer = Raw { stream: TcpStream::connect(address).unwrap(), unread: Vec::new() };
        let Ok(Event::Opened(opened)) = seen.recv_timeout(LONG) else { panic!("a connection is opened") };
        assert_eq!((opened.local_port(), opened.remote()), (address.port(), peer.stream.local_addr().unwrap()));
        peer.write(&request(34, 1, 0, b"x"));
        assert!(peer.read().is_some());
        drop(peer);
        while !matches!(seen.recv_timeout(LONG), Ok(Event::Closed(_))) {}
    }
    running.stop();
    TcpStream::connect(addresses[0]).expect_err("nobody listens");
}

#[test]
fn a_port_in_use_leaves_the_others_free() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let addresses = [free, taken.local_addr().unwrap()];
    let error = bind(&ServerSettings::default(), &addresses).err().expect("one port is taken");
    assert_eq!((error.port, error.cause.kind()), (addresses[1].port(), ErrorKind::AddrInUse));
    TcpListener::bind(free).unwrap();
}

#[test]
fn other_threads_send_through_the_loop() {
    let server = Server::start(&ServerSettings::default());
    let mut raw = server.connect();
    let peer = server.opened();
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let peer = peer.clone();
            threads.spawn(move || {
                for number in 0..250 {
                    let to = ReplyTo { opaque: Opaque(thread * 1000 + number), oneway: false };
                    let mut output = Output::new(SerializeType::Json);
                    output.reply(to, ResponseCode::Success, None, &NoHeader, b"later");
                    peer.send(output);
                }
            });
        }
    });
    let mut opaques: Vec<_> = (0..1000).map(|_| raw.read().unwrap().0).collect();
    for thread in 0..4 {
        let of_thread: Vec<_> = opaques.iter().copied().filter(|opaque| opaque / 1000 == thread).collect();
        assert!(of_thread.is_sorted(), "what one thread sends arrives in its order");
    }
    opaques.sort_unstable();
    opaques.dedup();
    assert_eq!(opaques.len(), 1000);
    peer.close();
    assert!(!peer.is_open());
    assert_eq!(raw.read(), None);
    peer.notify(&heartbeat(""));
    server.running.stop();
}

#[test]
fn stopping_writes_what_is_due_and_does_not_wait_for_those_who_do_not_read() {
    let server = Server::start(&ServerSettings { max_pending_output: 64 << 20, ..ServerSettings::default() });
    let (mut reader, mut other) = (server.connect(), server.connect());
    let (first, second) = (server.opened(), server.opened());
    let mut output = Output::new(SerializeType::Json);
    output.reply(
        ReplyTo { opaque: Opaque(1), oneway: false },
        ResponseCode::Success,
        None,
        &NoHeader,
        &vec![7; 12 << 20],
    );
    let mut same = Output::new(SerializeType::Json);
    same.reply(
        ReplyTo { opaque: Opaque(1), oneway: false },
        ResponseCode::Success,
        None,
        &NoHeader,
        &vec![7; 12 << 20],
    );
    first.send(output);
    second.send(same);
    let reading = std::thread::spawn(move || reader.read().map(|(.., body)| body.len()));
    let start = Instant::now();
    server.running.stop();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(reading.join().unwrap(), Some(12 << 20));
    assert_eq!(other.read(), None);
    assert!(!first.is_open() && !second.is_open());
}

#[test]
fn a_server_that_stops_reads_no_more_and_waits_for_the_answers_that_are_due() {
    let (tester, seen) = Tester::new();
    let tester = Arc::new(Tester { settled: Semaphore::new(0), ..tester });
    let settings = ServerSettings { event_loops: 1, ..ServerSettings::default() };
    let server = Server::start_with(&settings, tester.clone(), seen);
    let mut raw = server.connect();
    raw.write(&request(SILENT, 1, 0, b""));
    let peer = server.opened();
    assert!(matches!(server.next(), Event::Request(SILENT)));

    let Server { address, running, seen } = server;
    let stopping = std::thread::spawn(move || running.stop());
    let Ok(Event::Settling(peers)) = seen.recv_timeout(LONG) else { panic!("the service is asked to settle") };
    assert_eq!(peers, std::slice::from_ref(&peer));
    TcpStream::connect(address).expect_err("nobody listens");
    raw.write(&request(UNKNOWN, 2, 0, b""));
    let mut output = Output::new(SerializeType::Json);
    output.reply(ReplyTo { opaque: Opaque(1), oneway: false }, ResponseCode::Success, None, &NoHeader, b"late");
    peer.send(output);
    assert_eq!(raw.read(), Some((1, 1, 0, b"late".to_vec())));
    tester.settled.add_permits(1);
    assert_eq!(raw.read(), None);
    stopping.join().unwrap();
    let events: Vec<_> = seen.try_iter().collect();
    assert!(matches!(&events[..], [Event::Closed(_)]), "{events:?}");
}

#[test]
fn a_service_that_does_not_settle_does_not_keep_its_server() {
    let (tester, seen) = Tester::new();
    let tester = Arc::new(Tester { settled: Semaphore::new(0), ..tester });
    let server = Server::start_with(&ServerSettings::default(), tester, seen);
    let mut raw = server.connect();
    server.opened();
    server.running.stop();
    assert_eq!(raw.read(), None);
}

#[tokio::test]
async fn a_request_has_its_answer() {
    let server = Server::start(&ServerSettings::default());
    let client = Client::new(ClientSettings::default());
    let address = server.address.to_string();
    for len in [0, 1, 100, 5000, 70_000, 1 << 20, 15 << 20] {
        let body = Bytes::from(vec![7; len]);
        let answer = client.call(&address, &heartbeat(body.clone()), LONG).await.unwrap();
        assert!(answer.is_success() && answer.body == body, "{len} bytes");
    }
    server.running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_share_one_connection_and_find_their_answers() {
    let server = Server::start(&ServerSettings::default());
    let client = Client::new(ClientSettings::default());
    let address: Arc<str> = server.address.to_string().into();
    let calls: Vec<_> = (0..200u32)
        .map(|number| {
            let (client, address) = (client.clone(), address.clone());
            tokio::spawn(async move {
                let body = number.to_be_bytes().to_vec();
                let answer = client.call(&address, &heartbeat(body.clone()), LONG).await.unwrap();
                assert_eq!(answer.body, body);
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    server.running.stop();
    let opened = server.seen.iter().filter(|event| matches!(event, Event::Opened(_))).count();
    assert_eq!(opened, 1);
}

#[tokio::test]
async fn a_server_calls_its_client() {
    let server = Server::start(&ServerSettings::default());
    let client = Client::with(
        ClientSettings::default(),
        SerializeType::Binary,
        Arc::new(|_, request, out| {
            let twice = [request.body, request.body].concat();
            out.reply(request.reply_to, ResponseCode::Success, Some("from the client"), &NoHeader, &twice);
        }),
    );
    client.call(&server.address.to_string(), &heartbeat(""), LONG).await.unwrap();
    let peer = server.opened();
    for body in ["a", "b"] {
        let answer = peer.call(&heartbeat(body), LONG).await.unwrap();
        assert_eq!((&answer.body[..], answer.remark.as_deref()), (body.repeat(2).as_bytes(), Some("from the client")));
    }
    server.running.stop();
}

#[tokio::test]
async fn a_client_without_handler_does_not_support_requests() {
    let server = Server::start(&ServerSettings::default());
    let client = Client::new(ClientSettings::default());
    client.call(&server.address.to_string(), &heartbeat(""), LONG).await.unwrap();
    let answer = server.opened().call(&heartbeat(""), LONG).await.unwrap();
    assert_eq!(answer.code, ResponseCode::RequestCodeNotSupported.code());
    assert_eq!(answer.remark.as_deref(), Some(" request type 34 not supported"));
    server.running.stop();
}

#[tokio::test]
async fn a_call_without_answer_times_out_and_a_late_answer_is_dropped() {
    let server = Server::start(&ServerSettings::default());
    let client = Client::new(ClientSettings::default());
    let address = server.address.to_string();
    let silent = Command { code: SILENT, ..heartbeat("") };
    let error = client.call(&address, &silent, Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. }), "{error}");
    let mut late = Output::new(SerializeType::Json);
    for opaque in -100..0 {
        late.reply(ReplyTo { opaque: Opaque(opaque), oneway: false }, ResponseCode::Success, None, &NoHeader, b"late");
    }
    server.opened().send(late);
    let answer = client.call(&address, &heartbeat("on time"), LONG).await;
    assert_eq!(answer.unwrap().body, "on time");
    server.running.stop();
}

#[tokio::test]
async fn closing_fails_the_calls_that_wait_and_the_next_call_connects_again() {
    let server = Server::start(&ServerSettings::default());
    let client = Client::new(ClientSettings::default());
    let address = server.address.to_string();
    let silent = Command { code: SILENT, ..heartbeat("") };
    let start = Instant::now();
    let (call, peer) = tokio::join!(client.call(&address, &silent, LONG), async {
        let peer = wait_for(&server.seen, |event| matches!(event, Event::Request(SILENT))).await;
        peer.close();
        peer
    });
    assert_eq!(call, Err(CallError::Closed(address.clone())));
    assert!(start.elapsed() < LONG / 2 && !peer.is_open());
    assert!(client.call(&address, &heartbeat(""), LONG).await.is_ok());
    server.running.stop();
    let gone = client.call(&address, &heartbeat(""), LONG).await.unwrap_err();
    assert!(matches!(gone, CallError::Connect(_) | CallError::Closed(_)), "{gone}");
    assert_eq!(client.notify(&address, &heartbeat(""), LONG).await, Err(CallError::Connect(address)));
}

#[tokio::test]
async fn a_closed_client_closes_its_connections() {
    let server = Server::start(&ServerSettings::default());
    let client = Client::new(ClientSettings::default());
    client.notify(&server.address.to_string(), &heartbeat(""), LONG).await.unwrap();
    let opened = wait_for(&server.seen, |event| matches!(event, Event::Request(34))).await;
    client.close();
    wait_for(&server.seen, |event| matches!(event, Event::Closed(peer) if *peer == opened)).await;
    server.running.stop();
}
