//! Mount options by the names of `mount(8)`: attributes of the mount, propagation, or data for the file system.

use std::ffi::{CStr, CString};
use std::fmt;

use crate::config::Reader;

/// Attributes to set and to clear, `MOUNT_ATTR_*` of `mount_setattr(2)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes {
    /// To set.
    pub set: u64,
    /// To clear.
    pub clear: u64,
}

impl Attributes {
    fn apply(&mut self, change: Attributes) {
        self.set = (self.set & !change.clear) | change.set;
        self.clear = (self.clear & !change.set) | change.clear;
    }

    /// Whether anything is to be changed.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Attributes::default()
    }
}

/// The options of one mount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Of the mount itself.
    pub attributes: Attributes,
    /// Of the mount and all below it (`rro` and the like).
    pub recursive: Attributes,
    /// `MS_PRIVATE` and the like, with `MS_REC` or without, in order.
    pub propagation: Vec<u64>,
    /// For the file system: a key with its value, or a flag.
    pub data: Vec<(CString, Option<CString>)>,
}

const RDONLY: u64 = libc::MOUNT_ATTR_RDONLY;
const NOSUID: u64 = libc::MOUNT_ATTR_NOSUID;
const NODEV: u64 = libc::MOUNT_ATTR_NODEV;
const NOEXEC: u64 = libc::MOUNT_ATTR_NOEXEC;
const ATIME: u64 = libc::MOUNT_ATTR__ATIME;
const NOATIME: u64 = libc::MOUNT_ATTR_NOATIME;
const STRICTATIME: u64 = libc::MOUNT_ATTR_STRICTATIME;
const NODIRATIME: u64 = libc::MOUNT_ATTR_NODIRATIME;
const NOSYMFOLLOW: u64 = libc::MOUNT_ATTR_NOSYMFOLLOW;

/// Name, to set, to clear. The access-time attributes are one field of the kernel's, so setting one clears the field
/// first; relatime is the field's zero.
const TABLE: [(&str, u64, u64); 18] = [
    ("ro", RDONLY, 0),
    ("rw", 0, RDONLY),
    ("nosuid", NOSUID, 0),
    ("suid", 0, NOSUID),
    ("nodev", NODEV, 0),
    ("dev", 0, NODEV),
    ("noexec", NOEXEC, 0),
    ("exec", 0, NOEXEC),
    ("noatime", NOATIME, ATIME),
    ("atime", 0, ATIME),
    ("relatime", 0, ATIME),
    ("norelatime", STRICTATIME, ATIME),
    ("strictatime", STRICTATIME, ATIME),
    ("nostrictatime", 0, ATIME),
    ("nodiratime", NODIRATIME, 0),
    ("diratime", 0, NODIRATIME),
    ("nosymfollow", NOSYMFOLLOW, 0),
    ("symfollow", 0, NOSYMFOLLOW),
];

const PROPAGATION: [(&str, u64); 4] = [
    ("private", libc::MS_PRIVATE),
    ("slave", libc::MS_SLAVE),
    ("shared", libc::MS_SHARED),
    ("unbindable", libc::MS_UNBINDABLE),
];

fn attribute(name: &str) -> Option<Attributes> {
    TABLE.iter().find(|(known, ..)| *known == name).map(|&(_, set, clear)| Attributes { set, clear })
}

/// `private`, `rslave` and so on.
fn propagation(name: &str) -> Option<u64> {
    let flag = |name: &str| PROPAGATION.iter().find(|(known, _)| *known == name).map(|(_, flag)| *flag);
    flag(name).or_else(|| name.strip_prefix('r').and_then(flag).map(|flag| flag | libc::MS_REC))
}

/// The names of all options that are not the file system's own, each once.
#[must_use]
pub fn names() -> Vec<String> {
    let attributes = TABLE.iter().map(|(name, ..)| *name);
    let plain = attributes.chain(PROPAGATION.iter().map(|(name, _)| *name));
    let both = plain.flat_map(|name| [name.to_owned(), format!("r{name}")]);
    both.chain(BINDS.map(str::to_owned)).collect()
}

/// Options that say what is mounted, and the one that says nothing.
const BINDS: [&str; 3] = ["bind", "rbind", "defaults"];

impl Options {
    /// The last of contradicting options wins, as `mount(8)` has it.
    pub(super) fn read(reader: &mut Reader<'_>, path: &str, names: &[String]) -> Options {
        let mut options = Options::default();
        for (index, name) in names.iter().enumerate() {
            if let Some(change) = attribute(name) {
                options.attributes.apply(change);
            } else if let Some(change) = name.strip_prefix('r').and_then(attribute) {
                options.recursive.apply(change);
            } else if let Some(flag) = propagation(name) {
                options.propagation.push(flag);
            } else if !BINDS.contains(&name.as_str()) {
                options.add_data(reader, &format!("{path}[{index}]"), name);
            }
        }
        options
    }

    fn add_data(&mut self, reader: &mut Reader<'_>, path: &str, option: &str) {
        let (key, value) = match option.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (option, None),
        };
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
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<String> = Vec::new();
        for (prefix, attributes) in [("", self.attributes), ("r", self.recursive)] {
            names.extend(names_of(attributes).map(|name| format!("{prefix}{name}")));
        }
        for flag in &self.propagation {
            let below = if flag & libc::MS_REC == 0 { "" } else { "r" };
            let plain = PROPAGATION.iter().find(|(_, known)| *known == flag & !libc::MS_REC);
            names.extend(plain.map(|(name, _)| format!("{below}{name}")));
        }
        let text = |text: &CStr| text.to_string_lossy().into_owned();
        names.extend(self.data.iter().map(|(key, value)| match value {
            Some(value) => format!("{}={}", text(key), text(value)),
            None => text(key),
        }));
        if names.is_empty() { Ok(()) } else { write!(f, " ({})", names.join(",")) }
    }
}

/// The names of attributes, in the order of the table.
fn names_of(attributes: Attributes) -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter_map(move |&(name, set, clear)| {
        let sets = set != 0 && attributes.set & set == set;
        let clears = set == 0 && clear != ATIME && attributes.clear & clear == clear;
        (sets && name != "norelatime" || clears).then_some(name)
    })
}
