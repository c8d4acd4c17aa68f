//! Sending: codes 10, 310 and 320.
//!
//! The sends of a turn are checked one by one as they come. Those of all connections that the loop found ready are a
//! *round*: they are stored together once the last of these turns is over, with one lock and one write. An answer leaves
//! then, or is parked until the disk has its message.
//!
//! The checks stand in [`decide`], what an answer says in [`answer`], the answers that wait in [`parked`].
//! Not here: delayed and transactional messages and those given back, which come with their own modules.
//! Source: `broker/processor/SendMessageProcessor`, `AbstractSendMessageProcessor#msgCheck`.

mod answer;
mod decide;
mod parked;
mod targets;
mod waiting;

use crate::groups::Groups;
use crate::identity::Identity;
use crate::live::{Live, Seen};
use crate::refusal::Refusal;
use crate::service::Call;
use crate::settings::BrokerSettings;
use crate::stats::Stats;
use crate::topics::{AutoCreate, Topics};
use answer::{Answers, Fate, Ids, Place};
use compat::header::send::SendRequest;
use compat::message::SysFlag;
use compat::message::properties::Marks;
use compat::names;
use compat::offset::QueueId;
use compat::text::Text;
use compat::time::{Clock, Millis};
use compat::topic::{Perm, TopicConfig, TopicFilterType};
use remoting::output::Output;
use remoting::peer::Peer;
use remoting::request::ReplyTo;
use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use store::disk::Disk;
use store::settings::FlushDiskType;
use store::{AppendError, Appended, Batch, NewRecord, Store, StoreSettings};
use targets::{Target, Targets};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use waiting::{Waiting, WaitingAnswer};

/// What sending works with.
pub struct Parts {
    /// Where messages go.
    pub store: Store,
    /// Topics, made by their first message.
    pub topics: Arc<Topics>,
    /// Groups, for messages to retry topics.
    pub groups: Arc<Groups>,
    /// Counts.
    pub stats: Arc<Stats>,
    /// Settings of the broker.
    pub settings: Arc<Live<BrokerSettings>>,
    /// Settings of the store.
    pub store_settings: Arc<Live<StoreSettings>>,
    /// Name and address.
    pub identity: Arc<Identity>,
    /// Asked how full it is when the store takes no messages.
    pub disk: Arc<dyn Disk>,
    /// Wall time.
    pub clock: Clock,
}

/// Stores messages.
#[derive(Clone)]
pub struct Send {
    parts: Arc<Parts>,
}

/// What one loop keeps: the round, answers that wait.
pub struct Local {
    here: Rc<Here>,
}

struct Here {
    round: RefCell<Round>,
    settings: RefCell<Seen<BrokerSettings>>,
    store_settings: RefCell<Seen<StoreSettings>>,
    /// The round has its first send.
    begun: Notify,
    waiting: Rc<Waiting>,
}

/// A round with so many sends is stored without waiting for further connections.
const ROUND_SENDS: usize = 1024;
/// And one with so many bytes.
const ROUND_BYTES: usize = 1 << 20;

/// What one connection keeps: the topic of its last message.
#[derive(Default)]
pub struct Session {
    last: Option<Rc<Target>>,
}

/// The sends of one round, and buffers that serve round after round.
struct Round {
    batch: Batch,
    /// In the order of the outcomes of the batch.
    accepted: Vec<Accepted>,
    /// Whose they are, in the same order.
    senders: Vec<Sender>,
    bytes: usize,
    out: Output,
    admission: Admission,
    targets: Targets,
    properties: Vec<u8>,
    ids: String,
    random: Random,
}

/// The sends of one connection: those in front of `end` that no earlier one has.
struct Sender {
    peer: Peer,
    end: usize,
}

/// Whether the sends of a round are taken at all: asked once a round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Admission {
    NotAsked,
    Open,
    Busy,
}

/// A send that is in the batch of its round.
struct Accepted {
    to: ReplyTo,
    /// The queue that its answer names; not the one of a dead letter.
    queue_id: i32,
    target: Rc<Target>,
    waits: bool,
    is_batch: bool,
    outcome: usize,
}

impl Send {
    /// Sends go to `parts.store`.
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Called on each loop, inside its runtime.
    pub fn local(&self) -> Local {
        let parts = &self.parts;
        let round = Round {
            batch: Batch::default(),
            accepted: Vec::new(),
            senders: Vec::new(),
            bytes: 0,
            out: Output::default(),
            admission: Admission::NotAsked,
            targets: Targets::default(),
            properties: Vec::new(),
            ids: String::new(),
            random: Random::new(),
        };
        let here = Rc::new(Here {
            round: RefCell::new(round),
            settings: RefCell::new(Seen::of(&parts.settings)),
            store_settings: RefCell::new(Seen::of(&parts.store_settings)),
            begun: Notify::new(),
            waiting: Waiting::start(Arc::clone(parts)),
        });
        tokio::task::spawn_local(self.clone().store_rounds(Rc::clone(&here)));
        Local { here }
    }

