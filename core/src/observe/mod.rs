//! What the kernel says of a process, read back: asked versus got.
//!
//! The parsers are pure and work on text from anywhere; [`Observation::of`] reads `/proc` and the groups' files.

mod compare;
mod confinement;
mod environ;
mod groups;
mod mountinfo;
mod stat;
mod status;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::Cgroups;
use crate::namespace::Kind;
use crate::planted::planted;

pub use compare::{Enforced, compare};
pub use confinement::Confinement;
pub(crate) use environ::environ;
#[cfg(feature = "launch")]
pub(crate) use environ::is_program;
pub use groups::directory as group_directory;
use groups::{device_programs, group_values, is_value};
pub use mountinfo::{MountInfo, mountinfo};
pub use stat::{Stat, stat, stat_of};
pub use status::{Status, status};

/// Everything observed of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Inode of each namespace, by the name of its link.
    pub namespaces: BTreeMap<String, u64>,
    /// `/proc/PID/status`.
    pub status: Status,
    /// `/proc/PID/mountinfo`.
    pub mounts: Vec<MountInfo>,
    /// `/proc/PID/cgroup`, as the observer sees it.
    pub cgroups: Vec<CgroupLine>,
    /// `/proc/PID/uid_map`.
    pub uid_map: Vec<IdMapLine>,
    /// `/proc/PID/gid_map`.
    pub gid_map: Vec<IdMapLine>,
    /// `/proc/PID/limits`: soft and hard, `None` for unlimited, by the names of `setrlimit(2)`.
    pub rlimits: BTreeMap<String, (Option<u64>, Option<u64>)>,
    /// Open descriptors and what they lead to.
    pub fds: Vec<(i32, String)>,
    /// Values of the process's groups, by file name.
    pub cgroup_values: BTreeMap<String, String>,
    /// How many device programs the process's v2 group has of its own.
    #[serde(default)]
    pub device_programs: Option<u32>,
    /// Working directory, from the process's root.
    pub cwd: Option<String>,
    /// `/proc/PID/oom_score_adj`.
    pub oom_score_adj: Option<i32>,
    /// `/proc/PID/timens_offsets`: seconds and nanoseconds by clock.
    pub time_offsets: BTreeMap<String, (i64, u32)>,
    /// Whether its network namespace has the address 127.0.0.1, which it has once `lo` is up; `None` when unknown.
    #[serde(default)]
    pub loopback: Option<bool>,
    /// Which of [`SENSITIVE`] exist in its root, masked or not.
    pub sensitive: Vec<String>,
    /// Labels, scheduling and the like.
    #[serde(default)]
    pub confinement: Confinement,
    /// `/proc/PID/environ`; not stored, since it may hold secrets.
    #[serde(skip)]
    pub env: Option<Vec<String>>,
}

/// The paths that `runc spec` and Docker mask or make read-only. Whether another masked path exists cannot be told
/// from outside; that one of these is uncovered can.
pub const SENSITIVE: [&str; 18] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/bus",
    "/proc/fs",
    "/proc/interrupts",
    "/proc/irq",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/sys",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/system/cpu/cpu0/thermal_throttle",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// One line of `/proc/PID/cgroup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupLine {
    /// Hierarchy number; 0 is v2.
    pub hierarchy: u32,
    /// Controllers; empty for v2.
    pub controllers: Vec<String>,
    /// Path from the root of the reader's cgroup namespace.
    pub path: String,
}

/// One line of an id map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMapLine {
    /// First id inside.
    pub inside: u32,
    /// First id outside, as the reader sees it.
    pub outside: u32,
    /// How many.
    pub length: u32,
}

/// A file of `/proc` that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("observe process {pid}: read {}: {source}", path.display())]
pub struct Error {
    /// The process.
    pub pid: i32,
    /// The file.
    pub path: PathBuf,
    /// The system's error.
    pub source: io::Error,
}

