//! `cargo fuzz run observe_bytes`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin observe_bytes -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::observe::bytes::TARGET);
