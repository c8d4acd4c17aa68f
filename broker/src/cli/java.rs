//! The command lines of `mqnamesrv` and `mqbroker` as commons-cli reads them.

use super::{BrokerOptions, NamesrvOptions};
use std::path::Path;

/// Which of Java's programs this one is called as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JavaProgram {
    /// `mqnamesrv`.
    Namesrv,
    /// `mqbroker`.
    Broker,
}

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To be a name server.
    Namesrv(NamesrvOptions),
    /// To be a broker.
    Broker(BrokerOptions),
    /// The usage, asked for or needed: exit code -1.
    Usage(&'static str),
}

struct JavaOption {
    short: char,
    long: &'static str,
    takes_value: bool,
}

const fn flag(short: char, long: &'static str) -> JavaOption {
    JavaOption { short, long, takes_value: false }
}

const fn value(short: char, long: &'static str) -> JavaOption {
    JavaOption { short, long, takes_value: true }
}

const NAMESRV_OPTIONS: &[JavaOption] =
    &[value('c', "configFile"), flag('h', "help"), value('n', "namesrvAddr"), flag('p', "printConfigItem")];
const BROKER_OPTIONS: &[JavaOption] = &[
    value('c', "configFile"),
    flag('h', "help"),
    flag('m', "printImportantConfig"),
    value('n', "namesrvAddr"),
    flag('p', "printConfigItem"),
];

const NAMESRV_USAGE: &str = "\
usage: mqnamesrv [-c <arg>] [-h] [-n <arg>] [-p]
 -c,--configFile <arg>    Name server config properties file
 -h,--help                Print help
 -n,--namesrvAddr <arg>   Name server address list, eg: 192.168.0.1:9876;192.168.0.2:9876
 -p,--printConfigItem     Print all config item
";
const BROKER_USAGE: &str = "\
usage: mqbroker [-c <arg>] [-h] [-m] [-n <arg>] [-p]
 -c,--configFile <arg>       Broker config properties file
 -h,--help                   Print help
 -m,--printImportantConfig   Print important config item
 -n,--namesrvAddr <arg>      Name server address list, eg: 192.168.0.1:9876;192.168.0.2:9876
 -p,--printConfigItem        Print all config item
";

impl JavaProgram {
    /// The program of that name, as in the first argument of a process.
    pub fn called_as(program: &Path) -> Option<Self> {
        match program.file_name()?.to_str()? {
            "mqnamesrv" => Some(Self::Namesrv),
            "mqbroker" => Some(Self::Broker),
            _ => None,
        }
    }

    /// Reads the arguments behind the name of the program.
    pub fn parse(self, arguments: &[String]) -> Answer {
        let given = match given(self.options(), arguments) {
            Some(given) if !given.has('h') => given,
            _ => return Answer::Usage(self.usage()),
        };
        let config_file = given.value('c').map(Into::into);
        let name_servers = given.value('n');
        match self {
            Self::Namesrv => Answer::Namesrv(NamesrvOptions { config_file, print: given.has('p'), name_servers }),
            Self::Broker => {
                let (print, print_important) = (given.has('p'), given.has('m'));
                Answer::Broker(BrokerOptions { config_file, name_servers, print, print_important })
            }
        }
    }

    fn options(self) -> &'static [JavaOption] {
        match self {
            Self::Namesrv => NAMESRV_OPTIONS,
            Self::Broker => BROKER_OPTIONS,
        }
    }

    fn usage(self) -> &'static str {
        match self {
            Self::Namesrv => NAMESRV_USAGE,
            Self::Broker => BROKER_USAGE,
        }
    }
}

/// The options that were given, with their values. Of one that comes twice the first counts.
struct Given(Vec<(char, Option<String>)>);

impl Given {
    fn has(&self, short: char) -> bool {
        self.0.iter().any(|(given, _)| *given == short)
    }

    fn value(&self, short: char) -> Option<String> {
        self.0.iter().find(|(given, _)| *given == short).and_then(|(_, value)| value.clone())
    }
}