    /// Checks a send and adds it to the round, or refuses it at once.
    pub fn accept(&self, local: &Local, session: &mut Session, call: &Call<'_>, out: &mut Output) {
        let mut settings = local.here.settings.borrow_mut();
        let settings = settings.refresh(&self.parts.settings);
        if let Err(refusal) = self.add(&local.here, settings, session, call) {
            Answers::new(settings, &self.parts.identity).refuse(call.request.reply_to, &refusal, out);
        }
    }

    /// A turn is over: what it sent is stored after the turns of the other connections that are ready, or at once when
    /// that is much already.
    pub fn finish(&self, local: &Local) {
        let mut round = local.here.round.borrow_mut();
        if round.accepted.len() >= ROUND_SENDS || round.bytes >= ROUND_BYTES {
            self.store_round(&local.here, &mut round);
        }
    }

    /// The broker stops: stores what was accepted, and waits until nothing is parked. What the disk does not have at
    /// `deadline` is answered as a flush that took too long: the message is stored, so nobody should send it again.
    pub async fn settle(&self, local: &Local, deadline: Instant) {
        let here = &local.here;
        self.store_round(here, &mut here.round.borrow_mut());
        if timeout_at(deadline, here.waiting.until_empty()).await.is_err() {
            here.waiting.give_up(&self.parts);
        }
    }

    /// Stores round after round. This task is woken by the first send of a round, behind all connections that are ready.
    async fn store_rounds(self, here: Rc<Here>) {
        loop {
            here.begun.notified().await;
            self.store_round(&here, &mut here.round.borrow_mut());
        }
    }

    /// Stores a round, and writes its answers. When that panics, nobody waits for an answer in vain.
    fn store_round(&self, here: &Here, round: &mut Round) {
        let stored = catch_unwind(AssertUnwindSafe(|| {
            if !round.accepted.is_empty() {
                self.parts.store.append(&mut round.batch);
                if self.answer(here, round) {
                    self.parts.store.request_flush();
                    here.waiting.look();
                }
            }
        }));
        if stored.is_err() {
            tracing::error!("storing a round of sends failed; its connections are closed");
            round.senders.iter().for_each(|sender| sender.peer.close());
        }
        round.clear();
    }

    fn add(
        &self,
        here: &Here,
        settings: &BrokerSettings,
        session: &mut Session,
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let round = &mut *here.round.borrow_mut();
        self.admit(round)?;
        let request: SendRequest<'_> = call.request.header()?;
        let ip = &self.parts.identity.ip;

        decide::time(call.now, settings)?;
        let mut target = self.target(round, session, &request, settings)?;
        decide::rights(settings, ip, target.topic().order)?;
        let queue = decide::queue(request.queue_id, target.topic(), call.peer.remote(), || round.random.next())?;
        let mut stored_in = queue;
        let is_batch = decide::is_batch(&request);
        if is_batch {
            decide::batch(&request)?;
        } else if let Some(dead) = self.dead_letters(round, &request, call.request.version)? {
            (target, stored_in) = (dead, QueueId::ZERO);
        }

        let properties = plain(request.properties.as_ref(), &mut round.properties);
        let marks = Marks::of(properties);
        if !is_batch {
            decide::kind(&request, &marks, settings, ip)?;
        }
        let stored_in = target.queue(&self.parts.store, stored_in);
        let record = NewRecord {
            queue: &stored_in,
            flag: request.flag,
            sys_flag: sys_flag(request.sys_flag, target.topic()),
            born_timestamp: Millis(request.born_timestamp),
            born_host: ipv4(call.peer.remote()),
            store_host: self.parts.identity.address,
            reconsume_times: request.reconsume_times.unwrap_or(0),
            prepared_transaction_offset: 0,
            body: call.request.body,
            properties,
        };
        let outcome = if is_batch {
            let mut store_settings = here.store_settings.borrow_mut();
            check_batch(store_settings.refresh(&self.parts.store_settings), &record, &marks)?;
            round.batch.push_items(&record)
        } else {
            round.batch.push(&record)
        };
        drop(stored_in);
        round.bytes += call.request.body.len();
        round.accepted.push(Accepted {
            to: call.request.reply_to,
            queue_id: queue.to_java(),
            target,
            waits: marks.waits(),
            is_batch,
            outcome,
        });
        let end = round.accepted.len();
        match round.senders.last_mut() {
            Some(last) if last.peer == *call.peer => last.end = end,
            _ => round.senders.push(Sender { peer: call.peer.clone(), end }),
        }
        if end == 1 {
            here.begun.notify_one();
        }
        Ok(())
    }

