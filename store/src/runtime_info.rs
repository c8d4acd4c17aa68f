//! What the store counts, and how it tells: keys and texts of `brokerStatus`.
//! Source: `store/StoreStatsService`, `store/DefaultMessageStore#getRuntimeInfo`.

use compat::time::Millis;
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counters of one store, from its opening on.
pub(crate) struct Stats {
    since: Millis,
    put_count: AtomicU64,
    put_bytes: AtomicU64,
    put_longest_ms: AtomicU64,
    put_times: [AtomicU64; TIMES.len()],
    get_found: AtomicU64,
    get_missed: AtomicU64,
    get_messages: AtomicU64,
    get_longest_ms: AtomicU64,
    samples: Mutex<Samples>,
}

#[derive(Default)]
struct Samples {
    /// The newest is the last.
    all: VecDeque<Sample>,
    /// When the distribution of put times began.
    times_since: Millis,
}

/// The counters at a time.
#[derive(Clone, Copy, Default)]
struct Sample {
    at: Millis,
    put: u64,
    found: u64,
    missed: u64,
    transferred: u64,
}

/// Times of a put, by upper bound in ms.
const TIMES: [(&str, u64); 13] = [
    ("[<=0ms]", 0),
    ("[0~10ms]", 10),
    ("[10~50ms]", 50),
    ("[50~100ms]", 100),
    ("[100~200ms]", 200),
    ("[200~500ms]", 500),
    ("[500ms~1s]", 1000),
    ("[1~2s]", 2000),
    ("[2~3s]", 3000),
    ("[3~4s]", 4000),
    ("[4~5s]", 5000),
    ("[5~10s]", 10_000),
    ("[10s~]", u64::MAX),
];
/// Samples that are kept, one a second.
const SAMPLES: usize = 601;
const TIMES_SPAN: Duration = Duration::from_secs(60);

impl Stats {
    pub fn new(now: Millis) -> Self {
        Self {
            since: now,
            put_count: AtomicU64::new(0),
            put_bytes: AtomicU64::new(0),
            put_longest_ms: AtomicU64::new(0),
            put_times: Default::default(),
            get_found: AtomicU64::new(0),
            get_missed: AtomicU64::new(0),
            get_messages: AtomicU64::new(0),
            get_longest_ms: AtomicU64::new(0),
            samples: Mutex::new(Samples { all: VecDeque::new(), times_since: now }),
        }
    }

    /// Messages were stored together, within a time.
    pub fn put(&self, count: u64, bytes: u64, took: Duration) {
        if count == 0 {
            return;
        }
        self.put_count.fetch_add(count, Ordering::Relaxed);
        self.put_bytes.fetch_add(bytes, Ordering::Relaxed);
        let ms = took.as_millis() as u64;
        let slot = TIMES.iter().position(|&(_, up_to)| ms <= up_to).unwrap_or(TIMES.len() - 1);
        self.put_times[slot].fetch_add(count, Ordering::Relaxed);
        if ms > 0 {
            self.put_longest_ms.fetch_max(ms, Ordering::Relaxed);
        }
    }

    /// A queue was read: so many messages were found.
    pub fn got(&self, count: u64) {
        if count > 0 {
            self.get_found.fetch_add(1, Ordering::Relaxed);
            self.get_messages.fetch_add(count, Ordering::Relaxed);
        } else {
            self.get_missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A read that could wait for the disk took so long.
    pub fn waited(&self, took: Duration) {
        self.get_longest_ms.fetch_max(took.as_millis() as u64, Ordering::Relaxed);
    }

    /// Keeps the counters of a second.
    pub fn sample(&self, now: Millis) {
        let sample = Sample {
            at: now,
            put: self.put_count.load(Ordering::Relaxed),
            found: self.get_found.load(Ordering::Relaxed),
            missed: self.get_missed.load(Ordering::Relaxed),
            transferred: self.get_messages.load(Ordering::Relaxed),
        };
        let mut samples = self.samples();
        samples.all.push_back(sample);
        if samples.all.len() > SAMPLES {
            samples.all.pop_front();
        }
        if samples.times_since.until(now) >= TIMES_SPAN {
            samples.times_since = now;
            self.put_times.iter().for_each(|times| times.store(0, Ordering::Relaxed));
        }
    }

    /// Adds the keys of the statistics.
    pub fn show(&self, now: Millis, out: &mut Vec<(String, String)>) {
        let mut add = |key: &str, value: String| out.push((key.to_owned(), value));
        let put = self.put_count.load(Ordering::Relaxed).max(1);
        let bytes = self.put_bytes.load(Ordering::Relaxed);
        add("bootTimestamp", self.since.to_string());
        add("runtime", runtime(self.since.until(now)));
        add("putMessageEntireTimeMax", self.put_longest_ms.load(Ordering::Relaxed).to_string());
        add("putMessageTimesTotal", put.to_string());
        add("putMessageSizeTotal", bytes.to_string());
        add("putMessageDistributeTime", self.distribution());
        add("putMessageAverageSize", double(bytes as f64 / put as f64));
        add("dispatchMaxBuffer", "0".to_owned());
        add("getMessageEntireTimeMax", self.get_longest_ms.load(Ordering::Relaxed).to_string());
        add("putTps", self.rates("", |sample| sample.put));
        add("getFoundTps", self.rates("", |sample| sample.found));
        add("getMissTps", self.rates("", |sample| sample.missed));
        add("getTotalTps", self.rates("0.0", |sample| sample.found + sample.missed));
        add("getTransferedTps", self.rates("", |sample| sample.transferred));
    }

    fn distribution(&self) -> String {
        let mut text = String::new();
        for ((label, _), count) in TIMES.iter().zip(&self.put_times) {
            let _ = write!(text, "{label}:{} ", count.load(Ordering::Relaxed));
        }
        text
    }

    /// Per second over 10, 60 and 600 seconds; `none` where there are not yet enough samples.
    fn rates(&self, none: &str, count: impl Fn(&Sample) -> u64) -> String {
        let samples = self.samples();
        let rate = |span: usize| {
            let last = samples.all.back()?;
            let first = samples.all.get(samples.all.len().checked_sub(span + 1)?)?;
            let ms = first.at.until(last.at).as_millis().max(1) as f64;
            Some(double((count(last) - count(first)) as f64 / ms * 1000.0))
        };
        [10, 60, 600].map(|span| rate(span).unwrap_or_else(|| none.to_owned())).join(" ")
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn runtime(time: Duration) -> String {
    let secs = time.as_secs();
    format!("[ {} days, {} hours, {} minutes, {} seconds ]", secs / 86_400, secs / 3600 % 24, secs / 60 % 60, secs % 60)
}

/// A number with a fraction, as Java spells it where it matters: `0.0`, not `0`.
pub(crate) fn double(value: f64) -> String {
    format!("{value:?}")
}

/// A number of bytes for people. Source: `common/MixAll#humanReadableByteCount`.
pub(crate) fn human(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let power = bytes.ilog2() / 10;
    let unit = [' ', 'K', 'M', 'G', 'T', 'P', 'E'][power as usize];
    format!("{:.1} {unit}iB", bytes as f64 / 1024f64.powi(power as i32))
}
