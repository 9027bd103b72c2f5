//! `cargo fuzz run record_bytes`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin record_bytes -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::record::bytes::TARGET);
