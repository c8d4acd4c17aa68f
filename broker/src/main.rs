//! The executable: reads its command line, becomes what it asks for, and stops on a signal.

use broker::bench;
use broker::cli::{Answer, BrokerOptions, Cli, JavaProgram, NamesrvOptions, Role, Standalone};
use broker::config::{Config, ConfigError, ThisHost, VIP_DISTANCE, Wanted};
use broker::settings::{self, Show};
use broker::wiring::{Opened, StartError};
use clap::Parser;
use compat::time::Clock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::OpenError;
use store::disk::Disk;
use store::disk::RealDisk;
use tracing_subscriber::EnvFilter;

/// Java's -1: a command line or a file that is wrong, or anything that went wrong at start.
const GENERAL: u8 = 255;
/// Java's -3: settings or files that cannot be worked with.
const UNUSABLE: u8 = 253;

fn main() -> ExitCode {
    raise_file_limit();
    let mut arguments = std::env::args();
    let program = PathBuf::from(arguments.next().unwrap_or_default());
    let ended = match JavaProgram::called_as(&program) {
        Some(program) => match program.parse(&arguments.collect::<Vec<_>>()) {
            Answer::Usage(usage) => return print_and_exit(usage, GENERAL),
            Answer::Namesrv(options) => run_namesrv(&options, Show::Java),
            Answer::Broker(options) => run_broker(&options, Show::Java),
        },
        None => {
            let cli = Cli::parse();
            match cli.role.unwrap_or(Role::Standalone(cli.standalone)) {
                Role::Standalone(options) => run_standalone(&options),
                Role::Namesrv(options) => run_namesrv(&options, Show::All),
                Role::Broker(options) => run_broker(&options, Show::All),
                Role::Bench(options) => bench::run(&options).map_err(|error| Failure::new(1, error)),
            }
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.sentence);
            ExitCode::from(failure.code)
        }
    }
}

/// Each connection and each open file of the log is a descriptor: take as many as the system lets this user have.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    if let Err(error) = raised {
        eprintln!("the limit of open files stays at {:?}: {error}", limit.current);
    }
}

/// Why this process ends: a sentence for people and a code for scripts.
struct Failure {
    sentence: String,
    code: u8,
}

impl Failure {
    fn new(code: u8, sentence: impl ToString) -> Self {
        Self { sentence: sentence.to_string(), code }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        if let ConfigError::NameServers(_) = &error {
            // Java says this one on standard output.
            println!("{error}");
            return Self::new(UNUSABLE, "");
        }
        Self::new(GENERAL, error)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let code = match &error {
            StartError::Table(_) | StartError::Store(OpenError::Damaged { .. } | OpenError::Setting(_)) => UNUSABLE,
            StartError::Bind(_) | StartError::Store(_) | StartError::Thread(_) => GENERAL,
        };
        Self::new(code, error)
    }
}

fn run_broker(options: &BrokerOptions, show: Show) -> Result<(), Failure> {
    let wanted =
        Wanted { file: options.config_file.clone(), name_servers: options.name_servers.clone(), ..Wanted::default() };
    let config = Config::load(&wanted, &ThisHost)?;
    if options.print || options.print_important {
        let show = if options.print { show } else { Show::Important };
        print(&settings::lines(&config.tables(), show, Clock::system().now()));
        return Ok(());
    }
    start_logging();
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let signals = Stopping::listen()?;
    let data = config.store.store_path_root.clone();
    let opened = Opened::open(config, IpAddr::V4(Ipv4Addr::UNSPECIFIED), real_disk(), Clock::system())?;
    let running = opened.start(signals.on_failure())?;
    print(running.boot_line());
    tracing::info!(data, "{}", running.boot_line());
    let end = signals.wait();
    ended(running.stop(), end)
}

fn run_namesrv(options: &NamesrvOptions, show: Show) -> Result<(), Failure> {
    let disk = real_disk();
    let (mut config, warnings) = match &options.config_file {
        None => (namesrv::Config::new(&user_home()), Vec::new()),
        Some(file) => {
            let loaded = namesrv::Config::load(&disk, file, &user_home());
            let loaded = loaded.map_err(|error| Failure::new(GENERAL, error))?;
            print(&format!("load config properties file OK, {}", file.display()));
            loaded
        }
    };
    if config.settings.rocketmq_home.is_none() {
        config.settings.rocketmq_home = std::env::var("ROCKETMQ_HOME").ok();
    }
    if options.print {
        print(&settings::lines(&[&config.settings, &config.server], show, Clock::system().now()));
        return Ok(());
    }
    start_logging();
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let signals = Stopping::listen()?;
    let running = start_namesrv(config, IpAddr::V4(Ipv4Addr::UNSPECIFIED), disk)?;
    print(namesrv::BOOT_LINE);
    tracing::info!(address = %running.address(), "{}", namesrv::BOOT_LINE);
    let end = signals.wait();
    running.stop();
    ended(true, end)
}

