//! `cargo fuzz run cli_id_state`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin cli_id_state -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::cli_id_state::TARGET);
