//! Recovery: what a start does with the files that it finds.
//!
//! First a look, without a change: where the log ends, and what queues and index lack or have too much ([`survey`],
//! [`plan`]). Then the changes: the log is cut at its end, queues and index are cut to what the log bears out, and the
//! records that they lack are dispatched again, by the path of live traffic.
//!
//! After a clean stop the last three files of the log are read, after a crash those since the checkpoint. The records
//! read say of each queue which offset comes first and which last. A queue that does not end with that last record is
//! cut to what lies before those files and made again from there; where even the entry before the first record is
//! missing, from further back.
//!
//! Records of a queue that was destroyed are passed over up to its tombstone (`tombstones`), and what is left of its files
//! goes.
//!
//! Source: `store/CommitLog#recoverNormally`, `#recoverAbnormally`, `store/DefaultMessageStore#recover`.
//! Differs: consume queues and index are brought in line with the log in every case, not after a crash only, and from as
//! far back as they need.

use crate::checkpoint::{Abort, Checkpoint};
use crate::dispatch::{self, Tags};
use crate::index::{Checked, Index, IndexFile};
use crate::log::Log;
use crate::open_error::OpenError;
use crate::queue::{Digest, Queue};
use crate::queues::Queues;
use crate::settings::StoreSettings;
use crate::tombstones::Tombstones;
use compat::message::TransactionType;
use compat::message::properties::Marks;
use compat::message::record::{self, CheckBody, Parsed, Record};
use compat::offset::{PhysicalOffset, QueueId, QueueOffset};
use compat::time::Millis;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a start works on.
pub(crate) struct Parts<'a> {
    pub settings: &'a StoreSettings,
    pub log: &'a mut Log,
    pub queues: &'a Queues,
    pub index: &'a Index,
    pub checkpoint: &'a Checkpoint,
    pub abort: &'a Abort,
    pub tags: &'a Tags,
}

/// How the last owner ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Clean,
    Crash,
}

/// Brings everything in line with the log. Nothing on disk changes unless all of it is understood. Store time of the
/// last record is the answer.
pub(crate) fn recover(parts: Parts<'_>) -> Result<Millis, OpenError> {
    let exists = parts.abort.exists().map_err(|cause| OpenError::Io { what: "look for abort".to_owned(), cause })?;
    let exit = if exists { Exit::Crash } else { Exit::Clean };
    let survey = survey(&parts, exit)?;
    let plan = plan(&parts, exit, &survey)?;
    apply(parts, exit, &survey, plan)?;
    Ok(survey.last_timestamp)
}

/// What the log says.
struct Survey {
    /// Where reading began.
    from: PhysicalOffset,
    /// Behind the last whole record.
    end: PhysicalOffset,
    last_timestamp: Millis,
    /// The last record that belongs into the index.
    last_with_keys: Option<PhysicalOffset>,
    queues: HashMap<(Box<str>, QueueId), Seen>,
}

/// The first and the last record of one queue among those read.
#[derive(Clone, Copy, Debug)]
struct Seen {
    first: (QueueOffset, PhysicalOffset),
    last: (QueueOffset, PhysicalOffset),
    /// Of the places of all of them: see [`crate::queue::Digest`].
    digest: Digest,
}

fn survey(parts: &Parts<'_>, exit: Exit) -> Result<Survey, OpenError> {
    let log = &*parts.log;
    let from = first_file(parts, exit);
    let check = if parts.settings.check_crc_on_recover { CheckBody::Yes } else { CheckBody::No };
    let mut survey =
        Survey { from, end: from, last_timestamp: Millis(0), last_with_keys: None, queues: HashMap::new() };
    let mut scan = Scan::new(log, from, log.written(), check, "reading the commit log");
    while let Some((position, found)) = scan.next() {
        match found {
            Found::Record(record) => survey.add(position, &record, parts.queues.tombstones()),
            Found::Broken(what) => refuse_broken(log, exit, position, &what)?,
        }
    }
    survey.end = scan.end;
    Ok(survey)
}

/// Where to begin reading. Source: `store/CommitLog#isMappedFileMatchedRecover`.
fn first_file(parts: &Parts<'_>, exit: Exit) -> PhysicalOffset {
    let files = parts.log.files();
    let first = files.first().map_or(PhysicalOffset::ZERO, |file| file.first);
    if exit == Exit::Clean {
        return files.iter().rev().nth(2).map_or(first, |file| file.first);
    }
    let limit = recovery_limit(parts);
    let old_enough = |position: PhysicalOffset| {
        let rest = parts.log.rest(position);
        rest.as_ref().is_some_and(|rest| match record::parse(rest.bytes(), CheckBody::No) {
            Parsed::Message(record) => record.store_timestamp().0 != 0 && record.store_timestamp() <= limit,
            _ => false,
        })
    };
    files.iter().rev().map(|file| file.first).find(|&position| old_enough(position)).unwrap_or(first)
}

