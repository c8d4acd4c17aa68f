//! What a name server can be asked.
//!
//! Each code stands once in [`TABLE`], with the lane that answers it: what only looks something up is answered on the
//! loop of its connection, what changes something waits its turn for the one thread that changes things and may write
//! files. Source: `namesrv/DefaultRequestProcessor`.

use crate::answers::{Dialect, Routes};
use crate::kv::KeyValues;
use crate::registration::{self, Body, LastBodies};
use crate::routes::{Master, Registration, RouteTable, UnitTopics, WritePerm};
use crate::settings::LiveConfig;
use compat::body::DataVersion;
use compat::body::namesrv::TopicList;
use compat::command::{RequestCode as Code, ResponseCode};
use compat::header::namesrv::{
    BrokerRequest, ClusterRequest, DataVersionResponse, KvRequest, KvResponse, NamespaceRequest, PutKvRequest,
    RegisterBrokerRequest, RegisterBrokerResponse, WipeWritePermRequest, WipeWritePermResponse,
};
use compat::header::{EmptyHeader, Encode, HeaderError, NoHeader};
use compat::names::{ORDER_TOPIC_NAMESPACE, SEE_FAQ};
use compat::registration::BadRegistration;
use compat::time::Clock;
use compat::{header, json};
use remoting::output::Output;
use remoting::peer::Peer;
use remoting::request::{ReplyTo, Request};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Gives the write permission of a broker back (tools from 4.9.2 on).
const ADD_WRITE_PERM_OF_BROKER: i32 = 327;
/// From this version on clients expect plain JSON in routes: V4_9_4.
const FIRST_WITH_STANDARD_JSON: i32 = 401;

/// Who answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The loop of its connection.
    Loop,
    /// The thread that changes things, in the order of arrival.
    Changes,
}

type Handle = fn(&State, &Call<'_>, &mut Output) -> Result<(), Refusal>;

const TABLE: [(i32, Lane, Handle); 20] = [
    (Code::PutKvConfig.code(), Lane::Changes, put_kv),
    (Code::GetKvConfig.code(), Lane::Loop, get_kv),
    (Code::DeleteKvConfig.code(), Lane::Changes, delete_kv),
    (Code::RegisterBroker.code(), Lane::Changes, register_broker),
    (Code::UnregisterBroker.code(), Lane::Changes, unregister_broker),
    (Code::GetRouteInfoByTopic.code(), Lane::Loop, route),
    (Code::GetBrokerClusterInfo.code(), Lane::Loop, cluster_info),
    (Code::WipeWritePermOfBroker.code(), Lane::Changes, wipe_write_perm),
    (Code::GetAllTopicListFromNameServer.code(), Lane::Loop, all_topics),
    (Code::DeleteTopicInNameServer.code(), Lane::Changes, delete_topic),
    (Code::GetKvListByNamespace.code(), Lane::Loop, kv_namespace),
    (Code::GetTopicsByCluster.code(), Lane::Loop, topics_of_cluster),
    (Code::GetSystemTopicListFromNameServer.code(), Lane::Loop, system_topics),
    (Code::GetUnitTopicList.code(), Lane::Loop, unit_topics),
    (Code::GetHasUnitSubTopicList.code(), Lane::Loop, unit_sub_topics),
    (Code::GetHasUnitSubUnunitTopicList.code(), Lane::Loop, unit_sub_not_unit_topics),
    (Code::UpdateNameServerConfig.code(), Lane::Changes, update_config),
    (Code::GetNameServerConfig.code(), Lane::Loop, config),
    (Code::QueryDataVersion.code(), Lane::Changes, query_data_version),
    (ADD_WRITE_PERM_OF_BROKER, Lane::Changes, add_write_perm),
];

/// What the handlers use.
pub struct State {
    /// Where topics are.
    pub routes: Routes,
    /// Keys and values.
    pub kv: KeyValues,
    /// Settings.
    pub config: LiveConfig,
    /// What time it is.
    pub clock: Clock,
    /// Connections by which brokers registered.
    pub brokers: Mutex<HashMap<u64, Peer>>,
    /// What brokers sent.
    pub last_bodies: Mutex<LastBodies>,
}

/// A request, and who sent it.
pub struct Call<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// The other side.
    pub peer: &'a Peer,
}

