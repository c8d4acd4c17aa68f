//! Header bytes: nothing panics, and what the scanner reads the tolerant reader reads alike.
#![no_main]

use compat::command::SerializeType;
use libfuzzer_sys::fuzz_target;
use remoting::codec::{self, Header};

fuzz_target!(|bytes: &[u8]| {
    let _ = codec::decode(SerializeType::Binary, bytes);
    let _ = codec::decode(SerializeType::Json, bytes);
    if let Some((scanned, tolerant)) = codec::decode_both_ways(bytes) {
        let tolerant = tolerant.expect("what the scanner reads the tolerant reader reads");
        assert_eq!(plain(&scanned), plain(&tolerant));
    }
});

/// The same header without the difference between escaped and plain text.
fn plain(header: &Header<'_>) -> impl PartialEq + std::fmt::Debug {
    let fields: Vec<_> = header.fields.iter().map(|(name, value)| (name.to_owned(), value.to_cow().into_owned())).collect();
    let remark = header.remark.as_ref().map(|text| text.to_cow().into_owned());
    (header.code, header.language, header.version, header.opaque, header.flag, remark, fields)
}
