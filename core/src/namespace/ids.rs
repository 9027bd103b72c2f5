//! Id maps of a user namespace (`user_namespaces(7)`).

use std::ffi::CString;
use std::fmt::Write;

use oci_spec::runtime::LinuxIdMapping;

use crate::config::Reader;
use crate::planted::planted;

/// The kernel takes at most this many lines in a map (since Linux 4.15).
const MOST_LINES: usize = 340;

/// One line of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdMap {
    /// First id inside.
    pub inside: u32,
    /// First id outside.
    pub outside: u32,
    /// How many.
    pub length: u32,
}

/// The maps of a new user namespace; empty without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdMaps {
    /// User ids.
    pub uids: Vec<IdMap>,
    /// Group ids.
    pub gids: Vec<IdMap>,
}

impl IdMaps {
    pub(super) fn read(reader: &mut Reader<'_>, new_user_namespace: bool) -> IdMaps {
        let linux = reader.linux();
        let uids = linux.and_then(|linux| linux.uid_mappings().as_deref()).unwrap_or_default();
        let gids = linux.and_then(|linux| linux.gid_mappings().as_deref()).unwrap_or_default();
        for (path, lines) in [("linux.uidMappings", uids), ("linux.gidMappings", gids)] {
            match (new_user_namespace, lines.is_empty()) {
                (true, true) => {
                    reader.refuse(path, "is missing: a new user namespace without a map has no users")
                }
                (false, false) => reader.refuse(path, "needs a new user namespace in linux.namespaces"),
                _ => {}
            }
        }
        IdMaps {
            uids: read_maps(reader, "linux.uidMappings", uids),
            gids: read_maps(reader, "linux.gidMappings", gids),
        }
    }

    /// Whether an id inside is mapped.
    pub(crate) fn maps(lines: &[IdMap], id: u32) -> bool {
        lines.iter().any(|line| id >= line.inside && id - line.inside < line.length)
    }

    /// Whether a process may write these maps for itself: one line each, standing for its own ids alone.
    #[must_use]
    pub fn is_own_id(&self, uid: u32, gid: u32) -> bool {
        let own = |lines: &[IdMap], id| matches!(lines, [line] if line.outside == id && line.length == 1);
        own(&self.uids, uid) && own(&self.gids, gid)
    }
}

/// The lines of one map.
pub(crate) fn read_maps(reader: &mut Reader<'_>, path: &str, lines: &[LinuxIdMapping]) -> Vec<IdMap> {
    if lines.len() > MOST_LINES {
        reader.refuse(path, format!("has {} lines; the kernel takes {MOST_LINES}", lines.len()));
    }
    let mut read: Vec<IdMap> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let map = IdMap { inside: line.container_id(), outside: line.host_id(), length: line.size() };
        let at = format!("{path}[{index}]");
        if map.length == 0 {
            reader.refuse(format!("{at}.size"), "is 0");
        }
        for (field, first) in [("containerID", map.inside), ("hostID", map.outside)] {
            // The last id, 2^32 - 1, means "no id" to the kernel.
            if first.checked_add(map.length).is_none() {
                reader.refuse(
                    format!("{at}.{field}"),
                    format!("{first} and {} more go past 2^32 - 2", map.length),
                );
            }
        }
        let overlaps = |other: &IdMap| {
            let apart = |a: u32, b: u32| {
                u64::from(a) + u64::from(map.length) <= u64::from(b)
                    || u64::from(b) + u64::from(other.length) <= u64::from(a)
            };
            let outside = !apart(map.outside, other.outside) && !planted("host-ids-may-overlap");
            !apart(map.inside, other.inside) || outside
        };
        if let Some(other) = read.iter().position(overlaps) {
            reader.refuse(at, format!("overlaps {path}[{other}]"));
        }
        read.push(map);
    }
    read
}

/// The text that the kernel's map files take.
pub(crate) fn text(lines: &[IdMap]) -> CString {
    let mut text = String::new();
    for line in lines {
        // Writing to a String cannot fail.
        if writeln!(text, "{} {} {}", line.inside, line.outside, line.length).is_err() {
            unreachable!("writing to a String");
        }
    }
    CString::new(text).unwrap_or_default()
}