header! {
    /// Asks where a topic is (code 105).
    pub struct RouteRequest<'a> {
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// Whether the answer has to be plain JSON (clients from 4.9.4 on).
        standard_json: Option<bool> = "acceptStandardJsonOnly",
    }

    /// Removes a topic (code 216).
    pub struct DeleteTopicRequest<'a> {
        /// Topic.
        topic: Cow<'a, str> = "topic",
        /// The only cluster that loses it (tools from 4.9.4 on).
        cluster: Option<Cow<'a, str>> = "clusterName",
    }

    /// Answer of code 327.
    pub struct AddWritePermResponse {
        /// Topics that have the permission.
        topic_count: i32 = "addTopicCount",
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The header is wrong.
    Header(HeaderError),
    /// The body of a registration is not what its sender saw.
    Crc,
    /// The body of a registration cannot be read.
    Body(BadRegistration),
    /// No broker has the topic.
    NoRoute {
        /// The topic.
        topic: String,
    },
    /// No such key.
    NoKey {
        /// Its namespace.
        namespace: String,
        /// The key.
        key: String,
    },
    /// No such namespace.
    NoNamespace {
        /// The namespace.
        namespace: String,
    },
    /// Settings are not in the syntax of properties files.
    Properties,
    /// A setting that cannot be changed by a request.
    ProtectedKey {
        /// Its key.
        key: String,
    },
    /// A setting does not take its value.
    Setting {
        /// What is wrong.
        problem: String,
    },
    /// There is no cluster test.
    ClusterTest,
    /// What was asked could not be written, and was not done.
    NotStored {
        /// What the system says.
        cause: String,
    },
    /// Too much waits to be changed.
    Busy,
    /// A defect of ours.
    Panicked,
}

/// Why `clusterTest=true` is refused.
pub const NO_CLUSTER_TEST: &str = "clusterTest=true is not supported: routes of another environment are not looked up";

impl Refusal {
    /// The code and the remark that the peer gets.
    fn to_wire(&self) -> (ResponseCode, String) {
        use ResponseCode as Code;
        match self {
            Self::Header(error) => (Code::SystemError, error.to_string()),
            Self::Crc => (Code::SystemError, "crc32 not match".to_owned()),
            Self::Body(error) => (Code::SystemError, format!("Failed to decode RegisterBrokerBody: {error}")),
            Self::NoRoute { topic } => {
                (Code::TopicNotExist, format!("No topic route info in name server for the topic: {topic}{SEE_FAQ}"))
            }
            Self::NoKey { namespace, key } => {
                (Code::QueryNotFound, format!("No config item, Namespace: {namespace} Key: {key}"))
            }
            Self::NoNamespace { namespace } => (Code::QueryNotFound, format!("No config item, Namespace: {namespace}")),
            Self::Properties => (Code::SystemError, "string2Properties error".to_owned()),
            Self::ProtectedKey { key } => {
                (Code::SystemError, format!("{key} cannot be changed while the name server runs"))
            }
            Self::Setting { problem } => (Code::SystemError, problem.clone()),
            Self::ClusterTest => (Code::SystemError, NO_CLUSTER_TEST.to_owned()),
            Self::NotStored { cause } => {
                (Code::SystemError, format!("nothing is changed, it cannot be stored: {cause}"))
            }
            Self::Busy => (Code::SystemBusy, "[OVERLOAD]system busy, start flow control for a while".to_owned()),
            Self::Panicked => (Code::SystemError, "the request failed for a reason that the log tells".to_owned()),
        }
    }

    /// Writes the answer.
    pub fn reply(&self, to: ReplyTo, out: &mut Output) {
        let (code, remark) = self.to_wire();
        match self {
            Self::Crc | Self::NoKey { .. } => out.reply(to, code, Some(&remark), &EmptyHeader, b""),
            _ => out.reply(to, code, Some(&remark), &NoHeader, b""),
        }
    }
}

impl From<HeaderError> for Refusal {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

/// Who answers a code; nobody, if it is not known.
pub fn lane(code: i32) -> Option<Lane> {
    entry(code).map(|(_, lane, _)| *lane)
}

/// Answers a request. A handler that panics refuses its request, and no other.
pub fn answer(state: &State, call: &Call<'_>, out: &mut Output) {
    let Some((_, _, handle)) = entry(call.request.code) else {
        return out.reply_unsupported(call.request.reply_to, call.request.code);
    };
    let handled = catch_unwind(AssertUnwindSafe(|| handle(state, call, out)));
    if let Err(refusal) = handled.unwrap_or(Err(Refusal::Panicked)) {
        let (code, remark) = refusal.to_wire();
        tracing::debug!(request = call.request.code, peer = %call.peer, code = code.code(), remark, "refused");
        refusal.reply(call.request.reply_to, out);
    }
}

fn entry(code: i32) -> Option<&'static (i32, Lane, Handle)> {
    TABLE.iter().find(|(known, ..)| *known == code)
}

