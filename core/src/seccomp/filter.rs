//! A validated filter: for each ABI that it governs, what each system call gets.

use super::arch::{Abi, Arch};
use super::listener::Listener;
use super::multiplex::Multiplexed;
use super::profile::Profile;
use super::rule::{Reply, Rule, Rules};
use super::table::{self, Table};
use super::{Program, action, compile};
use crate::config::Violation;
use oci_spec::runtime::LinuxSeccomp;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

/// A seccomp profile, validated and bound to an architecture. Its meaning is told in the [module](super).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The native ABI's first, and x32's next to it.
    pub(super) sections: Vec<Section>,
    pub(super) flags: u32,
    skipped: Vec<String>,
    listener: Option<Listener>,
}

impl Filter {
    /// Validates `profile` for containers on `arch`.
    ///
    /// # Errors
    /// All violations, each with its JSON path from `linux.seccomp` on.
    pub fn new(profile: &LinuxSeccomp, arch: Arch) -> Result<Filter, Vec<Violation>> {
        let abis = arch.governed(profile.architectures().as_deref().unwrap_or_default());
        let profile = Profile::new(profile)?;
        let sections: Vec<_> = abis.into_iter().map(|abi| Section::new(abi, &profile)).collect();
        let mut told = FxHashSet::default();
        let names = profile.entries.iter().flat_map(|entry| entry.names);
        let unknown = names.filter(|name| !sections.iter().any(|section| section.knows(name)));
        let skipped = unknown.filter(|name| told.insert(name.as_str())).cloned().collect();
        Ok(Filter { sections, flags: profile.flags, skipped, listener: profile.listener })
    }

    /// Names in the profile that no ABI governed by it has, in the profile's order, each once. They have no effect; a
    /// profile written for many kernels and architectures usually has some.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// Who is asked about the calls with `SCMP_ACT_NOTIFY`, if the profile has any.
    pub fn listener(&self) -> Option<&Listener> {
        self.listener.as_ref()
    }

    /// Compiles the filter to the program that the kernel loads.
    ///
    /// # Errors
    /// A violation if the program is longer than the kernel takes (4096 instructions).
    pub fn compile(&self) -> Result<Program, Violation> {
        compile::compile(self)
    }
}

/// What the calls of one ABI get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) abi: Abi,
    /// The calls that the profile names, by number.
    pub(super) calls: BTreeMap<u32, Reply>,
    default: Reply,
    /// From this number on, calls that the profile does not name are newer than it and fail with ENOSYS.
    newer: Option<u32>,
}

const NEWER: Reply = Reply::Return(action::ENOSYS);

impl Section {
    fn new(abi: Abi, profile: &Profile<'_>) -> Section {
        let table = Table::of(abi);
        let mut calls: BTreeMap<u32, Rules> = BTreeMap::new();
        let mut multiplexed: BTreeMap<Multiplexed, Rules> = BTreeMap::new();
        for entry in &profile.entries {
            for name in entry.names {
                let direct = table.number(name).map(|number| calls.entry(number).or_default());
                let inner = Multiplexed::find(abi, name).map(|call| multiplexed.entry(call).or_default());
                for rules in [direct, inner].into_iter().flatten() {
                    // libseccomp refuses to add a rule that repeats the default, and runc leaves such rules out: they
                    // take nothing away from other rules.
                    if entry.action != profile.default {
                        for conditions in &entry.alternatives {
                            rules.add(Rule::new(conditions, entry.action, abi));
                        }
                    }
                }
            }
        }
        for (call, rules) in multiplexed {
            let multiplexer = calls.entry(call.number).or_default();
            let action = rules.unseen(profile.default);
            if action != profile.default {
                multiplexer.add(call.rule(action));
            }
        }
        let newest = calls.keys().rfind(|number| **number < table::ARM_PRIVATE_BASE);
        let newer = newest.filter(|_| profile.hides_newer).map(|newest| newest + 1);
        let calls = calls.into_iter().map(|(number, rules)| (number, rules.reply(profile.default))).collect();
        Section { abi, calls, default: Reply::Return(profile.default), newer }
    }

    fn knows(&self, name: &str) -> bool {
        Table::of(self.abi).number(name).is_some() || Multiplexed::find(self.abi, name).is_some()
    }

    /// What a call that the profile does not name gets.
    pub(super) fn unnamed(&self, number: u32) -> &Reply {
        if self.newer.is_some_and(|newer| number >= newer) { &NEWER } else { &self.default }
    }
}