    /// Asks the store once a round whether it keeps up.
    fn admit(&self, round: &mut Round) -> Result<(), Refusal> {
        if round.admission == Admission::NotAsked {
            let busy = self.parts.store.refusal() == Some(AppendError::Busy);
            round.admission = if busy { Admission::Busy } else { Admission::Open };
        }
        if round.admission == Admission::Busy { Err(Refusal::FlowControl) } else { Ok(()) }
    }

    /// The topic of a send: the one of the last send of its connection, or of any send of its loop, or looked up, or made.
    fn target(
        &self,
        round: &mut Round,
        session: &mut Session,
        request: &SendRequest<'_>,
        settings: &BrokerSettings,
    ) -> Result<Rc<Target>, Refusal> {
        let topics = &self.parts.topics;
        let generation = topics.generation();
        if let Some(last) = session.last.as_ref().filter(|last| last.is(&request.topic, generation)) {
            return Ok(Rc::clone(last));
        }
        let target = match round.targets.find(&request.topic, generation) {
            Some(target) => target,
            None => {
                let topic = topics.find(&request.topic);
                decide::rights(settings, &self.parts.identity.ip, topic.as_ref().is_some_and(|topic| topic.order))?;
                decide::name(&request.topic)?;
                let topic = topic.map_or_else(|| self.make_topic(request), Ok)?;
                round.targets.insert(topic, generation, &self.parts.stats)
            }
        };
        session.last = Some(Rc::clone(&target));
        Ok(target)
    }

    fn make_topic(&self, request: &SendRequest<'_>) -> Result<Arc<TopicConfig>, Refusal> {
        decide::new_name(request)?;
        let sys_flag = decide::topic_sys_flag(request);
        let wanted = AutoCreate {
            topic: &request.topic,
            default_topic: &request.default_topic,
            queue_count: request.default_topic_queue_count,
            sys_flag,
        };
        let made = self.parts.topics.find_or_create(&wanted).or_else(|| {
            let is_retry = request.topic.starts_with(names::RETRY_PREFIX);
            is_retry.then(|| self.make_internal_topic(&request.topic, Perm::READ_WRITE, sys_flag)).flatten()
        });
        made.ok_or_else(|| Refusal::TopicMissing { topic: request.topic.clone().into_owned() })
    }

    fn make_internal_topic(&self, name: &str, perm: Perm, sys_flag: i32) -> Option<Arc<TopicConfig>> {
        self.parts.topics.find_or_create_internal(name, 1, perm, sys_flag)
    }

    /// For a send to a retry topic: the dead letter topic, if it was tried often enough.
    fn dead_letters(
        &self,
        round: &mut Round,
        request: &SendRequest<'_>,
        version: i32,
    ) -> Result<Option<Rc<Target>>, Refusal> {
        let Some(name) = request.topic.strip_prefix(names::RETRY_PREFIX) else { return Ok(None) };
        let group = self.parts.groups.find_or_create(name);
        let group = group.ok_or_else(|| Refusal::RetryGroupMissing { group: name.to_owned() })?;
        if !decide::is_dead(request, version, group.retry_max_times) {
            return Ok(None);
        }
        let topic = names::dlq_topic(name);
        let generation = self.parts.topics.generation();
        if let Some(target) = round.targets.find(&topic, generation) {
            return Ok(Some(target));
        }
        let made = self.make_internal_topic(&topic, Perm(Perm::WRITE), 0);
        let made = made.ok_or(Refusal::InternalTopicMissing { topic })?;
        Ok(Some(round.targets.insert(made, generation, &self.parts.stats)))
    }

