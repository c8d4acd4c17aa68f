//! The store as a whole: opening, appending, reading, closing.
//!
//! Opened, it is recovered and can be read. Started, its threads run and it takes messages. Shut down, everything is
//! durable, and only then is `abort` gone.

use crate::append::{AppendError, Batch};
use crate::arrivals::Arrivals;
use crate::checkpoint::{Abort, Checkpoint, LOCK_CONTENT, lock};
use crate::clean::{self, Cleaner};
use crate::disk::{Disk, Lock};
use crate::dispatch::{Dispatcher, Tags};
use crate::index::Index;
use crate::log::Log;
use crate::open_error::OpenError;
use crate::query;
use crate::queue::Queue;
use crate::queues::Queues;
use crate::read::{self, Filter, Found, Limits, LogSlice, QueueEnds, Read, ReadRequest, Reading};
use crate::recovery::{self, Parts};
use crate::runtime_info::{self, Stats};
use crate::settings::{BrokerRole, FlushDiskType, StoreSettings};
use crate::watermark::Watermark;
use crate::worker::{Next, Worker};
use compat::java::time::Zone;
use compat::names::SCHEDULE_TOPIC;
use compat::offset::{PhysicalOffset, QueueId, QueueOffset};
use compat::time::{Clock, Millis};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The store of one broker. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    settings: StoreSettings,
    disk: Arc<dyn Disk>,
    clock: Clock,
    log: Arc<Log>,
    queues: Queues,
    index: Arc<Index>,
    dispatcher: Dispatcher,
    checkpoint: Checkpoint,
    abort: Abort,
    tags: Tags,
    cleaner: Cleaner,
    limits: Limits,
    stats: Stats,
    state: AtomicU8,
    disk_full: AtomicBool,
    lock: Mutex<Option<Box<dyn Lock>>>,
    stopping: Mutex<bool>,
    stop: Condvar,
    write: Worker,
    clean: Worker,
    count: Worker,
}

/// Recovered: can be read.
const OPEN: u8 = 0;
/// Takes messages.
const RUNNING: u8 = 1;
/// Does nothing any more.
const CLOSED: u8 = 2;

/// Cleaning begins so long after the start.
const FIRST_CLEANING: Duration = Duration::from_secs(60);

/// What a query by key found.
#[derive(Clone, Default)]
pub struct QueryFound {
    /// The records, by ascending place.
    pub records: Vec<LogSlice>,
    /// Store time of the last index entry, ms.
    pub index_last_timestamp: i64,
    /// Place of the last index entry.
    pub index_last_position: i64,
}

