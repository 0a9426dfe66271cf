#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| postclone_fuzz::renewals::check(input));
