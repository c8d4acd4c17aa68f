//! Pulls that wait for a message.

use crate::harness::{
    Broker, LONG, Wanted, bodies, field, held_pull_from, message, pull_from, told, until, with_properties,
};
use broker::pull::Limits;
use compat::command::RequestCode;
use compat::header::pull::{PullFlag, PullRequest};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(60);

#[tokio::test]
async fn a_message_wakes_a_pull_of_its_own_loop() {
    wakes_across(1).await;
}

#[tokio::test]
async fn a_message_wakes_a_pull_of_another_loop() {
    wakes_across(2).await;
}

/// Two connections: with one loop both are on it, with two each has its own.
async fn wakes_across(event_loops: usize) {
    let broker = Broker::start(Wanted { event_loops, ..Wanted::default() });
    broker.topic("T", 4);
    let (producer, consumer) = (broker.client(), broker.client());
    for round in 0..100 {
        let waiting = {
            let consumer = consumer.clone();
            tokio::spawn(async move { consumer.pull(&held_pull_from("T", round, LONG)).await })
        };
        until(|| broker.pull.held() == 1).await;
        let sent = producer.send(&message("T"), round.to_string()).await;
        assert_eq!(told(&sent).0, 0);
        let pulled = waiting.await.unwrap();
        assert_eq!((told(&pulled), bodies(&pulled)), ((0, "FOUND"), vec![round.to_string()]));
        assert_eq!(field(&pulled, "nextBeginOffset"), (round + 1).to_string());
    }
    assert_eq!(broker.pull.held(), 0);
}

#[tokio::test]
async fn a_pull_and_its_message_may_be_in_one_turn() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    for round in 0..100 {
        let request = held_pull_from("T", round, LONG);
        let message = message("T");
        let (pulled, sent) = tokio::join!(client.pull(&request), client.send(&message, round.to_string()));
        assert_eq!((told(&sent).0, bodies(&pulled)), (0, vec![round.to_string()]));
    }
}

#[tokio::test]
async fn nothing_is_missed_while_sends_and_pulls_race() {
    let broker = Broker::start(Wanted { event_loops: 2, ..Wanted::default() });
    broker.topic("T", 4);
    let (producer, consumer) = (broker.client(), broker.client());
    const COUNT: i64 = 2000;
    let sending = tokio::spawn(async move {
        for number in 0..COUNT {
            producer.send(&message("T"), number.to_string()).await;
        }
    });
    let mut next = 0;
    while next < COUNT {
        let pulled = consumer.pull(&held_pull_from("T", next, LONG)).await;
        assert_eq!(told(&pulled), (0, "FOUND"));
        for body in bodies(&pulled) {
            assert_eq!(body, next.to_string());
            next += 1;
        }
    }
    sending.await.unwrap();
}

#[tokio::test]
async fn only_a_wanted_message_wakes() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let (producer, consumer) = (broker.client(), broker.client());
    let waiting = tokio::spawn(async move {
        let wanted = PullRequest { subscription: Some("TagB".into()), ..held_pull_from("T", 0, LONG) };
        consumer.pull(&wanted).await
    });
    until(|| broker.pull.held() == 1).await;
    producer.send(&with_properties("T", "TAGS\u{1}TagA\u{2}"), "a").await;
    producer.send(&message("T"), "none").await;
    assert_eq!(broker.pull.held(), 1);
    producer.send(&with_properties("T", "TAGS\u{1}TagB\u{2}"), "b").await;
    assert_eq!(bodies(&waiting.await.unwrap()), ["b"]);
}

#[tokio::test]
async fn a_pull_is_answered_when_its_time_is_over() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    let began = Instant::now();
    let answer = client.pull(&held_pull_from("T", 0, SHORT)).await;
    assert_eq!(told(&answer), (19, "NO_MESSAGE_IN_QUEUE"));
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
    assert_eq!(broker.pull.held(), 0);

    client.send(&with_properties("T", "TAGS\u{1}TagA\u{2}"), "a").await;
    let unwanted = PullRequest { subscription: Some("TagB".into()), ..held_pull_from("T", 1, SHORT) };
    let (answer, _) = tokio::join!(client.pull(&unwanted), async {
        until(|| broker.pull.held() == 1).await;
        broker.client().send(&with_properties("T", "TAGS\u{1}TagA\u{2}"), "a").await;
    });
    assert_eq!((told(&answer), field(&answer, "nextBeginOffset")), ((20, "NO_MATCHED_MESSAGE"), "2"));
}

