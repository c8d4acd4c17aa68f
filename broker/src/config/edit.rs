//! Changing single entries of a properties file and leaving the rest as its author wrote it.

use compat::java::properties::{self, Property};
use std::collections::BTreeMap;

/// The file with these entries: an entry that it has is changed where it stands, another one is added at the end.
///
/// Differs: 4.3.0 writes all keys that there are, in no order and without the comments.
pub fn edit(file: &[u8], entries: &BTreeMap<String, String>) -> Vec<u8> {
    let lines: Vec<&[u8]> = file.split_inclusive(|&byte| byte == b'\n').collect();
    let old = properties::parse(file).unwrap_or_default();
    let mut missing = entries.clone();
    let mut out = Vec::with_capacity(file.len() + 64);
    let mut at = 0;
    for Property { line, key, .. } in old.iter().filter(|property| entries.contains_key(&property.key)) {
        let first = line.saturating_sub(1).min(lines.len());
        lines[at.min(first)..first].iter().for_each(|line| out.extend_from_slice(line));
        at = (first..lines.len()).find(|&line| !is_continued(lines[line])).map_or(lines.len(), |last| last + 1);
        if let Some(value) = missing.remove(key) {
            out.extend_from_slice(properties::file([(key.as_str(), value.as_str())]).as_bytes());
        }
    }
    lines[at.min(lines.len())..].iter().for_each(|line| out.extend_from_slice(line));
    if !missing.is_empty() && out.last().is_some_and(|&byte| byte != b'\n') {
        out.push(b'\n');
    }
    let added = missing.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    out.extend_from_slice(properties::file(added).as_bytes());
    out
}

/// Whether the next line belongs to this one: it ends with an odd number of backslashes.
fn is_continued(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}
