//! Namespaces: which are new, which are joined, and what they are given (`namespaces(7)`).

mod ids;
#[cfg(feature = "launch")]
pub(crate) mod perform;
mod plan;

use std::ffi::CString;
use std::fmt;

use oci_spec::runtime::LinuxNamespaceType;
use serde::{Deserialize, Serialize};

use crate::config::Reader;

pub(crate) use ids::read_maps;
#[cfg(feature = "launch")]
pub(crate) use ids::text as map_text;
pub use ids::{IdMap, IdMaps};
pub use plan::Op;
pub(crate) use plan::{at_clone, become_root, before_clone, enter, enter_groups, plan};

/// The kinds of namespace, in the words of the runtime-spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `CLONE_NEWCGROUP`
    Cgroup,
    /// `CLONE_NEWIPC`
    Ipc,
    /// `CLONE_NEWNS`
    Mount,
    /// `CLONE_NEWNET`
    Network,
    /// `CLONE_NEWPID`
    Pid,
    /// `CLONE_NEWTIME`
    Time,
    /// `CLONE_NEWUSER`
    User,
    /// `CLONE_NEWUTS`
    Uts,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 8] =
        [Kind::Cgroup, Kind::Ipc, Kind::Mount, Kind::Network, Kind::Pid, Kind::Time, Kind::User, Kind::Uts];

    /// The `CLONE_NEW*` flag.
    #[must_use]
    pub fn flag(self) -> u64 {
        let flag = match self {
            Kind::Cgroup => libc::CLONE_NEWCGROUP,
            Kind::Ipc => libc::CLONE_NEWIPC,
            Kind::Mount => libc::CLONE_NEWNS,
            Kind::Network => libc::CLONE_NEWNET,
            Kind::Pid => libc::CLONE_NEWPID,
            Kind::Time => libc::CLONE_NEWTIME,
            Kind::User => libc::CLONE_NEWUSER,
            Kind::Uts => libc::CLONE_NEWUTS,
        };
        flag as u64
    }

    /// The name of its link in `/proc/PID/ns`.
    #[must_use]
    pub fn link(self) -> &'static str {
        match self {
            Kind::Cgroup => "cgroup",
            Kind::Ipc => "ipc",
            Kind::Mount => "mnt",
            Kind::Network => "net",
            Kind::Pid => "pid",
            Kind::Time => "time",
            Kind::User => "user",
            Kind::Uts => "uts",
        }
    }

    /// Its name as a primitive.
    #[must_use]
    pub fn primitive(self) -> &'static str {
        match self {
            Kind::Cgroup => "cgroup namespace",
            Kind::Ipc => "ipc namespace",
            Kind::Mount => "mount namespace",
            Kind::Network => "network namespace",
            Kind::Pid => "pid namespace",
            Kind::Time => "time namespace",
            Kind::User => "user namespace",
            Kind::Uts => "uts namespace",
        }
    }

    fn from_spec(kind: LinuxNamespaceType) -> Kind {
        match kind {
            LinuxNamespaceType::Cgroup => Kind::Cgroup,
            LinuxNamespaceType::Ipc => Kind::Ipc,
            LinuxNamespaceType::Mount => Kind::Mount,
            LinuxNamespaceType::Network => Kind::Network,
            LinuxNamespaceType::Pid => Kind::Pid,
            LinuxNamespaceType::Time => Kind::Time,
            LinuxNamespaceType::User => Kind::User,
            LinuxNamespaceType::Uts => Kind::Uts,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.primitive())
    }
}

/// A container's namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Those made new.
    pub new: Vec<Kind>,
    /// Those joined, by path.
    pub joined: Vec<(Kind, CString)>,
    /// What a new user namespace maps.
    pub ids: IdMaps,
    /// Offsets of a new time namespace: clock name, seconds, nanoseconds.
    pub time_offsets: Vec<(String, i64, u32)>,
}

impl Namespaces {
    /// Whether the container does not share this kind with the launcher.
    #[must_use]
    pub fn separates(&self, kind: Kind) -> bool {
        self.new.contains(&kind) || self.joined.iter().any(|(joined, _)| *joined == kind)
    }

    /// Whether this kind is made new.
    #[must_use]
    pub fn makes(&self, kind: Kind) -> bool {
        self.new.contains(&kind)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Namespaces {
        let mut namespaces = Namespaces::default();
        let Some(linux) = reader.linux() else { return namespaces };
        for (index, entry) in linux.namespaces().iter().flatten().enumerate() {
            let at = |field: &str| format!("linux.namespaces[{index}].{field}");
            let kind = Kind::from_spec(entry.typ());
            if namespaces.separates(kind) {
                reader.refuse(at("type"), format!("{kind} is listed twice"));
            }
            match entry.path() {
                None => namespaces.new.push(kind),
                Some(path) => {
                    if !path.is_absolute() {
                        reader.refuse(at("path"), format!("{path:?} is not absolute"));
                    }
                    let path = reader.path_on_host(&at("path"), path);
                    namespaces.joined.push((kind, path));
                }
            }
        }
        namespaces.ids = IdMaps::read(reader, namespaces.makes(Kind::User));
        namespaces.time_offsets = read_time_offsets(reader, namespaces.makes(Kind::Time));
        namespaces
    }
}

fn read_time_offsets(reader: &mut Reader<'_>, new: bool) -> Vec<(String, i64, u32)> {
    let Some(offsets) = reader.linux().and_then(|linux| linux.time_offsets().as_ref()) else {
        return Vec::new();
    };
    if !new && !offsets.is_empty() {
        reader.refuse("linux.timeOffsets", "needs a new time namespace in linux.namespaces");
    }
    let mut listed: Vec<_> = offsets.iter().collect();
    listed.sort_by_key(|(clock, _)| *clock);
    let mut read = Vec::new();
    for (clock, offset) in listed {
        if !["monotonic", "boottime"].contains(&clock.as_str()) {
            reader.refuse("linux.timeOffsets", format!("{clock:?} is neither monotonic nor boottime"));
        }
        let nanoseconds = offset.nanosecs().unwrap_or(0);
        if nanoseconds >= 1_000_000_000 {
            reader.refuse(
                format!("linux.timeOffsets.{clock}.nanosecs"),
                format!("{nanoseconds} is a second or more"),
            );
        }
        read.push((clock.clone(), offset.secs().unwrap_or(0), nanoseconds));
    }
    read
}

/// `hostname` or `domainname`: at most 64 bytes (`uts_namespaces(7)`), and only in a uts namespace of its own.
pub(crate) fn uts_name(
    reader: &mut Reader<'_>,
    namespaces: &Namespaces,
    path: &str,
    name: Option<&str>,
) -> Option<CString> {
    let name = name.filter(|name| !name.is_empty())?;
    if name.len() > 64 {
        reader.refuse(path, format!("has {} bytes; the kernel takes 64", name.len()));
    }
    if !namespaces.separates(Kind::Uts) {
        reader.refuse(path, "needs a uts namespace in linux.namespaces, or it would rename the host");
    }
    Some(reader.text(path, name))
}
