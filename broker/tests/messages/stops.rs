//! What was read before a broker stops is answered.

use crate::flushes::{self, Gate};
use crate::harness::{Broker, LONG, Wanted, field, held_pull_from, message, told, until};
use broker::refusal::Refusal;
use broker::service::{Call, Place, Table};
use compat::command::RequestCode;
use compat::header::NoHeader;
use remoting::output::Output;
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

#[tokio::test]
async fn a_send_that_waits_for_the_disk_is_answered_while_the_broker_stops() {
    let (mut broker, gate) = flushes::start();
    let waiting = parked_send(&broker, &gate).await;
    let stopping = broker.stop_serving();
    until(|| TcpStream::connect(broker.address).is_err()).await;
    gate.open();
    let answer = waiting.await.unwrap();
    assert_eq!((told(&answer), field(&answer, "queueOffset")), ((0, "-"), "1"));
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_disk_that_never_has_the_message_does_not_keep_the_broker_from_stopping() {
    let (mut broker, gate) = flushes::start();
    let waiting = parked_send(&broker, &gate).await;
    let began = Instant::now();
    broker.stop_serving().await.unwrap();
    assert!(began.elapsed() < LONG / 2, "{:?}", began.elapsed());
    let answer = waiting.await.unwrap();
    assert_eq!((told(&answer), field(&answer, "queueOffset")), ((10, "-"), "1"), "stored, but not flushed");
    gate.open();
}

#[tokio::test]
async fn work_on_other_threads_is_answered_while_the_broker_stops() {
    static WORK: LazyLock<Arc<Work>> = LazyLock::new(Arc::default);
    let more = |table: Table| table.on(RequestCode::GetAllConsumerOffset, Place::Aside, &WORK, Work::answer);
    let mut broker = Broker::start(Wanted { more, ..Wanted::default() });
    let client = broker.client();
    WORK.gate.close();
    let waiting = tokio::spawn(async move { client.call(RequestCode::GetAllConsumerOffset, &NoHeader, "").await });
    until(|| Arc::strong_count(&WORK.begun) > 1).await;
    let stopping = broker.stop_serving();
    until(|| TcpStream::connect(broker.address).is_err()).await;
    WORK.gate.open();
    assert_eq!(told(&waiting.await.unwrap()), (0, "-"));
    stopping.await.unwrap();
}

#[tokio::test]
async fn held_pulls_of_all_loops_are_answered_when_the_broker_stops() {
    let mut broker = Broker::start(Wanted { event_loops: 2, ..Wanted::default() });
    broker.topic("T", 4);
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let client = broker.client();
            tokio::spawn(async move { client.pull(&held_pull_from("T", 0, LONG)).await })
        })
        .collect();
    until(|| broker.pull.held() == 4).await;
    broker.stop_serving().await.unwrap();
    for answer in waiting {
        assert_eq!(told(&answer.await.unwrap()), (19, "NO_MESSAGE_IN_QUEUE"));
    }
    assert_eq!(broker.pull.held(), 0);
}

#[tokio::test]
async fn a_held_pull_whose_message_comes_while_the_broker_stops_is_answered() {
    let (mut broker, gate) = flushes::start();
    let sent = parked_send(&broker, &gate).await;
    let consumer = broker.client();
    let pulled = tokio::spawn(async move { consumer.pull(&held_pull_from("T", 1, LONG)).await });
    until(|| broker.pull.held() == 1).await;
    let stopping = broker.stop_serving();
    until(|| TcpStream::connect(broker.address).is_err()).await;
    gate.open();
    assert_eq!(told(&sent.await.unwrap()).0, 0);
    // The pull is tried once the send is answered; its queue may have the message a little later.
    let pulled = pulled.await.unwrap();
    assert!(matches!(told(&pulled).0, 0 | 19), "{:?}", told(&pulled));
    stopping.await.unwrap();
}

/// A message that is stored, and whose answer waits because the gate is closed.
async fn parked_send(broker: &Broker, gate: &Gate) -> tokio::task::JoinHandle<remoting::command::Command> {
    let client = broker.client();
    assert_eq!(told(&client.send(&message("T"), "x").await), (0, "-"));
    let (_, end) = broker.store.log_ends();
    gate.close();
    let waiting = tokio::spawn(async move { client.send(&message("T"), "x").await });
    until(|| broker.store.log_ends().1 > end).await;
    waiting
}

/// Work that a test holds up.
#[derive(Default)]
struct Work {
    gate: Gate,
    begun: Arc<()>,
}

impl Work {
    fn answer(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let _begun = Arc::clone(&self.begun);
        self.gate.pass();
        call.done(out)
    }
}
