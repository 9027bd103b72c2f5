//! Landlock: access rules that the workload cannot shed (`landlock(7)`), an extension through annotations.
//!
//! | annotation | value |
//! | --- | --- |
//! | `org.isolab.landlock.read-only` | paths inside the container, separated by colons: read files and list directories |
//! | `org.isolab.landlock.execute` | paths: that, and execute files |
//! | `org.isolab.landlock.read-write` | paths: read, list, write, make, remove, rename, and devices' ioctls; not execute |
//! | `org.isolab.landlock.tcp.bind` | ports, separated by commas |
//! | `org.isolab.landlock.tcp.connect` | ports |
//! | `org.isolab.landlock.scope` | `abstract-unix-socket`, `signal`: not towards processes outside the container |
//!
//! With one of the first three, all access to files is denied that none of them allows: the workload's program and its
//! libraries need `execute`. With an empty list of ports every port is denied. What this kernel's Landlock cannot
//! restrict is a gap of the plan. The kernel shows no one which rules a process is under, so they are not compared after
//! a launch. A path cannot have a colon. A link in a path is followed, inside the container.

#[cfg(feature = "launch")]
pub(crate) mod perform;
mod plan;
mod rights;

use std::ffi::CString;
use std::path::Path;

use crate::config::Reader;

pub use plan::Op;
pub(crate) use plan::{gaps, plan, restrict};
pub use rights::{FILE, fs_rights};

const PREFIX: &str = "org.isolab.landlock.";

/// What a workload may do, of what Landlock can deny.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Paths inside the container and `LANDLOCK_ACCESS_FS_*`; `None` restricts nothing.
    pub paths: Option<Vec<(CString, u64)>>,
    /// Ports that may be bound.
    pub bind: Option<Vec<u16>>,
    /// Ports that may be connected to.
    pub connect: Option<Vec<u16>>,
    /// `LANDLOCK_SCOPE_*`
    pub scope: u64,
}

/// The rules of a spec; `None` when it has no such annotation.
pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Rules> {
    let annotations = reader.spec.annotations().iter().flatten();
    let mut ours: Vec<(&str, &str)> =
        annotations.filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?, value.as_str()))).collect();
    ours.sort_unstable();
    let mut rules = Rules::default();
    for (key, value) in &ours {
        let at = format!("annotations[\"{PREFIX}{key}\"]");
        match *key {
            "read-only" => add(&mut rules.paths, paths(reader, &at, value, rights::READ)),
            "execute" => add(&mut rules.paths, paths(reader, &at, value, rights::READ | rights::EXECUTE)),
            "read-write" => add(&mut rules.paths, paths(reader, &at, value, rights::READ | rights::WRITE)),
            "tcp.bind" => rules.bind = Some(ports(reader, &at, value)),
            "tcp.connect" => rules.connect = Some(ports(reader, &at, value)),
            "scope" => rules.scope = scope(reader, &at, value),
            _ => reader.refuse(
                at,
                "is none of read-only, execute, read-write, tcp.bind, tcp.connect, scope".to_owned(),
            ),
        }
    }
    (!ours.is_empty()).then_some(rules)
}

fn add(all: &mut Option<Vec<(CString, u64)>>, paths: Vec<(CString, u64)>) {
    all.get_or_insert_default().extend(paths);
}

fn parts(value: &str, separator: char) -> impl Iterator<Item = &str> {
    value.split(separator).map(str::trim).filter(|_| !value.trim().is_empty())
}

fn paths(reader: &mut Reader<'_>, at: &str, value: &str, access: u64) -> Vec<(CString, u64)> {
    parts(value, ':').map(|path| (reader.path_inside(at, Path::new(path)), access)).collect()
}

fn ports(reader: &mut Reader<'_>, at: &str, value: &str) -> Vec<u16> {
    let mut port = |text: &str| {
        text.parse().unwrap_or_else(|_| {
            reader.refuse(at, format!("{text:?} is no port"));
            0
        })
    };
    parts(value, ',').map(&mut port).collect()
}

fn scope(reader: &mut Reader<'_>, at: &str, value: &str) -> u64 {
    let mut scope = 0;
    for name in parts(value, ',') {
        match rights::SCOPES.iter().find(|(known, _)| *known == name) {
            Some((_, bit)) => scope |= bit,
            None => reader.refuse(at, format!("{name:?} is neither abstract-unix-socket nor signal")),
        }
    }
    if scope == 0 {
        reader.refuse(at, "names no scope");
    }
    scope
}
