//! The whole broker over a socket: clients that come and go, tables that survive, what operators ask.

use broker::config::{Config, ThisHost, VIP_DISTANCE, Wanted};
use broker::wiring::{Opened, Running};
use bytes::Bytes;
use compat::body::admin::{ConsumerConnection, ConsumerOffsetTable, GroupConfigTable};
use compat::body::client::{
    ConsumerData, ConsumerIdList, HeartbeatData, LockBatchRequest, LockBatchResponse, ProducerData, SubscriptionData,
};
use compat::body::namesrv::{KvTable, TopicConfigTable};
use compat::body::{DataVersion, MessageQueue};
use compat::command::{RequestCode, ResponseCode, SerializeType};
use compat::header::Encode;
use compat::header::admin::{ConsumeStatsRequest, CreateTopicRequest, DeleteGroupRequest, TopicRequest};
use compat::header::client::{ConsumerGroupRequest, UnregisterClientRequest};
use compat::header::offset::{QueryConsumerOffsetRequest, UpdateConsumerOffsetRequest};
use compat::header::{EmptyHeader, NoHeader};
use compat::json;
use compat::time::Clock;
use remoting::client::Client;
use remoting::command::Command;
use remoting::settings::ClientSettings;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use store::disk::RealDisk;
use tempfile::TempDir;
use tokio::sync::mpsc;

const LONG: Duration = Duration::from_secs(20);

/// A broker at work in a directory.
struct Broker {
    running: Option<Running>,
    port: u16,
}

impl Broker {
    fn start(dir: &Path, more: &str) -> Self {
        let port = free_port();
        let file = dir.join("broker.conf");
        let store = dir.join("store");
        let store = store.display();
        let text = format!(
            "listenPort={port}\nbrokerIP1=127.0.0.1\nbrokerName=b\nstorePathRootDir={store}\n\
             storePathCommitLog={store}/commitlog\nmapedFileSizeCommitLog=1048576\n{more}\n"
        );
        fs::write(&file, text).unwrap();
        let config = Config::load(&Wanted { file: Some(file), ..Wanted::default() }, &ThisHost).unwrap();
        let opened =
            Opened::open(config, IpAddr::V4(Ipv4Addr::LOCALHOST), Arc::new(RealDisk), Clock::system()).unwrap();
        Self { running: Some(opened.start(|| ()).unwrap()), port }
    }

    fn client(&self) -> Connection {
        let (told, notices) = mpsc::unbounded_channel();
        let on_request = Arc::new(move |_: &_, request: &remoting::request::Request<'_>, _: &mut _| {
            if let Ok(header) = request.header::<ConsumerGroupRequest<'_>>() {
                let _ = told.send((request.code, header.group.into_owned()));
            }
        });
        let client = Client::with(ClientSettings::default(), SerializeType::Json, on_request);
        Connection { client, address: format!("127.0.0.1:{}", self.port), notices }
    }

    /// Stopping waits for threads: not on the runtime of the test.
    async fn stop(mut self) {
        let running = self.running.take().unwrap();
        assert!(tokio::task::spawn_blocking(move || running.stop()).await.unwrap());
    }
}

fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 10_100 + (std::process::id() % 900) as u16 * 10;
    loop {
        let port = start + 10 * NEXT.fetch_add(1, Ordering::Relaxed) + 4;
        let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if is_free(port) && is_free(port - VIP_DISTANCE) {
            return port;
        }
    }
}

/// A client on one connection, and what the broker tells it unasked.
struct Connection {
    client: Client,
    address: String,
    notices: mpsc::UnboundedReceiver<(i32, String)>,
}

impl Connection {
    async fn ask<H: Encode>(&self, code: RequestCode, header: &H, body: impl Into<Bytes>) -> Command {
        self.client.call(&self.address, &Command::request(code, header, body), LONG).await.unwrap()
    }

    async fn succeed<H: Encode>(&self, code: RequestCode, header: &H, body: impl Into<Bytes>) -> Command {
        let answer = self.ask(code, header, body).await;
        assert!(answer.is_success(), "{code:?}: {answer:?}");
        answer
    }

    async fn consume(&self, id: &str, group: &str) {
        let subscription = SubscriptionData {
            topic: "T".to_owned(),
            sub_string: "*".to_owned(),
            sub_version: 1,
            ..SubscriptionData::default()
        };
        let consumer =
            ConsumerData { group_name: group.to_owned(), subscriptions: vec![subscription], ..ConsumerData::default() };
        let producers = vec![ProducerData { group_name: "producers".to_owned() }];
        let heartbeat = HeartbeatData { client_id: id.to_owned(), consumers: vec![consumer], producers };
        self.succeed(RequestCode::HeartBeat, &NoHeader, json::to_vec(&heartbeat)).await;
    }