impl Store {
    /// Locks the directory, reads and checks everything, recovers, and only then writes. No thread runs yet.
    pub fn open(settings: StoreSettings, disk: Arc<dyn Disk>, clock: Clock) -> Result<Self, OpenError> {
        if settings.duplication_enable {
            return Err(OpenError::Setting(
                "duplicationEnable=true would keep every message from its queue".to_owned(),
            ));
        }
        let tags = Tags::new(&settings.delay_levels).ok_or_else(|| {
            OpenError::Setting(format!("messageDelayLevel={}: not a list of times", settings.delay_levels))
        })?;
        let root = Path::new(&settings.store_path_root);
        let lock = lock(&*disk, root)?;
        let mut log = Log::load(&settings, Arc::clone(&disk), clock.clone())?;
        let queues = Queues::load(&settings, Arc::clone(&disk))?;
        let index = Arc::new(Index::load(&settings, Arc::clone(&disk), clock.clone())?);
        let checkpoint = Checkpoint::load(Arc::clone(&disk), root)?;
        let abort = Abort::new(Arc::clone(&disk), root);
        let last_timestamp = recovery::recover(Parts {
            settings: &settings,
            log: &mut log,
            queues: &queues,
            index: &index,
            checkpoint: &checkpoint,
            abort: &abort,
            tags: &tags,
        })?;
        let inner = Inner {
            dispatcher: Dispatcher::new(Arc::clone(&index), log.written(), last_timestamp),
            cleaner: Cleaner::new(&settings, Zone::system()),
            limits: limits(&settings),
            stats: Stats::new(clock.now()),
            log: Arc::new(log),
            settings,
            disk,
            clock,
            queues,
            index,
            checkpoint,
            abort,
            tags,
            state: AtomicU8::new(OPEN),
            disk_full: AtomicBool::new(false),
            lock: Mutex::new(Some(lock)),
            stopping: Mutex::new(false),
            stop: Condvar::new(),
            write: Worker::new("queue-write"),
            clean: Worker::new("store-clean"),
            count: Worker::new("store-count"),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Starts the threads that flush, prepare files and clean, and takes messages from now on.
    pub fn start(&self, arrivals: Arc<dyn Arrivals>) -> Result<(), OpenError> {
        let fail = |what: &str| {
            let what = what.to_owned();
            move |cause| OpenError::Io { what, cause }
        };
        let inner = &self.inner;
        if let Some(lock) = &*held(&inner.lock) {
            lock.mark(LOCK_CONTENT).map_err(fail("write the lock file"))?;
        }
        inner.abort.create().map_err(fail("create abort"))?;
        inner.dispatcher.tell(arrivals);
        let weak = Arc::downgrade(inner);
        let on_flushed = Box::new(move |_| {
            if let Some(inner) = weak.upgrade() {
                inner.dispatch();
            }
        });
        inner.log.start(on_flushed).map_err(fail("start the threads of the log"))?;
        let round = |work: fn(&Inner, &mut Rounds) -> Next| {
            let (weak, mut rounds) = (Arc::downgrade(inner), Rounds::default());
            move || weak.upgrade().map_or(Next::Nothing, |inner| work(&inner, &mut rounds))
        };
        inner.write.start(round(Inner::write_round)).map_err(fail("start the thread of the queues"))?;
        inner.clean.start(round(Inner::clean_round)).map_err(fail("start the thread that cleans"))?;
        inner.count.start(round(Inner::count_round)).map_err(fail("start the thread that counts"))?;
        inner.state.store(RUNNING, Ordering::Release);
        Ok(())
    }

    /// Takes no more messages, flushes, writes the checkpoint, removes `abort`, unlocks. Safe to call twice.
    pub fn shutdown(&self) {
        let inner = &self.inner;
        if inner.state.swap(CLOSED, Ordering::AcqRel) == CLOSED {
            return;
        }
        *held(&inner.stopping) = true;
        inner.stop.notify_all();
        inner.clean.stop();
        inner.count.stop();
        inner.write.stop();
        match inner.close() {
            Ok(()) => tracing::info!("store closed"),
            Err(error) => {
                tracing::error!(%error, "store closed, but not all of it is durable: the next start looks for what is missing")
            }
        }
        inner.queues.close();
        held(&inner.lock).take();
    }

    /// The queue, made when it is missing (its files come with its first message).
    pub fn queue(&self, topic: &str, id: QueueId) -> Arc<Queue> {
        self.inner.queues.queue(topic, id)
    }

    /// The queue, if it has ever had a message or a handle.
    pub fn existing_queue(&self, topic: &str, id: QueueId) -> Option<Arc<Queue>> {
        self.inner.queues.existing(topic, id)
    }

    /// Places and writes the records of a batch under one short lock with one write a file, then dispatches what may
    /// be seen. The outcomes are in the batch.
    pub fn append(&self, batch: &mut Batch) {
        let inner = &self.inner;
        if let Some(refusal) = self.refusal() {
            for unit in 0..batch.unit_count() {
                if batch.is_pending(unit) {
                    batch.refuse(unit, refusal);
                }
            }
            return;
        }
        let began = Instant::now();
        let (mut count, mut bytes) = (0, 0);
        inner.log.append(batch, inner.clock.now(), &mut |entry| {
            count += 1;
            bytes += u64::from(entry.size);
            inner.dispatcher.push(entry);
        });
        inner.stats.put(count, bytes, began.elapsed());
        if inner.settings.flush_disk_type == FlushDiskType::Async {
            inner.dispatch();
        }
    }

    /// Why no message would be taken just now, if so. Cheap: asked before each turn of sends.
    pub fn refusal(&self) -> Option<AppendError> {
        let inner = &self.inner;
        let takes = inner.state.load(Ordering::Acquire) == RUNNING
            && inner.settings.broker_role != BrokerRole::Slave
            && !inner.disk_full.load(Ordering::Acquire);
        if !takes {
            Some(AppendError::NotWriteable)
        } else if inner.log.is_failing() {
            Some(AppendError::Disk)
        } else if inner.log.busy_for() > inner.settings.page_cache_busy_timeout.duration() {
            Some(AppendError::Busy)
        } else {
            None
        }
    }

    /// How far the log is on the disk. Under `SYNC_FLUSH` an answer waits for it.
    pub fn flushed(&self) -> &Watermark {
        self.inner.log.flushed()
    }

    /// Asks the flusher to go at once (group commit).
    pub fn request_flush(&self) {
        self.inner.log.request_flush();
    }

    /// Reads messages of one queue.
    pub fn read(&self, request: &ReadRequest<'_>, filter: &dyn Filter, found: &mut Found) -> Read {
        let inner = &self.inner;
        if inner.is_closed() {
            found.clear();
            return Read::Unavailable;
        }
        let began = (request.reading == Reading::MayWait).then(Instant::now);
        let read = read::read(&inner.log, &inner.limits, request, filter, found);
        if read != Read::Cold {
            inner.stats.got(u64::from(found.count));
        }
        if let Some(began) = began {
            inner.stats.waited(began.elapsed());
        }
        read
    }

    /// The record at a place, if one starts there. May wait for the disk.
    pub fn record_at(&self, position: PhysicalOffset) -> Option<LogSlice> {
        query::record_at(&self.inner.log, position).filter(|_| !self.inner.is_closed())
    }

    /// The record of a queue offset. May wait for the disk.
    pub fn record_in_queue(&self, queue: &Queue, offset: QueueOffset) -> Option<LogSlice> {
        query::record_in_queue(&self.inner.log, queue, offset).filter(|_| !self.inner.is_closed())
    }

    /// Queue offset of the first message stored at or after a time; the end of the queue when there is none. May wait
    /// for the disk.
    pub fn offset_by_time(&self, queue: &Queue, time: Millis) -> i64 {
        query::offset_by_time(&self.inner.log, queue, time).unwrap_or_else(|error| {
            tracing::error!(topic = queue.topic(), queue = %queue.id(), %error, "consume queue cannot be read");
            0
        })
    }

    /// Store time of the first message of a queue; -1 for none. May wait for the disk.
    pub fn earliest_time(&self, queue: &Queue) -> i64 {
        query::earliest_time(&self.inner.log, queue).unwrap_or_else(|error| {
            tracing::error!(topic = queue.topic(), queue = %queue.id(), %error, "consume queue cannot be read");
            -1
        })
    }

    /// Ends of a queue; zero for an unknown one.
    pub fn ends(&self, topic: &str, id: QueueId) -> QueueEnds {
        self.existing_queue(topic, id).map_or(QueueEnds { min: QueueOffset::ZERO, max: QueueOffset::ZERO }, |queue| {
            QueueEnds { min: queue.min(), max: queue.max() }
        })
    }

    /// Whether a message is so old that it is taken to be on disk only.
    pub fn is_on_disk(&self, queue: &Queue, offset: QueueOffset) -> bool {
        let entry = queue.entry(offset).ok().flatten();
        entry.is_some_and(|entry| entry.position.distance_to(self.inner.log.written()) > self.inner.limits.memory)
    }

    /// Messages of a key. May wait for the disk: not for a loop.
    pub fn query(&self, topic: &str, key: &str, max_count: i32, begin: Millis, end: Millis) -> QueryFound {
        let inner = &self.inner;
        if inner.is_closed() {
            return QueryFound::default();
        }
        let most = usize::try_from(max_count.min(inner.settings.max_query_count)).unwrap_or(0);
        query::by_key(&inner.log, &inner.index, topic, key, most, begin, end)
    }

    /// First place of the log, and the one behind its last byte.
    pub fn log_ends(&self) -> (PhysicalOffset, PhysicalOffset) {
        (self.inner.log.min(), self.inner.log.written())
    }

    /// Destroys the queues of every topic that is neither in `keep` nor a system topic. Their messages do not come back,
    /// and a topic of the same name begins at offset 0. What the disk refuses is tried again; until then such a queue
    /// takes no message.
    ///
    /// Differs: the topics of transactions are kept, too; without theirs, half messages would be checked again.
    pub fn retain_topics(&self, keep: &BTreeSet<String>) {
        let is_kept = |topic: &str| keep.contains(topic) || topic == SCHEDULE_TOPIC || topic.starts_with("RMQ_SYS_");
        for queue in self.inner.destroy(|queue| !is_kept(queue.topic())) {
            tracing::info!(topic = queue.topic(), queue = %queue.id(), "deleted a consume queue without a topic");
        }
    }

    /// Destroys queues whose messages are all gone from the log (code 306).
    pub fn clean_expired_queues(&self) {
        let min = self.inner.log.min();
        let is_expired = |queue: &Queue| {
            queue.is_dispatched()
                && queue.last_entry().is_some_and(|last| {
                    last.position.plus(u64::from(last.size)) < min || last.is_blank() && min > PhysicalOffset::ZERO
                })
        };
        for queue in self.inner.destroy(is_expired) {
            tracing::info!(topic = queue.topic(), queue = %queue.id(), "deleted a consume queue without messages");
        }
    }

    /// The store's part of the runtime info (code 28), in Java's words.
    pub fn runtime_info(&self) -> Vec<(String, String)> {
        let inner = &self.inner;
        let mut info = Vec::new();
        inner.stats.show(inner.clock.now(), &mut info);
        let (log_ratio, queue_ratio) = inner.cleaner.ratios(&*inner.disk);
        let (min, max) = self.log_ends();
        let flushed = inner.log.flushed().get();
        let earliest = self.record_at(min).and_then(|slice| query::store_time(&slice)).map_or(-1, |time| time.0);
        let mut add = |key: &str, value: String| info.push((key.to_owned(), value));
        add("commitLogDiskRatio", runtime_info::double(log_ratio));
        add("consumeQueueDiskRatio", runtime_info::double(queue_ratio));
        add("commitLogMinOffset", min.to_string());
        add("commitLogMaxOffset", max.to_string());
        add("dispatchBehindBytes", inner.dispatcher.dispatched().distance_to(max).to_string());
        add("pageCacheLockTimeMills", inner.log.busy_for().as_millis().to_string());
        add("earliestMessageTimeStamp", earliest.to_string());
        add("remainTransientStoreBufferNumbs", i32::MAX.to_string());
        add("remainHowManyDataToFlush", runtime_info::human(flushed.distance_to(max)));
        if let Ok(space) = inner.disk.space(Path::new(&inner.settings.store_path_root)) {
            let (total, free) = (runtime_info::human(space.total), runtime_info::human(space.available));
            add("commitLogDirCapacity", format!("Total : {total}, Free : {free}."));
        }
        info
    }
}

#[cfg(test)]
impl Store {
    /// Does what the threads do in their rounds.
    pub(crate) fn make_durable_for_test(&self) {
        self.inner.log.request_flush();
        while self.inner.log.flushed().get() < self.inner.log.written() {
            std::thread::yield_now();
        }
        self.inner.make_durable().expect("a disk that works");
    }

    /// Leaves it to the test when queues and index are written: what a kill finds does not depend on a thread.
    pub(crate) fn write_by_hand_for_test(&self) {
        self.inner.write.stop();
    }

    /// What the thread of the queues does in each of its rounds.
    pub(crate) fn write_round_for_test(&self) {
        self.inner.write_round(&mut Rounds::default());
    }

    pub(crate) fn clean_for_test(&self) {
        let mut before = PhysicalOffset::ZERO;
        self.inner.clean_now(&mut before);
    }
}

/// What a thread remembers from round to round.
#[derive(Default)]
struct Rounds {
    /// When it did the thorough part of its work last, or began.
    thorough: Option<Instant>,
    log_min: PhysicalOffset,
}

impl Inner {
    fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) == CLOSED
    }

