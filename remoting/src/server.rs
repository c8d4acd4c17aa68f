//! The server: loops that own connections, and the turns they hand to a service.
//!
//! Each loop is a thread with a current-thread runtime. The first accepts and hands sockets over round robin.
//! A turn never leaves its loop; what can block is the service's business to offload.
//! Source: `remoting/NettyRemotingServer`.

use crate::connection::{Connection, Handler};
use crate::link::{Link, LinkParts, Wish};
use crate::mailbox::{Mail, Mailbox};
use crate::output::Output;
use crate::peer::Peer;
use crate::settings::{ServerSettings, buffer_len};
use compat::command::SerializeType;
use socket2::{Domain, Protocol, Socket, Type};
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, Semaphore};

pub use crate::request::Requests;

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
    /// When it panics, its connection is closed.
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
    /// The server stops, and reads no more requests from `peers`, the connections of the loop: ends once those that
    /// were read are answered. The connections are closed then, or after two seconds; this is dropped in that case.
    fn settle(&self, local: &Rc<Self::Local>, peers: &[Peer]) -> impl Future<Output = ()> {
        let _ = (local, peers);
        std::future::ready(())
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
    pub cause: io::Error,
}

/// Sockets that listen, before anything is accepted.
pub struct Listening {
    settings: ServerSettings,
    serialize: SerializeType,
    listeners: Vec<std::net::TcpListener>,
}

/// A server at work. Dropping it stops it too, without waiting.
pub struct Running {
    loops: Vec<(Arc<Mailbox>, JoinHandle<()>)>,
}

/// Listens on all ports of `addresses`, or on none of them.
pub fn bind(settings: &ServerSettings, addresses: &[SocketAddr]) -> Result<Listening, BindError> {
    let listen_on =
        |address: &SocketAddr| listen(settings, *address).map_err(|cause| BindError { port: address.port(), cause });
    let listeners = addresses.iter().map(listen_on).collect::<Result<_, _>>()?;
    Ok(Listening { settings: settings.clone(), serialize: SerializeType::Json, listeners })
}

fn listen(settings: &ServerSettings, address: SocketAddr) -> io::Result<std::net::TcpListener> {
    const BACKLOG: i32 = 1024;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    if let Some(len) = buffer_len(settings.socket_receive_buffer) {
        socket.set_recv_buffer_size(len)?;
    }
    if let Some(len) = buffer_len(settings.socket_send_buffer) {
        socket.set_send_buffer_size(len)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Listening {
    /// The same, with answers whose headers are of another kind than JSON.
    pub fn serialize(mut self, serialize: SerializeType) -> Self {
        self.serialize = serialize;
        self
    }

    /// The addresses, with the ports that the system chose for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Starts the loops. Fails when the system has no thread or no descriptor for one; nothing runs then.
    pub fn start<S: Service>(self, service: Arc<S>) -> io::Result<Running> {
        let count = match self.settings.event_loops {
            0 => std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, 8)),
            count => count,
        };
        let mailboxes: Vec<_> = (0..count).map(|_| Arc::new(Mailbox::new())).collect();
        let common = Arc::new(Common {
            permits: Arc::new(Semaphore::new(usize::try_from(self.settings.async_permits).unwrap_or(0).max(1))),
            settings: self.settings,
            serialize: self.serialize,
            service,
            mailboxes: mailboxes.clone(),
            connections: AtomicUsize::new(0),
        });
        let mut running = Running { loops: Vec::new() };
        let mut listeners = Some(self.listeners);
        for (number, mailbox) in mailboxes.into_iter().enumerate() {
            let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
            let (common, listeners) = (common.clone(), listeners.take().unwrap_or_default());
            let own_mailbox = mailbox.clone();
            let thread = std::thread::Builder::new()
                .name(format!("loop-{number}"))
                .spawn(move || run_loop(common, own_mailbox, listeners, ready))?;
            running.loops.push((mailbox, thread));
            is_ready.recv().map_err(io::Error::other)??;
        }
        Ok(running)
    }
}

impl Running {
    /// Stops accepting and reading, lets the service settle, writes what is due, closes every connection and joins the
    /// loops. A service that does not settle holds this up for two seconds, a peer that does not take what is due for
    /// one more.
    pub fn stop(mut self) {
        self.ask();
        for (_, thread) in self.loops.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a loop of the server panicked");
            }
        }
    }

    fn ask(&self) {
        for (mailbox, _) in &self.loops {
            mailbox.post(|mail| mail.stop = true);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ask();
    }
}

