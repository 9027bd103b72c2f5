//! What tests of measurements begin with, and what they leave.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use isolab_core::host::Host;
use isolab_scenarios::cost::Options;
use isolab_scenarios::schedule::Limits;

pub(crate) const TWO_ROUNDS: Limits = Limits { rounds: 2, time: Duration::from_secs(60), seed: 1 };

pub(crate) fn options() -> Options<'static> {
    let program = Path::new(env!("CARGO_BIN_EXE_isolab"));
    Options { limits: TWO_ROUNDS, program, planted: 0, rest: Duration::ZERO }
}

/// One test at a time: each looks at what is left of this process's runs.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Scratch directories and groups of this process.
pub(crate) fn left(host: &Host) -> Vec<String> {
    let prefix = format!("isolab-{}-", std::process::id());
    let mut places = vec![std::env::temp_dir()];
    places.extend(host.cgroups.v1.iter().chain(&host.cgroups.v2).map(|tree| tree.mount.clone()));
    let entries = places.iter().flat_map(|place| std::fs::read_dir(place).into_iter().flatten().flatten());
    let paths = entries.map(|entry| entry.path().display().to_string());
    paths.filter(|path| path.contains(&prefix)).collect()
}