impl Observation {
    /// Observes a process. Namespaces, status, mounts, groups and id maps must be readable; all else that may not be
    /// read is left out.
    ///
    /// # Errors
    /// When the process has gone, or may not be observed.
    pub fn of(pid: i32, cgroups: &Cgroups) -> Result<Observation, Error> {
        environ::await_program(pid);
        let base = PathBuf::from(format!("/proc/{pid}"));
        let read = |name: &str| {
            let path = base.join(name);
            text_of(&path).map_err(|source| Error { pid, path, source })
        };
        let lines = cgroup_lines(&read("cgroup")?);
        Ok(Observation {
            namespaces: namespaces(pid)?,
            status: status(&read("status")?),
            mounts: mountinfo(&read("mountinfo")?),
            uid_map: id_map(&read("uid_map")?),
            gid_map: id_map(&read("gid_map")?),
            rlimits: read("limits").map(|text| limits(&text)).unwrap_or_default(),
            fds: descriptors(&base.join("fd")),
            cgroup_values: group_values(&lines, cgroups),
            device_programs: device_programs(&lines, cgroups),
            cgroups: lines,
            cwd: std::fs::read_link(base.join("cwd")).ok().map(|path| path.to_string_lossy().into_owned()),
            oom_score_adj: read("oom_score_adj").ok().and_then(|text| text.trim_end().parse().ok()),
            time_offsets: read("timens_offsets").map(|text| time_offsets(&text)).unwrap_or_default(),
            // The kernel's tree of routes: to local addresses too, which `net/route` does not show.
            loopback: read("net/fib_trie").ok().map(|text| text.contains("127.0.0.1")),
            sensitive: sensitive(&base.join("root")),
            confinement: Confinement::of(pid, &base),
            env: environ(pid).ok().map(|bytes| environment(&bytes)),
        })
    }

    /// Reads the kernel parameters that `config` sets, as the namespaces of the process `pid` have them, which takes the
    /// privilege to enter those. What may not be read is left out.
    #[cfg(feature = "launch")]
    pub fn read_sysctls(&mut self, pid: i32, config: &crate::config::Config) {
        let paths: Vec<String> = config.sysctls.iter().map(|sysctl| sysctl.path.clone()).collect();
        if !paths.is_empty() {
            self.confinement.sysctls = confinement::sysctls(pid, &paths);
        }
    }
}

/// A file's text.
pub(crate) fn text_of(path: &Path) -> io::Result<String> {
    std::fs::read(path).map(lossy)
}

/// Bytes as text. A name among them that is no UTF-8, as any process can have one and any mount, hides nothing else.
pub(crate) fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Inodes of a process's namespaces, by the names of their links.
pub(crate) fn namespaces(pid: i32) -> Result<BTreeMap<String, u64>, Error> {
    let base = PathBuf::from(format!("/proc/{pid}"));
    let mut found = BTreeMap::new();
    for kind in Kind::ALL {
        let path = base.join("ns").join(kind.link());
        match std::fs::read_link(&path) {
            Ok(link) => {
                let text = link.to_string_lossy();
                let inode = text.split(['[', ']']).nth(1).and_then(|inode| inode.parse().ok());
                found.extend(inode.map(|inode| (kind.link().to_owned(), inode)));
            }
            // A kernel without this kind.
            Err(error) if error.kind() == io::ErrorKind::NotFound && base.join("ns/pid").is_symlink() => {}
            Err(source) => return Err(Error { pid, path, source }),
        }
    }
    Ok(found)
}

/// Lines as the kernel ends them: what looks like another end of a line is part of a name.
fn lines(text: &str) -> std::str::Split<'_, char> {
    text.split('\n')
}

/// Parses `/proc/PID/cgroup`.
#[must_use]
pub fn cgroup_lines(text: &str) -> Vec<CgroupLine> {
    let line = |line: &str| {
        let mut fields = line.splitn(if planted("group-path-ends-at-a-colon") { 4 } else { 3 }, ':');
        let hierarchy = fields.next()?.parse().ok()?;
        let controllers =
            fields.next()?.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Some(CgroupLine { hierarchy, controllers, path: fields.next()?.to_owned() })
    };
    lines(text).filter_map(line).collect()
}

/// Parses `/proc/PID/uid_map` or `gid_map`.
#[must_use]
pub fn id_map(text: &str) -> Vec<IdMapLine> {
    let line = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(IdMapLine { inside: next()?, outside: next()?, length: next()? })
    };
    lines(text).filter_map(line).collect()
}