    async fn members(&self, group: &str) -> Vec<String> {
        let answer =
            self.ask(RequestCode::GetConsumerListByGroup, &ConsumerGroupRequest { group: group.into() }, "").await;
        match answer.is_success() {
            true => json::from_slice::<ConsumerIdList>(&answer.body).unwrap().consumer_id_list,
            false => Vec::new(),
        }
    }

    async fn notice(&mut self) -> (i32, String) {
        tokio::time::timeout(LONG, self.notices.recv()).await.expect("a notice in time").expect("a notice")
    }
}

fn topic(name: &str) -> CreateTopicRequest<'_> {
    CreateTopicRequest {
        topic: name.into(),
        default_topic: None,
        read_queue_count: 2,
        write_queue_count: 2,
        perm: 6,
        filter_type: "SINGLE_TAG".into(),
        sys_flag: None,
        order: Some(true),
    }
}

fn changed(group: &str) -> (i32, String) {
    (RequestCode::NotifyConsumerIdsChanged.code(), group.to_owned())
}

#[tokio::test]
async fn members_are_told_who_comes_and_who_goes() {
    let dir = TempDir::new().unwrap();
    let broker = Broker::start(dir.path(), "");
    let (mut one, mut two, three) = (broker.client(), broker.client(), broker.client());
    one.consume("one", "g").await;
    assert_eq!(one.notice().await, changed("g"), "the newcomer too");
    two.consume("two", "g").await;
    assert_eq!((one.notice().await, two.notice().await), (changed("g"), changed("g")));
    assert_eq!(one.members("g").await, ["one", "two"]);

    two.consume("two", "g").await;
    let leave =
        UnregisterClientRequest { client_id: "two".into(), producer_group: None, consumer_group: Some("g".into()) };
    two.succeed(RequestCode::UnregisterClient, &leave, "").await;
    assert_eq!(one.notice().await, changed("g"), "a second heartbeat is no news, leaving is");
    assert_eq!(one.members("g").await, ["one"]);

    three.consume("three", "g").await;
    assert_eq!(one.notice().await, changed("g"));
    three.client.close();
    assert_eq!(one.notice().await, changed("g"), "a closed connection is a member less");
    assert_eq!(one.members("g").await, ["one"]);
    assert_eq!(one.members("nobody").await, Vec::<String>::new());

    let answer =
        one.succeed(RequestCode::GetConsumerConnectionList, &ConsumerGroupRequest { group: "g".into() }, "").await;
    let group: ConsumerConnection = json::from_slice(&answer.body).unwrap();
    assert_eq!(group.connection_set.len(), 1);
    assert_eq!(group.connection_set[0].language, "JAVA");
    assert!(group.subscription_table.contains_key("T"));
    broker.stop().await;
}

#[tokio::test]
async fn what_operators_change_is_on_the_disk_before_the_answer_and_there_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let broker = Broker::start(dir.path(), "");
    let client = broker.client();
    client.succeed(RequestCode::UpdateAndCreateTopic, &topic("T"), "").await;
    let file = fs::read(dir.path().join("store/config/topics.json")).unwrap();
    let table: TopicConfigTable = json::from_slice(&file).unwrap();
    assert_eq!(table.topic_config_table["T"].read_queue_count, 2);
    assert!(!table.topic_config_table["T"].order, "whether a topic is ordered, the name server says");

    let body = r#"{"groupName":"g","retryMaxTimes":3}"#;
    client.succeed(RequestCode::UpdateAndCreateSubscriptionGroup, &NoHeader, body).await;
    let file = fs::read(dir.path().join("store/config/subscriptionGroup.json")).unwrap();
    let table: GroupConfigTable = json::from_slice(&file).unwrap();
    assert_eq!(table.subscription_group_table["g"].retry_max_times, 3);

    let commit = UpdateConsumerOffsetRequest { group: "g".into(), topic: "T".into(), queue_id: 1, commit_offset: 42 };
    client.succeed(RequestCode::UpdateConsumerOffset, &commit, "").await;
    client.consume("one", "auto").await;
    let version = table_of(&client).await.data_version;
    broker.stop().await;

    let broker = Broker::start(dir.path(), "");
    let client = broker.client();
    let table = table_of(&client).await;
    assert_eq!(table.data_version, version);
    assert!(table.topic_config_table.contains_key("T") && table.topic_config_table.contains_key("%RETRY%auto"));
    let ask = QueryConsumerOffsetRequest { group: "g".into(), topic: "T".into(), queue_id: 1 };
    let answer = client.succeed(RequestCode::QueryConsumerOffset, &ask, "").await;
    assert_eq!(answer.fields, Some(vec![("offset".to_owned(), "42".to_owned())]));
    let answer = client.succeed(RequestCode::GetAllConsumerOffset, &NoHeader, "").await;
    let offsets: ConsumerOffsetTable = json::from_slice(&answer.body).unwrap();
    assert_eq!(offsets.offset_table["T@g"][&1], 42);

    client.succeed(RequestCode::DeleteTopicInBroker, &TopicRequest { topic: "T".into() }, "").await;
    client.succeed(RequestCode::DeleteTopicInBroker, &TopicRequest { topic: "T".into() }, "").await;
    let delete = DeleteGroupRequest { group: "g".into(), remove_offset: Some(true) };
    client.succeed(RequestCode::DeleteSubscriptionGroup, &delete, "").await;
    assert!(!table_of(&client).await.topic_config_table.contains_key("T"));
    let answer = client.succeed(RequestCode::GetAllConsumerOffset, &NoHeader, "").await;
    assert!(json::from_slice::<ConsumerOffsetTable>(&answer.body).unwrap().offset_table.is_empty());
    broker.stop().await;
}

