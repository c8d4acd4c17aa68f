//! The way of every request: all requests of one read are a turn, and a turn runs to completion on its loop.
//!
//! Sends of a turn are stored together at its end; a pull answers or is held; everything else is in the [`Table`].

use crate::pull::Pull;
use crate::refusal::Refusal;
use crate::send::Send;
use compat::command::{RequestCode, ResponseCode};
use compat::header::NoHeader;
use compat::time::{Clock, Millis};
use remoting::output::Output;
use remoting::peer::Peer;
use remoting::request::Request;
use remoting::server::{Requests, Service};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// The broker as a server sees it.
pub struct BrokerService {
    /// Sends.
    pub send: Arc<Send>,
    /// Pulls.
    pub pull: Arc<Pull>,
    /// Everything else.
    pub table: Table,
    /// Told of connections that end.
    pub on_closed: Box<dyn Fn(&Peer) + core::marker::Send + Sync>,
    /// Wall time; read once a turn.
    pub clock: Clock,
}

/// What one loop keeps.
pub struct Local {
    service: Arc<BrokerService>,
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
        Rc::new(Local { service: self, send, pull })
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
                _ => local.service.answer(&call, out),
            }
        }
        self.send.finish(&local.send, peer, now, out);
    }

    fn closed(&self, _: &Rc<Local>, _: Session, peer: &Peer) {
        (self.on_closed)(peer);
        self.pull.forget(peer);
    }
}

impl BrokerService {
    fn answer(self: &Arc<Self>, call: &Call<'_>, out: &mut Output) {
        let Some((place, handle)) = self.table.handlers.get(&call.request.code) else {
            let remark = format!(" request type {} not supported", call.request.code);
            out.reply(call.request.reply_to, ResponseCode::RequestCodeNotSupported, Some(&remark), &NoHeader, &[]);
            return;
        };
        match place {
            Place::Loop => run(handle, call, out),
            Place::Aside => {
                let (handle, request, peer, clock) =
                    (Arc::clone(handle), call.request.to_owned(), call.peer.clone(), self.clock.clone());
                tokio::task::spawn_blocking(move || {
                    let mut out = Output::default();
                    run(&handle, &Call { request: request.borrow(), peer: &peer, now: clock.now() }, &mut out);
                    peer.send(out);
                });
            }
        }
    }
}

fn run(handle: &Handle, call: &Call<'_>, out: &mut Output) {
    if let Err(refusal) = handle(call, out) {
        let (code, remark) = refusal.to_wire();
        out.reply(call.request.reply_to, code, Some(&remark), &NoHeader, &[]);
    }
}
