//! The client: one connection an address, made when first needed, shared by all calls.
//!
//! Source: `remoting/NettyRemotingClient`.

use crate::command::Command;
use crate::connection::{Connection, Handler};
use crate::link::{Link, LinkParts, Wish};
use crate::output::Output;
use crate::peer::{CallError, Peer};
use crate::request::{Request, Requests};
use crate::settings::{ClientSettings, buffer_len};
use compat::command::SerializeType;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;

/// What a client does with a request that a server sends it.
pub type OnRequest = Arc<dyn Fn(&Peer, &Request<'_>, &mut Output) + Send + Sync>;

/// Bytes that may wait for one server before it is no longer read.
const MAX_PENDING: usize = 64 << 20;

/// Speaks to servers. Cheap to clone; needs a tokio runtime around its calls.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    settings: ClientSettings,
    serialize: SerializeType,
    on_request: OnRequest,
    permits: Arc<Semaphore>,
    places: Mutex<HashMap<String, Place>>,
}

/// The connection to one address. The lock is held while it is made: further callers wait for that one.
type Place = Arc<tokio::sync::Mutex<Option<Peer>>>;

impl Client {
    /// A client without connections. Requests of servers are answered with "not supported".
    pub fn new(settings: ClientSettings) -> Self {
        Self::with(
            settings,
            SerializeType::Json,
            Arc::new(|_, request, out| {
                out.reply_unsupported(request.reply_to, request.code);
            }),
        )
    }

    /// A client whose headers are of one kind, and which does something about requests of servers.
    pub fn with(settings: ClientSettings, serialize: SerializeType, on_request: OnRequest) -> Self {
        let permits = usize::try_from(settings.async_permits).unwrap_or(0).max(1);
        let permits = Arc::new(Semaphore::new(permits));
        Self { shared: Arc::new(Shared { settings, serialize, on_request, permits, places: Mutex::default() }) }
    }

    /// Sends a request to `host:port` and waits for its answer; `timeout` covers connecting too.
    pub async fn call(&self, address: &str, command: &Command, timeout: Duration) -> Result<Command, CallError> {
        let start = Instant::now();
        let peer = self.peer_within(address, timeout).await?;
        let answer = peer.call(command, timeout.saturating_sub(start.elapsed())).await;
        if matches!(answer, Err(CallError::Timeout { .. })) && self.shared.settings.close_on_timeout {
            peer.close();
        }
        answer
    }

    /// Sends a request that wants no answer.
    pub async fn notify(&self, address: &str, command: &Command, timeout: Duration) -> Result<(), CallError> {
        self.peer_within(address, timeout).await?.notify(command);
        Ok(())
    }

    /// Closes all connections.
    pub fn close(&self) {
        self.shared.close();
    }

    async fn peer_within(&self, address: &str, timeout: Duration) -> Result<Peer, CallError> {
        let timed_out = |_| CallError::Timeout { address: address.to_owned(), timeout_ms: timeout.as_millis() as u64 };
        tokio::time::timeout(timeout, self.peer(address)).await.map_err(timed_out)?
    }

    /// The connection to an address, made if there is none.
    async fn peer(&self, address: &str) -> Result<Peer, CallError> {
        let place = self.shared.place(address);
        let mut place = place.lock().await;
        if let Some(peer) = place.as_ref().filter(|peer| peer.is_open()) {
            return Ok(peer.clone());
        }
        let connect = self.connect(address);
        let stream = match tokio::time::timeout(self.shared.settings.connect_timeout.duration(), connect).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(address, %error, "cannot connect");
                return Err(CallError::Connect(address.to_owned()));
            }
            Err(_) => return Err(CallError::Connect(address.to_owned())),
        };
        let peer = self.open(stream).map_err(|_| CallError::Connect(address.to_owned()))?;
        *place = Some(peer.clone());
        Ok(peer)
    }

    async fn connect(&self, address: &str) -> io::Result<TcpStream> {
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for address in tokio::net::lookup_host(address).await? {
            match self.socket(address)?.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn socket(&self, address: SocketAddr) -> io::Result<TcpSocket> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_nodelay(true)?;
        let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        if let Some(len) = buffer_len(self.shared.settings.socket_send_buffer) {
            socket.set_send_buffer_size(size(len))?;
        }
        if let Some(len) = buffer_len(self.shared.settings.socket_receive_buffer) {
            socket.set_recv_buffer_size(size(len))?;
        }
        Ok(socket)
    }

    /// Takes a connected socket.
    fn open(&self, stream: TcpStream) -> io::Result<Peer> {
        let shared = &self.shared;
        let link = Arc::new(Link::new(LinkParts {
            remote: stream.peer_addr()?,
            local_port: stream.local_addr()?.port(),
            serialize: shared.serialize,
            permits: shared.permits.clone(),
            max_pending: MAX_PENDING,
            home: None,
        }));
        let peer = Peer { link: link.clone() };
        let turns = Turns { on_request: shared.on_request.clone() };
        let connection = Connection::new(stream, peer.clone(), turns, MAX_PENDING);
        let max_idle = Duration::from_secs(u64::from(shared.settings.max_idle_secs.max(1)));
        let seen_by = peer.clone();
        tokio::spawn(async move {
            tokio::pin! {
                let work = connection.run();
            }
            let mut looks = tokio::time::interval(max_idle / 16);
            looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let end = loop {
                tokio::select! {
                    (_, end) = &mut work => break end,
                    _ = looks.tick() => match link.look() {
                        1 => link.wish(Wish::Trim),
                        quiet if quiet > 16 => link.wish(Wish::Abort),
                        _ => {}
                    }
                }
            };
            tracing::debug!(peer = %seen_by, reason = %end, "connection closed");
        });
        Ok(peer)
    }
}

impl Shared {
    /// Where the connection to an address has its place, if there is one.
    fn place(&self, address: &str) -> Place {
        self.places().entry(address.to_owned()).or_default().clone()
    }

    fn close(&self) {
        let places = std::mem::take(&mut *self.places());
        for place in places.into_values() {
            // A place that is locked is being connected: its caller holds the only peer.
            if let Ok(mut peer) = place.try_lock() {
                peer.take().inspect(Peer::close);
            }
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

struct Turns {
    on_request: OnRequest,
}

impl Handler for Turns {
    fn turn(&mut self, peer: &Peer, requests: &mut Requests<'_>, out: &mut Output) {
        for request in requests {
            (self.on_request)(peer, &request, out);
        }
    }
}
