//! What a launch does about namespaces, besides the clone itself.

use std::ffi::CString;
use std::fmt;

use super::{IdMap, Kind, ids};
use crate::cgroup::Directory;
use crate::config::Config;
use crate::host::Host;
use crate::plan::{PlanError, Side, Step};
use crate::{process, rootfs};

/// One operation on namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Opens a namespace, to be joined later: its path is the host's.
    Open {
        /// Its kind.
        kind: Kind,
        /// Where it is.
        path: CString,
    },
    /// `setns` to a namespace that was opened.
    Join {
        /// Its kind.
        kind: Kind,
        /// Its place among those opened.
        nth: usize,
    },
    /// Opens a process, to join its namespaces.
    OpenProcess {
        /// Its process id.
        pid: i32,
        /// When it was started, in clock ticks after boot.
        started: u64,
    },
    /// `setns` to these namespaces of the process that was opened, all at once.
    JoinProcess {
        /// Their kinds.
        kinds: Vec<Kind>,
    },
    /// The child maps its own id, which needs no privilege: `setgroups` is denied first, as `user_namespaces(7)` demands.
    MapOwnIds {
        /// Content of `/proc/self/uid_map`.
        uids: CString,
        /// Content of `/proc/self/gid_map`.
        gids: CString,
    },
    /// The parent, which has the privilege, writes the maps of the child.
    MapIds {
        /// Content of `/proc/PID/uid_map`.
        uids: CString,
        /// Content of `/proc/PID/gid_map`.
        gids: CString,
    },
    /// The parent has the maps of the child written by `newuidmap(1)` and `newgidmap(1)`, which allow a user the ranges
    /// of `/etc/subuid` and `/etc/subgid`.
    MapSubIds {
        /// User ids.
        uids: Vec<IdMap>,
        /// Group ids.
        gids: Vec<IdMap>,
    },
    /// The child takes user and group 0 of its user namespace, which own what it is about to make.
    BecomeRoot,
    /// `unshare` after the clone, for what cannot be right at the clone.
    Unshare(Kind),
    /// Content of `/proc/self/timens_offsets`.
    TimeOffsets(CString),
    /// `sethostname`.
    HostName(CString),
    /// `setdomainname`.
    DomainName(CString),
}

impl Op {
    pub(crate) fn primitive(&self) -> &'static str {
        match self {
            Op::Open { kind, .. } | Op::Join { kind, .. } | Op::Unshare(kind) => kind.primitive(),
            Op::OpenProcess { .. } | Op::JoinProcess { .. } => "namespaces",
            Op::MapOwnIds { .. } | Op::MapIds { .. } | Op::MapSubIds { .. } | Op::BecomeRoot => {
                Kind::User.primitive()
            }
            Op::TimeOffsets(_) => Kind::Time.primitive(),
            Op::HostName(_) | Op::DomainName(_) => Kind::Uts.primitive(),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &CString| text.to_string_lossy().trim_end().replace('\n', ", ");
        match self {
            Op::Open { kind, path } => write!(f, "open the {kind} {}", path.to_string_lossy()),
            Op::Join { kind, .. } => write!(f, "setns to the {kind}"),
            Op::OpenProcess { pid, .. } => write!(f, "open process {pid}"),
            Op::JoinProcess { kinds } => {
                let links: Vec<_> = kinds.iter().map(|kind| kind.link()).collect();
                write!(f, "setns to the process's namespaces: {}", links.join(" "))
            }
            Op::MapOwnIds { uids, gids } => {
                write!(
                    f,
                    "write /proc/self/{{setgroups: deny, uid_map: {}, gid_map: {}}}",
                    line(uids),
                    line(gids)
                )
            }
            Op::MapIds { uids, gids } => {
                write!(f, "write /proc/CHILD/{{uid_map: {}, gid_map: {}}}", line(uids), line(gids))
            }
            Op::MapSubIds { uids, gids } => {
                let (uids, gids) = (ids::text(uids), ids::text(gids));
                write!(f, "newuidmap CHILD {}, newgidmap CHILD {}", line(&uids), line(&gids))
            }
            Op::BecomeRoot => write!(f, "setresgid 0, setresuid 0 in the user namespace"),
            Op::Unshare(kind) => write!(f, "unshare {kind}"),
            Op::TimeOffsets(text) => write!(f, "write /proc/self/timens_offsets: {}", line(text)),
            Op::HostName(name) => write!(f, "sethostname {}", name.to_string_lossy()),
            Op::DomainName(name) => write!(f, "setdomainname {}", name.to_string_lossy()),
        }
    }
}

