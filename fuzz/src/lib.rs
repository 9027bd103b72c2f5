//! Properties as plain functions: each takes an input and panics when the property does not hold.
//!
//! The targets in `fuzz_targets` are thin: under `cargo fuzz` libFuzzer calls the property, without it the target
//! replays the files that it is given; `cargo test` replays the corpus on stable.

pub mod oci_config;
pub mod seccomp;

use std::path::Path;

/// Runs a property over the files named on the command line, and over those in the folders among them.
///
/// # Panics
/// When a file cannot be read, or the property does not hold for it; the file is named first.
pub fn replay(property: fn(&[u8]), arguments: impl Iterator<Item = String>) {
    for argument in arguments {
        let count = replay_path(property, Path::new(&argument));
        println!("{argument}: {count} inputs hold");
    }
}

/// Runs a property over a file, or over the files in a folder; returns how many there were.
///
/// # Panics
/// As [`replay`].
pub fn replay_path(property: fn(&[u8]), path: &Path) -> usize {
    if path.is_dir() {
        let entries =
            std::fs::read_dir(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
        return entries.flatten().map(|entry| replay_path(property, &entry.path())).sum();
    }
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    if std::panic::catch_unwind(|| property(&bytes)).is_err() {
        panic!("the property does not hold for {}", path.display());
    }
    1
}