    /// Up to here readers may see messages.
    fn visible_end(&self) -> PhysicalOffset {
        match self.settings.flush_disk_type {
            FlushDiskType::Sync => self.log.flushed().get(),
            FlushDiskType::Async => self.log.written(),
        }
    }

    fn dispatch(&self) {
        self.dispatcher.drain(|| self.visible_end());
    }

    fn destroy(&self, which: impl Fn(&Queue) -> bool) -> Vec<Arc<Queue>> {
        self.queues.destroy(which, || self.settled_end())
    }

    /// Where the log ends when no append runs that began before.
    fn settled_end(&self) -> PhysicalOffset {
        self.log.let_append_finish();
        self.log.written()
    }

    fn write_round(&self, rounds: &mut Rounds) -> Next {
        let since = *rounds.thorough.get_or_insert_with(Instant::now);
        let written = if since.elapsed() >= self.settings.flush_consume_queue_thorough_interval.duration() {
            rounds.thorough = Some(Instant::now());
            self.make_durable()
        } else {
            self.queues.write()
        };
        if let Err(error) = written.and_then(|()| self.index.tend(&self.checkpoint)) {
            tracing::warn!(%error, "queues or index could not be written, tried again in the next round");
        }
        self.catch_up_index();
        self.queues.destroy_leftovers(|| self.settled_end());
        Next::After(self.settings.flush_interval_consume_queue.duration())
    }

