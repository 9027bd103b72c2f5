//! Kernel parameters of the container's own namespaces (`linux.sysctl`).
//!
//! Parameters that belong to no namespace, or to one that the container shares with its launcher, would be the host's, and
//! are refused. They are written by the child, which is in its namespaces by then, through the host's `/proc`: what the kernel
//! shows there depends on who looks, and the image cannot put anything else in its place. Names take both notations
//! of `sysctl(8)`. A namespace that is joined by path may turn out to be the launcher's own, which the child looks at first.

#[cfg(feature = "launch")]
pub(crate) mod perform;

use std::ffi::CString;
use std::fmt;

use crate::config::{Config, Reader};
use crate::host::Host;
use crate::namespace::{Kind, Namespaces};
use crate::plan::{self, Side, Step};

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysctl {
    /// Its path below `/proc/sys`, such as `net/core/somaxconn`.
    pub path: String,
    /// What is written.
    pub value: CString,
}

/// Parameters of the ipc namespace, besides `fs/mqueue/` (`ipc_namespaces(7)`, `ipc/ipc_sysctl.c` in the kernel).
const IPC: [&str; 11] = [
    "kernel/msg_next_id",
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/sem",
    "kernel/sem_next_id",
    "kernel/shm_next_id",
    "kernel/shm_rmid_forced",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
];

/// The parameters of a spec, by path.
pub(crate) fn read(reader: &mut Reader<'_>, namespaces: &Namespaces) -> Vec<Sysctl> {
    let Some(listed) = reader.linux().and_then(|linux| linux.sysctl().as_ref()) else { return Vec::new() };
    let mut listed: Vec<(&String, &String)> = listed.iter().collect();
    listed.sort();
    let mut read: Vec<Sysctl> = Vec::new();
    for (name, value) in listed {
        let at = format!("linux.sysctl[{name:?}]");
        let path = path_of(name);
        if let Err(problem) = check(&path, namespaces) {
            reader.refuse(at.as_str(), problem);
        }
        if read.iter().any(|other| other.path == path) {
            reader.refuse(at.as_str(), format!("is {path}, which is listed in another notation too"));
        }
        if value.is_empty() {
            // The kernel takes it, and changes nothing.
            reader.refuse(at.as_str(), "is empty");
        }
        let value = reader.text(&at, value);
        read.push(Sysctl { path, value });
    }
    read.sort_by(|one, other| one.path.cmp(&other.path));
    read
}

/// As `sysctl(8)` has it: the first separator decides, and the other one stands for itself in names of interfaces.
fn path_of(name: &str) -> String {
    if name.find(['.', '/']).is_some_and(|at| name[at..].starts_with('/')) {
        return name.to_owned();
    }
    let swap = |c: char| match c {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    name.chars().map(swap).collect()
}

/// The kind of namespace that a parameter belongs to.
fn kind_of(path: &str) -> Option<Kind> {
    match path {
        "kernel/domainname" => Some(Kind::Uts),
        _ if IPC.contains(&path) || path.starts_with("fs/mqueue/") => Some(Kind::Ipc),
        _ if path.starts_with("net/") => Some(Kind::Network),
        _ => None,
    }
}

/// Whether a parameter is the container's own.
fn check(path: &str, namespaces: &Namespaces) -> Result<(), String> {
    if path.split('/').any(|part| ["", ".", ".."].contains(&part)) {
        return Err("is not a name: it has an empty part, or one that leads elsewhere".into());
    }
    if path.contains('\0') || path.len() > 255 {
        return Err("is not a name: it has a NUL byte, or more than 255 bytes".into());
    }
    if path == "kernel/hostname" {
        return Err("conflicts with hostname; use that".into());
    }
    let kind = kind_of(path).ok_or("belongs to no namespace, so it would be the host's")?;
    if namespaces.separates(kind) {
        return Ok(());
    }
    Err(format!("needs a {kind} of the container's own in linux.namespaces, or it would be the host's"))
}

/// One operation on kernel parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Writes one.
    Write {
        /// Its path, `/proc/sys/…`.
        path: CString,
        /// What is written.
        value: CString,
    },
    /// Fails when a namespace that was joined by path is the launcher's own, of this inode.
    NotLaunchers(Kind, u64),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Write { path, value } => {
                write!(f, "write {}: {}", path.to_string_lossy(), value.to_string_lossy())
            }
            Op::NotLaunchers(kind, inode) => {
                write!(f, "check that the {kind} is not the launcher's ({inode})")
            }
        }
    }
}

/// The child's operations, once it is in its namespaces and while the host's `/proc` is there.
pub(crate) fn plan(config: &Config, host: &Host, steps: &mut Vec<Step>) {
    for (kind, _) in &config.namespaces.joined {
        let used = config.sysctls.iter().any(|sysctl| kind_of(&sysctl.path) == Some(*kind));
        if let (true, Some(inode)) = (used, host.namespaces.get(kind.link())) {
            steps.push(Step::new(Side::Child, plan::Op::Sysctl(Op::NotLaunchers(*kind, *inode))));
        }
    }
    let write = |sysctl: &Sysctl| {
        let path = CString::new(format!("/proc/sys/{}", sysctl.path)).unwrap_or_default();
        plan::Op::Sysctl(Op::Write { path, value: sysctl.value.clone() })
    };
    steps.extend(config.sysctls.iter().map(|sysctl| Step::new(Side::Child, write(sysctl))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(kinds: &[Kind]) -> Namespaces {
        Namespaces { new: kinds.to_vec(), ..Namespaces::default() }
    }

    #[test]
    fn both_notations_name_the_same_file() {
        for name in ["net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter"] {
            assert_eq!(path_of(name), "net/ipv4/conf/eth0.1/rp_filter");
        }
        assert_eq!(path_of("kernel"), "kernel");
    }

    #[test]
    fn only_what_a_namespace_of_its_own_has_is_taken() {
        let all = own(&[Kind::Ipc, Kind::Network, Kind::Uts]);
        for path in ["net/core/somaxconn", "kernel/shmmax", "fs/mqueue/msg_max", "kernel/domainname"] {
            assert_eq!(check(path, &all), Ok(()), "{path}");
            assert!(check(path, &own(&[])).is_err_and(|problem| problem.contains("namespace")), "{path}");
        }
        for path in [
            "kernel/hostname",
            "kernel/panic",
            "kernel/shmmaxx",
            "vm/overcommit_memory",
            "fs/mqueue",
            "net",
            "net/../kernel/panic",
            "net//core",
            "/net/core",
            "net/core/",
            "",
            "net/\0",
        ] {
            assert!(check(path, &all).is_err(), "{path}");
        }
    }
}