impl Call<'_> {
    fn succeed<H: Encode>(&self, header: &H, body: &[u8], out: &mut Output) -> Result<(), Refusal> {
        out.reply(self.request.reply_to, ResponseCode::Success, None, header, body);
        Ok(())
    }

    fn succeed_json<T: Serialize>(&self, body: &T, out: &mut Output) -> Result<(), Refusal> {
        self.succeed(&NoHeader, &json::to_vec(body), out)
    }
}

impl State {
    fn brokers(&self) -> MutexGuard<'_, HashMap<u64, Peer>> {
        self.brokers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_bodies(&self) -> MutexGuard<'_, LastBodies> {
        self.last_bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection is gone.
    pub fn on_closed(&self, peer: u64) {
        if self.brokers().remove(&peer).is_none() {
            return;
        }
        for removed in self.routes.change(|table| table.on_closed(peer)) {
            tracing::warn!(broker = removed.address, "a broker is gone: its connection was closed");
            self.last_bodies().forget(&removed.address);
        }
    }

    /// Removes brokers that were silent for too long, and closes their connections.
    pub fn expire_silent(&self) {
        let now = self.clock.now();
        for removed in self.routes.change(|table| table.on_silence(now)) {
            tracing::warn!(broker = removed.address, "a broker is gone: it was silent for too long");
            self.last_bodies().forget(&removed.address);
            if let Some(peer) = self.brokers().get(&removed.peer) {
                peer.close();
            }
        }
    }
}

fn put_kv(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let PutKvRequest { namespace, key, value } = call.request.header()?;
    state.kv.put(&namespace, &key, &value).map_err(not_stored)?;
    state.routes.forget_encoded();
    tracing::info!(%namespace, %key, %value, peer = %call.peer, "key set");
    call.succeed(&NoHeader, b"", out)
}

fn get_kv(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let KvRequest { namespace, key } = call.request.header()?;
    let Some(value) = state.kv.get(&namespace, &key) else {
        return Err(Refusal::NoKey { namespace: namespace.into_owned(), key: key.into_owned() });
    };
    call.succeed(&KvResponse { value: Some(value.into()) }, b"", out)
}

fn delete_kv(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let KvRequest { namespace, key } = call.request.header()?;
    state.kv.delete(&namespace, &key).map_err(not_stored)?;
    state.routes.forget_encoded();
    tracing::info!(%namespace, %key, peer = %call.peer, "key removed");
    call.succeed(&NoHeader, b"", out)
}

fn kv_namespace(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let NamespaceRequest { namespace } = call.request.header()?;
    let Some(table) = state.kv.namespace(&namespace) else {
        return Err(Refusal::NoNamespace { namespace: namespace.into_owned() });
    };
    call.succeed_json(&table, out)
}

fn register_broker(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let request = call.request;
    let header: RegisterBrokerRequest<'_> = request.header()?;
    let expected_crc = header.body_crc32.unwrap_or(0);
    if expected_crc != 0 && expected_crc != java_crc32(request.body) {
        return Err(Refusal::Crc);
    }
    let body = registration_body(state, request, &header)?;
    let registration = Registration {
        name: header.broker_name.clone().into_owned(),
        id: header.broker_id,
        address: header.broker_addr.clone().into_owned(),
        cluster: header.cluster.into_owned(),
        ha_address: header.ha_addr.map(Cow::into_owned),
        version: body.version,
        topics: body.topics,
        filter_servers: body.filter_servers,
    };
    let now = state.clock.now();
    let (Master { address, ha_address }, is_change) = state.routes.change(|table| {
        let before = table.generation();
        (table.on_register(registration, call.peer.id(), now), table.generation() != before)
    });
    state.brokers().insert(call.peer.id(), call.peer.clone());
    if is_change {
        let (name, id) = (&*header.broker_name, header.broker_id);
        tracing::info!(name, id, address = %header.broker_addr, "a broker registered with changes");
    }
    let order = state.kv.namespace(ORDER_TOPIC_NAMESPACE).map(|table| json::to_vec(&table)).unwrap_or_default();
    let header = RegisterBrokerResponse { ha_addr: ha_address.map(Into::into), master_addr: address.map(Into::into) };
    call.succeed(&header, &order, out)
}

/// The body of a registration; without its topics where nobody would look at them.
fn registration_body(
    state: &State,
    request: &Request<'_>,
    header: &RegisterBrokerRequest<'_>,
) -> Result<Body, Refusal> {
    let (name, id, address) = (&header.broker_name, header.broker_id, &header.broker_addr);
    let mut last = state.last_bodies();
    if let Some(known) = last.known(address, request.body)
        && state.routes.read(|table| table.has_all_topics(name, id, address, known.version))
    {
        return Ok(known);
    }
    let body = registration::decode(request.body, header.compressed == Some(true), request.version);
    let body = body.map_err(Refusal::Body)?;
    last.put(address, request.body, &body);
    Ok(body)
}

