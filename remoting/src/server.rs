//! The server: loops that own connections, and the turns they hand to a service.
//!
//! Each loop is a thread with a current-thread runtime. The first accepts and hands sockets over round robin.
//! A turn never leaves its loop; what can block is the service's business to offload.

use crate::output::Output;
use crate::peer::Peer;
use crate::request::Request;
use crate::settings::ServerSettings;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

/// What a server does with requests.
pub trait Service: Send + Sync + 'static {
    /// What one loop keeps for all its connections: scratch buffers, replies that wait. Never leaves its thread.
    type Local: 'static;
    /// What one connection keeps between turns.
    type Session: 'static;

    /// Called once on each loop, inside its runtime (so `tokio::task::spawn_local` works).
    fn local(self: Arc<Self>) -> Rc<Self::Local>;
    /// A connection was accepted.
    fn opened(&self, local: &Rc<Self::Local>, peer: &Peer) -> Self::Session;
    /// All requests of one read. Runs on the loop and must not block; replies written to `out` leave in one write.
    fn turn(
        &self,
        local: &Rc<Self::Local>,
        session: &mut Self::Session,
        peer: &Peer,
        requests: &mut Requests<'_>,
        out: &mut Output,
    );
    /// A connection is gone: closed by either side, idle, or broken.
    fn closed(&self, local: &Rc<Self::Local>, session: Self::Session, peer: &Peer);
}

/// The requests of one turn. Answers to our own requests are not among them.
pub struct Requests<'a> {
    _later: std::marker::PhantomData<&'a ()>,
}

impl<'a> Iterator for Requests<'a> {
    type Item = Request<'a>;
    fn next(&mut self) -> Option<Request<'a>> {
        todo!()
    }
}

/// Why a server could not listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on port {port}: {cause}")]
pub struct BindError {
    /// The port.
    pub port: u16,
    /// What the system says.
    #[source]
    pub cause: std::io::Error,
}

/// Sockets that listen, before anything is accepted.
pub struct Listening {
    _later: (),
}

/// A server at work.
pub struct Running {
    _later: (),
}

/// Listens on all ports of `addresses`, or on none of them.
pub fn bind(settings: &ServerSettings, addresses: &[SocketAddr]) -> Result<Listening, BindError> {
    let _ = (settings, addresses);
    todo!()
}

impl Listening {
    /// The addresses, with the ports that the system chose for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        todo!()
    }

    /// Starts the loops.
    pub fn start<S: Service>(self, service: Arc<S>) -> Running {
        let _ = service;
        todo!()
    }
}

impl Running {
    /// Stops accepting, finishes the turns that run, writes what is due, closes every connection and joins the loops.
    pub fn stop(self) {
        todo!()
    }
}
