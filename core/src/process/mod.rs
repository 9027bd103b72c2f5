//! The workload: what is executed, as whom, with which limits.
//!
//! Its terminal, its scheduling and its labels are modules of their own.

#[cfg(feature = "launch")]
pub(crate) mod perform;
mod plan;

use std::ffi::CString;

use oci_spec::runtime::{PosixRlimitType, Process as Spec};

use crate::config::Reader;
use crate::namespace::{IdMaps, Kind, Namespaces};
use crate::terminal::Terminal;

pub use plan::{Agent, Op};
pub(crate) use plan::{begin, end, identity, once_mapped};

/// The process to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Program and arguments.
    pub args: Vec<CString>,
    /// Its whole environment.
    pub env: Vec<CString>,
    /// Working directory inside the container.
    pub cwd: CString,
    /// User id inside.
    pub uid: u32,
    /// Group id inside.
    pub gid: u32,
    /// Additional groups; `None` leaves the launcher's where they cannot be dropped.
    pub groups: Vec<u32>,
    /// File mode creation mask.
    pub umask: u32,
    /// Limits.
    pub rlimits: Vec<Rlimit>,
    /// `/proc/self/oom_score_adj`.
    pub oom_score_adj: Option<i32>,
    /// Whether an exec can raise no privilege.
    pub no_new_privs: bool,
    /// Whether it keeps the launcher's session keyring, and with it what keys that can reach.
    pub keeps_keyring: bool,
    /// Its terminal, if it has one.
    pub terminal: Option<Terminal>,
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rlimit {
    /// `RLIMIT_*` number.
    pub resource: u32,
    /// Its name, such as `RLIMIT_NOFILE`.
    pub name: &'static str,
    /// Soft limit; `u64::MAX` is unlimited.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// Names and numbers of the limits, from `asm-generic/resource.h`.
pub const RLIMITS: [(&str, u32); 16] = [
    ("RLIMIT_CPU", 0),
    ("RLIMIT_FSIZE", 1),
    ("RLIMIT_DATA", 2),
    ("RLIMIT_STACK", 3),
    ("RLIMIT_CORE", 4),
    ("RLIMIT_RSS", 5),
    ("RLIMIT_NPROC", 6),
    ("RLIMIT_NOFILE", 7),
    ("RLIMIT_MEMLOCK", 8),
    ("RLIMIT_AS", 9),
    ("RLIMIT_LOCKS", 10),
    ("RLIMIT_SIGPENDING", 11),
    ("RLIMIT_MSGQUEUE", 12),
    ("RLIMIT_NICE", 13),
    ("RLIMIT_RTPRIO", 14),
    ("RLIMIT_RTTIME", 15),
];

impl Process {
    pub(crate) fn read(reader: &mut Reader<'_>, namespaces: &Namespaces) -> Process {
        let Some(spec) = reader.process() else {
            reader.refuse("process", "is missing: there is nothing to run");
            return Process::default();
        };
        let user = spec.user();
        let umask = user.umask().unwrap_or(0o022);
        if umask > 0o777 {
            reader.refuse("process.user.umask", format!("{umask:o} is more than 777"));
        }
        if let Some(adjustment) = spec.oom_score_adj().filter(|value| !(-1000..=1000).contains(value)) {
            reader.refuse("process.oomScoreAdj", format!("{adjustment} is not within -1000 and 1000"));
        }
        check_ids(reader, spec, namespaces);
        let mut groups = user.additional_gids().clone().unwrap_or_default();
        groups.sort_unstable();
        groups.dedup();
        Process {
            args: read_args(reader, spec),
            env: read_env(reader, spec),
            cwd: reader.path_inside("process.cwd", spec.cwd()),
            uid: user.uid(),
            gid: user.gid(),
            groups,
            umask,
            rlimits: read_rlimits(reader, spec),
            oom_score_adj: spec.oom_score_adj(),
            no_new_privs: spec.no_new_privileges().unwrap_or(false),
            keeps_keyring: false,
            terminal: Terminal::read(reader, spec),
        }
    }

    /// The paths to try for `args[0]`: itself if it has a slash, else each directory of the workload's own `PATH`.
    #[must_use]
    pub fn candidates(&self) -> Vec<CString> {
        let Some(name) = self.args.first() else { return Vec::new() };
        if name.to_bytes().contains(&b'/') {
            return vec![name.clone()];
        }
        let path = self.env.iter().rev().find_map(|entry| entry.to_bytes().strip_prefix(b"PATH="));
        // The default of confstr(_CS_PATH).
        let path = path.unwrap_or(b"/bin:/usr/bin");
        let directories = path.split(|byte| *byte == b':').filter(|directory| directory.starts_with(b"/"));
        let candidate = |directory: &[u8]| [directory, b"/", name.to_bytes()].concat();
        directories.filter_map(|directory| CString::new(candidate(directory)).ok()).collect()
    }
}

fn read_args(reader: &mut Reader<'_>, spec: &Spec) -> Vec<CString> {
    let args = spec.args().as_deref().unwrap_or_default();
    if args.first().is_none_or(String::is_empty) {
        reader.refuse("process.args", "names no program");
    }
    args.iter().enumerate().map(|(index, arg)| reader.text(&format!("process.args[{index}]"), arg)).collect()
}

fn read_env(reader: &mut Reader<'_>, spec: &Spec) -> Vec<CString> {
    let mut read = Vec::new();
    for (index, entry) in spec.env().iter().flatten().enumerate() {
        let at = format!("process.env[{index}]");
        if entry.find('=').is_none_or(|position| position == 0) {
            reader.refuse(at.as_str(), format!("{entry:?} is not NAME=value"));
        }
        read.push(reader.text(&at, entry));
    }
    read
}

fn check_ids(reader: &mut Reader<'_>, spec: &Spec, namespaces: &Namespaces) {
    let user = spec.user();
    let extra = user.additional_gids().iter().flatten().enumerate();
    let groups: Vec<(String, u32)> =
        extra.map(|(index, gid)| (format!("process.user.additionalGids[{index}]"), *gid)).collect();
    if groups.len() > 65_536 {
        reader.refuse(
            "process.user.additionalGids",
            format!("has {} groups; the kernel takes 65536", groups.len()),
        );
    }
    let mapped = namespaces.makes(Kind::User);
    let uid = ("process.user.uid".to_owned(), user.uid(), &namespaces.ids.uids);
    let gids = groups.into_iter().chain([("process.user.gid".to_owned(), user.gid())]);
    for (path, id, map) in gids.map(|(path, gid)| (path, gid, &namespaces.ids.gids)).chain([uid]) {
        if id == u32::MAX {
            reader.refuse(path, format!("{id} means no id to the kernel"));
        } else if mapped && !IdMaps::maps(map, id) {
            reader.refuse(
                path,
                format!(
                    "{id} is not mapped in the user namespace, by linux.uidMappings or linux.gidMappings"
                ),
            );
        }
    }
}

fn read_rlimits(reader: &mut Reader<'_>, spec: &Spec) -> Vec<Rlimit> {
    let mut read: Vec<Rlimit> = Vec::new();
    for (index, limit) in spec.rlimits().iter().flatten().enumerate() {
        let at = format!("process.rlimits[{index}]");
        let (name, resource) = RLIMITS[number(limit.typ()) as usize];
        if limit.soft() > limit.hard() {
            let problem = format!("{} is more than the hard limit {}", limit.soft(), limit.hard());
            reader.refuse(format!("{at}.soft"), problem);
        }
        if read.iter().any(|other| other.resource == resource) {
            reader.refuse(format!("{at}.type"), format!("{name} is listed twice"));
        }
        read.push(Rlimit { resource, name, soft: limit.soft(), hard: limit.hard() });
    }
    read
}

fn number(kind: PosixRlimitType) -> u32 {
    match kind {
        PosixRlimitType::RlimitCpu => 0,
        PosixRlimitType::RlimitFsize => 1,
        PosixRlimitType::RlimitData => 2,
        PosixRlimitType::RlimitStack => 3,
        PosixRlimitType::RlimitCore => 4,
        PosixRlimitType::RlimitRss => 5,
        PosixRlimitType::RlimitNproc => 6,
        PosixRlimitType::RlimitNofile => 7,
        PosixRlimitType::RlimitMemlock => 8,
        PosixRlimitType::RlimitAs => 9,
        PosixRlimitType::RlimitLocks => 10,
        PosixRlimitType::RlimitSigpending => 11,
        PosixRlimitType::RlimitMsgqueue => 12,
        PosixRlimitType::RlimitNice => 13,
        PosixRlimitType::RlimitRtprio => 14,
        PosixRlimitType::RlimitRttime => 15,
    }
}
