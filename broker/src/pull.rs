//! Pulling: code 11, and the pulls that wait for a message.
//!
//! A pull is decided ([`decide`]), read, and answered ([`answer`]) on its loop. Messages that are not in memory are read by
//! a thread that may wait. A pull that finds nothing is held ([`waiting`]) until a message comes or its time is over.
//! Source: `broker/processor/PullMessageProcessor`, `broker/longpolling/PullRequestHoldService`.

mod answer;
mod decide;
mod held;
mod known;
mod moved;
mod waiting;

pub use held::Limits;
pub use known::Session;

use crate::clients::Consumers;
use crate::filter::TagFilter;
use crate::groups::Groups;
use crate::identity::Identity;
use crate::live::{Live, Seen};
use crate::offsets::ConsumerOffsets;
use crate::refusal::Refusal;
use crate::service::{Aside, Call};
use crate::settings::BrokerSettings;
use crate::stats::Stats;
use crate::topics::Topics;
use answer::{Answer, Ended, Role};
use compat::command::ResponseCode;
use compat::header::EmptyHeader;
use compat::header::pull::{PullFlag, PullRequest};
use compat::time::{Clock, Millis};
use compat::topic::Perm;
use decide::{Allowed, Rules, decide};
use known::{Known, Lookup};
use remoting::output::{Output, Region};
use remoting::peer::Peer;
use remoting::request::ReplyTo;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::read::LogSlice;
use store::settings::BrokerRole;
use store::{Arrivals, Found, GetStatus, Read, ReadRequest, Reading, Store, StoreSettings};
use waiting::{HeldPull, Waiting};

/// What pulling works with.
pub struct Parts {
    /// Where messages come from.
    pub store: Store,
    /// Topics.
    pub topics: Arc<Topics>,
    /// Groups, made by their first pull.
    pub groups: Arc<Groups>,
    /// Subscriptions of connected consumers.
    pub consumers: Arc<Consumers>,
    /// Offsets that pulls bring along.
    pub offsets: Arc<ConsumerOffsets>,
    /// Counts.
    pub stats: Arc<Stats>,
    /// Settings of the broker.
    pub settings: Arc<Live<BrokerSettings>>,
    /// Settings of the store.
    pub store_settings: Arc<Live<StoreSettings>>,
    /// Name and address.
    pub identity: Arc<Identity>,
    /// Threads that may wait.
    pub aside: Aside,
    /// How many pulls may be held.
    pub limits: Limits,
    /// Wall time.
    pub clock: Clock,
}

/// Hands out messages.
pub struct Pull {
    parts: Parts,
    waiting: Waiting,
}

/// What one loop keeps: buffers of the last read, settings as last seen.
pub struct Local {
    scratch: RefCell<Scratch>,
}

/// What an attempt to serve a pull works with besides the pull.
struct Scratch {
    settings: Seen<BrokerSettings>,
    store_settings: Seen<StoreSettings>,
    found: Found,
    body: Vec<(Region, Range<usize>)>,
}

/// A pull, and who wants it.
struct Asked<'a> {
    request: &'a PullRequest<'a>,
    to: ReplyTo,
    peer: &'a Peer,
    now: Millis,
}

/// How often a pull has been tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Try {
    /// It may be held, and brings an offset along.
    First,
    /// It was held: whatever there is, is answered.
    Again,
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// There is an answer.
    Answered,
    /// The pull waits.
    Held,
    /// The messages are not in memory: to be tried on a thread that may wait.
    Cold,
}

