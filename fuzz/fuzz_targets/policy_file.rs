//! Runs `asprov_fuzz::policy_file` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asprov_fuzz::policy_file(bytes));
