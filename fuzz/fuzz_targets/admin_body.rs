//! Runs `asprov_fuzz::admin_body` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asprov_fuzz::admin_body(bytes));