/// Records up to this time are durable, and so is what follows from them.
fn recovery_limit(parts: &Parts<'_>) -> Millis {
    let checkpoint = parts.checkpoint;
    if checkpoint.physic() == Millis(0) && checkpoint.logics() > Millis(0) {
        // A Java slave never sets the stamp of the log; its queues follow the log, so theirs is a bound for both.
        return Millis((checkpoint.logics().0 - 3000).max(0));
    }
    if parts.settings.index_enable && parts.settings.index_safe {
        checkpoint.min_timestamp_with_index()
    } else {
        checkpoint.min_timestamp()
    }
}

/// After a clean stop a broken record is no torn write. When there is more behind it, cutting the log there would lose
/// what is whole.
fn refuse_broken(log: &Log, exit: Exit, position: PhysicalOffset, what: &str) -> Result<(), OpenError> {
    let next = log.file_end(position);
    let goes_on =
        log.rest(next).is_some_and(|rest| matches!(record::parse(rest.bytes(), CheckBody::No), Parsed::Message(_)));
    if exit == Exit::Crash || !goes_on {
        return Ok(());
    }
    Err(OpenError::Damaged {
        file: format!("commit log at {position}"),
        what: format!("{what}, but the next file holds messages"),
        advice:
            "Restore the file, or create an empty file named abort in the store directory to go on with the messages \
                 before it and lose those behind it"
                .to_owned(),
    })
}

impl Survey {
    fn add(&mut self, position: PhysicalOffset, record: &Record<'_>, tombstones: &Tombstones) {
        self.last_timestamp = self.last_timestamp.max(record.store_timestamp());
        if has_keys(record) {
            self.last_with_keys = Some(position);
        }
        let ids = QueueId::from_java(record.queue_id()).zip(QueueOffset::from_java(record.queue_offset()));
        let Some((id, offset)) = ids.filter(|_| record.sys_flag().is_queued()) else { return };
        let topic = String::from_utf8_lossy(record.topic());
        if tombstones.hides(&topic, id, position) {
            return;
        }
        let here = (offset, position);
        let new = Seen { first: here, last: here, digest: Digest::default() };
        let seen = self.queues.entry((topic.into(), id)).or_insert(new);
        if offset <= seen.last.0 && position > seen.last.1 {
            // The queue began anew: what was before is of no interest.
            *seen = new;
        }
        seen.last = here;
        seen.digest.add(position, record.size());
    }
}

fn has_keys(record: &Record<'_>) -> bool {
    record.sys_flag().transaction() != TransactionType::Rollback
        && Marks::of(record.properties()).index_keys().next().is_some()
}

/// What has to be done.
struct Plan {
    /// Records from here on are dispatched again.
    start: Option<PhysicalOffset>,
    repair: Vec<Arc<Queue>>,
    /// Queues with what is left of one that ended.
    delete: Vec<Arc<Queue>>,
    /// How many index files stay.
    index_files: usize,
    /// The last of them loses entries.
    index_cut: Option<(Arc<IndexFile>, Checked)>,
}

impl Plan {
    fn need(&mut self, from: PhysicalOffset) {
        self.start = Some(self.start.map_or(from, |start| start.min(from)));
    }
}

fn plan(parts: &Parts<'_>, exit: Exit, survey: &Survey) -> Result<Plan, OpenError> {
    let mut plan =
        Plan { start: None, repair: Vec::new(), delete: Vec::new(), index_files: usize::MAX, index_cut: None };
    for (topic, id) in survey.queues.keys() {
        parts.queues.queue(topic, *id);
    }
    let mut progress = Progress::new("looking at consume queues");
    let queues = parts.queues.all();
    if parts.log.files().is_empty() {
        refuse_queues_without_log(parts, &queues)?;
    }
    for (done, queue) in queues.iter().enumerate() {
        plan_queue(parts, exit, survey, queue, &mut plan)?;
        progress.tell(done as u64, queues.len() as u64);
    }
    if parts.index.is_enabled() {
        plan_index(parts, exit, survey, &mut plan);
    }
    Ok(plan)
}