fn run_standalone(options: &Standalone) -> Result<(), Failure> {
    let ip = IpAddr::V4(if options.address.is_loopback() { options.address } else { Ipv4Addr::UNSPECIFIED });
    let data = std::path::absolute(&options.data).map_err(|error| Failure::new(GENERAL, error))?;
    let name_server = format!("{}:{}", options.address, options.namesrv_port);
    let wanted = Wanted {
        file: options.config_file.clone(),
        name_servers: Some(name_server.clone()),
        port: Some(options.broker_port),
        address: Some(options.address),
        store_root: Some(data.join("store")),
    };
    let config = Config::load(&wanted, &ThisHost)?;
    start_logging();
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let signals = Stopping::listen()?;
    let disk = real_disk();
    let mut namesrv_config = namesrv::Config::new(&data);
    namesrv_config.server.listen_port = options.namesrv_port;
    let namesrv = open_namesrv(namesrv_config, ip, Arc::clone(&disk))?;
    let (identity, server) = (config.identity.clone(), config.server.clone());
    let opened = Opened::open(config, ip, disk, Clock::system())?;
    let namesrv = namesrv.start().map_err(|error| Failure::new(GENERAL, error))?;
    print(namesrv::BOOT_LINE);
    let running = match opened.start(signals.on_failure()) {
        Ok(running) => running,
        Err(error) => {
            namesrv.stop();
            return Err(error.into());
        }
    };
    print(running.boot_line());
    print(&format!(
        "Ready: name server on {name_server}, broker on {} (and {}), data in {}.\n\
         Next: point a client at name server {name_server}. Ctrl-C stops.",
        identity.told(),
        server.listen_port - VIP_DISTANCE,
        data.display()
    ));
    let end = signals.wait();
    let saved = running.stop();
    namesrv.stop();
    ended(saved, end)
}

fn open_namesrv(config: namesrv::Config, ip: IpAddr, disk: Arc<dyn Disk>) -> Result<namesrv::Bound, Failure> {
    let opened = namesrv::Namesrv::open(config, disk, Clock::system());
    let opened = opened.map_err(|error| Failure::new(GENERAL, error))?;
    opened.bind(ip).map_err(|error| Failure::new(GENERAL, format!("the name server {error}")))
}

fn start_namesrv(config: namesrv::Config, ip: IpAddr, disk: Arc<dyn Disk>) -> Result<namesrv::Running, Failure> {
    let bound = open_namesrv(config, ip, disk)?;
    bound.start().map_err(|error| Failure::new(GENERAL, error))
}

/// What ends this process in order: a signal, or a part that failed.
struct Stopping {
    signals: Signals,
    failed: Arc<AtomicBool>,
    under_way: Arc<AtomicBool>,
}

/// Why it ends.
#[derive(PartialEq, Eq)]
enum End {
    Signal,
    Failure,
}

impl Stopping {
    fn listen() -> Result<Self, Failure> {
        let under_way = Arc::new(AtomicBool::new(false));
        let listen = || {
            for signal in [SIGINT, SIGTERM] {
                // A second signal does not wait for an orderly end.
                flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&under_way))?;
            }
            Signals::new([SIGINT, SIGTERM])
        };
        let signals = listen().map_err(|error: io::Error| Failure::new(GENERAL, format!("signals: {error}")))?;
        Ok(Self { signals, failed: Arc::default(), under_way })
    }

    /// To be called by a part that ends by itself.
    fn on_failure(&self) -> impl Fn() + Send + Sync + 'static {
        let (handle, failed) = (self.signals.handle(), Arc::clone(&self.failed));
        move || {
            failed.store(true, Ordering::Release);
            handle.close();
        }
    }

    fn wait(mut self) -> End {
        let signal = self.signals.forever().next();
        self.under_way.store(true, Ordering::Release);
        if self.failed.load(Ordering::Acquire) {
            return End::Failure;
        }
        tracing::info!(signal, "stopping");
        End::Signal
    }
}

fn ended(saved: bool, end: End) -> Result<(), Failure> {
    if end == End::Failure {
        return Err(Failure::new(GENERAL, "a part of the broker ended by itself: see the log"));
    }
    if !saved {
        return Err(Failure::new(GENERAL, "the last changes could not be written: see the log"));
    }
    tracing::info!("stopped");
    Ok(())
}

fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(terminal).with_writer(io::stderr).init();
}

fn real_disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

fn user_home() -> PathBuf {
    std::env::var_os("HOME").map_or_else(|| Path::new("/root").to_owned(), PathBuf::from)
}

fn print_and_exit(text: &str, code: u8) -> ExitCode {
    print(text.trim_end());
    ExitCode::from(code)
}

/// A line on standard output, at once. Nobody reading it is no reason to fail.
fn print(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
