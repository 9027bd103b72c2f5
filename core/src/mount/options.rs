//! Mount options by the names of `mount(8)` and of the runtime-spec (config.md, "Linux mount options"), each by what it
//! means: an attribute of the mount, a flag of the file system, propagation, what is mounted and how, or, where the name
//! is none of these, data for the file system.
//!
//! `silent` and `loud` only say what the kernel logs, and `fsconfig(2)` has no words for them: they are read and change
//! nothing. `iversion` is ext4's `i_version`; the other file systems that keep such a count always do.

use std::ffi::{CStr, CString};
use std::fmt;

use super::table::{
    self, ATTRIBUTES, Attributes, PROPAGATION, SUPERBLOCK, SUPERBLOCK_FLAGS, WITHOUT_EFFECT, names_of,
};
use crate::config::Reader;
use crate::planted::planted;

/// The options of one mount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Of the mount itself.
    pub attributes: Attributes,
    /// Of the mount and all below it (`rro` and the like).
    pub recursive: Attributes,
    /// `MS_PRIVATE` and the like, with `MS_REC` or without, in order.
    pub propagation: Vec<u64>,
    /// Flags of the file system as `fsconfig(2)` names them, in order.
    pub superblock: Vec<&'static CStr>,
    /// For the file system: a key with its value, or a flag.
    pub data: Vec<(CString, Option<CString>)>,
    /// `bind` (`false`) or `rbind` (`true`).
    pub bind: Option<bool>,
    /// `remount`: what is there already is changed.
    pub remount: bool,
    /// `idmap` (`false`) or `ridmap` (`true`).
    pub idmap: Option<bool>,
    /// `tmpcopyup`: a tmpfs begins with what it covers.
    pub copy_up: bool,
}

fn attribute(name: &str) -> Option<Attributes> {
    ATTRIBUTES.iter().find(|(known, ..)| *known == name).map(|&(_, set, clear)| Attributes { set, clear })
}

/// `private`, `rslave` and so on.
fn propagation(name: &str) -> Option<u64> {
    let flag = |name: &str| PROPAGATION.iter().find(|(known, _)| *known == name).map(|(_, flag)| *flag);
    flag(name).or_else(|| name.strip_prefix('r').and_then(flag).map(|flag| flag | libc::MS_REC))
}

/// The names of all options that are not the file system's own, sorted: what `features` lists as `mountOptions`.
#[must_use]
pub fn known() -> Vec<String> {
    let own = ["bind", "rbind", "remount", "idmap", "ridmap", "tmpcopyup", "iversion", "noiversion"];
    let both = ATTRIBUTES.iter().map(|(name, ..)| *name).chain(PROPAGATION.iter().map(|(name, _)| *name));
    let once = own.into_iter().chain(WITHOUT_EFFECT).chain(SUPERBLOCK.iter().map(|(name, _)| *name));
    let mut names: Vec<String> = both.flat_map(|name| [name.to_owned(), format!("r{name}")]).collect();
    names.extend(once.map(str::to_owned));
    names.sort();
    names
}

impl Options {
    /// The last of contradicting options wins, as `mount(8)` has it. Each comes with its place in the config's list.
    pub(crate) fn read<'n>(
        reader: &mut Reader<'_>,
        path: &str,
        kind: &str,
        names: impl IntoIterator<Item = (usize, &'n String)>,
    ) -> Options {
        let mut options = Options::default();
        for (index, name) in names {
            if !options.apply(name, kind) {
                options.add_data(reader, &format!("{path}[{index}]"), name);
            }
        }
        options
    }

    /// Takes an option that is not the file system's own; `false` where it is.
    fn apply(&mut self, name: &str, kind: &str) -> bool {
        if let Some(change) = attribute(name) {
            self.attributes.apply(change);
        } else if let Some(change) = name.strip_prefix('r').and_then(attribute) {
            self.recursive.apply(change);
        } else if let Some(flag) = propagation(name) {
            self.propagation.push(flag);
        } else if let Some((_, flag)) = SUPERBLOCK.iter().find(|(known, _)| *known == name) {
            self.superblock.push(flag);
        } else if !WITHOUT_EFFECT.contains(&name) {
            match name {
                "bind" => self.bind = Some(false),
                "rbind" => self.bind = Some(true),
                "remount" => self.remount = true,
                "idmap" => self.idmap = Some(false),
                "ridmap" => self.idmap = Some(true),
                "tmpcopyup" => self.copy_up = true,
                "iversion" | "noiversion" => self.keep_versions(name == "iversion" && kind == "ext4"),
                _ => return false,
            }
        }
        true
    }

    fn keep_versions(&mut self, keep: bool) {
        self.data.retain(|(key, _)| key.as_c_str() != c"i_version");
        if keep {
            self.data.push((c"i_version".to_owned(), None));
        }
    }