/// Going on would delete every queue, where perhaps only the path of the log is wrong.
fn refuse_queues_without_log(parts: &Parts<'_>, queues: &[Arc<Queue>]) -> Result<(), OpenError> {
    for queue in queues {
        queue.find_end(None)?;
        if queue.last_entry().is_some() {
            return Err(OpenError::Damaged {
                file: parts.settings.store_path_commit_log.clone(),
                what: "there is no commit log, but there are consume queues with messages".to_owned(),
                advice:
                    "Set storePathCommitLog to where it is, or move the directories consumequeue and index away to \
                         start without messages"
                        .to_owned(),
            });
        }
    }
    Ok(())
}

fn plan_queue(
    parts: &Parts<'_>,
    exit: Exit,
    survey: &Survey,
    queue: &Arc<Queue>,
    plan: &mut Plan,
) -> Result<(), OpenError> {
    queue.find_end(None)?;
    if let Some(end) = left_of_ended(parts, queue)? {
        // What came later is made again from the log.
        if end < survey.from {
            plan.need(end.max(parts.log.min()));
        }
        if let Some(seen) = survey.queues.get(&(queue.topic().into(), queue.id())) {
            plan.need(seen.first.1);
        }
        plan.delete.push(Arc::clone(queue));
        return Ok(());
    }
    let seen = survey.queues.get(&(queue.topic().into(), queue.id()));
    let last = |queue: &Queue| queue.last_entry().filter(|last| !last.is_blank());
    let agrees = match seen {
        Some(seen) => {
            queue.max() == seen.last.0.plus(1) && queue.digest(seen.first.0, queue.max())? == Some(seen.digest)
        }
        None => false,
    };
    if exit == Exit::Crash {
        match seen.filter(|_| agrees) {
            Some(seen) => queue.suspect(seen.first.0),
            None => queue.find_end(Some(survey.from))?,
        }
    }
    if !agrees {
        if last(queue).is_some_and(|last| last.position >= survey.from) {
            queue.truncate(queue.first_at(survey.from)?)?;
        }
        while last(queue).is_some_and(|last| !bears_out(parts, queue, last.position)) {
            queue.truncate(QueueOffset::from_java(queue.max().to_java() - 1).unwrap_or_default())?;
        }
    }
    if let Some(seen) = seen.filter(|_| !agrees) {
        let (first, at) = seen.first;
        let begins_anew = first == QueueOffset::ZERO;
        match last(queue) {
            Some(last) if first > queue.max() && !begins_anew => plan.need(last.position),
            None if first > queue.max() && !begins_anew => plan.need(parts.log.min()),
            _ => plan.need(at),
        }
    }
    if queue.needs_repair() {
        plan.repair.push(Arc::clone(queue));
    }
    Ok(())
}

/// Where the former queue of this name ended, when files of it are left: a crash came between its tombstone and the end
/// of deleting them, or they were put back from outside. Entries that are all behind the tombstone are of a later queue.
fn left_of_ended(parts: &Parts<'_>, queue: &Queue) -> Result<Option<PhysicalOffset>, OpenError> {
    let Some(end) = parts.queues.tombstones().end(queue.topic(), queue.id()) else { return Ok(None) };
    // Where the log begins behind the tombstone, so may the later queue: with blank entries in front.
    let is_later = queue.is_empty()
        || match queue.last_entry().filter(|last| !last.is_blank() && end <= parts.log.min()) {
            Some(last) => last.position >= end,
            None => queue.begins_behind(end)?,
        };
    Ok((!is_later).then_some(end))
}

/// Whether the log holds the record that the last entry of a queue speaks of.
fn bears_out(parts: &Parts<'_>, queue: &Queue, position: PhysicalOffset) -> bool {
    if position < parts.log.min() {
        return true;
    }
    let offset = queue.max().to_java() - 1;
    parts.log.rest(position).is_some_and(|rest| match record::parse(rest.bytes(), CheckBody::No) {
        Parsed::Message(record) => {
            record.queue_offset() == offset
                && record.queue_id() == queue.id().to_java()
                && String::from_utf8_lossy(record.topic()) == queue.topic()
        }
        _ => false,
    })
}

