//! Cleaning: old log files go, then what in queues and index speaks of them.
//!
//! Files go at certain hours when they are old enough, and at any hour when the disk fills up: above
//! `diskMaxUsedSpaceRatio` the old ones, above the forcible ratio any, above the warning ratio the store also takes no more
//! messages. The disk is looked at before and after each deletion, by a thread of its own.
//! Source: `store/DefaultMessageStore$CleanCommitLogService`, `$CleanConsumeQueueService`.
//!
//! Differs: blocks reserved for the system's own use count as used, and messages are taken again as soon as the disk is
//! below the warning ratio.

use crate::disk::{Disk, Space};
use crate::index::Index;
use crate::log::Log;
use crate::queues::Queues;
use crate::settings::StoreSettings;
use compat::java::time::Zone;
use compat::offset::PhysicalOffset;
use compat::time::{Clock, Millis};
use std::io;
use std::path::Path;
use std::time::Duration;

/// Above this the store takes no more messages.
const WARNING_RATIO: f64 = 0.90;
/// Above this files go before their time.
const FORCIBLY_RATIO: f64 = 0.85;
/// Most log files that go in one run.
const FILES_A_RUN: usize = 10;

/// When and what to clean.
pub(crate) struct Cleaner {
    hours: Vec<i8>,
    zone: Zone,
    reserved: Duration,
    max_used: f64,
    forcibly: bool,
    file_pause: Duration,
    queue_pause: Duration,
    log_dir: String,
    queue_dir: String,
}

/// What a cleaner works on.
pub(crate) struct Parts<'a> {
    pub disk: &'a dyn Disk,
    pub clock: &'a Clock,
    pub log: &'a Log,
    pub queues: &'a Queues,
    pub index: &'a Index,
    /// Waits; whether to go on is the answer.
    pub pause: &'a dyn Fn(Duration) -> bool,
}

/// How full a disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pressure {
    None,
    /// Old files go at any hour.
    Expired,
    /// Files go before their time.
    Forcibly,
    /// And no message is taken.
    Full,
}

impl Cleaner {
    pub fn new(settings: &StoreSettings, zone: Zone) -> Self {
        let ratio = settings.disk_max_used_space_ratio.clamp(10, 95);
        Self {
            hours: settings.delete_when.split(';').filter_map(|hour| hour.trim().parse().ok()).collect(),
            zone,
            reserved: Duration::from_secs(u64::from(settings.file_reserved_hours) * 3600),
            max_used: f64::from(ratio) / 100.0,
            forcibly: settings.clean_file_forcibly,
            file_pause: settings.delete_commit_log_files_interval.duration(),
            queue_pause: settings.delete_consume_queue_files_interval.duration(),
            log_dir: settings.store_path_commit_log.clone(),
            queue_dir: Path::new(&settings.store_path_root).join("consumequeue").display().to_string(),
        }
    }

    /// Deletes log files that may go. Whether the disk is too full to take messages is the answer.
    pub fn clean_log(&self, parts: &Parts<'_>) -> bool {
        let mut pressure = self.pressure(parts.disk);
        let in_hour = self.hours.contains(&self.zone.at(parts.clock.now()).hour());
        for gone in 0..FILES_A_RUN {
            let Some(first) = parts.log.files().first().copied() else { break };
            if !self.may_go(first.modified, parts.clock.now(), in_hour, pressure) {
                break;
            }
            if gone > 0 && !(parts.pause)(self.file_pause) {
                break;
            }
            match parts.log.delete_first_file() {
                Ok(Some(position)) => tracing::info!(%position, ?pressure, "deleted a commit log file"),
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "commit log file cannot be deleted");
                    break;
                }
            }
            pressure = self.pressure(parts.disk);
        }
        pressure == Pressure::Full
    }

    fn may_go(&self, modified: Millis, now: Millis, in_hour: bool, pressure: Pressure) -> bool {
        let is_old = modified.plus(self.reserved) <= now;
        let at_once = self.forcibly && pressure >= Pressure::Forcibly;
        (in_hour || pressure > Pressure::None) && (is_old || at_once)
    }

    fn pressure(&self, disk: &dyn Disk) -> Pressure {
        self.of(used(disk, &self.log_dir)).max(self.of(used(disk, &self.queue_dir)))
    }

    fn of(&self, used: Option<f64>) -> Pressure {
        match used {
            None => Pressure::None,
            Some(used) if used > WARNING_RATIO => Pressure::Full,
            Some(used) if used > FORCIBLY_RATIO => Pressure::Forcibly,
            Some(used) if used > self.max_used => Pressure::Expired,
            Some(_) => Pressure::None,
        }
    }

    /// How full the disk of the log and that of the queues are, as Java shows it: -1 where that cannot be told.
    pub fn ratios(&self, disk: &dyn Disk) -> (f64, f64) {
        (used(disk, &self.log_dir).unwrap_or(-1.0), used(disk, &self.queue_dir).unwrap_or(-1.0))
    }

    /// Lets queues and index follow a log that begins at `min`.
    pub fn follow(&self, parts: &Parts<'_>, min: PhysicalOffset) -> io::Result<()> {
        for queue in parts.queues.all() {
            if queue.expire(min)? > 0 && !(parts.pause)(self.queue_pause) {
                return Ok(());
            }
        }
        parts.index.expire(min)
    }
}

/// The part of a disk that is used; `None` when the path is not there.
fn used(disk: &dyn Disk, path: &str) -> Option<f64> {
    let Space { total, available, .. } = disk.space(Path::new(path)).ok()?;
    (total > 0).then(|| total.saturating_sub(available) as f64 / total as f64)
}

#[cfg(test)]
mod tests;