/// `None` for an option that is not known, or lacks its value. What is no option is passed over, as in Java.
fn given(options: &[JavaOption], arguments: &[String]) -> Option<Given> {
    let mut given = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            break;
        }
        let (option, inline) = match argument.strip_prefix("--") {
            Some(long) => long_option(options, long)?,
            None => match argument.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                Some(letters) => short_options(options, letters, &mut given)?,
                None => continue,
            },
        };
        let value = match (option.takes_value, inline) {
            (true, Some(inline)) => Some(inline),
            (true, None) => Some(arguments.next().filter(|value| !is_option(options, value))?.clone()),
            (false, None) => None,
            (false, Some(_)) => return None,
        };
        given.push((option.short, value));
    }
    Some(Given(given))
}

/// `--name`, `--name=value`, or the beginning of exactly one name.
fn long_option<'a>(options: &'a [JavaOption], text: &str) -> Option<(&'a JavaOption, Option<String>)> {
    let (name, inline) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    if let Some(option) = options.iter().find(|option| option.long == name) {
        return Some((option, inline));
    }
    let mut matching = options.iter().filter(|option| option.long.starts_with(name));
    match (matching.next(), matching.next()) {
        (Some(option), None) => Some((option, inline)),
        _ => None,
    }
}

/// `-p`, `-pm`, `-c value`, `-cvalue`, `-c=value`. All but the last letter go to `given`. A long name may also stand here.
fn short_options<'a>(
    options: &'a [JavaOption],
    letters: &str,
    given: &mut Vec<(char, Option<String>)>,
) -> Option<(&'a JavaOption, Option<String>)> {
    if let Some(option) = options.iter().find(|option| option.long == letters) {
        return Some((option, None));
    }
    let mut rest = letters.chars();
    loop {
        let letter = rest.next()?;
        let option = options.iter().find(|option| option.short == letter)?;
        let after = rest.as_str();
        if after.is_empty() {
            return Some((option, None));
        }
        if option.takes_value {
            return Some((option, Some(after.strip_prefix('=').unwrap_or(after).to_owned())));
        }
        given.push((option.short, None));
    }
}

fn is_option(options: &[JavaOption], text: &str) -> bool {
    let short = |letters: &str| options.iter().any(|option| letters.starts_with(option.short));
    match text.strip_prefix("--") {
        Some(long) => long_option(options, long).is_some(),
        None => text.strip_prefix('-').is_some_and(short),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(line: &str) -> Option<BrokerOptions> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match JavaProgram::Broker.parse(&arguments) {
            Answer::Broker(options) => Some(options),
            Answer::Usage(usage) => {
                assert!(usage.starts_with("usage: mqbroker "));
                None
            }
            Answer::Namesrv(_) => unreachable!("a broker was asked for"),
        }
    }

    #[test]
    fn every_form_of_an_option_is_read() {
        for line in
            ["-c f -n h:1", "-cf -nh:1", "--configFile f --namesrvAddr=h:1", "--conf f --name h:1", "x -c f y -n h:1"]
        {
            let options = broker(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (options.config_file, options.name_servers),
                (Some("f".into()), Some("h:1".to_owned())),
                "{line}"
            );
        }
        let options = broker("-pm").expect("two flags");
        assert!(options.print && options.print_important);
        let options = broker("-mc f").expect("a flag and a value");
        assert!(options.print_important && options.config_file == Some("f".into()));
        assert_eq!(broker(""), Some(BrokerOptions::default()));
    }

    #[test]
    fn what_java_does_not_understand_gets_the_usage() {
        for line in ["-h", "--help", "-x", "--unknown", "-c", "-c -p", "--print", "-p -h"] {
            assert_eq!(broker(line), None, "{line}");
        }
    }

    #[test]
    fn the_name_of_the_program_says_which_it_is() {
        assert_eq!(JavaProgram::called_as(Path::new("/opt/bin/mqbroker")), Some(JavaProgram::Broker));
        assert_eq!(JavaProgram::called_as(Path::new("mqnamesrv")), Some(JavaProgram::Namesrv));
        assert_eq!(JavaProgram::called_as(Path::new("./rocketmq")), None);
    }
}
