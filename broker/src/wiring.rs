//! The broker as a whole: its parts, what it can do, how it starts and stops.
//!
//! Starting looks before it touches: settings, tables and ports first, then the store, which checks itself before it
//! writes; a start that fails leaves the directory as it was. Stopping goes inwards: no more requests, answers to those
//! that were read, no more background work (which says goodbye to the name servers), tables to the disk, and last the
//! store, which then removes `abort`.

mod table;

use crate::admin::{ConfigAdmin, GroupAdmin, OffsetAdmin, RuntimeAdmin, TopicAdmin};
use crate::background::{Background, Plan, aside, pause_or_stop};
use crate::clients::{ClientRequests, Consumers, Producers};
use crate::config::{Config, VIP_DISTANCE};
use crate::groups::Groups;
use crate::identity::Identity;
use crate::live::Live;
use crate::locks::QueueLocks;
use crate::offsets::{ConsumerOffsets, OffsetRequests};
use crate::pull::{self, Pull};
use crate::query::Query;
use crate::registration::Registration;
use crate::retry::Retry;
use crate::send::{self, Send};
use crate::service::{Aside, BrokerService};
use crate::settings::BrokerSettings;
use crate::stats::Stats;
use crate::topics::{BuiltIn, Topics};
use crate::transaction::Transactions;
use compat::body::DataVersion;
use compat::java::time::Zone;
use compat::time::{Clock, Millis};
use remoting::client::Client;
use remoting::server::{self, BindError, Listening};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use store::config_file::{ConfigFile, Unreadable};
use store::disk::Disk;
use store::{OpenError, Store, StoreSettings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long a start waits for the name servers before it says that it is done.
const FIRST_REGISTRATION: Duration = Duration::from_secs(1);
/// Pause between two looks for silent clients.
const HOUSEKEEPING: Duration = Duration::from_secs(10);
/// Pause between two looks for groups that are too far behind.
const SLOW_CONSUMERS: Duration = Duration::from_secs(180);
/// Changes of so long go into one write of a table.
const GATHER: Duration = Duration::from_millis(20);
/// Pause after a write of a table that failed.
const RETRY_WRITE: Duration = Duration::from_secs(5);

/// Why a broker does not start. Nothing on the disk was changed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A table.
    #[error(transparent)]
    Table(#[from] Unreadable),
    /// A port.
    #[error("the broker {0}")]
    Bind(#[from] BindError),
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// A thread.
    #[error("no thread could be started: {0}")]
    Thread(#[from] io::Error),
}

/// A broker that is read, checked and listening, but does nothing yet.
pub struct Opened {
    config: Config,
    disk: Arc<dyn Disk>,
    clock: Clock,
    settings: Arc<Live<BrokerSettings>>,
    topics: Arc<Topics>,
    groups: Arc<Groups>,
    offsets: Arc<ConsumerOffsets>,
    listening: Listening,
    store: Store,
}

/// A broker at work.
pub struct Running {
    server: server::Running,
    background: Background,
    topics: Arc<Topics>,
    groups: Arc<Groups>,
    offsets: Arc<ConsumerOffsets>,
    store: Store,
    boot_line: String,
}

impl Opened {
    /// Reads and checks everything, and listens on the main port and the VIP port of `ip`.
    pub fn open(config: Config, ip: IpAddr, disk: Arc<dyn Disk>, clock: Clock) -> Result<Self, StartError> {
        let settings = Arc::new(Live::new(config.broker.clone()));
        let state_file = |name| ConfigFile::new(Arc::clone(&disk), config.state_file(name));
        let built_in = BuiltIn {
            cluster: &config.identity.cluster,
            broker: &config.identity.name,
            default_queue_count: config.broker.default_topic_queue_count,
            auto_create: config.broker.auto_create_topic,
            cluster_topic: config.broker.cluster_topic,
            broker_topic: config.broker.broker_topic,
        };
        let topics = Topics::load(state_file("topics.json"), &built_in, Arc::clone(&settings), clock.clone())?;
        let groups = Groups::load(state_file("subscriptionGroup.json"), Arc::clone(&settings), clock.clone())?;
        let offsets = ConsumerOffsets::load(state_file("consumerOffset.json"))?;
        let port = config.server.listen_port;
        let addresses = [port, port - VIP_DISTANCE].map(|port| SocketAddr::new(ip, port));
        let listening = server::bind(&config.server, &addresses)?;
        let store = Store::open(config.store.clone(), Arc::clone(&disk), clock.clone())?;
        let (topics, groups, offsets) = (Arc::new(topics), Arc::new(groups), Arc::new(offsets));
        Ok(Self { config, disk, clock, settings, topics, groups, offsets, listening, store })
    }

    /// Serves from now on. `failed` is called when a part of it ends by itself.
    pub fn start(self, failed: impl Fn() + core::marker::Send + Sync + 'static) -> Result<Running, StartError> {
        let waiting_threads = usize::try_from(self.config.broker.admin_threads).unwrap_or(1);
        let plan = Plan::new(waiting_threads)?;
        let parts = Parts::of(&self, Aside::new(plan.handle(), self.config.broker.max_waiting_requests));
        self.store.start(parts.pull.arrivals())?;
        let (told, first_registrations) = mpsc::channel();
        let plan = parts.plan(plan, told);
        let server = self.listening.start(Arc::new(parts.service()))?;
        let background = plan.start(failed)?;
        for _ in self.config.name_servers() {
            // A name server that is down does not keep the broker from being there.
            let _ = first_registrations.recv_timeout(FIRST_REGISTRATION);
        }
        let boot_line = boot_line(&self.config);
        let Self { topics, groups, offsets, store, .. } = self;
        Ok(Running { server, background, topics, groups, offsets, store, boot_line })
    }
}

impl Running {
    /// What Java says when a broker is up.
    pub fn boot_line(&self) -> &str {
        &self.boot_line
    }

    /// Ends all of it. Returns whether everything is on the disk.
    pub fn stop(self) -> bool {
        self.server.stop();
        self.background.stop();
        let saved = [
            ("topics.json", self.topics.save()),
            ("subscriptionGroup.json", self.groups.save()),
            ("consumerOffset.json", self.offsets.save()),
        ];
        for (file, result) in &saved {
            if let Err(error) = result {
                tracing::error!(file, %error, "the last changes could not be written");
            }
        }
        self.store.shutdown();
        saved.iter().all(|(_, result)| result.is_ok())
    }
}

fn boot_line(config: &Config) -> String {
    let identity = &config.identity;
    let name_servers = match config.broker.name_servers.as_deref() {
        Some(list) if !list.is_empty() => format!(" and name server is {list}"),
        _ => String::new(),
    };
    format!("The broker[{}, {}] boot success. serializeType=JSON{name_servers}", identity.name, identity.told())
}

/// Everything that works together, each part with what it uses.
struct Parts {
    send: Arc<Send>,
    pull: Arc<Pull>,
    query: Arc<Query>,
    retry: Arc<Retry>,
    transactions: Arc<Transactions>,
    clients: Arc<ClientRequests>,
    offset_requests: Arc<OffsetRequests>,
    locks: Arc<QueueLocks>,
    topic_admin: Arc<TopicAdmin>,
    group_admin: Arc<GroupAdmin>,
    offset_admin: Arc<OffsetAdmin>,
    config_admin: Arc<ConfigAdmin>,
    runtime_admin: Arc<RuntimeAdmin>,
    registration: Arc<Registration>,
    topics: Arc<Topics>,
    groups: Arc<Groups>,
    offsets: Arc<ConsumerOffsets>,
    stats: Arc<Stats>,
    settings: Arc<Live<BrokerSettings>>,
    name_servers: Vec<String>,
    offset_interval: Duration,
    aside: Aside,
    clock: Clock,
}

impl Parts {
    fn of(opened: &Opened, aside: Aside) -> Self {
        let Opened { config, disk, clock, settings, topics, groups, offsets, store, .. } = opened;
        let now = clock.now();
        let identity: Arc<Identity> = Arc::new(config.identity.clone());
        let store_settings: Arc<Live<StoreSettings>> = Arc::new(Live::new(config.store.clone()));
        let stats = Arc::new(Stats::new(&identity.cluster));
        let (consumers, producers) = (Arc::new(Consumers::default()), Arc::new(Producers::default()));
        let send = Send::new(send::Parts {
            store: store.clone(),
            topics: topics.clone(),
            groups: groups.clone(),
            stats: stats.clone(),
            settings: settings.clone(),
            store_settings: store_settings.clone(),
            identity: identity.clone(),
            disk: disk.clone(),
            clock: clock.clone(),
        });
        let pull = Pull::new(pull::Parts {
            store: store.clone(),
            topics: topics.clone(),
            groups: groups.clone(),
            consumers: consumers.clone(),
            offsets: offsets.clone(),
            stats: stats.clone(),
            settings: settings.clone(),
            store_settings: store_settings.clone(),
            identity: identity.clone(),
            aside: aside.clone(),
            limits: pull::Limits {
                per_connection: config.broker.max_held_pulls_per_connection,
                total: config.broker.max_held_pulls,
            },
            clock: clock.clone(),
        });
        let clients = ClientRequests {
            consumers: consumers.clone(),
            producers: producers.clone(),
            groups: groups.clone(),
            topics: topics.clone(),
            settings: settings.clone(),
        };
        let topic_admin = TopicAdmin {
            topics: topics.clone(),
            store: store.clone(),
            stats: stats.clone(),
            offsets: offsets.clone(),
            consumers: consumers.clone(),
            identity: identity.clone(),
        };
        let offset_admin = OffsetAdmin {
            offsets: offsets.clone(),
            topics: topics.clone(),
            consumers: consumers.clone(),
            store: store.clone(),
            stats: stats.clone(),
            identity: identity.clone(),
        };
        let group_admin =
            GroupAdmin { groups: groups.clone(), consumers, producers, offsets: offsets.clone(), stats: stats.clone() };
        let runtime_admin = RuntimeAdmin { stats: stats.clone(), store: store.clone(), settings: settings.clone() };
        let config_admin = ConfigAdmin::new(
            config.clone(),
            DataVersion { counter: 0, timestamp: now.0 },
            config.file.as_ref().map(|file| ConfigFile::new(disk.clone(), file)),
            settings.clone(),
            store_settings.clone(),
            topics.clone(),
        );
        let registration = Registration {
            identity,
            broker_id: config.broker.id,
            ha_address: config.ha_address(),
            topics: topics.clone(),
            settings: settings.clone(),
            client: Client::new(config.client.clone()),
        };
        Self {
            send: Arc::new(send),
            pull,
            query: Arc::new(Query::new(store.clone(), store_settings)),
            retry: Arc::default(),
            transactions: Arc::default(),
            clients: Arc::new(clients),
            offset_requests: Arc::new(OffsetRequests { offsets: offsets.clone(), store: store.clone() }),
            locks: Arc::default(),
            topic_admin: Arc::new(topic_admin),
            group_admin: Arc::new(group_admin),
            offset_admin: Arc::new(offset_admin),
            config_admin: Arc::new(config_admin),
            runtime_admin: Arc::new(runtime_admin),
            registration: Arc::new(registration),
            topics: topics.clone(),
            groups: groups.clone(),
            offsets: offsets.clone(),
            stats,
            settings: settings.clone(),
            name_servers: config.name_servers(),
            offset_interval: config.broker.flush_consumer_offset_interval.duration(),
            aside,
            clock: clock.clone(),
        }
    }

    /// What answers requests.
    fn service(&self) -> BrokerService {
        let clients = Arc::clone(&self.clients);
        BrokerService {
            send: Arc::clone(&self.send),
            pull: Arc::clone(&self.pull),
            table: self.table(),
            aside: self.aside.clone(),
            on_closed: Box::new(move |peer| clients.on_closed(peer)),
            clock: self.clock.clone(),
        }
    }

    /// All work beside requests.
    fn plan(&self, plan: Plan, first_registration: mpsc::Sender<()>) -> Plan {
        let (topics, groups, offsets) = (self.topics.clone(), self.groups.clone(), self.offsets.clone());
        let (topic_changes, group_changes) = (topics.changes(), groups.changes());
        let (clients, locks, clock) = (self.clients.clone(), self.locks.clone(), self.clock.clone());
        let pull = Arc::clone(&self.pull);
        let mut plan = plan
            .service("topics to disk", |stop| keep_saved("topics.json", topic_changes, move || topics.save(), stop))
            .service("groups to disk", |stop| {
                keep_saved("subscriptionGroup.json", group_changes, move || groups.save(), stop)
            })
            .every("offsets to disk", self.offset_interval, move || {
                if let Err(error) = offsets.save() {
                    tracing::error!(%error, "consumerOffset.json could not be written");
                }
            })
            .every_quick("silent clients", HOUSEKEEPING, move || {
                clients.on_time(clock.now());
                locks.on_time(clock.now());
            })
            .every_quick(
                "slow consumers",
                SLOW_CONSUMERS,
                slow_consumers(self.settings.clone(), self.stats.clone(), self.groups.clone()),
            )
            .every_quick("statistics", Duration::from_secs(1), statistics(self.stats.clone(), self.clock.clone()))
            .service("held pulls", |stop| async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = pull.expire() => {}
                }
            });
        for name_server in &self.name_servers {
            let (registration, name_server) = (Arc::clone(&self.registration), name_server.clone());
            let first = first_registration.clone();
            plan = plan.service("registration", move |stop| registration.run(name_server, first, stop));
        }
        plan
    }
}

/// Writes a table after its changes; many of them in one write.
async fn keep_saved(
    file: &'static str,
    mut changes: watch::Receiver<u64>,
    save: impl Fn() -> io::Result<()> + core::marker::Send + Sync + 'static,
    stop: CancellationToken,
) {
    let save = Arc::new(save);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
        tokio::time::sleep(GATHER).await;
        changes.borrow_and_update();
        let work = Arc::clone(&save);
        while let Some(Err(error)) = aside(file, {
            let work = Arc::clone(&work);
            move || work()
        })
        .await
        {
            tracing::error!(file, %error, "a changed table could not be written");
            if !pause_or_stop(RETRY_WRITE, &stop).await {
                return;
            }
        }
    }
}

/// Disables groups that are too far behind, where that is wanted. Source: `broker/BrokerController#protectBroker`.
fn slow_consumers(
    settings: Arc<Live<BrokerSettings>>,
    stats: Arc<Stats>,
    groups: Arc<Groups>,
) -> impl FnMut() + core::marker::Send + 'static {
    move || {
        let settings = settings.get();
        if !settings.disable_slow_consumers {
            return;
        }
        for (key, behind_bytes) in stats.falls() {
            let group = key.rsplit('@').next().unwrap_or_default();
            if behind_bytes > settings.consumer_fall_behind_threshold {
                tracing::warn!(group, behind_bytes, "the group consumes slowly, it is disabled");
                groups.disable(group);
            }
        }
    }
}

/// The work of each second: pictures of the counters, and another day at midnight.
fn statistics(stats: Arc<Stats>, clock: Clock) -> impl FnMut() + core::marker::Send + 'static {
    let zone = Zone::system();
    let day = move |now: Millis| zone.at(now).digits()[..8].to_owned();
    let mut today = day(clock.now());
    move || {
        let now = clock.now();
        stats.sample(now);
        let current = day(now);
        if current != today {
            stats.day_ended();
            today = current;
        }
    }
}