/// The kinds that the clone itself makes.
///
/// The time namespace is not among them: its offsets can only be written before a process is in it. The cgroup
/// namespace is, unless the child still has groups to join, which must come first.
pub(crate) fn at_clone(config: &Config, directories: &[Directory]) -> Vec<Kind> {
    let later = |kind: &Kind| match kind {
        Kind::Time => true,
        Kind::Cgroup => !directories.iter().all(|directory| directory.at_clone),
        _ => false,
    };
    config.namespaces.new.iter().copied().filter(|kind| !later(kind)).collect()
}

/// The operations right after the clone and the joining of cgroups.
pub(crate) fn plan(
    config: &Config,
    host: &Host,
    directories: &[Directory],
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    let namespaces = &config.namespaces;
    let mut push = |side, op| steps.push(Step::new(side, crate::plan::Op::Namespace(op)));
    let staged = is_staged(config, host);
    let left = if staged { Some(false) } else { None };
    joins(config, host, left).into_iter().for_each(|op| push(Side::Child, op));
    if namespaces.makes(Kind::User) {
        let (uids, gids) = (ids::text(&namespaces.ids.uids), ids::text(&namespaces.ids.gids));
        if namespaces.ids.is_own_id(host.uid, host.gid) && host.uid != 0 {
            push(Side::Child, Op::MapOwnIds { uids, gids });
        } else if host.uid == 0 {
            push(Side::Parent, Op::MapIds { uids, gids });
        } else {
            let (uids, gids) = (namespaces.ids.uids.clone(), namespaces.ids.gids.clone());
            push(Side::Parent, Op::MapSubIds { uids, gids });
        }
    }
    process::once_mapped(config, host, steps);
    let mut push = |side, op| steps.push(Step::new(side, crate::plan::Op::Namespace(op)));
    let at_clone = at_clone(config, directories);
    if namespaces.makes(Kind::Cgroup) && !at_clone.contains(&Kind::Cgroup) {
        push(Side::Child, Op::Unshare(Kind::Cgroup));
    }
    if namespaces.makes(Kind::Time) && !staged {
        new_time(config).into_iter().for_each(|op| push(Side::Child, op));
    }
    // Last: the change of user takes the files in /proc/self away from the child, which must not be inspected then.
    if needs_root(config) {
        push(Side::Child, Op::BecomeRoot);
    }
    if let Some(name) = &config.hostname {
        push(Side::Child, Op::HostName(name.clone()));
    }
    if let Some(name) = &config.domainname {
        push(Side::Child, Op::DomainName(name.clone()));
    }
    Ok(())
}

/// The operations before the clone: what is opened for the child, and what a stage enters.
pub(crate) fn before_clone(config: &Config, host: &Host, steps: &mut Vec<Step>) -> Result<(), PlanError> {
    let namespaces = &config.namespaces;
    let mut push = |side, op| steps.push(Step::new(side, op));
    for (kind, path) in &namespaces.joined {
        let open = Op::Open { kind: *kind, path: path.clone() };
        push(Side::Parent, crate::plan::Op::Namespace(open));
    }
    if namespaces.makes(Kind::Time) {
        host.require("time-namespace", "linux.namespaces")?;
        if !host.has(AT_EXEC) && host.uid != 0 {
            host.require(AT_EXEC, "linux.namespaces")?;
        }
    }
    if !is_staged(config, host) {
        return Ok(());
    }
    if !namespaces.joined.is_empty() {
        push(Side::Stage, crate::plan::Op::Process(process::Op::Undumpable));
    }
    let mut entered = joins(config, host, Some(true));
    if namespaces.makes(Kind::Time) {
        entered.extend(new_time(config));
    }
    for op in entered {
        push(Side::Stage, crate::plan::Op::Namespace(op));
    }
    Ok(())
}

/// The host's feature that lets a child that shares memory make its time namespace.
const AT_EXEC: &str = "time-namespace-at-exec";

