//! `cargo fuzz run plan`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin plan -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::plan::TARGET);
