//! Whose ids the files of a mount are shown with (`mount_setattr(2)`, "ID-mapped mounts").

use std::ffi::CString;
use std::fmt;

use oci_spec::runtime::Mount as Spec;

use crate::config::Reader;
use crate::namespace::{IdMaps, Kind, Namespaces, read_maps};

/// An id mapping of a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdMapping {
    /// Which.
    pub ids: Ids,
    /// For what is mounted below too.
    pub recursive: bool,
}

/// Where the mapping comes from. An id of a file is one inside, and is shown as the one outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ids {
    /// A user namespace with these maps, made for the mount alone.
    Maps(IdMaps),
    /// The user namespace at a path of the host, which the container joins.
    Namespace(CString),
}

/// A mount's own mapping, or that of the container's user namespace where it only says `idmap`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    namespaces: &Namespaces,
    index: usize,
    mount: &Spec,
    asked: Option<bool>,
) -> Option<IdMapping> {
    let at = |field: &str| format!("mounts[{index}].{field}");
    let uids = mount.uid_mappings().as_deref().unwrap_or_default();
    let gids = mount.gid_mappings().as_deref().unwrap_or_default();
    let recursive = asked.unwrap_or(false);
    let ids = match (uids.is_empty(), gids.is_empty()) {
        (false, false) => Ids::Maps(IdMaps {
            uids: read_maps(reader, &at("uidMappings"), uids),
            gids: read_maps(reader, &at("gidMappings"), gids),
        }),
        (false, true) | (true, false) => {
            reader.refuse(at("uidMappings"), "and gidMappings must be given together");
            return None;
        }
        (true, true) => {
            asked?;
            let joined = namespaces.joined.iter().find(|(kind, _)| *kind == Kind::User);
            match joined {
                Some((_, path)) => Ids::Namespace(path.clone()),
                None if namespaces.makes(Kind::User) => Ids::Maps(namespaces.ids.clone()),
                None => {
                    reader.refuse(
                        at("options"),
                        "idmap needs uidMappings and gidMappings, or a user namespace of the container's",
                    );
                    return None;
                }
            }
        }
    };
    Some(IdMapping { ids, recursive })
}

impl fmt::Display for IdMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.recursive { "ridmap" } else { "idmap" };
        match &self.ids {
            Ids::Namespace(path) => write!(f, "{kind} {}", path.to_string_lossy()),
            Ids::Maps(maps) => {
                write!(f, "{kind}")?;
                for (name, lines) in [("uids", &maps.uids), ("gids", &maps.gids)] {
                    for line in lines {
                        write!(f, " {name} {}:{}:{}", line.inside, line.outside, line.length)?;
                    }
                }
                Ok(())
            }
        }
    }
}
