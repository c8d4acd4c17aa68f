//! The executable as operators meet it: command lines, starts that fail, orderly ends.

use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_rocketmq");

/// A directory for one test, with links under the names of Java's scripts.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        for name in ["rocketmq", "mqbroker", "mqnamesrv"] {
            symlink(PROGRAM, dir.path().join(name)).expect("a link to the program");
        }
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path(program));
        command.args(arguments).current_dir(self.0.path()).env("HOME", self.0.path());
        command.env_remove("NAMESRV_ADDR").env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Runs to the end.
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program, arguments).output().expect("the program runs")
    }

    /// A file of broker settings with a store of its own.
    fn broker_conf(&self, port: u16, more: &str) -> String {
        let (store, file) = (self.path("store"), self.path("broker.conf"));
        let store = store.display();
        let text = format!(
            "listenPort={port}\nbrokerIP1=127.0.0.1\nbrokerName=b\nstorePathRootDir={store}\n\
             storePathCommitLog={store}/commitlog\nmapedFileSizeCommitLog=1048576\n{more}\n"
        );
        fs::write(&file, text).expect("a file of settings");
        file.display().to_string()
    }

    /// Every file with its content.
    fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut tree = BTreeMap::new();
        add(self.0.path(), &mut tree);
        tree
    }
}

fn add(dir: &Path, tree: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let entry = entry.expect("an entry");
        match entry.file_type().expect("its type") {
            kind if kind.is_dir() => {
                tree.insert(entry.path(), Vec::new());
                add(&entry.path(), tree);
            }
            kind if kind.is_file() => {
                tree.insert(entry.path(), fs::read(entry.path()).expect("its content"));
            }
            _ => {}
        }
    }
}

/// A port that is free, and the one 2 below too.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + (std::process::id() % 1000) as u16 * 10;
    loop {
        let port = start + 10 * NEXT.fetch_add(1, Ordering::Relaxed) + 4;
        let is_free = |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
        if is_free(port) && is_free(port - 2) {
            return port;
        }
    }
}

/// A server at work.
struct Server {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it and waits for a line of its output.
    fn start(mut command: Command, ready: &str) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("the program runs");
        let out = BufReader::new(process.stdout.take().expect("its output"));
        let mut server = Self { process, out };
        server.wait_for(ready);
        server
    }

    fn wait_for(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let len = self.out.read_line(&mut line).expect("its output");
            assert!(len > 0, "ended before it said {text}");
            if line.contains(text) {
                return line;
            }
        }
    }

    fn stop(mut self, signal: Signal) -> Option<i32> {
        let pid = Pid::from_raw(self.process.id() as i32).expect("a process id");
        kill_process(pid, signal).expect("a signal");
        self.process.wait().expect("its end").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The line that is no log line.
fn sentence(output: &Output) -> String {
    let text = err(output);
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains(" WARN ") && !line.contains(" INFO ")).collect();
    assert_eq!(lines.len(), 1, "one sentence: {text}");
    lines[0].to_owned()
}

#[test]
fn help_explains_the_roles() {
    let help = Place::new().run("rocketmq", &["--help"]);
    assert_eq!(code(&help), Some(0));
    for word in ["standalone", "namesrv", "broker", "bench", "--data", "--address"] {
        assert!(out(&help).contains(word), "{word}: {}", out(&help));
    }
}

#[test]
fn as_a_script_of_java_it_has_the_command_line_of_java() {
    let place = Place::new();
    for arguments in [&["-h"][..], &["-x"], &["-c"]] {
        let output = place.run("mqbroker", arguments);
        assert_eq!(code(&output), Some(255), "{arguments:?}");
        assert!(out(&output).starts_with("usage: mqbroker [-c <arg>] [-h] [-m] [-n <arg>] [-p]\n"), "{arguments:?}");
    }
    let output = place.run("mqnamesrv", &["--help"]);
    assert_eq!(code(&output), Some(255));
    assert!(out(&output).starts_with("usage: mqnamesrv [-c <arg>] [-h] [-n <arg>] [-p]\n"));

    let illegal = place.run("mqbroker", &["-n", "1.2.3:x"]);
    let text =
        "The Name Server Address[1.2.3:x] illegal, please set it as follows, \"127.0.0.1:9876;192.168.0.1:9876\"\n";
    assert_eq!((code(&illegal), out(&illegal).as_str()), (Some(253), text));
}

