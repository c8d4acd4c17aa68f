//! What name servers are told of this broker: codes 103, 104 and 322.
//!
//! Each name server has a service of its own, so that one which is down costs the others nothing. It tells the whole
//! table at start, with every change of it (those that come meanwhile go together) and every `registerNameServerPeriod`.
//!
//! Differs: 4.3.0 tells of one topic at a time when an operator makes it; a name server that has just been restarted then
//! takes that for all there is, and never learns of the others.
//! Source: `broker/BrokerController#registerBrokerAll`, `broker/out/BrokerOuterAPI`.

mod body;

use crate::identity::Identity;
use crate::live::Live;
use crate::settings::BrokerSettings;
use crate::topics::Topics;
use compat::body::DataVersion;
use compat::body::namesrv::KvTable;
use compat::command::{RequestCode, ResponseCode};
use compat::header::namesrv::{BrokerRequest, DataVersionResponse, RegisterBrokerRequest};
use compat::json;
use remoting::client::Client;
use remoting::command::Command;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What all name servers are told.
pub struct Registration {
    /// Who this broker is.
    pub identity: Arc<Identity>,
    /// 0 for a master.
    pub broker_id: i64,
    /// `host:port` that slaves are told.
    pub ha_address: String,
    /// Its topics.
    pub topics: Arc<Topics>,
    /// How and how often.
    pub settings: Arc<Live<BrokerSettings>>,
    /// Connections to the name servers.
    pub client: Client,
}

/// How long a name server may take to answer a goodbye.
const GOODBYE: Duration = Duration::from_millis(500);
/// Changes of so long are told together.
const GATHER: Duration = Duration::from_millis(10);

/// Why a name server does not know this broker.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Call(#[from] remoting::peer::CallError),
    #[error("code {code}: {remark}")]
    Answer { code: i32, remark: String },
}

impl Registration {
    /// Keeps one name server informed until it is time to stop, and then says goodbye. The first attempt is told.
    pub async fn run(self: Arc<Self>, name_server: String, first: mpsc::Sender<()>, stop: CancellationToken) {
        let mut changes = self.topics.changes();
        changes.borrow_and_update();
        let mut known = self.tell(&name_server, Reason::Start).await;
        let _ = first.send(());
        loop {
            let reason = tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(self.period()) => Reason::Period,
                Ok(()) = changes.changed() => {
                    tokio::time::sleep(GATHER).await;
                    Reason::Change
                }
            };
            changes.borrow_and_update();
            let is_known = self.tell(&name_server, reason).await;
            if is_known && !known {
                tracing::info!(name_server, "registered again");
            }
            known = is_known;
        }
        self.goodbye(&name_server).await;
    }

    /// 30 s, and never less than 10 s or more than 60 s.
    fn period(&self) -> Duration {
        self.settings.get().register_period.duration().clamp(Duration::from_secs(10), Duration::from_secs(60))
    }

    /// Returns whether the name server knows this broker now.
    async fn tell(&self, name_server: &str, reason: Reason) -> bool {
        let may_skip = reason == Reason::Period && !self.settings.get().force_register;
        if may_skip && self.is_up_to_date(name_server).await {
            return true;
        }
        match self.register(name_server, reason).await {
            Ok(()) => {
                tracing::debug!(name_server, "registered");
                true
            }
            Err(error) => {
                tracing::warn!(name_server, %error, "registration failed");
                false
            }
        }
    }

    async fn register(&self, name_server: &str, reason: Reason) -> Result<(), Failure> {
        let settings = self.settings.get();
        let body = body::encode(self.topics.snapshot(), &settings);
        let header = RegisterBrokerRequest {
            broker_name: self.identity.name.as_str().into(),
            broker_addr: self.identity.told().into(),
            cluster: self.identity.cluster.as_str().into(),
            ha_addr: Some(self.ha_address.as_str().into()),
            broker_id: self.broker_id,
            compressed: Some(settings.compressed_register),
            body_crc32: Some((crc32fast::hash(&body) & 0x7FFF_FFFF) as i32),
        };
        let request = Command::request(RequestCode::RegisterBroker, &header, body);
        let answer = self.call(name_server, &request, settings.register_timeout.duration()).await?;
        // Not after a change: two name servers that disagree would make each other's answer one, without end.
        if let (Reason::Start | Reason::Period, Ok(table)) = (reason, json::from_slice::<KvTable>(&answer.body)) {
            self.topics.set_ordered(&table.table.keys().map(String::as_str).collect::<BTreeSet<_>>());
        }
        Ok(())
    }

    /// Whether a name server has this table already. Asking also tells it that this broker lives.
    async fn is_up_to_date(&self, name_server: &str) -> bool {
        let version: DataVersion = self.topics.data_version();
        let request = Command::request(RequestCode::QueryDataVersion, &self.names(), json::to_vec(&version));
        let timeout = self.settings.get().register_timeout.duration();
        let Ok(answer) = self.call(name_server, &request, timeout).await else { return false };
        let same_version = json::from_slice::<DataVersion>(&answer.body).is_ok_and(|known| known == version);
        same_version && answer.header::<DataVersionResponse>().is_ok_and(|header| !header.changed)
    }

    async fn goodbye(&self, name_server: &str) {
        let request = Command::request(RequestCode::UnregisterBroker, &self.names(), Vec::new());
        match self.call(name_server, &request, GOODBYE).await {
            Ok(_) => tracing::info!(name_server, "unregistered"),
            Err(error) => tracing::warn!(name_server, %error, "could not unregister"),
        }
    }

    async fn call(&self, name_server: &str, request: &Command, timeout: Duration) -> Result<Command, Failure> {
        let answer = self.client.call(name_server, request, timeout).await?;
        if answer.code != ResponseCode::Success.code() {
            return Err(Failure::Answer { code: answer.code, remark: answer.remark.unwrap_or_default() });
        }
        Ok(answer)
    }

    fn names(&self) -> BrokerRequest<'_> {
        BrokerRequest {
            broker_name: self.identity.name.as_str().into(),
            broker_addr: self.identity.told().into(),
            cluster: self.identity.cluster.as_str().into(),
            broker_id: self.broker_id,
        }
    }
}

/// Why a name server is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Start,
    Period,
    Change,
}
