//! Latencies of a run, in steps of 0.1 us up to a minute, and what the run as a whole used.

use super::process::Usage;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// What was measured.
pub struct Report {
    /// Messages in the measured time.
    pub messages: u64,
    /// Requests in the measured time.
    pub requests: u64,
    /// How long that was.
    pub elapsed: Duration,
    /// Answers by code, the whole run through.
    pub codes: BTreeMap<i32, u64>,
    /// From a request to its answer.
    pub latency: Latency,
    /// What the driver used.
    pub driver: Usage,
    /// What the broker used, where its process was named.
    pub broker: Option<Usage>,
}

/// Latencies.
pub struct Latency {
    tenths_of_us: Histogram<u32>,
}

impl Default for Latency {
    fn default() -> Self {
        let minute = 600_000_000;
        Self { tenths_of_us: Histogram::new_with_max(minute, 3).expect("bounds that the histogram allows") }
    }
}

impl Latency {
    /// One more.
    pub fn record(&mut self, latency: Duration) {
        let tenths = u64::try_from(latency.as_nanos() / 100).unwrap_or(u64::MAX);
        self.tenths_of_us.saturating_record(tenths);
    }

    fn at_us(&self, percentile: f64) -> f64 {
        self.tenths_of_us.value_at_percentile(percentile) as f64 / 10.0
    }
}

impl Report {
    fn figures(&self) -> Vec<(&'static str, f64)> {
        let seconds = self.elapsed.as_secs_f64();
        let messages = self.messages.max(1) as f64;
        let mut figures = vec![
            ("messages_per_s", self.messages as f64 / seconds),
            ("requests_per_s", self.requests as f64 / seconds),
            ("p50_us", self.latency.at_us(50.0)),
            ("p99_us", self.latency.at_us(99.0)),
            ("p999_us", self.latency.at_us(99.9)),
            ("driver_core", self.driver.cpu().as_secs_f64() / seconds),
            ("driver_cpu_us_per_message", self.driver.cpu().as_secs_f64() * 1e6 / messages),
        ];
        if let Some(broker) = &self.broker {
            figures.extend([
                ("broker_user_us_per_message", broker.user.as_secs_f64() * 1e6 / messages),
                ("broker_system_us_per_message", broker.system.as_secs_f64() * 1e6 / messages),
                ("broker_cpu_us_per_message", broker.cpu().as_secs_f64() * 1e6 / messages),
                ("broker_switches_per_message", broker.context_switches as f64 / messages),
                ("broker_faults_per_message", broker.page_faults as f64 / messages),
                ("broker_anonymous_mib", broker.anonymous_bytes as f64 / 1_048_576.0),
            ]);
        }
        figures
    }

    fn codes(&self) -> String {
        let pair = |(code, count): (&i32, &u64)| format!("\"{code}\":{count}");
        self.codes.iter().map(pair).collect::<Vec<_>>().join(",")
    }

    /// One line of JSON.
    pub fn to_json(&self) -> String {
        let figures: Vec<_> = self.figures().iter().map(|(name, value)| format!("\"{name}\":{value:.3}")).collect();
        let (messages, requests) = (self.messages, self.requests);
        format!(
            "{{\"messages\":{messages},\"requests\":{requests},\"codes\":{{{}}},{}}}",
            self.codes(),
            figures.join(",")
        )
    }

    /// A line a figure.
    pub fn to_text(&self) -> String {
        let mut text = format!("answers by code: {{{}}}\n", self.codes());
        for (name, value) in self.figures() {
            text += &format!("{name:>30} {value:>14.2}\n");
        }
        text
    }
}
