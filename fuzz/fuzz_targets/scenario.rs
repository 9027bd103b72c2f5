//! `cargo fuzz run scenario`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin scenario -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::scenario::TARGET);
