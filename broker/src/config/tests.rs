use super::address::choose;
use super::*;
use std::collections::BTreeMap;
use std::fs;

struct Elsewhere;

impl Host for Elsewhere {
    fn name(&self) -> String {
        "machine".to_owned()
    }
    fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, 7)
    }
    fn resolve(&self, host: &str) -> Result<Ipv4Addr, String> {
        host.parse().map_err(|_| "unknown name".to_owned())
    }
    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

struct WithNameServers;

impl Host for WithNameServers {
    fn name(&self) -> String {
        Elsewhere.name()
    }
    fn address(&self) -> Ipv4Addr {
        Elsewhere.address()
    }
    fn resolve(&self, host: &str) -> Result<Ipv4Addr, String> {
        Elsewhere.resolve(host)
    }
    fn variable(&self, name: &str) -> Option<String> {
        (name == "NAMESRV_ADDR").then(|| "e:1".to_owned())
    }
}

fn load(text: &str) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let file = dir.path().join("broker.conf");
    fs::write(&file, text).expect("a file for the test");
    Config::load(&Wanted { file: Some(file), ..Wanted::default() }, &Elsewhere)
}

fn refusal(text: &str) -> String {
    load(text).expect_err("refused").to_string()
}

#[test]
fn what_is_not_said_is_derived() {
    let config = load("listenPort=20911\nhaListenPort=1\nbrokerId=7\nnamesrvAddr=h:1;i:2\nowner=me").expect("a config");
    let identity = &config.identity;
    assert_eq!((identity.name.as_str(), config.broker.id), ("machine", 0), "a master has the id 0");
    assert_eq!((identity.told(), config.ha_address()), ("10.0.0.7:20911".to_owned(), "10.0.0.7:20912".to_owned()));
    assert_eq!(config.name_servers(), ["h:1", "i:2"]);
    let entries: BTreeMap<_, _> = config.entries().into_iter().collect();
    assert_eq!(entries["haListenPort"], "20912");
    assert_eq!(entries["brokerIP1"], "10.0.0.7");
    assert_eq!(entries["owner"], "me", "entries that nobody knows are kept");
    assert!(config.warnings.iter().any(|warning| warning.contains("brokerIP1 is not set")), "{:?}", config.warnings);
    assert!(config.warnings.iter().any(|warning| warning.contains("unknown key owner")), "{:?}", config.warnings);
}

#[test]
fn the_command_line_wins_over_the_file() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let file = dir.path().join("broker.conf");
    fs::write(&file, "namesrvAddr=h:1\nlistenPort=1000").expect("a file for the test");
    let wanted =
        Wanted { file: Some(file), name_servers: Some("i:2".to_owned()), port: Some(2000), ..Wanted::default() };
    let config = Config::load(&wanted, &Elsewhere).expect("a config");
    assert_eq!((config.name_servers(), config.server.listen_port), (vec!["i:2".to_owned()], 2000));
}

#[test]
fn the_environment_names_the_name_servers_where_nothing_else_does() {
    let load = |name_servers: Option<&str>| {
        let wanted = Wanted { name_servers: name_servers.map(str::to_owned), ..Wanted::default() };
        Config::load(&wanted, &WithNameServers).expect("a config").name_servers()
    };
    assert_eq!((load(None), load(Some("i:2"))), (vec!["e:1".to_owned()], vec!["i:2".to_owned()]));
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    let illegal = "The Name Server Address[x] illegal, please set it as follows, \"127.0.0.1:9876;192.168.0.1:9876\"";
    assert_eq!(refusal("namesrvAddr=x"), illegal);
    for (text, part) in [
        ("brokerRole=SLAVE", "brokerRole=SLAVE: replication is not supported"),
        ("brokerRole=SYNC_MASTER", "brokerRole=SYNC_MASTER: replication"),
        ("messageStorePlugIn=a.B", "messageStorePlugIn=a.B"),
        ("filterServerNums=1", "filterServerNums=1"),
        ("duplicationEnable=true", "duplicationEnable=true"),
        ("fetchNamesrvAddrByAddressServer=true", "fetchNamesrvAddrByAddressServer=true: asking"),
        ("listenPort=2", "listenPort=2: a port from 3 to 65534"),
        ("brokerIP1=nowhere", "brokerIP1=nowhere: unknown name"),
        ("listenPort=x", "broker.conf: line 1: listenPort=x"),
    ] {
        assert!(refusal(text).contains(part), "{}", refusal(text));
    }
}

#[test]
fn the_guessed_address_follows_the_rule_of_java() {
    let of = |addresses: &[[u8; 4]]| choose(addresses.iter().map(|&address| address.into()));
    assert_eq!(of(&[[127, 0, 0, 1], [192, 168, 1, 5], [172, 17, 0, 1]]), Some([172, 17, 0, 1].into()));
    assert_eq!(of(&[[192, 168, 1, 5], [192, 168, 2, 6]]), Some([192, 168, 2, 6].into()));
    assert_eq!(of(&[[127, 0, 0, 1]]), None);
}

#[test]
fn editing_leaves_everything_else_as_it_was() {
    let file = b"# mine\nbrokerName = a\r\nlong=1,\\\n  2\n! also mine\nlast=x";
    let entries = [("brokerName", "b"), ("long", "3"), ("new", "n")];
    let entries = entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let edited = String::from_utf8(edit(file, &entries)).expect("text");
    assert_eq!(edited, "# mine\nbrokerName=b\nlong=3\n! also mine\nlast=x\nnew=n\n");
    assert_eq!(edit(b"", &BTreeMap::from([("k".to_owned(), "v".to_owned())])), b"k=v\n");
}
