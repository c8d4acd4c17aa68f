//! The server: opened, bound, started, stopped.
//!
//! Requests that only look something up are answered on the loops of `remoting`. One thread makes all changes, in the order
//! in which they arrive, and looks for silent brokers in between.
//! Source: `namesrv/NamesrvController`, `namesrv/BrokerHousekeepingService`.

use crate::answers::Routes;
use crate::changes::{Change, Changes, Next};
use crate::kv::KeyValues;
use crate::registration::LastBodies;
use crate::requests::{self, Call, Lane, NO_CLUSTER_TEST, Refusal, State};
use crate::settings::{Config, LiveConfig};
use compat::command::SerializeType;
use compat::time::Clock;
use remoting::output::Output;
use remoting::peer::Peer;
use remoting::request::OwnedRequest;
use remoting::server::{BindError, Listening, Requests, Service, bind};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::config_file::{ConfigFile, Unreadable};
use store::disk::Disk;

/// What Java prints when a name server is up.
pub const BOOT_LINE: &str = "The Name Server boot success. serializeType=JSON";

/// Silent brokers are first looked for after so long.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// And then every so often.
const LOOK_PERIOD: Duration = Duration::from_secs(10);

/// A name server whose files were read.
pub struct Namesrv {
    state: Arc<State>,
}

/// Why a name server cannot start. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] Unreadable),
    /// There is no cluster test.
    #[error("{NO_CLUSTER_TEST}")]
    ClusterTest,
}

/// A name server that listens, but accepts nothing yet.
pub struct Bound {
    state: Arc<State>,
    listening: Listening,
    address: SocketAddr,
}

/// A name server at work. Dropping it ends it too, without waiting.
pub struct Running {
    state: Arc<State>,
    address: SocketAddr,
    server: Option<remoting::server::Running>,
    changes: Arc<Changes<Box<Waiting>>>,
    changing: Option<JoinHandle<()>>,
}

impl Namesrv {
    /// Reads and checks everything.
    ///
    /// Differs: 4.3.0 with `clusterTest=true` looks for unknown topics in another environment, by the name of a host that
    /// nobody outside of its makers has; here such a configuration is refused.
    pub fn open(config: Config, disk: Arc<dyn Disk>, clock: Clock) -> Result<Self, OpenError> {
        if config.settings.cluster_test {
            return Err(OpenError::ClusterTest);
        }
        let kv = KeyValues::open(ConfigFile::new(disk.clone(), &config.settings.kv_config_path))?;
        let config = LiveConfig::open(config, disk)?;
        let state = State {
            routes: Routes::default(),
            kv,
            config,
            clock,
            brokers: Mutex::new(HashMap::new()),
            last_bodies: Mutex::new(LastBodies::default()),
        };
        Ok(Self { state: Arc::new(state) })
    }

    /// Listens on `listenPort` of an address, usually the unspecified one.
    pub fn bind(self, ip: IpAddr) -> Result<Bound, BindError> {
        let config = self.state.config.now();
        let address = SocketAddr::new(ip, config.server.listen_port);
        let listening = bind(&config.server, &[address])?;
        let address = listening.addresses().first().copied().unwrap_or(address);
        Ok(Bound { state: self.state, listening, address })
    }
}

impl Bound {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to serve.
    pub fn start(self) -> io::Result<Running> {
        let Self { state, listening, address } = self;
        let changes = Arc::new(Changes::new());
        let mut running = Running { state: state.clone(), address, server: None, changes, changing: None };
        let (own_state, own_changes) = (state.clone(), running.changes.clone());
        let changing = std::thread::Builder::new().name("namesrv-changes".to_owned());
        running.changing = Some(changing.spawn(move || make_changes(&own_state, &own_changes))?);
        let service = Arc::new(NameService { state, changes: running.changes.clone() });
        running.server = Some(listening.start(service)?);
        Ok(running)
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Removes brokers that were silent for 120 s, as it does by itself every 10 s.
    pub fn expire_silent(&self) {
        self.state.expire_silent();
    }

    /// Answers what was asked, closes all connections and ends all threads.
    pub fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
        self.changes.end();
        if self.changing.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that changes things panicked");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.changes.end();
    }
}

/// A request that waits for the thread that changes things.
struct Waiting {
    peer: Peer,
    request: OwnedRequest,
}

struct NameService {
    state: Arc<State>,
    changes: Arc<Changes<Box<Waiting>>>,
}

impl Service for NameService {
    type Local = ();
    type Session = ();

    fn local(self: Arc<Self>) -> Rc<()> {
        Rc::new(())
    }

    fn opened(&self, _: &Rc<()>, _: &Peer) {}

    fn turn(&self, _: &Rc<()>, (): &mut (), peer: &Peer, requests: &mut Requests<'_>, out: &mut Output) {
        for request in requests {
            match requests::lane(request.code) {
                None => out.reply_unsupported(request.reply_to, request.code),
                Some(Lane::Loop) => requests::answer(&self.state, &Call { request: &request, peer }, out),
                Some(Lane::Changes) => {
                    let waiting = Waiting { peer: peer.clone(), request: request.to_owned() };
                    if !self.changes.push(Change::Request(Box::new(waiting), request.body.len())) {
                        Refusal::Busy.reply(request.reply_to, out);
                    }
                }
            }
        }
    }

    fn closed(&self, _: &Rc<()>, (): (), peer: &Peer) {
        self.changes.push(Change::Closed(peer.id()));
    }
}

/// Runs until nothing will come any more.
fn make_changes(state: &State, changes: &Changes<Box<Waiting>>) {
    let mut next_look = Instant::now() + FIRST_LOOK;
    loop {
        match changes.next(next_look) {
            Next::Change(Change::Request(waiting, _)) => {
                let Waiting { peer, request } = *waiting;
                let mut out = Output::new(SerializeType::Json);
                requests::answer(state, &Call { request: &request.borrow(), peer: &peer }, &mut out);
                peer.send(out);
            }
            Next::Change(Change::Closed(peer)) => state.on_closed(peer),
            Next::Time => {
                state.expire_silent();
                next_look = Instant::now() + LOOK_PERIOD;
            }
            Next::End => return,
        }
    }
}
