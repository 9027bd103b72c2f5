//! `cargo fuzz run oci_config`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin oci_config -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::oci_config::TARGET);
