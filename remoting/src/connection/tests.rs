//! Turns, seen from inside: what is one turn, what is held back.

use super::*;
use crate::command::Command;
use crate::link::{Link, LinkParts};
use compat::command::{CommandFlag, Opaque, RequestCode, ResponseCode, SerializeType};
use compat::header::NoHeader;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Answers each request with its body `copies` times over, and notes how many requests a turn had.
struct Recorder {
    turns: Vec<usize>,
    copies: usize,
}

impl Handler for Recorder {
    fn turn(&mut self, _: &Peer, requests: &mut Requests<'_>, out: &mut Output) {
        let mut count = 0;
        for request in requests {
            count += 1;
            out.reply(request.reply_to, ResponseCode::Success, None, &NoHeader, &request.body.repeat(self.copies));
        }
        self.turns.push(count);
    }
}

async fn connection(max_unsent: usize, copies: usize) -> (Connection<Recorder>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, remote) = listener.accept().await.unwrap();
    let link = Link::new(LinkParts {
        remote,
        local_port: 0,
        serialize: SerializeType::Json,
        permits: Arc::new(Semaphore::new(1)),
        max_pending: max_unsent,
        home: None,
    });
    let recorder = Recorder { turns: Vec::new(), copies };
    (Connection::new(stream, Peer { link: Arc::new(link) }, recorder, max_unsent), client)
}

fn requests(count: usize, body_len: usize) -> Vec<u8> {
    let mut output = Output::new(SerializeType::Json);
    let command = Command::request(RequestCode::HeartBeat, &NoHeader, vec![7; body_len]);
    for number in 0..count {
        output.command(&command, Opaque(number as i32), CommandFlag(0));
    }
    let mut parts = [io::IoSlice::new(&[]); 4];
    let count = output.parts(&mut parts);
    parts[..count].iter().flat_map(|part| part.iter().copied()).collect()
}

/// Waits until so many bytes can be read at once.
async fn arrived(stream: &TcpStream, len: usize) {
    let mut buffer = vec![0; len];
    while stream.peek(&mut buffer).await.unwrap() < len {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn requests_that_are_read_together_are_one_turn_with_one_write() {
    let (mut connection, mut client) = connection(1 << 20, 1).await;
    let bytes = requests(32, 100);
    client.write_all(&bytes).await.unwrap();
    arrived(&connection.stream, bytes.len()).await;
    poll_fn(|cx| Poll::Ready(connection.poll(cx).is_pending())).await;
    assert_eq!(connection.handler.turns, [32]);
    assert!(connection.unsent.is_empty() && connection.held == 0);
    let mut buffer = vec![0; 1 << 16];
    let len = client.read(&mut buffer).await.unwrap();
    let mut replies = &buffer[..len];
    for number in 0..32 {
        let Ok(Cut::Whole(frame, len)) = frame::cut(replies, frame::MAX_LEN) else { panic!("a whole reply") };
        let header = crate::codec::decode(frame.serialize, frame.header).unwrap();
        assert_eq!((header.opaque, frame.body.len()), (Opaque(number), 100));
        replies = &replies[len..];
    }
    assert!(replies.is_empty());
}

#[tokio::test]
async fn a_frame_in_pieces_is_one_request() {
    for (body_len, step) in [(0, 1), (3, 7), (1000, 99), (70_000, 65_536), (300_000, 1001), (300_000, 400_000)] {
        let (connection, mut client) = connection(1 << 20, 0).await;
        let work = tokio::spawn(connection.run());
        for piece in requests(2, body_len).chunks(step) {
            client.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        client.shutdown().await.unwrap();
        let (recorder, end) = work.await.unwrap();
        assert_eq!(recorder.turns.iter().sum::<usize>(), 2, "{body_len} in steps of {step}");
        assert!(matches!(end, End::Eof), "{end}");
    }
}

#[tokio::test]
async fn memory_for_a_frame_grows_as_its_bytes_arrive() {
    let (mut connection, mut client) = connection(1 << 20, 0).await;
    let bytes = requests(1, 15 << 20);
    client.write_all(&bytes[..1000]).await.unwrap();
    arrived(&connection.stream, 1000).await;
    poll_fn(|cx| Poll::Ready(connection.poll(cx).is_pending())).await;
    assert_eq!((connection.held, connection.needed), (1000, bytes.len()));
    assert!(connection.partial.capacity() <= 2 * READ_LEN, "{}", connection.partial.capacity());
}

#[tokio::test]
async fn requests_wait_while_the_peer_does_not_take_the_answers() {
    const LIMIT: usize = 100_000;
    let (mut connection, client) = connection(LIMIT, 100).await;
    let bytes = requests(200, 1000);
    let all = 200 * 100_000;
    let (mut received, mut written) = (0, 0);
    let mut buffer = vec![0; 1 << 20];
    while received < all {
        written += client.try_write(&bytes[written..]).unwrap_or(0);
        poll_fn(|cx| Poll::Ready(connection.poll(cx).is_pending())).await;
        assert!(connection.unsent.waiting() <= 2 * (LIMIT + 200), "{}", connection.unsent.waiting());
        match client.try_read(&mut buffer) {
            Ok(len) => received += len,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(connection.handler.turns.iter().sum::<usize>(), 200);
    assert!(connection.handler.turns.len() >= 100);
}
