//! What a launch does about namespaces, besides the clone itself.

use std::ffi::CString;
use std::fmt;

use super::{Kind, ids};
use crate::cgroup::Directory;
use crate::config::Config;
use crate::host::Host;
use crate::plan::{PlanError, Side, Step};

/// One operation on namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// `setns` to the namespace at a path.
    Join(Kind, CString),
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
    /// The child waits until the parent has written its maps.
    AwaitMaps,
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
            Op::Join(kind, _) | Op::Unshare(kind) => kind.primitive(),
            Op::MapOwnIds { .. } | Op::MapIds { .. } | Op::AwaitMaps | Op::BecomeRoot => {
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
            Op::Join(kind, path) => write!(f, "setns {kind} {}", path.to_string_lossy()),
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
            Op::AwaitMaps => write!(f, "wait for the id maps"),
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
    for (kind, path) in &namespaces.joined {
        push(Side::Child, Op::Join(*kind, path.clone()));
    }
    if namespaces.makes(Kind::User) {
        let (uids, gids) = (ids::text(&namespaces.ids.uids), ids::text(&namespaces.ids.gids));
        if namespaces.ids.is_own_id(host.uid, host.gid) && host.uid != 0 {
            push(Side::Child, Op::MapOwnIds { uids, gids });
        } else if host.uid == 0 {
            push(Side::Parent, Op::MapIds { uids, gids });
            push(Side::Child, Op::AwaitMaps);
        } else {
            return Err(PlanError::new(
                "linux.uidMappings",
                format!("user {} may map its own id alone", host.uid),
                "map one id, hostID being your own, or run as root",
            ));
        }
        let zero = |lines| ids::IdMaps::maps(lines, 0);
        if zero(&namespaces.ids.uids) && zero(&namespaces.ids.gids) {
            push(Side::Child, Op::BecomeRoot);
        }
    }
    let at_clone = at_clone(config, directories);
    if namespaces.makes(Kind::Cgroup) && !at_clone.contains(&Kind::Cgroup) {
        push(Side::Child, Op::Unshare(Kind::Cgroup));
    }
    if namespaces.makes(Kind::Time) {
        host.require("time-namespace", "linux.namespaces")?;
        push(Side::Child, Op::Unshare(Kind::Time));
        if !namespaces.time_offsets.is_empty() {
            let lines = namespaces.time_offsets.iter().map(|(clock, s, ns)| format!("{clock} {s} {ns}\n"));
            push(Side::Child, Op::TimeOffsets(CString::new(lines.collect::<String>()).unwrap_or_default()));
        }
    }
    if let Some(name) = &config.hostname {
        push(Side::Child, Op::HostName(name.clone()));
    }
    if let Some(name) = &config.domainname {
        push(Side::Child, Op::DomainName(name.clone()));
    }
    Ok(())
}
