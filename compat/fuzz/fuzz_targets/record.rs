#![no_main]
#![allow(dead_code, reason = "each target runs one of the functions")]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bodies::record(input));
