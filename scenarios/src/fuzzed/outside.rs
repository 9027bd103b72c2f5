//! What `/proc` says of a process, as it stands there: [`super::model`] reads it for itself, so that a mistake in how the core
//! does so is seen.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Files that are read.
const FILES: [&str; 13] = [
    "status",
    "limits",
    "mountinfo",
    "cgroup",
    "uid_map",
    "gid_map",
    "oom_score_adj",
    "environ",
    "cmdline",
    "timens_offsets",
    "personality",
    "stat",
    "comm",
];
/// Links, by their targets.
const LINKS: [&str; 10] =
    ["cwd", "exe", "ns/mnt", "ns/pid", "ns/net", "ns/ipc", "ns/uts", "ns/cgroup", "ns/time", "ns/user"];

/// A process from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outside {
    files: BTreeMap<&'static str, String>,
    links: BTreeMap<&'static str, String>,
    /// Numbers of its descriptors.
    pub descriptors: Vec<String>,
}

impl Outside {
    /// Of a process, as `/proc` names it.
    ///
    /// # Errors
    /// When something of it cannot be read that every kernel has.
    pub fn of(process: &str) -> io::Result<Outside> {
        let base = Path::new("/proc").join(process);
        let mut seen = Outside::default();
        for name in FILES {
            match fs::read(base.join(name)) {
                Ok(bytes) => drop(seen.files.insert(name, String::from_utf8_lossy(&bytes).into_owned())),
                // Before Linux 5.6 there are no time namespaces.
                Err(error) if error.kind() == io::ErrorKind::NotFound && name == "timens_offsets" => {}
                Err(error) => return Err(crate::scratch::named("read", &base.join(name), &error)),
            }
        }
        for name in LINKS {
            if let Ok(target) = fs::read_link(base.join(name)) {
                seen.links.insert(name, target.to_string_lossy().into_owned());
            }
        }
        for entry in fs::read_dir(base.join("fd"))? {
            seen.descriptors.push(entry?.file_name().to_string_lossy().into_owned());
        }
        seen.descriptors.sort();
        Ok(seen)
    }

    /// A file's text; empty where there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.files.get(name).map_or("", String::as_str)
    }

    /// Where a link leads.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&str> {
        self.links.get(name).map(String::as_str)
    }

    /// The words of a line of `status`.
    #[must_use]
    pub fn status(&self, name: &str) -> Vec<&str> {
        let line = self.text("status").lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().split_whitespace().collect()
    }

    /// Strings that end with NUL: of `environ` and `cmdline`.
    #[must_use]
    pub fn strings(&self, name: &str) -> Vec<&str> {
        let text = self.text(name);
        text.strip_suffix('\0').map_or_else(Vec::new, |text| text.split('\0').collect())
    }
}
