//! The way of every request: all requests of one read are a turn, and a turn runs to completion on its loop.
//!
//! Sends are stored together with those of other connections that are ready; a pull answers or is held; everything else
//! is in the [`Table`].

use crate::pull::Pull;
use crate::refusal::Refusal;
use crate::send::Send;
use compat::command::RequestCode;
use compat::header::NoHeader;
use compat::time::{Clock, Millis};
use remoting::output::Output;
use remoting::peer::Peer;
use remoting::request::Request;
use remoting::server::{Requests, Service};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Handle as Runtime;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// How long a broker that stops waits for answers that are under way.
const PATIENCE: Duration = Duration::from_secs(1);

/// The broker as a server sees it.
pub struct BrokerService {
    /// Sends.
    pub send: Arc<Send>,
    /// Pulls.
    pub pull: Arc<Pull>,
    /// Everything else.
    pub table: Table,
    /// Threads for what may wait.
    pub aside: Aside,
    /// Told of connections that end.
    pub on_closed: Box<dyn Fn(&Peer) + core::marker::Send + Sync>,
    /// Wall time; read once a turn.
    pub clock: Clock,
}

/// What one loop keeps.
pub struct Local {
    send: crate::send::Local,
    pull: crate::pull::Local,
}

/// What one connection keeps.
#[derive(Default)]
pub struct Session {
    send: crate::send::Session,
    pull: crate::pull::Session,
}

/// One request and where it comes from.
pub struct Call<'a> {
    /// The request.
    pub request: Request<'a>,
    /// The connection it came on.
    pub peer: &'a Peer,
    /// When the turn began.
    pub now: Millis,
}

/// Where a request is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the loop: it neither waits nor walks the disk.
    Loop,
    /// On a thread that may wait.
    Aside,
}

/// Threads that may wait, and how much waits for them. Cheap to clone.
#[derive(Clone)]
pub struct Aside {
    runtime: Runtime,
    under_way: Arc<UnderWay>,
    limit: usize,
}

impl Aside {
    /// The blocking threads of `runtime`; at most `limit` pieces of work run or wait at a time.
    pub fn new(runtime: Runtime, limit: usize) -> Self {
        Self { runtime, under_way: Arc::default(), limit }
    }

    /// Runs `work` on a thread that may wait, unless too much waits already.
    pub fn run(&self, work: impl FnOnce() + core::marker::Send + 'static) -> Result<(), Refusal> {
        let permit = Permit(Arc::clone(&self.under_way));
        if self.under_way.count.fetch_add(1, Ordering::AcqRel) >= self.limit {
            return Err(Refusal::Overload);
        }
        self.runtime.spawn_blocking(move || {
            let _until_done = permit;
            work();
        });
        Ok(())
    }

