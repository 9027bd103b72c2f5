//! What a launch does about Landlock.

use std::ffi::CString;
use std::fmt;

use super::{Rules, fs_rights, rights};
use crate::config::Config;
use crate::host::{Feature, Host};
use crate::plan::{self, Side, Step};

/// One operation on Landlock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Makes a rule set.
    Create {
        /// `LANDLOCK_ACCESS_FS_*` that are denied unless a rule allows them.
        fs: u64,
        /// `LANDLOCK_ACCESS_NET_*`
        net: u64,
        /// `LANDLOCK_SCOPE_*`
        scope: u64,
    },
    /// Allows access to a path of the container, and to what is below it.
    Path(CString, u64),
    /// Allows access to a TCP port.
    Port(u16, u64),
    /// Puts this process under the rule set.
    Restrict,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Create { fs, net, scope } => {
                write!(
                    f,
                    "landlock_create_ruleset: rights {fs:#x} on files, {net:#x} on ports, scopes {scope:#x}"
                )
            }
            Op::Path(path, access) => {
                write!(f, "landlock_add_rule: {} below {}", words(*access), path.to_string_lossy())
            }
            Op::Port(port, access) => {
                let what = if *access == rights::BIND { "bind" } else { "connect to" };
                write!(f, "landlock_add_rule: {what} port {port}")
            }
            Op::Restrict => write!(f, "landlock_restrict_self"),
        }
    }
}

fn words(access: u64) -> &'static str {
    match (access & rights::EXECUTE != 0, access & rights::WRITE != 0) {
        (true, _) => "read and execute",
        (_, true) => "read and write",
        _ => "read",
    }
}

/// The child's operations once it is in its root, where the paths are the container's.
pub(crate) fn plan(config: &Config, host: &Host, steps: &mut Vec<Step>) {
    let Some(rules) = handled(config, host) else { return };
    let mut push = |op| steps.push(Step::new(Side::Child, plan::Op::Landlock(op)));
    let abi = host.landlock;
    let fs = if rules.paths.is_some() { fs_rights(abi) } else { 0 };
    push(Op::Create { fs, net: net(rules, abi), scope: scope(rules, abi) });
    for (path, access) in rules.paths.iter().flatten() {
        push(Op::Path(path.clone(), access & fs));
    }
    if abi >= rights::NET_ABI {
        for (ports, access) in [(&rules.bind, rights::BIND), (&rules.connect, rights::CONNECT)] {
            ports.iter().flatten().for_each(|port| push(Op::Port(*port, access)));
        }
    }
}

/// The operation that nothing but the filter's may follow that opens a file.
pub(crate) fn restrict(config: &Config, host: &Host) -> Option<Step> {
    handled(config, host)?;
    Some(Step::new(Side::Child, plan::Op::Landlock(Op::Restrict)))
}

/// The rules, where this kernel can restrict anything of what they are about.
fn handled<'c>(config: &'c Config, host: &Host) -> Option<&'c Rules> {
    let abi = host.landlock;
    let some =
        |rules: &&Rules| abi > 0 && (rules.paths.is_some() || net(rules, abi) != 0 || scope(rules, abi) != 0);
    config.landlock.as_ref().filter(some)
}

fn net(rules: &Rules, abi: u32) -> u64 {
    let bind = if rules.bind.is_some() { rights::BIND } else { 0 };
    let connect = if rules.connect.is_some() { rights::CONNECT } else { 0 };
    if abi < rights::NET_ABI { 0 } else { bind | connect }
}

fn scope(rules: &Rules, abi: u32) -> u64 {
    if abi < rights::SCOPE_ABI { 0 } else { rules.scope }
}

/// What the rules ask for and this kernel does not restrict.
pub(crate) fn gaps(config: &Config, host: &Host) -> Vec<String> {
    let Some(rules) = &config.landlock else { return Vec::new() };
    let abi = host.landlock;
    if abi == 0 {
        let why = match host.features.get("landlock") {
            Some(Feature::Missing { reason, remedy }) => format!("{reason}; {remedy}"),
            _ => "it was not probed".into(),
        };
        return vec![format!("annotations[\"{}*\"]: landlock is missing: {why}", super::PREFIX)];
    }
    let mut gaps = Vec::new();
    let mut gap = |key: &str, what: &str, since: u32| {
        gaps.push(format!(
            "annotations[\"{}{key}\"]: this kernel's Landlock is version {abi}, which does not restrict {what}; \
             version {since} does",
            super::PREFIX
        ));
    };
    if rules.paths.is_some() {
        for (since, what) in rights::unrestricted(abi) {
            gap("*", what, since);
        }
    }
    if (rules.bind.is_some() || rules.connect.is_some()) && abi < rights::NET_ABI {
        gap("tcp.*", "ports", rights::NET_ABI);
    }
    if rules.scope != 0 && abi < rights::SCOPE_ABI {
        gap("scope", "what is outside", rights::SCOPE_ABI);
    }
    gaps
}
