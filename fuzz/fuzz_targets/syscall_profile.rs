//! `cargo fuzz run syscall_profile`; without cargo-fuzz: `cargo run -p isolab-fuzz --bin syscall_profile -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::syscall_profile::TARGET);
