//! `cargo fuzz run -s none image_layer`, as root; without cargo-fuzz: `cargo run -p isolab-fuzz --bin image_layer -- FILE…`.

#![cfg_attr(fuzzing, no_main)]

isolab_fuzz::target!(isolab_fuzz::image_layer::TARGET);