fn plan_index(parts: &Parts<'_>, exit: Exit, survey: &Survey, plan: &mut Plan) {
    let files = parts.index.files();
    let durable = parts.checkpoint.index();
    let mut indexed = None;
    let mut cut_short = parts.index.has_unusable();
    let mut begin = None;
    plan.index_files = files.len();
    for (number, file) in files.iter().enumerate() {
        let header = file.header();
        let trusted = match exit {
            Exit::Clean => true,
            Exit::Crash => header.count <= 1 || file.is_full() && Millis(header.end_timestamp) <= durable,
        };
        if trusted && file.is_plausible(survey.end) {
            indexed = file.last_position().or(indexed);
            continue;
        }
        let checked = file.check(survey.end);
        if checked.is_full {
            indexed = checked.last.or(indexed);
            continue;
        }
        cut_short = true;
        begin = PhysicalOffset::from_java(header.begin_position);
        plan.index_files = number;
        if checked.count > 1 {
            plan.index_files = number + 1;
            indexed = checked.last;
            plan.index_cut = Some((Arc::clone(file), checked));
        }
        break;
    }
    if cut_short || survey.last_with_keys.is_some_and(|last| indexed.is_none_or(|indexed| indexed < last)) {
        plan.need(indexed.or(begin).unwrap_or_default().max(parts.log.min()));
    }
}

fn apply(parts: Parts<'_>, exit: Exit, survey: &Survey, plan: Plan) -> Result<(), OpenError> {
    let fail = |what: &str| {
        let what = what.to_owned();
        move |cause: io::Error| OpenError::Io { what, cause }
    };
    let drops_index = plan.index_files < parts.index.files().len() || parts.index.has_unusable();
    let changes = plan.start.is_some()
        || !plan.repair.is_empty()
        || !plan.delete.is_empty()
        || plan.index_cut.is_some()
        || drops_index;
    if changes && exit == Exit::Clean {
        parts.abort.create().map_err(fail("create abort"))?;
    }
    parts.log.set_recovered(survey.end)?;
    parts.queues.tombstones().clamp(survey.end).map_err(fail("write where deleted queues ended"))?;
    parts.queues.delete(&plan.delete).map_err(fail("delete what is left of deleted queues"))?;
    for queue in &plan.repair {
        queue.repair()?;
    }
    if parts.index.is_enabled() {
        parts.index.retain(plan.index_files).map_err(fail("delete index files"))?;
        if let Some((file, checked)) = &plan.index_cut {
            file.cut(checked, |position| stored(parts.log, position)).map_err(fail("cut an index file"))?;
        }
        parts.index.resume();
    }
    if let Some(start) = plan.start {
        redispatch(&parts, start, survey.end);
    }
    let min = parts.log.min();
    for queue in parts.queues.all() {
        queue.set_next_offset(queue.max());
        queue.correct_min(min).map_err(fail("find the first message of a queue"))?;
    }
    if changes {
        parts.queues.write().and_then(|()| parts.queues.sync()).map_err(fail("write consume queues"))?;
        parts.index.flush(parts.checkpoint).map_err(fail("write the index"))?;
        if survey.last_timestamp > Millis(0) {
            parts.checkpoint.set_physic(survey.last_timestamp);
            parts.checkpoint.set_logics(survey.last_timestamp);
        }
        parts.checkpoint.flush().map_err(fail("write the checkpoint"))?;
    }
    Ok(())
}

fn redispatch(parts: &Parts<'_>, start: PhysicalOffset, end: PhysicalOffset) {
    tracing::info!(%start, %end, "dispatching records again that queues or index lack");
    let mut scan = Scan::new(parts.log, start, end, CheckBody::No, "dispatching the commit log");
    scan.passes_over_broken = true;
    while let Some((position, found)) = scan.next() {
        match found {
            Found::Record(record) => match parts.tags.entry(&record, position, parts.queues) {
                Some(entry) => _ = dispatch::apply(&entry, parts.index),
                None => tracing::warn!(%position, "a record without a queue is not dispatched"),
            },
            Found::Broken(what) => tracing::error!(%position, what, "the rest of a commit log file cannot be read"),
        }
    }
}

/// Dispatches to the index what it lacks, for a live store: from where it fell behind, up to `end`.
pub(crate) fn catch_up_index(
    log: &Log,
    queues: &Queues,
    index: &Index,
    tags: &Tags,
    start: PhysicalOffset,
    end: PhysicalOffset,
) {
    let mut scan = Scan::new(log, start.max(log.min()), end, CheckBody::No, "catching up the index");
    scan.passes_over_broken = true;
    while let Some((position, found)) = scan.next() {
        if let Found::Record(record) = found
            && let Some(entry) = tags.entry(&record, position, queues)
        {
            index.put(&entry);
        }
    }
}

