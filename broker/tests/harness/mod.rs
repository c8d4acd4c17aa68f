//! A broker for tests: the message paths over a real socket, with a real store in a directory that goes away.

#![allow(dead_code, reason = "each test program uses its part")]

use broker::clients::{ClientRequests, Consumers, Producers};
use broker::groups::Groups;
use broker::identity::Identity;
use broker::live::Live;
use broker::offsets::ConsumerOffsets;
use broker::pull::{self, Pull};
use broker::query::Query;
use broker::retry::Retry;
use broker::send::{self, Send};
use broker::service::{Aside, BrokerService, Place, Table};
use broker::settings::BrokerSettings;
use broker::stats::Stats;
use broker::topics::{BuiltIn, Topics};
use broker::transaction::Transactions;
use bytes::Bytes;
use compat::command::RequestCode;
use compat::header::Encode;
use compat::header::pull::{PullFlag, PullRequest};
use compat::header::send::SendRequest;
use compat::message::record::{self, CheckBody, Parsed, Record};
use compat::names;
use compat::text::Text;
use compat::time::Clock;
use compat::topic::{Perm, TopicConfig};
use remoting::client::Client;
use remoting::command::Command;
use remoting::server::{Running, bind};
use remoting::settings::{ClientSettings, ServerSettings};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;
use store::config_file::ConfigFile;
use store::disk::{Disk, RealDisk};
use store::{Store, StoreSettings};
use tempfile::TempDir;

/// Longer than any answer takes.
pub const LONG: Duration = Duration::from_secs(20);

/// What a test wants differently.
pub struct Wanted {
    pub settings: BrokerSettings,
    pub store_settings: StoreSettings,
    pub disk: Arc<dyn Disk>,
    pub limits: pull::Limits,
    pub event_loops: usize,
    /// Further requests.
    pub more: fn(Table) -> Table,
}

impl Default for Wanted {
    fn default() -> Self {
        let store_settings = StoreSettings {
            commit_log_file_len: 16 << 20,
            consume_queue_file_len: 20 * 1000,
            max_hash_slots: 1000,
            max_index_entries: 4000,
            ..StoreSettings::default()
        };
        Self {
            settings: BrokerSettings::default(),
            store_settings,
            disk: Arc::new(RealDisk),
            limits: pull::Limits { per_connection: 100, total: 1000 },
            event_loops: 1,
            more: |table| table,
        }
    }
}

/// A broker at work.
pub struct Broker {
    pub address: SocketAddr,
    pub topics: Arc<Topics>,
    pub groups: Arc<Groups>,
    pub consumers: Arc<Consumers>,
    pub offsets: Arc<ConsumerOffsets>,
    pub stats: Arc<Stats>,
    pub settings: Arc<Live<BrokerSettings>>,
    pub store_settings: Arc<Live<StoreSettings>>,
    pub store: Store,
    pub pull: Arc<Pull>,
    expiring: tokio::task::JoinHandle<()>,
    running: Option<Running>,
    _dir: TempDir,
}