#[test]
fn settings_are_printed_line_by_line() {
    let place = Place::new();
    let conf = place.broker_conf(10911, "flushDiskType=SYNC_FLUSH");
    let all = place.run("mqbroker", &["-c", &conf, "-p"]);
    assert_eq!(code(&all), Some(0));
    for line in [" INFO main - listenPort=10911\n", " INFO main - flushDiskType=SYNC_FLUSH\n", " - haMasterAddress=\n"]
    {
        assert!(out(&all).contains(line), "{line}");
    }
    let important = out(&place.run("mqbroker", &["-c", &conf, "-m"]));
    assert!(important.contains(" - brokerName=b\n") && !important.contains("listenPort"), "{important}");
    let name_server = out(&place.run("mqnamesrv", &["-p"]));
    assert!(name_server.contains(" - listenPort=9876\n"), "{name_server}");
}

#[test]
fn a_start_that_fails_says_why_and_changes_nothing() {
    let place = Place::new();
    let port = free_port();
    let _taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("a port");
    let other = free_port();
    let nowhere = "storePathRootDir=/proc/nowhere/store\nstorePathCommitLog=/proc/nowhere/store/commitlog";
    for (port, more, part) in [
        (port, "", "the broker cannot listen on port "),
        (other, "flushDiskType=MAYBE", "broker.conf: line 7: flushDiskType=MAYBE: one of "),
        (other, "brokerRole=SLAVE", "brokerRole=SLAVE: replication is not supported"),
        (other, nowhere, "/proc/nowhere"),
    ] {
        let conf = place.broker_conf(port, more);
        let before = place.tree();
        let output = place.run("mqbroker", &["-c", &conf]);
        assert_eq!(code(&output), Some(255), "{}", err(&output));
        assert!(sentence(&output).contains(part), "{part}: {}", sentence(&output));
        assert_eq!(place.tree(), before, "{part}");
    }
    let output = place.run("mqbroker", &["-c", "none.conf"]);
    assert_eq!(code(&output), Some(255));
    assert!(sentence(&output).starts_with("none.conf: "), "{}", sentence(&output));
}

#[test]
fn a_damaged_table_stops_the_start_and_stays_as_it_is() {
    let place = Place::new();
    let conf = place.broker_conf(free_port(), "");
    fs::create_dir_all(place.path("store/config")).expect("a directory");
    fs::write(place.path("store/config/topics.json"), "{\"topicConfigTable\":").expect("a file");
    let before = place.tree();
    let output = place.run("mqbroker", &["-c", &conf]);
    assert_eq!(code(&output), Some(253));
    assert!(sentence(&output).contains("topics.json cannot be read ("), "{}", sentence(&output));
    assert_eq!(place.tree(), before);
}

#[test]
fn a_store_belongs_to_one_broker() {
    let place = Place::new();
    let first = place.broker_conf(free_port(), "");
    let server = Server::start(place.command("mqbroker", &["-c", &first]), "boot success");
    let second = place.broker_conf(free_port(), "");
    let before = place.tree();
    let output = place.run("mqbroker", &["-c", &second]);
    assert_eq!((code(&output), sentence(&output).as_str()), (Some(255), "Lock failed,MQ already started"));
    assert_eq!(place.tree(), before);
    assert_eq!(server.stop(Signal::TERM), Some(0));
}

#[test]
fn a_broker_says_that_it_is_up_and_ends_in_order() {
    let place = Place::new();
    let port = free_port();
    let conf = place.broker_conf(port, "");
    for signal in [Signal::TERM, Signal::INT] {
        let command = place.command("rocketmq", &["broker", "-c", &conf]);
        let boot = format!("The broker[b, 127.0.0.1:{port}] boot success. serializeType=JSON");
        let server = Server::start(command, &boot);
        for port in [port, port - 2] {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the main port and the VIP port");
        }
        assert!(place.path("store/abort").exists(), "a broker at work is marked");
        assert_eq!(server.stop(signal), Some(0));
        assert!(!place.path("store/abort").exists(), "an orderly end leaves no mark");
    }
}

#[test]
fn without_arguments_it_is_ready_for_a_client() {
    let place = Place::new();
    let (name_server, broker) = (free_port(), free_port());
    let (namesrv_port, broker_port) = (name_server.to_string(), broker.to_string());
    let arguments = ["--namesrv-port", &namesrv_port, "--broker-port", &broker_port];
    let mut server = Server::start(place.command("rocketmq", &arguments), "The Name Server boot success.");
    let boot = server.wait_for("boot success");
    assert!(boot.contains(&format!(
        "127.0.0.1:{broker}] boot success. serializeType=JSON and name server is 127.0.0.1:{name_server}"
    )));
    let ready = server.wait_for("Ready");
    assert!(ready.contains(&place.path("data").display().to_string()), "{ready}");
    assert!(ready.contains(&namesrv_port) && ready.contains(&broker_port), "{ready}");
    server.wait_for("point a client at name server 127.0.0.1");
    TcpStream::connect((Ipv4Addr::LOCALHOST, name_server)).expect("a name server");
    assert_eq!(server.stop(Signal::TERM), Some(0));
    assert!(place.path("data/store").exists() && !place.path("data/store/abort").exists());
}
