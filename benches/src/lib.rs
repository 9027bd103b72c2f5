//! criterion benches of isolab. The benches are in `benches/`; this library holds what they share.

use std::path::PathBuf;

use isolab_core::host::Host;
use isolab_scenarios::cost::Options;
use isolab_scenarios::cost::floor::{Pair, QUICK};

/// The launcher and the floor, ready to take turns; `None`, with the reason printed, where this host cannot have them.
#[must_use]
pub fn floor_pair() -> Option<Pair> {
    // The bench's own binary stands in for isolab's: the program that is launched is another.
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    match Pair::new(
        &Options { limits: QUICK, program: &program, planted: 0, rest: std::time::Duration::ZERO },
        &Host::probe(),
    ) {
        Ok(pair) => Some(pair),
        Err(error) => {
            eprintln!("spawn: not testable here: {error}; it takes root and a cgroup v2 tree, hybrid or not");
            None
        }
    }
}