    /// Queues on the disk, then the checkpoint that says so.
    fn make_durable(&self) -> io::Result<()> {
        let (log, queues) = (self.log.flushed_timestamp(), self.dispatcher.stamp());
        self.queues.write()?;
        self.queues.sync()?;
        if log > Millis(0) {
            self.checkpoint.set_physic(log);
        }
        if queues > Millis(0) {
            self.checkpoint.set_logics(queues);
        }
        self.checkpoint.flush()
    }

    fn catch_up_index(&self) {
        let Some(from) = self.index.behind() else { return };
        self.dispatcher.settle(
            || self.visible_end(),
            || {
                self.index.try_again();
                let end = self.dispatcher.dispatched();
                recovery::catch_up_index(&self.log, &self.queues, &self.index, &self.tags, from, end);
            },
        );
        self.dispatch();
        if self.index.behind().is_none() {
            tracing::info!(%from, "the index has caught up");
        }
    }

    fn clean_round(&self, rounds: &mut Rounds) -> Next {
        if rounds.thorough.is_none() {
            rounds.thorough = Some(Instant::now());
            rounds.log_min = self.log.min();
            return Next::After(FIRST_CLEANING);
        }
        self.clean_now(&mut rounds.log_min);
        Next::After(self.settings.clean_resource_interval.duration())
    }

