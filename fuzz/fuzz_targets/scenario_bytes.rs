//! `cargo fuzz run scenario_bytes`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin scenario_bytes -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::scenario::bytes::TARGET);
