//! `cargo fuzz run observe`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin observe -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::observe::TARGET);