    /// Waits until no work runs or waits. May be dropped.
    pub async fn until_idle(&self) {
        loop {
            let idle = self.under_way.idle.notified();
            if self.under_way.count.load(Ordering::Acquire) == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// Work that runs or waits.
#[derive(Default)]
struct UnderWay {
    count: AtomicUsize,
    idle: Notify,
}

/// Counts one piece of work while it lives.
struct Permit(Arc<UnderWay>);

impl Drop for Permit {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// Writes the answer of one request, or says why not.
pub type Handle = Arc<dyn Fn(&Call<'_>, &mut Output) -> Result<(), Refusal> + core::marker::Send + Sync>;

/// What the broker can do, besides sending and pulling.
#[derive(Default)]
pub struct Table {
    handlers: BTreeMap<i32, (Place, Handle)>,
}

impl Table {
    /// Lets `handle` of `part` answer a code.
    pub fn on<P: core::marker::Send + Sync + 'static>(
        mut self,
        code: RequestCode,
        place: Place,
        part: &Arc<P>,
        handle: fn(&P, &Call<'_>, &mut Output) -> Result<(), Refusal>,
    ) -> Self {
        let part = Arc::clone(part);
        self.handlers.insert(code.code(), (place, Arc::new(move |call, out| handle(&part, call, out))));
        self
    }

    /// Codes that are answered, for a look at what there is.
    pub fn codes(&self) -> impl Iterator<Item = i32> + '_ {
        self.handlers.keys().copied()
    }
}

impl Service for BrokerService {
    type Local = Local;
    type Session = Session;

    fn local(self: Arc<Self>) -> Rc<Local> {
        let send = self.send.local();
        let pull = self.pull.local();
        Rc::new(Local { send, pull })
    }

    fn opened(&self, _: &Rc<Local>, _: &Peer) -> Session {
        Session::default()
    }

    fn turn(
        &self,
        local: &Rc<Local>,
        session: &mut Session,
        peer: &Peer,
        requests: &mut Requests<'_>,
        out: &mut Output,
    ) {
        let now = self.clock.now();
        for request in requests {
            let call = Call { request, peer, now };
            match RequestCode::from_code(call.request.code) {
                Some(RequestCode::SendMessage | RequestCode::SendMessageV2 | RequestCode::SendBatchMessage) => {
                    self.send.accept(&local.send, &mut session.send, &call, out);
                }
                Some(RequestCode::PullMessage) => self.pull.answer(&local.pull, &mut session.pull, &call, out),
                _ => self.answer(&call, out),
            }
        }
        self.send.finish(&local.send);
    }

    fn closed(&self, _: &Rc<Local>, _: Session, peer: &Peer) {
        (self.on_closed)(peer);
        self.pull.forget(peer);
    }

    /// Answers held pulls last, and with what came meanwhile: a client pulls again as soon as it has its answer, so the
    /// close has to follow at once. A client of 4.3.0 fails no request when a connection ends, so it would wait half a
    /// minute for a pull without an answer.
    /// Differs: 4.3.0 drops the pulls that it holds, and the answers that wait for the disk.
    async fn settle(&self, local: &Rc<Local>, peers: &[Peer]) {
        let deadline = Instant::now() + PATIENCE;
        self.pull.close();
        self.send.settle(&local.send, deadline).await;
        let answered = async {
            self.aside.until_idle().await;
            self.pull.let_go(peers);
            // Those whose messages are not in memory.
            self.aside.until_idle().await;
        };
        if timeout_at(deadline, answered).await.is_err() {
            tracing::warn!("stopping while requests are worked on");
            self.pull.let_go(peers);
        }
    }
}

impl BrokerService {
    fn answer(&self, call: &Call<'_>, out: &mut Output) {
        let Some((place, handle)) = self.table.handlers.get(&call.request.code) else {
            return out.reply_unsupported(call.request.reply_to, call.request.code);
        };
        match place {
            Place::Loop => run(handle, call, out),
            Place::Aside => {
                let (handle, request, peer, clock) =
                    (Arc::clone(handle), call.request.to_owned(), call.peer.clone(), self.clock.clone());
                let begun = self.aside.run(move || {
                    let mut out = Output::default();
                    run(&handle, &Call { request: request.borrow(), peer: &peer, now: clock.now() }, &mut out);
                    peer.send(out);
                });
                if let Err(refusal) = begun {
                    refuse(&refusal, call, out);
                }
            }
        }
    }
}

/// Runs a handler. One that panics answers its own request, and no other one suffers.
fn run(handle: &Handle, call: &Call<'_>, out: &mut Output) {
    let handled = catch_unwind(AssertUnwindSafe(|| handle(call, out)));
    let handled = handled.unwrap_or_else(|_| {
        tracing::error!(code = call.request.code, peer = %call.peer, "a request failed inside of its handler");
        Err(Refusal::Failed)
    });
    if let Err(refusal) = handled {
        refuse(&refusal, call, out);
    }
}

fn refuse(refusal: &Refusal, call: &Call<'_>, out: &mut Output) {
    let (code, remark) = refusal.to_wire();
    out.reply(call.request.reply_to, code, Some(&remark), &NoHeader, &[]);
}