    fn add_data(&mut self, reader: &mut Reader<'_>, path: &str, option: &str) {
        let (key, value) = match option.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (option, None),
        };
        let given = |(known, _): &(CString, _)| known.as_bytes() == key.as_bytes();
        if planted("first-of-two-values-wins") && self.data.iter().any(given) {
            return;
        }
        if key.is_empty() {
            reader.refuse(path, format!("{option:?} has no name"));
        }
        // fsconfig(2) takes strings of up to 255 bytes.
        if key.len() > 255 || value.is_some_and(|value| value.len() > 255) {
            reader.refuse(path, "is longer than the 255 bytes that the kernel takes");
        }
        let value = value.map(|value| reader.text(path, value));
        self.data.push((reader.text(path, key), value));
    }

    /// Whether it is to be read-only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.attributes.set & libc::MOUNT_ATTR_RDONLY != 0
    }

    /// Flags of `mount(2)` for a new file system: the attributes and the file system's own.
    pub(crate) fn flags(&self) -> u64 {
        let mut flags = table::flags_of(self.attributes.set);
        for name in &self.superblock {
            let Some((_, set, clear)) = SUPERBLOCK_FLAGS.iter().find(|(known, ..)| known == name) else {
                continue;
            };
            flags = flags & !clear | set;
        }
        flags
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<String> = Vec::new();
        for (prefix, attributes) in [("", self.attributes), ("r", self.recursive)] {
            names.extend(names_of(attributes).map(|name| format!("{prefix}{name}")));
        }
        let text = |text: &CStr| text.to_string_lossy().into_owned();
        names.extend(self.superblock.iter().map(|name| text(name)));
        for flag in &self.propagation {
            let below = if flag & libc::MS_REC == 0 { "" } else { "r" };
            let plain = PROPAGATION.iter().find(|(_, known)| *known == flag & !libc::MS_REC);
            names.extend(plain.map(|(name, _)| format!("{below}{name}")));
        }
        names.extend(self.idmap.map(|recursive| if recursive { "ridmap" } else { "idmap" }.to_owned()));
        names.extend(self.copy_up.then(|| "tmpcopyup".to_owned()));
        names.extend(self.data.iter().map(|(key, value)| match value {
            Some(value) => format!("{}={}", text(key), text(value)),
            None => text(key),
        }));
        if names.is_empty() { Ok(()) } else { write!(f, " ({})", names.join(",")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, names: &[&str]) -> Options {
        let mut options = Options::default();
        for name in names {
            assert!(options.apply(name, kind), "{name}");
        }
        options
    }

    /// The table of the runtime-spec, config.md, "Linux mount options".
    const SPEC: &str = "async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev \
                        nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow \
                        private ratime rbind rdev rdiratime relatime remount rexec rnoatime rnodev rnodiratime rnoexec \
                        rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave \
                        rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow \
                        sync tmpcopyup unbindable idmap ridmap";

    #[test]
    fn every_option_of_the_spec_is_taken_by_its_meaning() {
        let mut all = Options::default();
        for name in SPEC.split_whitespace() {
            assert!(all.apply(name, "ext4"), "{name} went to the file system");
            assert!(known().iter().any(|known| known == name), "{name} is not listed");
        }
        for name in known() {
            assert!(Options::default().apply(&name, "ext4"), "{name} is listed and not known");
        }
        assert!(!all.apply("size=1m", "tmpfs"));
    }

    #[test]
    fn the_last_of_contradicting_options_wins() {
        let options = read("tmpfs", &["ro", "rw", "noatime", "strictatime", "bind", "rbind", "rro", "rrw"]);
        let strict = libc::MOUNT_ATTR_STRICTATIME;
        assert_eq!(options.attributes.set, strict);
        assert_eq!(options.attributes.clear & libc::MOUNT_ATTR_RDONLY, libc::MOUNT_ATTR_RDONLY);
        assert_eq!((options.recursive.set, options.bind), (0, Some(true)));
        let options = read("ext4", &["iversion", "sync", "async", "dirsync"]);
        assert_eq!(options.flags(), libc::MS_DIRSYNC);
        assert_eq!(options.data, [(c"i_version".to_owned(), None)]);
        assert!(read("ext4", &["iversion", "noiversion"]).data.is_empty());
        assert!(read("tmpfs", &["iversion"]).data.is_empty());
    }

    #[test]
    fn attributes_have_their_flags_of_mount() {
        let flags = |names: &[&str]| read("tmpfs", names).flags();
        assert_eq!(flags(&["ro", "nosuid", "noexec"]), libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NOEXEC);
        assert_eq!(flags(&["noatime", "nodiratime"]), libc::MS_NOATIME | libc::MS_NODIRATIME);
        assert_eq!(flags(&["strictatime", "nosymfollow"]), libc::MS_STRICTATIME | libc::MS_NOSYMFOLLOW);
        assert_eq!(flags(&["mand", "lazytime"]), libc::MS_MANDLOCK | table::LAZYTIME);
    }
}
