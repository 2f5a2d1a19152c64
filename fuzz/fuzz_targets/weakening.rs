//! `cargo fuzz run weakening`: the promise of `tests/it/fuzzing/promises.rs`.

#![no_main]

#[path = "../../tests/it/fuzzing/promises.rs"]
#[expect(dead_code, reason = "each target holds one promise of the file")]
mod promises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| promises::weakening(bytes));
