//! `cargo fuzz run -s none overlay_ops`, as root; without cargo-fuzz: `cargo run -p isolab-fuzz --bin overlay_ops -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::overlay_ops::TARGET);