impl Broker {
    /// Starts one; needs a runtime around it.
    pub fn start(wanted: Wanted) -> Self {
        let dir = TempDir::new().unwrap();
        let path = |name: &str| dir.path().join(name);
        let clock = Clock::system();
        let disk = wanted.disk;
        let store_settings = StoreSettings {
            store_path_root: path("store").to_str().unwrap().to_owned(),
            store_path_commit_log: path("store/commitlog").to_str().unwrap().to_owned(),
            ..wanted.store_settings
        };
        let store = Store::open(store_settings.clone(), Arc::clone(&disk), clock.clone()).unwrap();
        let listening = bind(
            &ServerSettings { event_loops: wanted.event_loops, ..ServerSettings::default() },
            &["127.0.0.1:0".parse().unwrap()],
        )
        .unwrap();
        let address = listening.addresses()[0];

        let file = |name: &str| ConfigFile::new(Arc::clone(&disk), path("store/config").join(name));
        let settings = Arc::new(Live::new(wanted.settings));
        let store_settings = Arc::new(Live::new(store_settings));
        let built_in = BuiltIn {
            cluster: "DefaultCluster",
            broker: "broker-a",
            default_queue_count: 8,
            auto_create: true,
            cluster_topic: true,
            broker_topic: true,
        };
        let topics =
            Arc::new(Topics::load(file("topics.json"), &built_in, Arc::clone(&settings), clock.clone()).unwrap());
        let groups =
            Arc::new(Groups::load(file("subscriptionGroup.json"), Arc::clone(&settings), clock.clone()).unwrap());
        let consumers = Arc::new(Consumers::default());
        let offsets = Arc::new(ConsumerOffsets::load(file("consumerOffset.json")).unwrap());
        let stats = Arc::new(Stats::new("DefaultCluster"));
        let ip = "127.0.0.1".to_owned();
        let SocketAddr::V4(own_address) = address else { panic!("an IPv4 address") };
        let identity =
            Identity { name: "broker-a".to_owned(), cluster: "DefaultCluster".to_owned(), ip, address: own_address };
        let identity = Arc::new(identity);
        let aside = Aside::new(tokio::runtime::Handle::current(), 1000);

        let send = Send::new(send::Parts {
            store: store.clone(),
            topics: Arc::clone(&topics),
            groups: Arc::clone(&groups),
            stats: Arc::clone(&stats),
            settings: Arc::clone(&settings),
            store_settings: Arc::clone(&store_settings),
            identity: Arc::clone(&identity),
            disk,
            clock: clock.clone(),
        });
        let pull = Pull::new(pull::Parts {
            store: store.clone(),
            topics: Arc::clone(&topics),
            groups: Arc::clone(&groups),
            consumers: Arc::clone(&consumers),
            offsets: Arc::clone(&offsets),
            stats: Arc::clone(&stats),
            settings: Arc::clone(&settings),
            store_settings: Arc::clone(&store_settings),
            identity,
            aside: aside.clone(),
            limits: wanted.limits,
            clock: clock.clone(),
        });
        store.start(pull.arrivals()).unwrap();
        let query = Arc::new(Query::new(store.clone(), Arc::clone(&store_settings)));
        let clients = Arc::new(ClientRequests {
            consumers: Arc::clone(&consumers),
            producers: Arc::new(Producers::default()),
            groups: Arc::clone(&groups),
            topics: Arc::clone(&topics),
            settings: Arc::clone(&settings),
        });
        let table = Table::default()
            .on(RequestCode::QueryMessage, Place::Aside, &query, Query::by_key)
            .on(RequestCode::ViewMessageById, Place::Aside, &query, Query::by_id)
            .on(RequestCode::SearchOffsetByTimestamp, Place::Aside, &query, Query::offset_by_time)
            .on(RequestCode::GetMaxOffset, Place::Loop, &query, Query::max_offset)
            .on(RequestCode::GetMinOffset, Place::Loop, &query, Query::min_offset)
            .on(RequestCode::GetEarliestMessageStoreTime, Place::Aside, &query, Query::earliest_time)
            .on(RequestCode::HeartBeat, Place::Loop, &clients, ClientRequests::heartbeat)
            .on(RequestCode::ConsumerSendMessageBack, Place::Loop, &Arc::new(Retry), Retry::give_back)
            .on(RequestCode::EndTransaction, Place::Loop, &Arc::new(Transactions), Transactions::end);
        let service = BrokerService {
            send: Arc::new(send),
            pull: Arc::clone(&pull),
            table: (wanted.more)(table),
            aside,
            on_closed: Box::new(move |peer| clients.on_closed(peer)),
            clock,
        };
        let expiring = tokio::spawn(Arc::clone(&pull).expire());
        let running = Some(listening.start(Arc::new(service)).unwrap());
        Self {
            address,
            topics,
            groups,
            consumers,
            offsets,
            stats,
            settings,
            store_settings,
            store,
            pull,
            expiring,
            running,
            _dir: dir,
        }
    }

    /// A topic of so many queues.
    pub fn topic(&self, name: &str, queues: i32) {
        self.topics.put(TopicConfig::new(name, queues, Perm::READ_WRITE)).unwrap();
    }

    /// A client with a connection of its own.
    pub fn client(&self) -> Connection {
        Connection { client: Client::new(ClientSettings::default()), address: self.address }
    }

    /// Stops the server on a thread of its own. The store stays open until the broker goes.
    pub fn stop_serving(&mut self) -> tokio::task::JoinHandle<()> {
        let running = self.running.take().expect("the server runs");
        tokio::task::spawn_blocking(move || running.stop())
    }