    /// Writes or parks the answers of a round; tells whether one of its messages is to be flushed at once.
    fn answer(&self, here: &Here, round: &mut Round) -> bool {
        let (mut settings, mut store_settings) = (here.settings.borrow_mut(), here.store_settings.borrow_mut());
        let store_settings = store_settings.refresh(&self.parts.store_settings);
        let answers = Answers::new(settings.refresh(&self.parts.settings), &self.parts.identity);
        let is_sync = store_settings.flush_disk_type == FlushDiskType::Sync;
        let deadline = self.parts.clock.now().plus(store_settings.sync_flush_timeout.duration());
        let mut wants_flush = false;
        let mut tally = Tally::new(&self.parts.stats);
        let mut accepted = round.accepted.drain(..);
        let mut answered = 0;
        for Sender { peer, end } in &round.senders {
            for Accepted { to, queue_id, target, waits, is_batch, outcome } in accepted.by_ref().take(*end - answered) {
                let (position, end, queue_offset, count) = match round.batch.outcomes()[outcome] {
                    Appended::Stored { position, end, queue_offset, count } => (position, end, queue_offset, count),
                    Appended::Refused(error) => {
                        let used = || answer::disk_use(&*self.parts.disk, store_settings);
                        answers.refuse(to, &answer::refusal(error, is_batch, used), &mut round.out);
                        continue;
                    }
                };
                tally.add(&target, u64::from(count), position.distance_to(end));
                let place = Place { queue_id, queue_offset };
                let ids = match is_batch {
                    false => Ids::One(position),
                    true => Ids::Several(answers.join(round.batch.positions(outcome), &mut round.ids)),
                };
                let parks = is_sync && waits;
                wants_flush |= parks;
                if !parks {
                    answers.stored(Fate::Done, to, place, &ids, &mut round.out);
                } else if !to.oneway {
                    let ids = ids.to_owned();
                    here.waiting.park(end, deadline, WaitingAnswer { peer: peer.clone(), to, place, ids });
                }
            }
            answered = *end;
            peer.send_from(&mut round.out);
        }
        tally.finish();
        wants_flush
    }
}

impl Round {
    fn clear(&mut self) {
        self.batch.clear();
        self.accepted.clear();
        self.senders.clear();
        self.bytes = 0;
        self.admission = Admission::NotAsked;
    }
}

/// What 4.3.0's store asks of a batch before it looks inside.
fn check_batch(settings: &StoreSettings, record: &NewRecord<'_>, marks: &Marks<'_>) -> Result<(), Refusal> {
    let plain = record.sys_flag.0 & SysFlag::TRANSACTION_MASK == 0;
    if record.body.len() > settings.max_message_size as usize || !plain || decide::delay_level(marks)? > 0 {
        return Err(Refusal::MessageIllegal);
    }
    Ok(())
}

/// Counts what was stored, topic by topic: consecutive messages of one topic are counted together.
struct Tally<'a> {
    stats: &'a Stats,
    run: Option<Run>,
}

struct Run {
    target: Rc<Target>,
    count: u64,
    bytes: u64,
    requests: u64,
}

impl<'a> Tally<'a> {
    fn new(stats: &'a Stats) -> Self {
        Self { stats, run: None }
    }

    fn add(&mut self, target: &Rc<Target>, count: u64, bytes: u64) {
        match &mut self.run {
            Some(run) if Rc::ptr_eq(&run.target, target) => {
                run.count += count;
                run.bytes += bytes;
                run.requests += 1;
            }
            run => {
                let next = Run { target: Rc::clone(target), count, bytes, requests: 1 };
                if let Some(run) = run.replace(next) {
                    run.count_in(self.stats);
                }
            }
        }
    }

    fn finish(self) {
        if let Some(run) = self.run {
            run.count_in(self.stats);
        }
    }
}

impl Run {
    fn count_in(self, stats: &Stats) {
        stats.stored(self.target.counters(), self.count, self.bytes, self.requests);
    }
}

/// The properties as they are stored: un-escaped into `scratch` where they came escaped, else as received.
fn plain<'a>(text: Option<&'a Text<'_>>, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    match text {
        None => &[],
        Some(Text::Plain(plain)) => plain.as_bytes(),
        Some(Text::Owned(owned)) => owned.as_bytes(),
        Some(escaped @ Text::Escaped(_)) => {
            scratch.clear();
            escaped.append_to(scratch);
            scratch
        }
    }
}

fn sys_flag(wanted: i32, topic: &TopicConfig) -> SysFlag {
    match topic.topic_filter_type {
        TopicFilterType::MultiTag => SysFlag(wanted | SysFlag::MULTI_TAGS),
        TopicFilterType::SingleTag => SysFlag(wanted),
    }
}

/// The address that a record holds: it has room for four bytes only.
fn ipv4(address: SocketAddr) -> SocketAddrV4 {
    match address {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(address) => {
            SocketAddrV4::new(address.ip().to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED), address.port())
        }
    }
}

/// Numbers without a pattern, for the choice of queues (xorshift).
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(RandomState::new().build_hasher().finish() | 1)
    }

    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }
}
