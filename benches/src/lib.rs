//! criterion benches of isolab. The benches are in `benches/`; this library holds what they share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use isolab_core::host::Host;
use isolab_scenarios::cost::Options;
use isolab_scenarios::cost::floor::{Pair, QUICK};
use isolab_scenarios::schedule::Limits;

/// The bench's own binary stands in for isolab's: the program that is launched is another.
#[must_use]
pub fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"))
}

/// How the benches measure.
#[must_use]
pub fn options(program: &Path, limits: Limits) -> Options<'_> {
    Options { limits, program, planted: 0, rest: Duration::ZERO }
}

/// The launcher and the floor, ready to take turns; `None`, with the reason printed, where this host cannot have them.
#[must_use]
pub fn floor_pair() -> Option<Pair> {
    match Pair::new(&options(&program(), QUICK), &Host::probe()) {
        Ok(pair) => Some(pair),
        Err(error) => {
            eprintln!("spawn: not testable here: {error}; it takes root and a cgroup v2 tree, hybrid or not");
            None
        }
    }
}
