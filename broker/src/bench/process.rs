//! What a process has used so far, as the system counts it.

use std::time::Duration;

/// Used by a process, from one look to another.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time in its own code.
    pub user: Duration,
    /// Processor time in the system.
    pub system: Duration,
    /// Switches to another thread.
    pub context_switches: u64,
    /// Pages that had to be mapped or read.
    pub page_faults: u64,
    /// Anonymous memory at the second look, bytes.
    pub anonymous_bytes: u64,
}

impl Usage {
    /// All processor time.
    pub fn cpu(&self) -> Duration {
        self.user + self.system
    }

    /// What came on top of an earlier look.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
            context_switches: self.context_switches.saturating_sub(earlier.context_switches),
            page_faults: self.page_faults.saturating_sub(earlier.page_faults),
            anonymous_bytes: self.anonymous_bytes,
        }
    }

    /// What a process has used since its start; zeros for one that is gone.
    pub fn of(pid: u32) -> Self {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<u64> = after_name(&stat).split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
        let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        Self {
            user: ticks(field(14)),
            system: ticks(field(15)),
            context_switches: threads(pid).map(|status| switches(&status)).sum(),
            page_faults: field(10) + field(12),
            anonymous_bytes: number_after(&status, "RssAnon:") * 1024,
        }
    }

    /// What this process has used since its start.
    pub fn of_self() -> Self {
        Self::of(std::process::id())
    }
}

/// The fields of `/proc/PID/stat` behind the name, which may hold blanks and brackets.
fn after_name(stat: &str) -> &str {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest)
}

fn threads(pid: u32) -> impl Iterator<Item = String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok())
}

fn switches(status: &str) -> u64 {
    number_after(status, "\nvoluntary_ctxt_switches:") + number_after(status, "nonvoluntary_ctxt_switches:")
}

fn number_after(text: &str, label: &str) -> u64 {
    let rest = text.split_once(label).map_or("", |(_, rest)| rest);
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn ticks(count: u64) -> Duration {
    Duration::from_secs_f64(count as f64 / rustix::param::clock_ticks_per_second().max(1) as f64)
}
