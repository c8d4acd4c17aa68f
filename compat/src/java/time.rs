//! Times as Java's formats write them, in the local zone of the server. Reading the rules of that zone ([`Zone::system`]) is the
//! one thing here that looks at the machine; everything else takes a [`Zone`].
//!
//! Source: `common/UtilAll#timeMillisToHumanString` and its brothers, `#YYYY_MM_DD_HH_MM_SS_SSS`.

use crate::time::Millis;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time zone with its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of this machine: what `TZ` or `/etc/localtime` say, as for Java; UTC where neither is there.
    pub fn system() -> Self {
        Self(TimeZone::try_system().unwrap_or(TimeZone::UTC))
    }

    /// Coordinated universal time.
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// A zone by its name in the time zone database, `Asia/Shanghai`; `None` for one that is not there.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// What the clocks of the zone show at a time. A time outside of the years -9999 to 9999 counts as the nearest inside.
    pub fn at(&self, time: Millis) -> LocalTime {
        let inside = time.0.clamp(Timestamp::MIN.as_millisecond() + DAY_MS, Timestamp::MAX.as_millisecond() - DAY_MS);
        let at = Timestamp::from_millisecond(inside).unwrap_or(Timestamp::UNIX_EPOCH);
        LocalTime(self.0.to_datetime(at))
    }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What the clocks of a zone show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime(jiff::civil::DateTime);

impl LocalTime {
    /// `20180731012000000`: the name of an index file.
    pub fn digits(self) -> String {
        let (date, time) = self.parts();
        format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}{:03}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond()
        )
    }

    /// `20180731012000`.
    pub fn digits_to_second(self) -> String {
        let mut digits = self.digits();
        digits.truncate(digits.len() - 3);
        digits
    }

    /// `2018-07-31 01:20:00,000`: remarks and logs.
    pub fn with_comma(self) -> String {
        self.spelled(' ', ',')
    }

    /// `2018-07-31#01:20:00:000`: the texts of a time span.
    pub fn with_hash(self) -> String {
        self.spelled('#', ':')
    }

    /// The hour on the clock, 0 to 23.
    pub fn hour(self) -> i8 {
        self.0.hour()
    }

    fn spelled(self, before_time: char, before_millis: char) -> String {
        let (date, time) = self.parts();
        format!(
            "{:04}-{:02}-{:02}{before_time}{:02}:{:02}:{:02}{before_millis}{:03}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond()
        )
    }

    fn parts(self) -> (jiff::civil::Date, jiff::civil::Time) {
        (self.0.date(), self.0.time())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_java_wrote() {
        let utc = Zone::utc().at(Millis(1_533_000_000_000));
        assert_eq!(utc.digits(), "20180731012000000");
        assert_eq!(utc.digits_to_second(), "20180731012000");
        assert_eq!(utc.with_comma(), "2018-07-31 01:20:00,000");
        assert_eq!(utc.with_hash(), "2018-07-31#01:20:00:000");
        assert_eq!(Zone::utc().at(Millis(-1)).with_hash(), "1969-12-31#23:59:59:999");
    }

    #[test]
    fn zones_know_their_summer() {
        let Some(berlin) = Zone::named("Europe/Berlin") else { panic!("this machine has no time zone database") };
        assert_eq!(berlin.at(Millis(1_533_000_000_000)).with_comma(), "2018-07-31 03:20:00,000");
        assert_eq!(berlin.at(Millis(1_548_897_600_007)).with_comma(), "2019-01-31 02:20:00,007");
        assert_eq!(Zone::named("No/Where"), None);
    }

    #[test]
    fn no_time_is_too_far() {
        for time in [i64::MIN, i64::MAX] {
            assert!(Zone::system().at(Millis(time)).digits().len() >= 17);
        }
    }
}