    /// Changes settings.
    pub fn set(&self, change: impl FnOnce(&mut BrokerSettings)) {
        let mut settings = (*self.settings.get()).clone();
        change(&mut settings);
        self.settings.replace(settings);
    }

    /// Where messages are stored, as records and ids say it.
    pub fn own_address(&self) -> SocketAddrV4 {
        let SocketAddr::V4(address) = self.address else { panic!("an IPv4 address") };
        address
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.expiring.abort();
        if let Some(running) = self.running.take() {
            running.stop();
        }
        self.store.shutdown();
    }
}

/// Lets other tasks and threads go on until something holds.
pub async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("it holds in time");
}

/// A client and its only connection.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    address: SocketAddr,
}

impl Connection {
    /// The answer to a request.
    pub async fn call<H: Encode>(&self, code: RequestCode, header: &H, body: impl Into<Bytes>) -> Command {
        let request = Command::request(code, header, body);
        self.client.call(&self.address.to_string(), &request, LONG).await.unwrap()
    }

    /// A request that wants no answer.
    pub async fn notify<H: Encode>(&self, code: RequestCode, header: &H, body: impl Into<Bytes>) {
        let request = Command::request(code, header, body);
        self.client.notify(&self.address.to_string(), &request, LONG).await.unwrap();
    }

    /// Sends one message.
    pub async fn send(&self, header: &SendRequest<'_>, body: impl Into<Bytes>) -> Command {
        self.call(RequestCode::SendMessageV2, header, body).await
    }

    /// Pulls.
    pub async fn pull(&self, header: &PullRequest<'_>) -> Command {
        self.call(RequestCode::PullMessage, header, "").await
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.client.close();
    }
}

/// A send to queue 0.
pub fn message(topic: &str) -> SendRequest<'_> {
    SendRequest {
        group: "P".into(),
        topic: topic.into(),
        default_topic: names::AUTO_CREATE_TOPIC.into(),
        default_topic_queue_count: 4,
        queue_id: 0,
        sys_flag: 0,
        born_timestamp: 1_530_000_000_000,
        flag: 7,
        properties: None,
        reconsume_times: None,
        unit_mode: None,
        max_reconsume_times: None,
        batch: None,
    }
}

/// A send with properties.
pub fn with_properties<'a>(topic: &'a str, properties: &'a str) -> SendRequest<'a> {
    SendRequest { properties: Some(Text::Plain(properties)), ..message(topic) }
}

/// A pull of everything in queue 0 that is not held.
pub fn pull_from(topic: &str, offset: i64) -> PullRequest<'_> {
    PullRequest {
        group: "G".into(),
        topic: topic.into(),
        queue_id: 0,
        queue_offset: offset,
        max_count: 32,
        sys_flag: PullFlag::SUBSCRIPTION,
        commit_offset: 0,
        suspend_timeout_ms: 0,
        subscription: Some("*".into()),
        subscription_version: 0,
        expression_type: None,
    }
}

/// The same, held for so long.
pub fn held_pull_from(topic: &str, offset: i64, time: Duration) -> PullRequest<'_> {
    PullRequest {
        sys_flag: PullFlag::SUBSCRIPTION | PullFlag::SUSPEND,
        suspend_timeout_ms: time.as_millis() as i64,
        ..pull_from(topic, offset)
    }
}

/// The records of an answer.
pub fn records(body: &[u8]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let Parsed::Message(record) = record::parse(rest, CheckBody::Yes) else { panic!("no record") };
        rest = &rest[record.bytes().len()..];
        records.push(record);
    }
    records
}

/// The bodies of the messages of an answer, as text.
pub fn bodies(answer: &Command) -> Vec<String> {
    records(&answer.body).iter().map(|record| String::from_utf8_lossy(record.body()).into_owned()).collect()
}

/// Code and remark.
pub fn told(answer: &Command) -> (i32, &str) {
    (answer.code, answer.remark.as_deref().unwrap_or("-"))
}

/// One field of an answer.
pub fn field<'a>(answer: &'a Command, name: &str) -> &'a str {
    let fields = answer.fields.as_deref().unwrap_or_default();
    fields.iter().find(|(key, _)| key == name).map_or("-", |(_, value)| value)
}
