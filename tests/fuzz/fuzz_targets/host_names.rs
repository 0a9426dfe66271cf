#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| postclone_fuzz::rewriters::check_host(input));