/// The kernel's words in `/proc/PID/limits`, and the name of each limit.
const LIMITS: [(&str, &str); 16] = [
    ("Max cpu time", "RLIMIT_CPU"),
    ("Max file size", "RLIMIT_FSIZE"),
    ("Max data size", "RLIMIT_DATA"),
    ("Max stack size", "RLIMIT_STACK"),
    ("Max core file size", "RLIMIT_CORE"),
    ("Max resident set", "RLIMIT_RSS"),
    ("Max processes", "RLIMIT_NPROC"),
    ("Max open files", "RLIMIT_NOFILE"),
    ("Max locked memory", "RLIMIT_MEMLOCK"),
    ("Max address space", "RLIMIT_AS"),
    ("Max file locks", "RLIMIT_LOCKS"),
    ("Max pending signals", "RLIMIT_SIGPENDING"),
    ("Max msgqueue size", "RLIMIT_MSGQUEUE"),
    ("Max nice priority", "RLIMIT_NICE"),
    ("Max realtime priority", "RLIMIT_RTPRIO"),
    ("Max realtime timeout", "RLIMIT_RTTIME"),
];

/// Parses `/proc/PID/limits`.
#[must_use]
pub fn limits(text: &str) -> BTreeMap<String, (Option<u64>, Option<u64>)> {
    let line = |line: &str| {
        let (words, name) = LIMITS.iter().find(|(words, _)| line.starts_with(words))?;
        let mut values = line.get(words.len()..)?.split_whitespace().map(|value| value.parse().ok());
        Some(((*name).to_owned(), (values.next()?, values.next()?)))
    };
    lines(text).filter_map(line).collect()
}

/// Parses `/proc/PID/timens_offsets`.
#[must_use]
pub fn time_offsets(text: &str) -> BTreeMap<String, (i64, u32)> {
    let line = |line: &str| {
        let mut fields = line.split_whitespace();
        let clock = fields.next()?.to_owned();
        Some((clock, (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?)))
    };
    lines(text).filter_map(line).collect()
}

/// Links are not followed, so that one planted in the root does not lead to the observer's own files.
fn sensitive(root: &Path) -> Vec<String> {
    let there = |path: &&&str| root.join(path.trim_start_matches('/')).symlink_metadata().is_ok();
    SENSITIVE.iter().filter(there).map(|path| (*path).to_owned()).collect()
}

fn environment(bytes: &[u8]) -> Vec<String> {
    let entries = bytes.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    entries.map(|entry| String::from_utf8_lossy(entry).into_owned()).collect()
}

fn descriptors(directory: &Path) -> Vec<(i32, String)> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let one = |entry: std::fs::DirEntry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        Some((number, std::fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned()))
    };
    let mut found: Vec<_> = entries.flatten().filter_map(one).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_utf_8_hides_nothing() {
        let name = format!("/proc/{}/comm", std::process::id());
        let before = std::fs::read(&name).unwrap();
        std::fs::write(&name, b"a\xff").unwrap();
        let seen = Observation::of(std::process::id().cast_signed(), &Cgroups::default());
        std::fs::write(&name, before).unwrap();
        assert_eq!(seen.unwrap().status.name, "a\u{fffd}");
    }

    #[test]
    fn reads_hybrid_cgroup_lines() {
        let lines = cgroup_lines("4:cpu,cpuacct:/a:b\n1:name=systemd:/\n0::/x\n");
        assert_eq!(lines[0].controllers, ["cpu", "cpuacct"]);
        assert_eq!(lines[0].path, "/a:b");
        assert_eq!((lines[2].hierarchy, lines[2].controllers.len()), (0, 0));
    }

    #[test]
    fn reads_limits_with_unlimited() {
        let text = "Limit  Soft  Hard  Units\nMax open files            64                   unlimited            files\n";
        assert_eq!(limits(text)["RLIMIT_NOFILE"], (Some(64), None));
    }

    #[test]
    fn reads_time_offsets_of_both_signs() {
        let offsets =
            time_offsets("monotonic           86400         0\nboottime              -7         9\n");
        assert_eq!((offsets["monotonic"], offsets["boottime"]), ((86_400, 0), (-7, 9)));
    }

    #[test]
    fn reads_id_maps_and_skips_rubbish() {
        assert_eq!(
            id_map("         0       1000          1\n"),
            [IdMapLine { inside: 0, outside: 1000, length: 1 }]
        );
        assert!(id_map("0 x 1\n\n").is_empty());
    }
}
