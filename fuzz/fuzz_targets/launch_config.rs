//! `cargo fuzz run launch_config`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin launch_config -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::launch_config::TARGET);