    fn clean_now(&self, log_min: &mut PhysicalOffset) {
        let pause = |time| self.pause(time);
        let parts = clean::Parts {
            disk: &*self.disk,
            clock: &self.clock,
            log: &self.log,
            queues: &self.queues,
            index: &self.index,
            pause: &pause,
        };
        let full = self.cleaner.clean_log(&parts);
        if full != self.disk_full.swap(full, Ordering::AcqRel) {
            tracing::warn!(full, "messages are refused while the disk is full");
        }
        let min = self.log.min();
        if min > *log_min {
            match self.cleaner.follow(&parts, min).and_then(|()| self.queues.forget_ended(min)) {
                Ok(()) => *log_min = min,
                Err(error) => tracing::error!(%error, "queues could not be cleaned, tried again in the next round"),
            }
        }
    }

    fn count_round(&self, _: &mut Rounds) -> Next {
        self.stats.sample(self.clock.now());
        Next::After(Duration::from_secs(1))
    }

    /// Waits; `false` when the store is shut down meanwhile.
    fn pause(&self, time: Duration) -> bool {
        let stopping = held(&self.stopping);
        let waited = self.stop.wait_timeout_while(stopping, time, |stopping| !*stopping);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn close(&self) -> io::Result<()> {
        let log = self.log.shutdown();
        self.dispatcher.settle(|| self.visible_end(), || ());
        self.catch_up_index();
        let durable = self.make_durable();
        let index = self.index.flush(&self.checkpoint).and_then(|()| self.index.drop_spare());
        log.and(durable).and(index).and_then(|()| self.checkpoint.flush())?;
        if self.dispatcher.dispatched() < self.log.written() || self.index.behind().is_some() {
            return Err(io::Error::other("queues or index lack messages"));
        }
        self.abort.remove()
    }
}

fn limits(settings: &StoreSettings) -> Limits {
    let ratio = u64::try_from(settings.access_in_memory_max_ratio).unwrap_or(0);
    Limits {
        in_memory: (settings.max_transfer_count_in_memory.into(), settings.max_transfer_bytes_in_memory.into()),
        on_disk: (settings.max_transfer_count_in_disk.into(), settings.max_transfer_bytes_in_disk.into()),
        memory: read::machine_memory() / 100 * ratio,
        corrects_offsets: settings.broker_role != BrokerRole::Slave || settings.offset_check_in_slave,
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
