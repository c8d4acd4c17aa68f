//! What a broker has done and how it is: code 28, in Java's words. Part of it the store says itself.
//! Source: `broker/processor/AdminBrokerProcessor#prepareRuntimeInfo`.
//!
//! There are no request queues here, so their lengths and waits are always 0.

use crate::live::Live;
use crate::refusal::Refusal;
use crate::service::Call;
use crate::settings::BrokerSettings;
use crate::stats::Stats;
use compat::body::namesrv::KvTable;
use compat::command::version;
use compat::json;
use remoting::output::Output;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Store;

/// Answers how a broker is.
pub struct RuntimeAdmin {
    /// What it has done.
    pub stats: Arc<Stats>,
    /// Its messages.
    pub store: Store,
    /// How it is set.
    pub settings: Arc<Live<BrokerSettings>>,
}

impl RuntimeAdmin {
    /// Code 28.
    pub fn all(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let mut table = BTreeMap::new();
        for (key, value) in self.totals().into_iter().chain(self.queues()) {
            table.insert(key.to_owned(), value);
        }
        table.extend(self.store.runtime_info());
        call.answer_body(out, &json::to_vec(&KvTable { table }))
    }

    fn totals(&self) -> Vec<(&'static str, String)> {
        let (put, get, days) = (self.stats.put_total(), self.stats.get_total(), self.stats.days());
        vec![
            ("brokerVersion", version::CURRENT.to_string()),
            ("brokerVersionDesc", version::CURRENT_NAME.to_owned()),
            ("msgPutTotalYesterdayMorning", days.put_yesterday_morning.to_string()),
            ("msgPutTotalTodayMorning", days.put_today_morning.to_string()),
            ("msgPutTotalTodayNow", put.count.to_string()),
            ("msgGetTotalYesterdayMorning", days.get_yesterday_morning.to_string()),
            ("msgGetTotalTodayMorning", days.get_today_morning.to_string()),
            ("msgGetTotalTodayNow", get.count.to_string()),
        ]
    }

    fn queues(&self) -> Vec<(&'static str, String)> {
        let settings = self.settings.get();
        let none = || "0".to_owned();
        vec![
            ("sendThreadPoolQueueSize", none()),
            ("sendThreadPoolQueueCapacity", settings.send_queue_capacity.to_string()),
            ("sendThreadPoolQueueHeadWaitTimeMills", none()),
            ("pullThreadPoolQueueSize", none()),
            ("pullThreadPoolQueueCapacity", settings.pull_queue_capacity.to_string()),
            ("pullThreadPoolQueueHeadWaitTimeMills", none()),
            ("queryThreadPoolQueueSize", none()),
            ("queryThreadPoolQueueCapacity", settings.query_queue_capacity.to_string()),
            ("queryThreadPoolQueueHeadWaitTimeMills", none()),
            ("startAcceptSendRequestTimeStamp", settings.accept_sends_from.to_string()),
        ]
    }
}
