//! Where sequences are run, made once: the sandbox, what its calls return without a filter, and how the host was before.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use isolab_core::host::Host;
use isolab_core::seccomp::Program;
use isolab_core::snapshot::{HostSnapshot, Scope, Settled, settle};
use isolab_core::sys::sequence::{Became, Made, Sandbox};
use isolab_core::sys::{credential, trial};

use super::harmless::HARMLESS;
use super::input::{ABIS, Chosen};
use crate::seccomp_profile::names::Abi;

/// After so many sequences the host is looked at.
const EACH: u64 = 4096;
/// For what goes away by itself.
const SETTLE: Duration = Duration::from_secs(2);

/// See above.
pub(super) struct Place {
    sandbox: Sandbox,
    own: HashMap<(usize, usize), i64>,
    runs: u64,
    host: Host,
    scope: Scope,
    before: HostSnapshot,
}

/// The place; nothing, with a note, where there can be none.
pub(super) fn place() -> Option<MutexGuard<'static, Place>> {
    static PLACE: OnceLock<Option<Mutex<Place>>> = OnceLock::new();
    let new = || {
        if credential::uid() != 0 {
            eprintln!("syscall_profile: no input is run, since its sandbox needs root");
            return None;
        }
        Some(Mutex::new(Place::new()))
    };
    PLACE.get_or_init(new).as_ref().map(|place| place.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Place {
    fn new() -> Place {
        let sandbox = Sandbox::new().unwrap_or_else(|error| panic!("make the sandbox: {error}"));
        let host = Host::probe();
        let mut scope = Scope::new();
        // Tests have other threads.
        scope.own = cfg!(fuzzing);
        let before = HostSnapshot::take(&scope, &host);
        let mut place = Place { sandbox, own: HashMap::new(), runs: 0, host, scope, before };
        // A kernel may be told not to serve i386.
        let served = |(_, abi): &(usize, &Abi)| **abi != Abi::X86 || trial::has_i386();
        for (which, abi) in ABIS.iter().enumerate().filter(served) {
            for index in 0..HARMLESS.len() {
                if let Some(own) = place.measured(index, *abi) {
                    place.own.insert((index, which), own);
                }
            }
        }
        place
    }

    /// What a call returns without a filter.
    fn measured(&mut self, index: usize, abi: Abi) -> Option<i64> {
        let chosen = Chosen::new(index, abi, [0; 6])?;
        match self.run(None, &[chosen.made()])[..] {
            [Became::Returned(value)] => Some(value),
            ref other => panic!("{chosen:?} is not harmless: {other:?}"),
        }
    }

    /// The same; nothing where this kernel has no such way in.
    pub(super) fn own(&self, chosen: &Chosen) -> Option<i64> {
        let which = ABIS.iter().position(|abi| *abi == chosen.abi)?;
        self.own.get(&(chosen.index, which)).copied()
    }

    /// A sequence; now and then a look at the host afterwards.
    pub(super) fn run(&mut self, filter: Option<&Program>, calls: &[Made]) -> Vec<Became> {
        let became =
            self.sandbox.run(filter, calls).unwrap_or_else(|error| panic!("run in the sandbox: {error}"));
        self.runs += 1;
        if self.runs.is_multiple_of(EACH) {
            let settled = settle(&self.scope, &self.host, &self.before, SETTLE);
            assert!(!matches!(settled, Settled::Left(_)), "the host has changed: {settled:?}");
        }
        became
    }
}