impl Pull {
    /// Pulls read `parts.store`.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self { waiting: Waiting::new(parts.limits), parts })
    }

    /// What the store tells of messages that come: to be handed to [`Store::start`].
    pub fn arrivals(self: &Arc<Self>) -> Arc<dyn Arrivals> {
        Arc::new(waiting::Wakes(Arc::clone(self)))
    }

    /// Answers held pulls whose time is over, exactly then. Runs as long as the broker does; may be dropped at any time.
    pub async fn expire(self: Arc<Self>) {
        loop {
            let due = self.waiting.on_time(self.parts.clock.now());
            due.into_iter().for_each(|pull| self.answer_held(pull));
            self.waiting.until_next_deadline(&self.parts.clock).await;
        }
    }

    /// Called on each loop.
    pub fn local(&self) -> Local {
        Local { scratch: RefCell::new(self.scratch()) }
    }

    /// Answers a pull, or holds it.
    pub fn answer(self: &Arc<Self>, local: &Local, session: &mut Session, call: &Call<'_>, out: &mut Output) {
        let to = call.request.reply_to;
        let request = match call.request.header() {
            Ok(request) => request,
            Err(error) => return refuse(&Refusal::Header(error), to, out),
        };
        let asked = Asked { request: &request, to, peer: call.peer, now: call.now };
        let scratch = &mut *local.scratch.borrow_mut();
        if self.attempt(&asked, session, scratch, Reading::MemoryOnly, Try::First, out) == Attempt::Cold {
            self.attempt_aside(HeldPull::of(&asked), Try::First, out);
        }
    }

    /// A connection is gone: its held pulls go too.
    pub fn forget(&self, peer: &Peer) {
        self.waiting.forget(peer);
    }

    /// The broker stops: no more pulls are held, and no message wakes those that are.
    pub fn close(&self) {
        self.waiting.close();
    }

    /// Answers the held pulls of `peers` with what there is.
    pub fn let_go(self: &Arc<Self>, peers: &[Peer]) {
        for peer in peers {
            self.waiting.take_all_of(peer).into_iter().for_each(|pull| self.answer_held(pull));
        }
    }

    /// How many pulls are held.
    pub fn held(&self) -> usize {
        self.waiting.len()
    }

    fn scratch(&self) -> Scratch {
        Scratch {
            settings: Seen::of(&self.parts.settings),
            store_settings: Seen::of(&self.parts.store_settings),
            found: Found::default(),
            body: Vec::new(),
        }
    }

    /// Answers a pull that was held, on whatever thread this is.
    fn answer_held(self: &Arc<Self>, pull: HeldPull) {
        let mut out = Output::default();
        let attempt = {
            let asked = pull.asked(self.parts.clock.now());
            let session = &mut Session::default();
            self.attempt(&asked, session, &mut self.scratch(), Reading::MemoryOnly, Try::Again, &mut out)
        };
        let peer = pull.peer().clone();
        if attempt == Attempt::Cold {
            self.attempt_aside(pull, Try::Again, &mut out);
        }
        peer.send(out);
    }

    /// Tries on a thread that may wait. The answer goes to the peer by itself.
    fn attempt_aside(self: &Arc<Self>, pull: HeldPull, nth: Try, out: &mut Output) {
        let to = pull.asked(Millis(0)).to;
        let here = Arc::clone(self);
        let begun = self.parts.aside.run(move || {
            let mut out = Output::default();
            let asked = pull.asked(here.parts.clock.now());
            here.attempt(&asked, &mut Session::default(), &mut here.scratch(), Reading::MayWait, nth, &mut out);
            pull.peer().send(out);
        });
        if let Err(refusal) = begun {
            refuse(&refusal, to, out);
        }
    }

    /// Serves a pull with what there is.
    fn attempt(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        session: &mut Session,
        scratch: &mut Scratch,
        reading: Reading,
        nth: Try,
        out: &mut Output,
    ) -> Attempt {
        let parts = &self.parts;
        let settings = scratch.settings.refresh(&parts.settings);
        let store_settings = scratch.store_settings.refresh(&parts.store_settings);
        let rules = Rules {
            permission: Perm(settings.permission),
            property_filter: settings.property_filter,
            ip: &parts.identity.ip,
        };
        let known = session.known(asked.request, parts);
        let tables = &mut Lookup { parts, known };
        let allowed = match decide(asked.request, asked.peer.remote(), &rules, tables) {
            Ok(allowed) => allowed,
            Err(refusal) => {
                refuse(&refusal, asked.to, out);
                return Attempt::Answered;
            }
        };
        let known = session.place(asked.request, &allowed, parts);

        let wanted = ReadRequest {
            queue: &known.queue,
            offset: asked.request.queue_offset,
            max_count: asked.request.max_count,
            reading,
        };
        let filter = TagFilter { subscription: &allowed.subscription };
        let read = parts.store.read(&wanted, &filter, &mut scratch.found);
        let is_slave = store_settings.broker_role == BrokerRole::Slave;
        let commits = PullFlag(asked.request.sys_flag).has(PullFlag::COMMIT) && nth == Try::First && !is_slave;
        if commits && !matches!(read, Read::Cold) {
            // Before it is held: what the client commits once a message has woken the pull is later than this.
            let request = asked.request;
            parts.offsets.commit(&request.group, &request.topic, request.queue_id, request.commit_offset);
        }
        match read {
            Read::Cold => Attempt::Cold,
            Read::Unavailable => {
                refuse(&Refusal::StoreNotReadable, asked.to, out);
                Attempt::Answered
            }
            Read::Done { status, next, ends, from_slave } => {
                if store_settings.disk_fall_recorded {
                    known.fall.store(scratch.found.fall_behind as i64, Ordering::Relaxed);
                }
                let role = Role {
                    slave_read: settings.slave_read,
                    corrects_offsets: !is_slave || store_settings.offset_check_in_slave,
                };
                let ended = Ended { status, asked: asked.request.queue_offset, next, ends, from_slave };
                let answer = ended.answer(&allowed.group, role);
                let holding = match nth {
                    Try::First => hold_for(asked.request, &answer, status, settings),
                    Try::Again => None,
                };
                let held = holding.and_then(|time_ms| self.hold(asked, known, &allowed, time_ms));
                match held {
                    Some(attempt) => attempt,
                    None => {
                        self.write(asked, known, status, &answer, &mut scratch.found, &mut scratch.body, out);
                        Attempt::Answered
                    }
                }
            }
        }
    }

    /// Holds a pull. `None` where too many are held; then it is answered at once.
    fn hold(self: &Arc<Self>, asked: &Asked<'_>, known: &Known, allowed: &Allowed, time_ms: u64) -> Option<Attempt> {
        let deadline = asked.now.plus(std::time::Duration::from_millis(time_ms));
        let pull = HeldPull::of(asked).wanting(&allowed.subscription);
        let id = self.waiting.hold(&known.queue, deadline, pull)?;
        // What arrived between the read and the hold was told to nobody.
        let came = known.queue.max().to_java() > asked.request.queue_offset;
        if (came || !asked.peer.is_open())
            && let Some(pull) = self.waiting.take(id)
        {
            self.answer_held(pull);
        }
        Some(Attempt::Held)
    }

    #[expect(clippy::too_many_arguments, reason = "the buffers are borrowed apart from each other")]
    fn write(
        &self,
        asked: &Asked<'_>,
        known: &Known,
        status: GetStatus,
        answer: &Answer,
        found: &mut Found,
        body: &mut Vec<(Region, Range<usize>)>,
        out: &mut Output,
    ) {
        let parts = &self.parts;
        if answer.code == ResponseCode::Success {
            parts.stats.pulled(&known.counters, u64::from(found.count), found.bytes as u64);
            body.extend(found.records.drain(..).map(|LogSlice { region, range }| (region, range)));
        }
        out.reply_shared(asked.to, answer.code, Some(status.name()), &answer.header, body);
        body.clear();
        if answer.moved {
            self.tell_moved(asked, answer);
        }
    }

    /// Stores the event elsewhere: this may run inside of an append.
    fn tell_moved(&self, asked: &Asked<'_>, answer: &Answer) {
        let parts = &self.parts;
        let event = moved::event(asked.request, answer.header.next_begin_offset, &parts.identity.name);
        tracing::warn!(?event, peer = %asked.peer, "an offset was corrected");
        let (store, identity, now) = (parts.store.clone(), Arc::clone(&parts.identity), asked.now);
        let begun = parts.aside.run(move || moved::store(&event, &store, &identity, now));
        if begun.is_err() {
            tracing::warn!("the event of a corrected offset is lost: too much waits for a thread");
        }
    }
}

/// How long a pull is held, ms; `None` for one that is answered at once.
///
/// A hole at its place is answered at once: the client goes on behind it.
fn hold_for(request: &PullRequest<'_>, answer: &Answer, status: GetStatus, settings: &BrokerSettings) -> Option<u64> {
    let may_wait = PullFlag(request.sys_flag).has(PullFlag::SUSPEND);
    if !may_wait || answer.code != ResponseCode::PullNotFound || status == GetStatus::OffsetFoundNull {
        return None;
    }
    let asked = u64::try_from(request.suspend_timeout_ms).unwrap_or(0);
    Some(if settings.long_polling { asked } else { settings.short_polling_time.0 })
}

fn refuse(refusal: &Refusal, to: ReplyTo, out: &mut Output) {
    let (code, remark) = refusal.to_wire();
    out.reply(to, code, Some(&remark), &EmptyHeader, &[]);
}
