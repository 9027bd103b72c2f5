//! `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`).

use serde::{Deserialize, Serialize};

use crate::planted::planted;

/// One mount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountInfo {
    /// Mount id.
    pub id: u32,
    /// Id of the mount that it is on.
    pub parent: u32,
    /// Device number.
    pub device: (u32, u32),
    /// What of the file system is mounted.
    pub root: String,
    /// Where, from the process's root.
    pub target: String,
    /// Options of the mount.
    pub options: Vec<String>,
    /// `shared:N`, `master:N` and so on; empty for a private mount.
    pub propagation: Vec<String>,
    /// Type of the file system.
    pub fstype: String,
    /// Source, as given.
    pub source: String,
    /// Options of the file system.
    pub super_options: Vec<String>,
}

/// Parses mountinfo; malformed lines are left out.
#[must_use]
pub fn mountinfo(text: &str) -> Vec<MountInfo> {
    super::lines(text).filter_map(line).collect()
}

fn line(line: &str) -> Option<MountInfo> {
    let (mount, system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ');
    let mut system = system.split(' ');
    let list = |text: &str| text.split(',').map(unescape).collect();
    Some(MountInfo {
        id: mount.next()?.parse().ok()?,
        parent: mount.next()?.parse().ok()?,
        device: {
            let (major, minor) = mount.next()?.split_once(':')?;
            (major.parse().ok()?, minor.parse().ok()?)
        },
        root: unescape(mount.next()?),
        target: {
            let target = unescape(mount.next()?);
            if planted("unescaped-twice") { unescape(&target) } else { target }
        },
        options: list(mount.next()?),
        propagation: match planted("one-optional-field") {
            true => mount.take(1).map(str::to_owned).collect(),
            false => mount.map(str::to_owned).collect(),
        },
        fstype: unescape(system.next()?),
        source: unescape(system.next()?),
        super_options: list(system.next().unwrap_or_default()),
    })
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 4).filter(|_| *byte == b'\\');
        let value = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match value.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(value) => {
                out.push(value);
                at += 4;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_optional_fields_and_escapes() {
        let text =
            r"36 35 98:0 /a\040b /mnt\134x rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue";
        let mount = &mountinfo(text)[0];
        assert_eq!((mount.id, mount.parent, mount.device), (36, 35, (98, 0)));
        assert_eq!((mount.root.as_str(), mount.target.as_str()), ("/a b", r"/mnt\x"));
        assert_eq!(mount.propagation, ["master:1", "shared:7"]);
        assert_eq!((mount.fstype.as_str(), mount.super_options.len()), ("ext3", 2));
    }

    #[test]
    fn leaves_out_what_is_no_mount() {
        assert!(mountinfo("1 2 3 - x\n\ngarbage - \n").is_empty());
    }
}