fn unregister_broker(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let BrokerRequest { broker_name, broker_addr, broker_id, .. } = call.request.header()?;
    state.routes.change(|table| table.on_unregister(&broker_name, broker_id, &broker_addr));
    state.last_bodies().forget(&broker_addr);
    tracing::info!(name = %broker_name, id = broker_id, address = %broker_addr, "a broker left");
    call.succeed(&NoHeader, b"", out)
}

fn query_data_version(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let BrokerRequest { broker_addr, .. } = call.request.header()?;
    let version: Option<DataVersion> = json::from_slice(call.request.body).ok();
    let now = state.clock.now();
    let freshness = state.routes.change(|table| table.on_query_version(&broker_addr, version, now));
    let known = freshness.known.map(|known| json::to_vec(&known)).unwrap_or_default();
    call.succeed(&DataVersionResponse { changed: freshness.is_changed }, &known, out)
}

fn route(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let RouteRequest { topic, standard_json } = call.request.header()?;
    let is_standard = standard_json == Some(true) || call.request.version >= FIRST_WITH_STANDARD_JSON;
    let dialect = if is_standard { Dialect::Standard } else { Dialect::Fastjson };
    let order = || {
        let is_told = state.config.now().settings.order_message_enable;
        is_told.then(|| state.kv.get(ORDER_TOPIC_NAMESPACE, &topic)).flatten()
    };
    match state.routes.route(&topic, dialect, order) {
        Some(route) => call.succeed(&NoHeader, &route, out),
        None => Err(Refusal::NoRoute { topic: topic.into_owned() }),
    }
}

fn cluster_info(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    call.succeed_json(&state.routes.read(RouteTable::cluster_info), out)
}

fn wipe_write_perm(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let topic_count = change_write_perm(state, call, WritePerm::Wipe)?;
    call.succeed(&WipeWritePermResponse { topic_count }, b"", out)
}

fn add_write_perm(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let topic_count = change_write_perm(state, call, WritePerm::Add)?;
    call.succeed(&AddWritePermResponse { topic_count }, b"", out)
}

fn change_write_perm(state: &State, call: &Call<'_>, to: WritePerm) -> Result<i32, Refusal> {
    let WipeWritePermRequest { broker_name } = call.request.header()?;
    let count = state.routes.change(|table| table.on_write_perm(&broker_name, to));
    tracing::info!(broker = %broker_name, ?to, count, peer = %call.peer, "write permission changed");
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

fn all_topics(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    call.succeed_json(&state.routes.read(RouteTable::topics), out)
}

fn delete_topic(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let DeleteTopicRequest { topic, cluster } = call.request.header()?;
    let cluster = cluster.as_deref().filter(|cluster| !cluster.is_empty());
    state.routes.change(|table| table.on_delete_topic(&topic, cluster));
    tracing::info!(%topic, cluster, peer = %call.peer, "topic removed");
    call.succeed(&NoHeader, b"", out)
}

fn topics_of_cluster(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    let ClusterRequest { cluster } = call.request.header()?;
    call.succeed_json(&state.routes.read(|table| table.topics_of_cluster(&cluster)), out)
}

fn system_topics(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    call.succeed_json(&state.routes.read(RouteTable::system_topics), out)
}

fn unit_topics(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    call.succeed_json(&topics_with(state, UnitTopics::Unit), out)
}

fn unit_sub_topics(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    call.succeed_json(&topics_with(state, UnitTopics::UnitSub), out)
}

fn unit_sub_not_unit_topics(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    call.succeed_json(&topics_with(state, UnitTopics::UnitSubNotUnit), out)
}

fn topics_with(state: &State, which: UnitTopics) -> TopicList {
    state.routes.read(|table| table.unit_topics(which))
}

fn update_config(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    state.config.update(call.request.body)?;
    state.routes.forget_encoded();
    tracing::info!(peer = %call.peer, "settings changed");
    call.succeed(&NoHeader, b"", out)
}

fn config(state: &State, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
    call.succeed(&NoHeader, state.config.lines().as_bytes(), out)
}

/// CRC-32 without its highest bit. Source: `common/UtilAll#crc32`.
fn java_crc32(bytes: &[u8]) -> i32 {
    (crc32fast::hash(bytes) & 0x7FFF_FFFF) as i32
}

fn not_stored(error: std::io::Error) -> Refusal {
    Refusal::NotStored { cause: error.to_string() }
}
