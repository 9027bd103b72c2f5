//! `cargo fuzz run seccomp_profile`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin seccomp_profile -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::seccomp_profile::TARGET);
