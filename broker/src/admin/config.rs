//! Settings at run time: codes 25 and 26. Source: `common/Configuration`.
//!
//! Differs: 4.3.0 says yes to everything. Here a value that cannot be read, and a key that takes effect at the next start
//! only, are refused with a sentence; keys that could run programs or send files elsewhere can be set in the file only.

use super::not_durable;
use crate::config::{Config, edit};
use crate::live::Live;
use crate::refusal::Refusal;
use crate::service::Call;
use crate::settings::BrokerSettings;
use crate::topics::Topics;
use compat::body::DataVersion;
use compat::header::admin::BrokerConfigResponse;
use compat::java::properties::{self, Property};
use compat::json;
use remoting::output::Output;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::StoreSettings;
use store::config_file::ConfigFile;

/// Settings that take effect at once.
const CHANGEABLE: &[&str] = &[
    "brokerPermission",
    "autoCreateTopicEnable",
    "autoCreateSubscriptionGroup",
    "rejectTransactionMessage",
    "longPollingEnable",
    "shortPollingTimeMills",
    "notifyConsumerIdsChangedEnable",
    "regionId",
    "registerBrokerTimeoutMills",
    "startAcceptSendRequestTimeStamp",
    "traceOn",
    "compressedRegister",
    "forceRegister",
    "registerNameServerPeriod",
    "brokerFastFailureEnable",
    "waitTimeMillsInSendQueue",
    "waitTimeMillsInPullQueue",
    "waitTimeMillsInHeartbeatQueue",
    "disableConsumeIfConsumerReadSlowly",
    "consumerFallbehindThreshold",
    "transferMsgByHeap",
    "syncFlushTimeout",
    "diskFallRecorded",
    "defaultQueryMaxNum",
];

/// Answers what is asked about settings.
pub struct ConfigAdmin {
    state: Mutex<State>,
    file: Option<ConfigFile>,
    settings: Arc<Live<BrokerSettings>>,
    store_settings: Arc<Live<StoreSettings>>,
    topics: Arc<Topics>,
}

struct State {
    config: Config,
    version: DataVersion,
}

impl ConfigAdmin {
    /// Settings as the broker was started with them; changed ones also go to `file`.
    pub fn new(
        config: Config,
        version: DataVersion,
        file: Option<ConfigFile>,
        settings: Arc<Live<BrokerSettings>>,
        store_settings: Arc<Live<StoreSettings>>,
        topics: Arc<Topics>,
    ) -> Self {
        Self { state: Mutex::new(State { config, version }), file, settings, store_settings, topics }
    }

    /// Code 26: all settings.
    pub fn all(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let state = self.lock();
        let (entries, version) = (state.config.entries(), state.version);
        drop(state);
        let body = properties::answer(entries.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let version = String::from_utf8_lossy(&json::to_vec(&version)).into_owned();
        call.answer(out, &BrokerConfigResponse { version: version.into() }, body.as_bytes())
    }

    /// Code 25: changes settings, all of them or none. Keys that nobody knows are ignored, as in 4.3.0.
    pub fn update(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        if call.request.body.is_empty() {
            return call.done(out);
        }
        let wanted = properties::parse(call.request.body);
        let wanted = wanted.map_err(|_| Refusal::Body("string2Properties error".to_owned()))?;
        let mut state = self.lock();
        let mut changed = state.config.clone();
        let wanted = take(wanted, &mut changed)?;
        let permission_changed = changed.broker.permission != state.config.broker.permission;
        state.version = state.version.next(call.now);
        self.settings.replace(changed.broker.clone());
        self.store_settings.replace(changed.store.clone());
        state.config = changed;
        let saved = self.save(&wanted);
        drop(state);
        tracing::info!(?wanted, peer = %call.peer, "settings changed");
        if permission_changed {
            self.topics.touch();
        }
        saved.map_err(not_durable)?;
        call.done(out)
    }

    fn save(&self, wanted: &BTreeMap<String, String>) -> io::Result<()> {
        let Some(file) = &self.file else {
            tracing::warn!("started without a file of settings: the change ends with this process");
            return Ok(());
        };
        let old = file.load(|bytes| Ok(bytes.to_vec())).map_err(io::Error::other)?;
        file.persist(&edit(&old.unwrap_or_default(), wanted))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets what is known and may be set; returns it.
fn take(wanted: Vec<Property>, config: &mut Config) -> Result<BTreeMap<String, String>, Refusal> {
    let mut taken = BTreeMap::new();
    for Property { key, value, .. } in wanted {
        let value = value.trim_end().to_owned();
        let is_known = config.tables().iter().any(|table| table.keys().iter().any(|known| known.name == key));
        if !is_known {
            continue;
        }
        let before = config.tables().iter().find_map(|table| table.text(&key));
        if before.as_deref() == Some(value.as_str()) {
            continue;
        }
        if !CHANGEABLE.contains(&key.as_str()) {
            return Err(Refusal::SettingFixed { key });
        }
        for table in config.tables_mut() {
            table.set(&key, &value).map_err(Refusal::Setting)?;
        }
        taken.insert(key, value);
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ThisHost, Wanted};
    use compat::settings::Settings;
    use std::net::Ipv4Addr;

    fn after(text: &str) -> Result<(Config, BTreeMap<String, String>), Refusal> {
        let wanted = Wanted { address: Some(Ipv4Addr::LOCALHOST), ..Wanted::default() };
        let mut config = Config::load(&wanted, &ThisHost).expect("the defaults");
        let taken = take(properties::parse(text.as_bytes()).expect("properties"), &mut config)?;
        Ok((config, taken))
    }

    #[test]
    fn a_flag_is_set_and_an_unknown_key_is_passed_over() {
        let (config, taken) = after("traceOn=false\nnobody=x\nlistenPort=10911").expect("taken");
        assert!(!config.broker.trace_on);
        assert_eq!(taken, BTreeMap::from([("traceOn".to_owned(), "false".to_owned())]));
    }

    #[test]
    fn what_cannot_be_changed_now_is_refused() {
        for text in ["rocketmqHome=/tmp", "filterServerNums=1", "storePathRootDir=/", "listenPort=1", "brokerName=x"] {
            assert!(matches!(after(text), Err(Refusal::SettingFixed { .. })), "{text}");
        }
        assert!(matches!(after("traceOn=maybe"), Err(Refusal::Setting(_))));
    }

    #[test]
    fn every_changeable_key_exists() {
        let (broker, store) = (BrokerSettings::default(), StoreSettings::default());
        let keys: Vec<_> = broker.keys().iter().chain(store.keys()).map(|key| key.name).collect();
        assert!(CHANGEABLE.iter().all(|key| keys.contains(key)));
    }
}
