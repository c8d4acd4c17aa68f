//! A name server and its clients over real sockets.

use bytes::Bytes;
use compat::body::DataVersion;
use compat::body::namesrv::{KvTable, RegisterBrokerBody, TopicConfigTable, TopicList};
use compat::command::{RequestCode as Code, ResponseCode};
use compat::header::namesrv::{
    BrokerRequest, ClusterRequest, DataVersionResponse, KvRequest, KvResponse, NamespaceRequest, PutKvRequest,
    RegisterBrokerRequest, RegisterBrokerResponse, WipeWritePermRequest, WipeWritePermResponse,
};
use compat::header::{Encode, NoHeader};
use compat::json;
use compat::time::{Clock, Millis};
use compat::topic::{Perm, TopicConfig};
use namesrv::{Config, Namesrv, Running};
use remoting::client::Client;
use remoting::command::Command;
use remoting::settings::ClientSettings;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::disk::Disk;
use store::disk::sim::SimDisk;

const START: Millis = Millis(1_533_000_000_000);
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_registered_broker_is_found() {
    let server = Server::start();
    let answer = server.register("broker-a", 0, "1.2.3.4:10911", &["T", "U"], 1).await;
    assert!(answer.is_success() && answer.body.is_empty());
    let header: RegisterBrokerResponse<'_> = answer.header().unwrap();
    assert_eq!((header.master_addr, header.ha_addr), (None, None));

    let slave = server.register("broker-a", 1, "1.2.3.5:10911", &[], 1).await;
    let header: RegisterBrokerResponse<'_> = slave.header().unwrap();
    assert_eq!(header.master_addr.as_deref(), Some("1.2.3.4:10911"));
    assert_eq!(header.ha_addr.as_deref(), Some("ha of 1.2.3.4:10911"));

    let route = server.ask(Code::GetRouteInfoByTopic, &topic("T")).await;
    let expected = r#"{"brokerDatas":[{"brokerAddrs":{0:"1.2.3.4:10911",1:"1.2.3.5:10911"},"brokerName":"broker-a","cluster":"C"}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSynFlag":0,"writeQueueNums":4}]}"#;
    assert_eq!(text(&route), expected);
    let clusters = server.ask(Code::GetBrokerClusterInfo, &NoHeader).await;
    let expected = r#"{"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"1.2.3.4:10911",1:"1.2.3.5:10911"},"brokerName":"broker-a","cluster":"C"}},"clusterAddrTable":{"C":["broker-a"]}}"#;
    assert_eq!(text(&clusters), expected);
    assert_eq!(text(&server.ask(Code::GetAllTopicListFromNameServer, &NoHeader).await), r#"{"topicList":["T","U"]}"#);
    let system = server.ask(Code::GetSystemTopicListFromNameServer, &NoHeader).await;
    assert_eq!(text(&system), r#"{"brokerAddr":"1.2.3.4:10911","topicList":["C","broker-a"]}"#);
    for (cluster, expected) in [("C", r#"{"topicList":["T","U"]}"#), ("nope", r#"{"topicList":[]}"#)] {
        let answer = server.ask(Code::GetTopicsByCluster, &ClusterRequest { cluster: cluster.into() }).await;
        assert_eq!(text(&answer), expected);
    }
    for code in [Code::GetUnitTopicList, Code::GetHasUnitSubTopicList, Code::GetHasUnitSubUnunitTopicList] {
        assert_eq!(text(&server.ask(code, &NoHeader).await), r#"{"topicList":[]}"#);
    }
    server.stop();
}

#[tokio::test]
async fn an_unknown_topic_has_no_route() {
    let server = Server::start();
    let answer = server.ask(Code::GetRouteInfoByTopic, &topic("T")).await;
    assert_eq!(answer.code, ResponseCode::TopicNotExist.code());
    let remark = answer.remark.unwrap();
    assert!(remark.starts_with("No topic route info in name server for the topic: T\nSee "), "{remark}");
    server.stop();
}

#[tokio::test]
async fn later_clients_get_routes_in_plain_json() {
    let server = Server::start();
    server.register("broker-a", 0, "1.2.3.4:10911", &["T"], 1).await;
    let mut request = Command::request(Code::GetRouteInfoByTopic, &topic("T"), Bytes::new());
    request.fields.as_mut().unwrap().push(("acceptStandardJsonOnly".to_owned(), "true".to_owned()));
    assert!(text(&server.call(&request).await).contains(r#""brokerAddrs":{"0":"1.2.3.4:10911"}"#));
    server.stop();
}

#[tokio::test]
async fn a_registration_may_be_compressed_and_its_crc_is_checked() {
    let server = Server::start();
    let body = compressed(&["T 4 4 6 SINGLE_TAG", "U 8 8 4 MULTI_TAG"]);
    let crc = (crc32fast::hash(&body) & 0x7FFF_FFFF) as i32;
    let mut header = registration("broker-a", 0, "1.2.3.4:10911");
    header.compressed = Some(true);
    header.body_crc32 = Some(crc ^ 1);
    let refused = server.ask_with(Code::RegisterBroker, &header, body.clone()).await;
    assert_eq!((refused.code, refused.remark.as_deref()), (1, Some("crc32 not match")));
    header.body_crc32 = Some(crc);
    assert!(server.ask_with(Code::RegisterBroker, &header, body).await.is_success());
    let route = text(&server.ask(Code::GetRouteInfoByTopic, &topic("U")).await);
    assert!(route.contains(r#""perm":4,"readQueueNums":8"#), "{route}");

    header.body_crc32 = None;
    let garbled = server.ask_with(Code::RegisterBroker, &header, b"nonsense".to_vec()).await;
    assert_eq!(garbled.code, 1);
    assert!(garbled.remark.unwrap().starts_with("Failed to decode RegisterBrokerBody"));
    server.stop();
}

#[tokio::test]
async fn a_broker_learns_whether_its_topics_are_known() {
    let server = Server::start();
    let known = |answer: Command| (answer.header::<DataVersionResponse>().unwrap().changed, text(&answer));
    let ask = async |counter| {
        server.ask_with(Code::QueryDataVersion, &broker("broker-a", 0), json::to_vec(&version(counter))).await
    };
    assert_eq!(known(ask(1).await), (true, String::new()));
    server.register("broker-a", 0, "broker-a:1", &["T", "U"], 1).await;
    assert_eq!(known(ask(1).await), (false, r#"{"counter":1,"timestamp":5}"#.to_owned()));
    assert_eq!(known(ask(2).await), (true, r#"{"counter":1,"timestamp":5}"#.to_owned()));
    server.stop();
}

#[tokio::test]
async fn write_permission_is_wiped_and_given_back() {
    let server = Server::start();
    server.register("broker-a", 0, "1.2.3.4:10911", &["T", "U"], 1).await;
    let wipe = async |name: &str| {
        server.ask(Code::WipeWritePermOfBroker, &WipeWritePermRequest { broker_name: name.into() }).await
    };
    let count = |answer: Command| answer.header::<WipeWritePermResponse>().unwrap().topic_count;
    assert_eq!(count(wipe("broker-a").await), 2);
    assert_eq!(count(wipe("nope").await), 0);
    let perm = async || {
        let route = text(&server.ask(Code::GetRouteInfoByTopic, &topic("T")).await);
        route.split_once(r#""perm":"#).unwrap().1.as_bytes()[0]
    };
    assert_eq!(perm().await, b'4');
    server.register("broker-a", 0, "1.2.3.4:10911", &["T", "U"], 1).await;
    assert_eq!(perm().await, b'4', "the same version gives nothing back");
    server.register("broker-a", 0, "1.2.3.4:10911", &["T", "U"], 2).await;
    assert_eq!(perm().await, b'6');
    wipe("broker-a").await;
    let mut add = Command::request(
        Code::WipeWritePermOfBroker,
        &WipeWritePermRequest { broker_name: "broker-a".into() },
        Bytes::new(),
    );
    add.code = 327;
    let added = server.call(&add).await;
    assert_eq!(added.fields, Some(vec![("addTopicCount".to_owned(), "2".to_owned())]));
    assert_eq!(perm().await, b'6');
    server.stop();
}

#[tokio::test]
async fn a_deleted_topic_returns_with_the_next_change_of_its_broker() {
    let server = Server::start();
    server.register("broker-a", 0, "1.2.3.4:10911", &["T", "U"], 1).await;
    assert!(server.ask(Code::DeleteTopicInNameServer, &topic("T")).await.is_success());
    assert!(server.ask(Code::DeleteTopicInNameServer, &topic("T")).await.is_success());
    server.register("broker-a", 0, "1.2.3.4:10911", &["T", "U"], 1).await;
    assert_eq!(server.topics().await, ["U"]);
    server.register("broker-a", 0, "1.2.3.4:10911", &["T", "U"], 2).await;
    assert_eq!(server.topics().await, ["T", "U"]);
    server.stop();
}

#[tokio::test]
async fn a_broker_that_leaves_takes_its_topics_with_it() {
    let server = Server::start();
    server.register("broker-a", 0, "broker-a:1", &["T"], 1).await;
    assert!(server.ask(Code::UnregisterBroker, &broker("broker-a", 0)).await.is_success());
    assert!(server.topics().await.is_empty());
    assert!(server.ask(Code::UnregisterBroker, &broker("broker-a", 0)).await.is_success());
    server.stop();
}

#[tokio::test]
async fn a_silent_broker_is_removed_and_its_connection_closed() {
    let server = Server::start();
    server.register("broker-a", 0, "1.2.3.4:10911", &["T"], 1).await;
    server.clock.set(START.plus(Duration::from_secs(120)));
    server.running.expire_silent();
    assert_eq!(server.topics().await, ["T"]);
    server.clock.set(START.plus(Duration::from_millis(120_001)));
    server.running.expire_silent();
    let watcher = Client::new(ClientSettings::default());
    assert!(server.topics_by(&watcher).await.is_empty());
    server.stop();
}

#[tokio::test]
async fn a_closed_connection_removes_its_broker_at_once_but_no_later_registration() {
    let server = Server::start();
    let (old, new) = (Client::new(ClientSettings::default()), Client::new(ClientSettings::default()));
    server.register_by(&old, "broker-a", 0, "1.2.3.4:10911", &["A"], 1).await;
    server.register_by(&old, "broker-b", 0, "1.2.3.5:10911", &["B"], 1).await;
    server.register_by(&new, "broker-b", 0, "1.2.3.5:10911", &["B"], 1).await;
    assert_eq!(server.topics().await, ["A", "B"]);
    old.close();
    let gone = async {
        while server.topics().await != ["B"] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("broker-a goes with its connection, broker-b does not");
    server.stop();
}

#[tokio::test]
async fn keys_and_values_survive_a_restart_and_a_damaged_file() {
    let server = Server::start();
    let get =
        |server: &Server| server.request(Code::GetKvConfig, &KvRequest { namespace: "ns".into(), key: "k".into() });
    let missing = server.call(&get(&server)).await;
    assert_eq!((missing.code, missing.remark.as_deref()), (22, Some("No config item, Namespace: ns Key: k")));
    for value in ["v1", "v2"] {
        let put = PutKvRequest { namespace: "ns".into(), key: "k".into(), value: value.into() };
        assert!(server.ask(Code::PutKvConfig, &put).await.is_success());
    }
    let server = server.restart();
    let found = server.call(&get(&server)).await;
    assert_eq!(found.header::<KvResponse<'_>>().unwrap().value.as_deref(), Some("v2"));

    let file = server.disk.open(Path::new("/home/namesrv/kvConfig.json")).unwrap();
    file.set_len(5).unwrap();
    let server = server.restart();
    let found = server.call(&get(&server)).await;
    assert_eq!(found.header::<KvResponse<'_>>().unwrap().value.as_deref(), Some("v1"), "the .bak");

    for key in ["k", "absent"] {
        let delete = KvRequest { namespace: "ns".into(), key: key.into() };
        assert!(server.ask(Code::DeleteKvConfig, &delete).await.is_success());
    }
    let empty = server.ask(Code::GetKvListByNamespace, &NamespaceRequest { namespace: "ns".into() }).await;
    assert_eq!(json::from_slice::<KvTable>(&empty.body).unwrap(), KvTable::default());
    let none = server.ask(Code::GetKvListByNamespace, &NamespaceRequest { namespace: "no".into() }).await;
    assert_eq!((none.code, none.remark.as_deref()), (22, Some("No config item, Namespace: no")));
    server.stop();
}

#[tokio::test]
async fn a_missing_key_is_refused() {
    let server = Server::start();
    let mut put =
        server.request(Code::PutKvConfig, &PutKvRequest { namespace: "ns".into(), key: "k".into(), value: "v".into() });
    put.fields.as_mut().unwrap().retain(|(name, _)| name != "key");
    let refused = server.call(&put).await;
    assert_eq!((refused.code, refused.remark.as_deref()), (1, Some("the custom field <key> is null")));
    server.stop();
}

#[tokio::test]
async fn the_order_of_a_topic_is_told_to_brokers_and_if_enabled_to_clients() {
    let server = Server::start();
    let put = PutKvRequest { namespace: "ORDER_TOPIC_CONFIG".into(), key: "T".into(), value: "broker-a:4".into() };
    server.ask(Code::PutKvConfig, &put).await;
    let answer = server.register("broker-a", 0, "1.2.3.4:10911", &["T"], 1).await;
    assert_eq!(text(&answer), r#"{"table":{"T":"broker-a:4"}}"#);
    let route = async || text(&server.ask(Code::GetRouteInfoByTopic, &topic("T")).await);
    assert!(!route().await.contains("orderTopicConf"));
    let update = server.ask_with(Code::UpdateNameServerConfig, &NoHeader, b"orderMessageEnable=true\n".to_vec()).await;
    assert!(update.is_success());
    assert!(route().await.contains(r#""orderTopicConf":"broker-a:4""#));
    let put = PutKvRequest { value: "broker-a:8".into(), ..put };
    server.ask(Code::PutKvConfig, &put).await;
    assert!(route().await.contains(r#""orderTopicConf":"broker-a:8""#));
    server.stop();
}

#[tokio::test]
async fn settings_are_shown_changed_and_protected() {
    let server = Server::start();
    let config = async || text(&server.ask(Code::GetNameServerConfig, &NoHeader).await);
    assert!(config().await.contains("\norderMessageEnable=false\n"));
    let update =
        async |lines: &str| server.ask_with(Code::UpdateNameServerConfig, &NoHeader, lines.as_bytes().to_vec()).await;
    for (lines, remark) in [
        ("kvConfigPath=/tmp/x", "kvConfigPath cannot be changed while the name server runs"),
        (
            "orderMessageEnable=true\nconfigStorePath=/tmp/x",
            "configStorePath cannot be changed while the name server runs",
        ),
        ("orderMessageEnable=\\u00", "string2Properties error"),
    ] {
        let refused = update(lines).await;
        assert_eq!((refused.code, refused.remark.as_deref()), (1, Some(remark)));
    }
    assert!(config().await.contains("\norderMessageEnable=false\n"));
    assert!(update("orderMessageEnable=true\nunknown=1\n").await.is_success());
    assert!(update("").await.is_success());
    assert!(config().await.contains("\norderMessageEnable=true\n"));
    let file = server.disk.read(Path::new("/home/namesrv/namesrv.properties"), 10_000).unwrap();
    assert!(String::from_utf8(file).unwrap().contains("\norderMessageEnable=true\n"));
    server.stop();
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused() {
    let server = Server::start();
    server.disk.leave_free(0);
    let put = PutKvRequest { namespace: "ns".into(), key: "k".into(), value: "v".into() };
    let refused = server.ask(Code::PutKvConfig, &put).await;
    assert_eq!(refused.code, 1);
    assert!(refused.remark.unwrap().starts_with("nothing is changed, it cannot be stored: "));
    let get = KvRequest { namespace: "ns".into(), key: "k".into() };
    assert_eq!(server.ask(Code::GetKvConfig, &get).await.code, 22);
    server.stop();
}

#[tokio::test]
async fn an_unknown_code_is_answered() {
    let server = Server::start();
    let mut request = Command::request(Code::GetNameServerConfig, &NoHeader, Bytes::new());
    request.code = 26;
    let refused = server.call(&request).await;
    assert_eq!((refused.code, refused.remark.as_deref()), (3, Some(" request type 26 not supported")));
    server.stop();
}

#[test]
fn a_start_that_fails_changes_nothing() {
    let disk = SimDisk::new(Clock::by_hand(START), 1);
    disk.create_dir_all(Path::new("/home/namesrv")).unwrap();
    let file = disk.create(Path::new("/home/namesrv/kvConfig.json")).unwrap();
    file.write_all_at(b"{damaged", 0).unwrap();
    let before = disk.contents();
    assert!(Namesrv::open(Config::new(Path::new("/home")), Arc::new(disk.clone()), Clock::system()).is_err());
    assert_eq!(disk.contents(), before);

    let mut config = Config::new(Path::new("/elsewhere"));
    config.settings.cluster_test = true;
    let refused = Namesrv::open(config, Arc::new(disk), Clock::system()).err().unwrap();
    assert!(refused.to_string().starts_with("clusterTest=true is not supported"));
}

struct Server {
    disk: SimDisk,
    clock: Clock,
    running: Running,
    client: Client,
}

impl Server {
    fn start() -> Self {
        let clock = Clock::by_hand(START);
        Self::start_on(SimDisk::new(clock.clone(), 1), clock)
    }

    fn start_on(disk: SimDisk, clock: Clock) -> Self {
        let mut config = Config::new(Path::new("/home"));
        config.server.listen_port = 0;
        let namesrv = Namesrv::open(config, Arc::new(disk.clone()), clock.clone()).unwrap();
        let running = namesrv.bind(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap().start().unwrap();
        Self { disk, clock, running, client: Client::new(ClientSettings::default()) }
    }

    fn stop(self) {
        self.running.stop();
    }

    fn restart(self) -> Self {
        self.running.stop();
        Self::start_on(self.disk.kill(), self.clock)
    }

    fn request<H: Encode>(&self, code: Code, header: &H) -> Command {
        Command::request(code, header, Bytes::new())
    }

    async fn call(&self, request: &Command) -> Command {
        self.client.call(&self.running.address().to_string(), request, PATIENCE).await.unwrap()
    }

    async fn ask<H: Encode>(&self, code: Code, header: &H) -> Command {
        self.call(&Command::request(code, header, Bytes::new())).await
    }

    async fn ask_with<H: Encode>(&self, code: Code, header: &H, body: Vec<u8>) -> Command {
        self.call(&Command::request(code, header, body)).await
    }

    async fn register(&self, name: &str, id: i64, address: &str, topics: &[&str], counter: i64) -> Command {
        self.register_by(&self.client, name, id, address, topics, counter).await
    }

    async fn register_by(
        &self,
        client: &Client,
        name: &str,
        id: i64,
        address: &str,
        topics: &[&str],
        counter: i64,
    ) -> Command {
        let table = topics.iter().map(|topic| ((*topic).to_owned(), TopicConfig::new(topic, 4, Perm::READ_WRITE)));
        let body = RegisterBrokerBody {
            filter_server_list: Some(vec![]),
            topic_config_serialize_wrapper: TopicConfigTable {
                data_version: version(counter),
                topic_config_table: table.collect::<BTreeMap<_, _>>(),
            },
        };
        let request = Command::request(Code::RegisterBroker, &registration(name, id, address), json::to_vec(&body));
        client.call(&self.running.address().to_string(), &request, PATIENCE).await.unwrap()
    }

    async fn topics(&self) -> Vec<String> {
        self.topics_by(&self.client).await
    }

    async fn topics_by(&self, client: &Client) -> Vec<String> {
        let request = self.request(Code::GetAllTopicListFromNameServer, &NoHeader);
        let answer = client.call(&self.running.address().to_string(), &request, PATIENCE).await.unwrap();
        json::from_slice::<TopicList>(&answer.body).unwrap().topic_list
    }
}

fn registration<'a>(name: &'a str, id: i64, address: &'a str) -> RegisterBrokerRequest<'a> {
    RegisterBrokerRequest {
        broker_name: name.into(),
        broker_addr: address.into(),
        cluster: "C".into(),
        ha_addr: Some(format!("ha of {address}").into()),
        broker_id: id,
        compressed: Some(false),
        body_crc32: None,
    }
}

fn broker(name: &str, id: i64) -> BrokerRequest<'_> {
    BrokerRequest {
        broker_name: name.into(),
        broker_addr: format!("{name}:1").into(),
        cluster: "C".into(),
        broker_id: id,
    }
}

fn topic(topic: &str) -> compat::header::admin::TopicRequest<'_> {
    compat::header::admin::TopicRequest { topic: topic.into() }
}

fn version(counter: i64) -> DataVersion {
    DataVersion { counter, timestamp: 5 }
}

fn text(answer: &Command) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// The body of a compressed registration with topics of the form `name read write perm type`.
fn compressed(topics: &[&str]) -> Vec<u8> {
    let part = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    let mut content = part(br#"{"counter":1,"timestamp":5}"#);
    content.extend((topics.len() as u32).to_be_bytes());
    topics.iter().for_each(|topic| content.extend(part(topic.as_bytes())));
    content.extend(part(b"[]"));
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&content).unwrap();
    encoder.finish().unwrap()
}