async fn table_of(client: &Connection) -> TopicConfigTable {
    let answer = client.succeed(RequestCode::GetAllTopicConfig, &NoHeader, "").await;
    json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_the_words_of_java() {
    let dir = TempDir::new().unwrap();
    let broker = Broker::start(dir.path(), "");
    let client = broker.client();
    let told = |answer: Command| (answer.code, answer.remark.unwrap_or_default());
    let error = ResponseCode::SystemError.code();

    let answer = client.ask(RequestCode::UpdateAndCreateTopic, &topic("DefaultCluster"), "").await;
    assert_eq!(told(answer), (error, "the topic[DefaultCluster] is conflict with system reserved words.".to_owned()));
    let answer = client.ask(RequestCode::UpdateAndCreateTopic, &topic("../x"), "").await;
    assert_eq!(answer.code, error);
    let answer = client.ask(RequestCode::GetTopicStatsInfo, &TopicRequest { topic: "T9".into() }, "").await;
    assert_eq!(told(answer), (ResponseCode::TopicNotExist.code(), "topic[T9] not exist".to_owned()));
    let group = ConsumerGroupRequest { group: "g".into() };
    let answer = client.ask(RequestCode::GetConsumerListByGroup, &group, "").await;
    assert_eq!(told(answer), (error, "no consumer for this group, g".to_owned()));
    let answer = client.ask(RequestCode::GetConsumerConnectionList, &group, "").await;
    assert_eq!(told(answer), (ResponseCode::ConsumerNotOnline.code(), "the consumer group[g] not online".to_owned()));
    let answer = client.ask(RequestCode::HeartBeat, &NoHeader, "").await;
    assert_eq!(answer.code, error);
    let answer = client.ask(RequestCode::QueryConsumerOffset, &EmptyHeader, "").await;
    assert_eq!(answer.code, error);
    let answer = client.ask(RequestCode::GetBrokerConsumeStats, &EmptyHeader, "").await;
    assert_eq!(answer.code, error, "what is not there yet says so");
    let answer = client.ask(RequestCode::RegisterBroker, &EmptyHeader, "").await;
    assert_eq!(answer.code, ResponseCode::RequestCodeNotSupported.code());
    broker.stop().await;
}

#[tokio::test]
async fn settings_are_shown_changed_and_kept() {
    let dir = TempDir::new().unwrap();
    let broker = Broker::start(dir.path(), "# the hand of the operator\nregionId=here");
    let client = broker.client();
    let shown = |answer: &Command| String::from_utf8(answer.body.to_vec()).unwrap();
    let answer = client.succeed(RequestCode::GetBrokerConfig, &NoHeader, "").await;
    assert!(shown(&answer).contains("brokerName=b\n") && shown(&answer).contains("regionId=here\n"));
    let version = &answer.fields.as_ref().unwrap()[0];
    assert_eq!(version.0, "version");
    assert_eq!(json::from_slice::<DataVersion>(version.1.as_bytes()).unwrap().counter, 0);

    client.succeed(RequestCode::UpdateBrokerConfig, &NoHeader, "regionId=there\nnobodyKnows=1\n").await;
    let answer = client.succeed(RequestCode::GetBrokerConfig, &NoHeader, "").await;
    assert!(shown(&answer).contains("regionId=there\n") && !shown(&answer).contains("nobodyKnows"));
    let file = fs::read_to_string(dir.path().join("broker.conf")).unwrap();
    assert!(file.contains("# the hand of the operator\nregionId=there\n"), "{file}");

    for forbidden in ["storePathRootDir=/", "filterServerNums=1", "rocketmqHome=/x", "traceOn=perhaps"] {
        let answer = client.ask(RequestCode::UpdateBrokerConfig, &NoHeader, forbidden.to_owned()).await;
        assert_eq!(answer.code, ResponseCode::SystemError.code(), "{forbidden}");
    }
    assert_eq!(fs::read_to_string(dir.path().join("broker.conf")).unwrap(), file);
    broker.stop().await;
}

#[tokio::test]
async fn the_rest_of_what_clients_and_operators_ask_is_answered() {
    let dir = TempDir::new().unwrap();
    let broker = Broker::start(dir.path(), "");
    let client = broker.client();
    let queue = |queue_id| MessageQueue { broker_name: "b".to_owned(), queue_id, topic: "T".to_owned() };
    let lock = |client: &str, ids: &[i32]| {
        let request = LockBatchRequest {
            client_id: client.to_owned(),
            consumer_group: "g".to_owned(),
            mq_set: ids.iter().map(|&id| queue(id)).collect(),
        };
        json::to_vec(&request)
    };
    let locked = |answer: Command| json::from_slice::<LockBatchResponse>(&answer.body).unwrap().locked;
    let answer = client.succeed(RequestCode::LockBatchMessageQueue, &NoHeader, lock("one", &[0, 1])).await;
    assert_eq!(locked(answer).len(), 2);
    let answer = client.succeed(RequestCode::LockBatchMessageQueue, &NoHeader, lock("two", &[1, 2])).await;
    assert_eq!(locked(answer), [queue(2)].into());
    client.succeed(RequestCode::UnlockBatchMessageQueue, &NoHeader, lock("one", &[1])).await;
    let answer = client.succeed(RequestCode::LockBatchMessageQueue, &NoHeader, lock("two", &[1])).await;
    assert_eq!(locked(answer), [queue(1)].into());

    client.succeed(RequestCode::CheckClientConfig, &NoHeader, "").await;
    let sql =
        r#"{"clientId":"c","group":"g","subscriptionData":{"expressionType":"SQL92","subString":"a=1","topic":"T"}}"#;
    let answer = client.ask(RequestCode::CheckClientConfig, &NoHeader, sql).await;
    let remark = "The broker does not support consumer to filter message by SQL92";
    assert_eq!(answer.remark.as_deref(), Some(remark));

    let answer = client.succeed(RequestCode::GetBrokerRuntimeInfo, &NoHeader, "").await;
    let info: KvTable = json::from_slice(&answer.body).unwrap();
    for key in ["putTps", "getTransferedTps", "sendThreadPoolQueueSize", "commitLogDiskRatio", "brokerVersionDesc"] {
        assert!(info.table.contains_key(key), "{key}");
    }
    let stats = ConsumeStatsRequest { group: "g".into(), topic: None };
    client.succeed(RequestCode::GetConsumeStats, &stats, "").await;
    client.succeed(RequestCode::GetSystemTopicListFromBroker, &NoHeader, "").await;
    client.succeed(RequestCode::CleanUnusedTopic, &NoHeader, "").await;
    client.succeed(RequestCode::CleanExpiredConsumeQueue, &NoHeader, "").await;
    broker.stop().await;
}

#[tokio::test]
async fn a_thousand_topics_take_a_few_writes() {
    let dir = TempDir::new().unwrap();
    let broker = Broker::start(dir.path(), "");
    let client = broker.client();
    let names: Vec<String> = (0..1000).map(|number| format!("T{number}")).collect();
    let requests = names.iter().map(|name| {
        let (client, address) = (client.client.clone(), client.address.clone());
        let command = Command::request(RequestCode::UpdateAndCreateTopic, &topic(name), "");
        async move { client.call(&address, &command, LONG).await.unwrap().is_success() }
    });
    let answers: Vec<_> = requests.map(tokio::spawn).collect();
    for answer in answers {
        assert!(answer.await.unwrap());
    }
    let file = fs::read(dir.path().join("store/config/topics.json")).unwrap();
    let table: TopicConfigTable = json::from_slice(&file).unwrap();
    assert!(names.iter().all(|name| table.topic_config_table.contains_key(name)));
    broker.stop().await;
}
