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
use compat::java::number::double_text;
use compat::json;
use compat::message::record;
use remoting::output::Output;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Store;
use store::disk::Disk;

/// Answers how a broker is.
pub struct RuntimeAdmin {
    /// What it has done.
    pub stats: Arc<Stats>,
    /// Its messages.
    pub store: Store,
    /// How it is set.
    pub settings: Arc<Live<BrokerSettings>>,
    /// The disk it is on.
    pub disk: Arc<dyn Disk>,
    /// Root of the store.
    pub store_root: PathBuf,
    /// Directory of the commit log.
    pub commit_log: PathBuf,
}

impl RuntimeAdmin {
    /// Code 28.
    pub fn all(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let mut table = BTreeMap::new();
        for (key, value) in self.totals().into_iter().chain(self.queues()).chain(self.files()) {
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
            ("remainTransientStoreBufferNumbs", i32::MAX.to_string()),
            ("dispatchBehindBytes", none()),
            ("pageCacheLockTimeMills", none()),
        ]
    }

    fn files(&self) -> Vec<(&'static str, String)> {
        let (first, end) = self.store.log_ends();
        let record = if first < end { self.store.record_at(first) } else { None };
        let earliest = record.and_then(|record| {
            record.bytes().get(record::at::STORE_TIMESTAMP)?.try_into().ok().map(i64::from_be_bytes)
        });
        let to_flush = self.store.flushed().get().distance_to(end);
        let mut files = vec![
            ("earliestMessageTimeStamp", earliest.unwrap_or(-1).to_string()),
            ("commitLogMinOffset", first.to_string()),
            ("commitLogMaxOffset", end.to_string()),
            ("remainHowManyDataToFlush", bytes_text(to_flush)),
            ("commitLogDiskRatio", self.disk_ratio(&self.commit_log)),
            ("consumeQueueDiskRatio", self.disk_ratio(&self.store_root)),
        ];
        if let Ok(space) = self.disk.space(&self.store_root) {
            let (total, free) = (bytes_text(space.total), bytes_text(space.free));
            files.push(("commitLogDirCapacity", format!("Total : {total}, Free : {free}.")));
        }
        files
    }

    fn disk_ratio(&self, dir: &Path) -> String {
        let ratio = match self.disk.space(dir) {
            Ok(space) if space.total > 0 => (space.total - space.free.min(space.total)) as f64 / space.total as f64,
            _ => -1.0,
        };
        double_text(ratio)
    }
}

/// `362 B`, `1.5 KiB`. Source: `common/UtilAll#humanReadableByteCount`.
fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let power = bytes.ilog2() / 10;
    format!("{:.1} {}", bytes as f64 / f64::from(10 * power).exp2(), UNITS[power as usize - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_java_writes_them() {
        let texts = [0, 1023, 1024, 1536, 1 << 20, 252 << 30, u64::MAX].map(bytes_text);
        assert_eq!(texts, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "252.0 GiB", "16.0 EiB"]);
    }
}