/// What all loops share.
struct Common<S> {
    settings: ServerSettings,
    serialize: SerializeType,
    service: Arc<S>,
    mailboxes: Vec<Arc<Mailbox>>,
    permits: Arc<Semaphore>,
    connections: AtomicUsize,
}

/// One loop. Never leaves its thread.
struct Loop<S: Service> {
    common: Arc<Common<S>>,
    mailbox: Arc<Mailbox>,
    local: Rc<S::Local>,
    links: RefCell<HashMap<u64, Arc<Link>>>,
    emptied: Notify,
}

fn run_loop<S: Service>(
    common: Arc<Common<S>>,
    mailbox: Arc<Mailbox>,
    listeners: Vec<std::net::TcpListener>,
    ready: std::sync::mpsc::SyncSender<io::Result<()>>,
) {
    let started = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).and_then(|runtime| {
        let _inside = runtime.enter();
        let listeners = listeners.into_iter().map(TcpListener::from_std).collect::<io::Result<Vec<_>>>()?;
        Ok((runtime, listeners))
    });
    let (runtime, listeners) = match started {
        Ok(parts) => parts,
        Err(error) => return drop(ready.send(Err(error))),
    };
    mailbox.settle_here();
    runtime.block_on(async {
        let local = common.service.clone().local();
        let here = Rc::new(Loop { common, mailbox, local, links: RefCell::default(), emptied: Notify::new() });
        let accepting: Vec<_> =
            listeners.into_iter().map(|listener| tokio::task::spawn_local(accept(here.clone(), listener))).collect();
        let looking = tokio::task::spawn_local(look_for_idle(here.clone()));
        // Nobody listens any more when starting the server failed meanwhile.
        let _ = ready.send(Ok(()));
        here.read_mail().await;
        for task in accepting {
            task.abort();
            // Waiting lets go of the listening socket before the connections are closed.
            let _ = task.await;
        }
        looking.abort();
        let ending = async {
            here.settle().await;
            here.finish().await;
        };
        tokio::select! {
            () = ending => {}
            () = here.pass_wakes_on() => {}
        }
    });
}

impl<S: Service> Loop<S> {
    /// Works on what other threads tell this loop, until they tell it to stop.
    async fn read_mail(self: &Rc<Self>) {
        let mut mail = Mail::default();
        loop {
            poll_fn(|cx| self.mailbox.poll_take(cx, &mut mail)).await;
            mail.wakers.drain(..).for_each(|connection| connection.wake());
            for (socket, remote) in mail.sockets.drain(..) {
                match TcpStream::from_std(socket) {
                    Ok(stream) => self.open(stream, remote),
                    Err(error) => {
                        self.common.connections.fetch_sub(1, Ordering::Relaxed);
                        tracing::warn!(peer = %remote, %error, "an accepted socket cannot be used");
                    }
                }
            }
            if mail.stop {
                return;
            }
        }
    }

    /// While the loop ends: only answers that other threads bring still count. Never ends; may be dropped.
    async fn pass_wakes_on(&self) {
        loop {
            let mut mail = Mail::default();
            poll_fn(|cx| self.mailbox.poll_take(cx, &mut mail)).await;
            mail.wakers.drain(..).for_each(|connection| connection.wake());
        }
    }