fn stored(log: &Log, position: PhysicalOffset) -> Option<Millis> {
    match record::parse(log.rest(position)?.bytes(), CheckBody::No) {
        Parsed::Message(record) => Some(record.store_timestamp()),
        _ => None,
    }
}

/// Reads records in order.
struct Scan<'a> {
    log: &'a Log,
    check: CheckBody,
    /// Where the next record stands; at last, behind the last whole one.
    end: PhysicalOffset,
    limit: PhysicalOffset,
    over: bool,
    /// A broken record ends its file, not the scan.
    passes_over_broken: bool,
    window: Option<(PhysicalOffset, crate::read::LogSlice)>,
    asked_to: PhysicalOffset,
    progress: Progress,
}

enum Found<'a> {
    Record(Record<'a>),
    Broken(String),
}

/// The system is asked for so many bytes ahead.
const READ_AHEAD: usize = 8 << 20;

impl<'a> Scan<'a> {
    fn new(log: &'a Log, from: PhysicalOffset, limit: PhysicalOffset, check: CheckBody, what: &'static str) -> Self {
        Self {
            log,
            check,
            end: from,
            limit,
            over: false,
            passes_over_broken: false,
            window: None,
            asked_to: from,
            progress: Progress::new(what),
        }
    }

    fn next(&mut self) -> Option<(PhysicalOffset, Found<'_>)> {
        // Where the filler of the last file stands: the log ends in front of it when no file follows.
        let mut before_blank = None;
        loop {
            if self.over || self.end >= self.limit || !self.has_window() {
                self.end = before_blank.unwrap_or(self.end);
                return None;
            }
            let at = self.end;
            self.read_ahead();
            let (start, window) = self.window.as_ref()?;
            let bytes = window.bytes().get(start.distance_to(at) as usize..).unwrap_or_default();
            match record::parse(bytes, self.check) {
                Parsed::Blank => {
                    before_blank.get_or_insert(at);
                    self.end = self.log.file_end(at);
                    self.window = None;
                }
                Parsed::Message(record) => {
                    self.end = at.plus(u64::from(record.size()));
                    self.progress.tell(at.to_java() as u64, self.limit.to_java() as u64);
                    return self.record(at).map(|record| (at, Found::Record(record)));
                }
                Parsed::Invalid(invalid) => {
                    if self.passes_over_broken {
                        self.end = self.log.file_end(at);
                        self.window = None;
                    } else {
                        self.over = true;
                    }
                    return Some((at, Found::Broken(invalid.to_string())));
                }
            }
        }
    }

    /// The record that was checked just before.
    fn record(&self, at: PhysicalOffset) -> Option<Record<'_>> {
        let (start, window) = self.window.as_ref()?;
        match record::parse(window.bytes().get(start.distance_to(at) as usize..)?, CheckBody::No) {
            Parsed::Message(record) => Some(record),
            _ => None,
        }
    }

    fn has_window(&mut self) -> bool {
        let covered = self.window.as_ref().is_some_and(|(start, window)| {
            *start <= self.end && (start.distance_to(self.end) as usize) < window.bytes().len()
        });
        if !covered {
            self.window = self.log.rest(self.end).filter(|rest| !rest.bytes().is_empty()).map(|rest| (self.end, rest));
        }
        self.window.is_some()
    }

    fn read_ahead(&mut self) {
        if self.end < self.asked_to {
            return;
        }
        if let Some((start, window)) = &self.window {
            let mut ahead = window.clone();
            ahead.range.start += start.distance_to(self.end) as usize;
            ahead.range.end = ahead.range.end.min(ahead.range.start + READ_AHEAD);
            self.log.will_need(&ahead);
            self.asked_to = self.end.plus(READ_AHEAD as u64 / 2);
        }
    }
}

/// Says how far long work has come: after two seconds, and every two seconds from then on.
struct Progress {
    what: &'static str,
    since: Instant,
    told: Duration,
    calls: u32,
}

const TELL_EVERY: Duration = Duration::from_secs(2);

impl Progress {
    fn new(what: &'static str) -> Self {
        Self { what, since: Instant::now(), told: Duration::ZERO, calls: 0 }
    }

    fn tell(&mut self, done: u64, of: u64) {
        self.calls = self.calls.wrapping_add(1);
        if !self.calls.is_multiple_of(256) {
            return;
        }
        let elapsed = self.since.elapsed();
        if elapsed >= self.told + TELL_EVERY {
            self.told = elapsed;
            tracing::info!(what = self.what, done, of, seconds = elapsed.as_secs(), "starting");
        }
    }
}

#[cfg(test)]
mod tests;
