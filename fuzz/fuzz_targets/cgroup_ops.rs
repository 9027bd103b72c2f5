//! `cargo fuzz run -s none cgroup_ops`, as root; without cargo-fuzz: `cargo run -p isolab-fuzz --bin cgroup_ops -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::cgroup_ops::TARGET);