    /// Takes a socket, which is counted already.
    fn open(self: &Rc<Self>, stream: TcpStream, remote: SocketAddr) {
        let settings = &self.common.settings;
        let link = Arc::new(Link::new(LinkParts {
            remote,
            local_port: stream.local_addr().map_or(0, |address| address.port()),
            serialize: self.common.serialize,
            permits: self.common.permits.clone(),
            max_pending: settings.max_pending_output,
            home: Some(self.mailbox.clone()),
        }));
        let peer = Peer { link: link.clone() };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "no TCP_NODELAY");
        }
        let session = catch_unwind(AssertUnwindSafe(|| self.common.service.opened(&self.local, &peer)));
        let Ok(session) = session else {
            self.common.connections.fetch_sub(1, Ordering::Relaxed);
            return tracing::error!(%peer, "opening a connection panicked; it is closed");
        };
        self.links.borrow_mut().insert(link.id, link);
        let turns = Turns { service: self.common.service.clone(), local: self.local.clone(), session };
        let connection = Connection::new(stream, peer.clone(), turns, settings.max_pending_output);
        let here = self.clone();
        tokio::task::spawn_local(async move {
            let (turns, end) = connection.run().await;
            tracing::debug!(%peer, reason = %end, "connection closed");
            here.close(turns.session, &peer);
        });
    }

    fn close(&self, session: S::Session, peer: &Peer) {
        let service = &self.common.service;
        if catch_unwind(AssertUnwindSafe(|| service.closed(&self.local, session, peer))).is_err() {
            tracing::error!(%peer, "closing a connection panicked");
        }
        self.common.connections.fetch_sub(1, Ordering::Relaxed);
        let mut links = self.links.borrow_mut();
        links.remove(&peer.id());
        if links.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Reads no more requests, and waits for the answers of those that were read.
    async fn settle(&self) {
        const PATIENCE: Duration = Duration::from_secs(2);
        let peers: Vec<_> = self.links.borrow().values().map(|link| Peer { link: link.clone() }).collect();
        peers.iter().for_each(|peer| peer.link.wish(Wish::Mute));
        let settled = self.common.service.settle(&self.local, &peers);
        if tokio::time::timeout(PATIENCE, settled).await.is_err() {
            tracing::warn!("stopping without the answers of some requests");
        }
    }

    /// Closes all connections: those that take what is due after they have it, the others after a second.
    async fn finish(&self) {
        const PATIENCE: Duration = Duration::from_secs(1);
        for wish in [Wish::Finish, Wish::Abort] {
            let emptied = self.emptied.notified();
            let links: Vec<_> = self.links.borrow().values().cloned().collect();
            if links.is_empty() {
                return;
            }
            links.iter().for_each(|link| link.wish(wish));
            if tokio::time::timeout(PATIENCE, emptied).await.is_ok() {
                return;
            }
        }
        tracing::warn!(connections = self.links.borrow().len(), "connections did not end");
    }
}

/// What a connection of a server does with its requests.
struct Turns<S: Service> {
    service: Arc<S>,
    local: Rc<S::Local>,
    session: S::Session,
}

impl<S: Service> Handler for Turns<S> {
    fn turn(&mut self, peer: &Peer, requests: &mut Requests<'_>, out: &mut Output) {
        self.service.turn(&self.local, &mut self.session, peer, requests, out);
    }
}

/// Accepts for all loops, one socket each in turn.
async fn accept<S: Service>(here: Rc<Loop<S>>, listener: TcpListener) {
    let common = &here.common;
    let mut next = 0;
    loop {
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: the socket stays in the queue, so an instant retry would spin.
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if common.connections.fetch_add(1, Ordering::Relaxed) >= common.settings.max_connections {
            common.connections.fetch_sub(1, Ordering::Relaxed);
            tracing::debug!(peer = %remote, limit = common.settings.max_connections, "closed at once: too many connections");
            continue;
        }
        let mailbox = &common.mailboxes[next % common.mailboxes.len()];
        next += 1;
        if mailbox.is_here() {
            here.open(stream, remote);
        } else {
            hand_over(common, mailbox, stream, remote);
        }
    }
}

fn hand_over<S>(common: &Common<S>, mailbox: &Mailbox, stream: TcpStream, remote: SocketAddr) {
    let socket: io::Result<StdStream> = stream.into_std();
    match socket {
        Ok(socket) => mailbox.post(|mail| mail.sockets.push((socket, remote))),
        Err(error) => {
            common.connections.fetch_sub(1, Ordering::Relaxed);
            tracing::warn!(peer = %remote, %error, "an accepted socket cannot be handed over");
        }
    }
}

/// Closes connections on which no byte moves, and lets quiet ones give back their memory.
async fn look_for_idle<S: Service>(here: Rc<Loop<S>>) {
    let max_idle = Duration::from_secs(u64::from(here.common.settings.max_idle_secs.max(1)));
    let period = (max_idle / 16).clamp(Duration::from_millis(10), Duration::from_secs(1));
    let looks = max_idle.as_millis().div_ceil(period.as_millis()) as u32;
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for link in here.links.borrow().values() {
            match link.look() {
                0 => {}
                1 => link.wish(Wish::Trim),
                quiet if quiet > looks => {
                    tracing::debug!(peer = %link.remote, "idle for too long");
                    link.wish(Wish::Abort);
                }
                _ => {}
            }
        }
    }
}