/// Whether something must be entered before the clone. Without privilege nothing can be made outside of the user
/// namespace that comes with the clone.
fn is_staged(config: &Config, host: &Host) -> bool {
    let namespaces = &config.namespaces;
    let joined =
        namespaces.joined.iter().any(|(kind, _)| matches!(kind, Kind::Pid | Kind::Time | Kind::User));
    joined || namespaces.makes(Kind::Time) && !host.has(AT_EXEC) && host.uid == 0
}

/// The joins in the order in which they are allowed: root owns the others from outside the user namespace, everyone
/// else from inside. Mounts come late, since paths change with them. With `staged`, only those of the stage, or only the
/// others: the cgroup namespace is entered by a child that is in its groups (see [`enter_groups`]).
fn joins(config: &Config, host: &Host, staged: Option<bool>) -> Vec<Op> {
    let rank = |kind: Kind| match kind {
        Kind::User if host.uid == 0 => 2,
        Kind::User => 0,
        Kind::Mount => 1,
        _ => 0,
    };
    let wanted = |kind: Kind| staged.is_none_or(|staged| staged == (kind != Kind::Cgroup));
    let listed = config.namespaces.joined.iter().enumerate().filter(|(_, (kind, _))| wanted(*kind));
    let mut joins: Vec<(Kind, usize)> = listed.map(|(nth, (kind, _))| (*kind, nth)).collect();
    joins.sort_by_key(|(kind, nth)| (rank(*kind), *kind != Kind::User, *nth));
    joins.into_iter().map(|(kind, nth)| Op::Join { kind, nth }).collect()
}

/// A new time namespace, and its offsets.
fn new_time(config: &Config) -> Vec<Op> {
    let mut made = vec![Op::Unshare(Kind::Time)];
    let offsets = &config.namespaces.time_offsets;
    if !offsets.is_empty() {
        let lines = offsets.iter().map(|(clock, s, ns)| format!("{clock} {s} {ns}\n"));
        made.push(Op::TimeOffsets(CString::new(lines.collect::<String>()).unwrap_or_default()));
    }
    made
}

/// Whether the child is to be root of a user namespace, to own what it makes. One that is joined is taken to have a
/// root, unless the config's maps say otherwise.
fn needs_root(config: &Config) -> bool {
    let ids = &config.namespaces.ids;
    let zero = |lines: &[ids::IdMap]| lines.is_empty() || ids::IdMaps::maps(lines, 0);
    config.namespaces.separates(Kind::User) && zero(&ids.uids) && zero(&ids.gids)
}

/// For a process that is added to a container.
pub(crate) fn become_root(config: &Config, steps: &mut Vec<Step>) {
    if needs_root(config) {
        steps.push(Step::new(Side::Child, crate::plan::Op::Namespace(Op::BecomeRoot)));
    }
}

/// Enters the namespaces of a running container, so that the clone is born in them. Nothing of the launcher may be seen
/// by what is inside: the stage shares no memory with it, and cannot be inspected.
pub(crate) fn enter(config: &Config, pid: i32, started: u64, steps: &mut Vec<Step>) {
    let entered = |kind: &Kind| *kind != Kind::Cgroup && config.namespaces.separates(*kind);
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(entered).collect();
    let mut push = |side, op| steps.push(Step::new(side, op));
    push(Side::Parent, crate::plan::Op::Namespace(Op::OpenProcess { pid, started }));
    push(Side::Stage, crate::plan::Op::Process(process::Op::Undumpable));
    if !config.namespaces.separates(Kind::Mount) {
        let root = CString::new(format!("/proc/{pid}/root")).unwrap_or_default();
        push(Side::Stage, crate::plan::Op::Root(rootfs::Op::Open(root)));
    }
    push(Side::Stage, crate::plan::Op::Namespace(Op::JoinProcess { kinds }));
}

/// Enters the cgroup namespace of a running container, by a child that is in its groups: where the v2 tree is mounted
/// with `nsdelegate`, whoever is in the namespace can move no process from outside it (ENOENT; `cgroup-v2.rst`).
pub(crate) fn enter_groups(config: &Config, steps: &mut Vec<Step>) {
    if config.namespaces.separates(Kind::Cgroup) {
        let kinds = vec![Kind::Cgroup];
        steps.push(Step::new(Side::Child, crate::plan::Op::Namespace(Op::JoinProcess { kinds })));
    }
}
