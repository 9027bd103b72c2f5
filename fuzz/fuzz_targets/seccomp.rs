//! `cargo fuzz run seccomp`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin seccomp FILE…`.

#![cfg_attr(fuzzing, no_main)]

use isolab_fuzz::seccomp::seccomp;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| seccomp(bytes));

#[cfg(not(fuzzing))]
fn main() {
    isolab_fuzz::replay(seccomp, std::env::args().skip(1));
}