#[tokio::test]
async fn an_earlier_deadline_overtakes_a_later_one() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    let long = {
        let client = client.clone();
        tokio::spawn(async move { client.pull(&held_pull_from("T", 0, LONG)).await })
    };
    until(|| broker.pull.held() == 1).await;
    let answer = client.pull(&held_pull_from("T", 0, SHORT)).await;
    assert_eq!((told(&answer).0, broker.pull.held()), (19, 1));
    long.abort();
}

#[tokio::test]
async fn without_long_polling_the_broker_says_how_long() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    broker.set(|settings| {
        settings.long_polling = false;
        settings.short_polling_time = compat::settings::Ms(60);
    });
    let answer = broker.client().pull(&held_pull_from("T", 0, LONG * 100)).await;
    assert_eq!(told(&answer).0, 19);
}

#[tokio::test]
async fn a_closed_connection_takes_its_pulls_along() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let (gone, stays) = (broker.client(), broker.client());
    for queue in 0..3 {
        let request = PullRequest { queue_id: queue, ..held_pull_from("T", 0, LONG) };
        gone.notify(RequestCode::PullMessage, &request, "").await;
    }
    stays.notify(RequestCode::PullMessage, &held_pull_from("T", 0, LONG), "").await;
    until(|| broker.pull.held() == 4).await;
    gone.close();
    until(|| broker.pull.held() == 1).await;
    assert_eq!(told(&stays.send(&message("T"), "x").await).0, 0);
    assert_eq!(broker.pull.held(), 0);
}

#[tokio::test]
async fn too_many_held_pulls_are_answered_at_once() {
    let limits = Limits { per_connection: 2, total: 3 };
    let broker = Broker::start(Wanted { limits, ..Wanted::default() });
    broker.topic("T", 4);
    let (one, other) = (broker.client(), broker.client());
    for _ in 0..2 {
        one.notify(RequestCode::PullMessage, &held_pull_from("T", 0, LONG), "").await;
    }
    let answer = one.pull(&held_pull_from("T", 0, LONG)).await;
    assert_eq!(told(&answer), (19, "NO_MESSAGE_IN_QUEUE"));
    other.notify(RequestCode::PullMessage, &held_pull_from("T", 0, LONG), "").await;
    let answer = other.pull(&held_pull_from("T", 0, LONG)).await;
    assert_eq!((told(&answer).0, broker.pull.held()), (19, 3));
}

#[tokio::test]
async fn a_held_pull_stores_its_offset_at_once_and_only_once() {
    let broker = Broker::start(Wanted::default());
    broker.topic("T", 4);
    let client = broker.client();
    let flags = PullFlag::SUBSCRIPTION | PullFlag::SUSPEND | PullFlag::COMMIT;
    let request = PullRequest { sys_flag: flags, commit_offset: 4, ..held_pull_from("T", 0, LONG) };
    client.notify(RequestCode::PullMessage, &request, "").await;
    until(|| broker.pull.held() == 1).await;
    assert_eq!(broker.offsets.query("G", "T", 0), Some(4));
    broker.offsets.commit("G", "T", 0, 5);
    client.send(&message("T"), "x").await;
    assert_eq!((broker.pull.held(), broker.offsets.query("G", "T", 0)), (0, Some(5)));
}

#[tokio::test]
async fn thousands_of_held_pulls_wake_in_one_go() {
    let limits = Limits { per_connection: 20_000, total: 20_000 };
    let broker = Broker::start(Wanted { limits, ..Wanted::default() });
    broker.topic("T", 4);
    broker.topic("Other", 4);
    let client = broker.client();
    for _ in 0..5000 {
        client.notify(RequestCode::PullMessage, &held_pull_from("Other", 0, LONG), "").await;
        client.notify(RequestCode::PullMessage, &held_pull_from("T", 0, LONG), "").await;
    }
    until(|| broker.pull.held() == 10_000).await;
    client.send(&message("T"), "x").await;
    assert_eq!(broker.pull.held(), 5000);
    assert_eq!(bodies(&client.pull(&pull_from("T", 0)).await), ["x"]);
}
