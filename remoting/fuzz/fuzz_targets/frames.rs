//! Bytes of a socket: every frame is cut once, inside of the bytes, and cutting comes to an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use remoting::codec;
use remoting::frame::{self, Cut};

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Ok(Cut::Whole(frame, len)) = frame::cut(rest, frame::MAX_LEN) {
        assert_eq!(frame::HEAD_LEN + frame.header.len() + frame.body.len(), len);
        let _ = codec::decode(frame.serialize, frame.header);
        rest = &rest[len..];
    }
    if let Ok(Cut::Incomplete(needed)) = frame::cut(rest, frame::MAX_LEN) {
        assert!(needed > rest.len() && needed <= frame::MAX_LEN);
    }
});
