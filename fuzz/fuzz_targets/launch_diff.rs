//! `cargo fuzz run launch_diff`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin launch_diff -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::launch_diff::TARGET);
