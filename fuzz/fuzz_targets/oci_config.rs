//! `cargo fuzz run oci_config`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin oci_config FILE…`.

#![cfg_attr(fuzzing, no_main)]

use isolab_fuzz::oci_config::oci_config;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oci_config(bytes));

#[cfg(not(fuzzing))]
fn main() {
    isolab_fuzz::replay(oci_config, std::env::args().skip(1));
}
