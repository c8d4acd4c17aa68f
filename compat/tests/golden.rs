//! What Java wrote, read and written again without Java. See `testdata/README.md`.

#[path = "java/types.rs"]
#[macro_use]
mod types;

use compat::header::{Decode, Encode, Fields};
use compat::json;
use compat::text::Text;
use std::borrow::Cow;
use std::collections::BTreeMap;
use types::{FURTHER_FIELDS, is_never_sent};

#[test]
fn bodies_are_written_as_java_wrote_them() {
    let lines: BTreeMap<&str, &str> =
        include_str!("../testdata/bodies.tsv").lines().filter_map(|line| line.split_once('\t')).collect();
    macro_rules! same {
        ($($class:literal => $ty:ty,)*) => { $(
            let java = lines[$class];
            let value: $ty = json::from_slice(java.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", $class));
            assert_eq!(String::from_utf8(json::to_vec(&value)).as_deref(), Ok(java), "{}", $class);
        )* };
    }
    bodies!(same);
}

#[test]
fn headers_have_the_fields_of_java() {
    let lines: BTreeMap<&str, Vec<&str>> = include_str!("../testdata/headers.tsv")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(class, fields)| (class, fields.split('\t').collect()))
        .collect();
    macro_rules! same {
        ($($class:literal => $ty:ty,)*) => { $(
            let given: BTreeMap<&str, &str> = lines[$class]
                .chunks_exact(2)
                .filter(|field| !is_never_sent($class, field[0]))
                .map(|field| (field[0], if field[1].eq_ignore_ascii_case("boolean") { "true" } else { "7" }))
                .collect();
            let fields: Fields<'_> = given
                .iter()
                .map(|(name, value)| (*name, *value))
                .chain(FURTHER_FIELDS.map(|name| (name, "true")))
                .map(|(name, value)| (Cow::Borrowed(name), Text::Plain(value)))
                .collect();
            let header = <$ty>::decode(&fields).unwrap_or_else(|error| panic!("{}: {error}", $class));
            let mut written = Vec::new();
            header.encode(&mut written);
            let mut ours: BTreeMap<&str, &str> =
                written.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            ours.retain(|name, _| !FURTHER_FIELDS.contains(name));
            assert_eq!(ours, given, "{}", $class);
        )* };
    }
    headers!(same);
}
