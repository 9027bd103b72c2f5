//! `cargo fuzz run record`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin record -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::record::TARGET);
