//! What can be seen from inside, as plain data: gathered once, judged elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use isolab_core::capability;
use isolab_core::observe::{self, IdMapLine, MountInfo, Status};

use crate::probe::{Argument, Question};

/// Everything that the verdicts are made from; what could not be seen is `None` or absent.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The process's number.
    pub(super) pid: Option<u32>,
    /// The effective user.
    pub(super) uid: Option<u32>,
    /// `/proc/self/status`.
    pub(super) status: Option<Status>,
    /// `/proc/self/mountinfo`.
    pub(super) mounts: Option<Vec<MountInfo>>,
    /// `/proc/self/uid_map`.
    pub(super) uid_map: Option<Vec<IdMapLine>>,
    /// Descriptors beyond 0 to 2 and what they lead to.
    pub(super) descriptors: Option<Vec<String>>,
    /// Files by path: first line, or the error's name.
    pub(super) files: BTreeMap<&'static str, Result<String, String>>,
    /// What became of opening a file for writing: `ok` or the error's name.
    pub(super) writes: BTreeMap<&'static str, String>,
    /// What became of system calls, by a name of their own: `ok`, an error's name, or a signal.
    pub(super) calls: BTreeMap<&'static str, String>,
    /// Names in `/dev`.
    pub(super) devices: Option<Vec<String>>,
    /// Masked paths that are visible, and how.
    pub(super) unmasked: Option<Vec<String>>,
    /// Control group files: how many there are, and which open for writing.
    pub(super) control_files: Option<(u64, Vec<String>)>,
    /// Which of the engines' sockets, and of the service tokens, exist; `None` when the root cannot be listed.
    pub(super) sockets: Option<Vec<&'static str>>,
    /// Whether a service account token exists.
    pub(super) token: Option<bool>,
    /// Answers of the probe to the questions of `more`.
    pub(super) answers: BTreeMap<&'static str, serde_json::Value>,
    /// Names of the environment's variables.
    pub(super) variables: Option<Vec<String>>,
    /// Names of abstract sockets.
    pub(super) abstract_sockets: Option<Vec<String>>,
}

/// Files whose first line is of interest.
const FILES: [&str; 10] = [
    "/proc/2/comm",
    "/proc/self/attr/current",
    "/proc/sys/kernel/yama/ptrace_scope",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/pids.max",
    "/sys/fs/cgroup/pids/pids.max",
    "/proc/self/cgroup",
    "/proc/self/comm",
    "/proc/1/comm",
];

/// Files that are opened for writing, and closed.
const WRITES: [&str; 3] =
    ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/kernel/domainname"];

/// Paths that the usual engines mask.
const MASKED: [&str; 12] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// Where container engines listen.
const SOCKETS: [&str; 7] = [
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/var/run/crio/crio.sock",
    "/run/podman/podman.sock",
    "/run/k3s/containerd/containerd.sock",
];

const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

impl Seen {
    /// Looks.
    pub(super) fn now() -> Seen {
        let read = |path: &str| fs::read_to_string(path).ok();
        Seen {
            pid: Some(std::process::id()),
            uid: Some(isolab_core::sys::credential::uid()),
            status: read("/proc/self/status").map(|text| observe::status(&text)),
            mounts: read("/proc/self/mountinfo").map(|text| observe::mountinfo(&text)),
            uid_map: read("/proc/self/uid_map").map(|text| observe::id_map(&text)),
            descriptors: descriptors(),
            files: FILES.map(|path| (path, first_line(path))).into(),
            writes: WRITES.map(|path| (path, opened(path))).into(),
            calls: calls(),
            devices: names("/dev"),
            unmasked: Path::new("/proc/self").exists().then(|| texts(&masked()["visible"])),
            control_files: control_files(),
            sockets: names("/")
                .map(|_| SOCKETS.into_iter().filter(|path| Path::new(path).exists()).collect()),
            token: names("/").map(|_| Path::new(TOKEN).exists()),
            answers: super::more::ask(),
            variables: Some(
                std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect(),
            ),
            abstract_sockets: read("/proc/self/net/unix").map(|text| abstract_sockets(&text)),
        }
    }

    /// The bounding set, from `/proc` or by asking for one capability after the other.
    pub(super) fn bounding(&self) -> Option<u64> {
        self.status.as_ref().map(|status| status.caps.bounding).or_else(|| {
            let bit = |name: &str| self.calls.get(name).is_some_and(|answer| answer == "1");
            let set = BOUNDING
                .iter()
                .enumerate()
                .filter(|(_, name)| bit(name))
                .fold(0, |set, (number, _)| set | 1 << number);
            self.calls.contains_key(BOUNDING[0]).then_some(set)
        })
    }
}

/// Names under which the answers for each capability are kept.
const BOUNDING: [&str; 41] = capability::NAMES;

fn calls() -> BTreeMap<&'static str, String> {
    // prctl(2): PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS. CLONE_NEWUSER. AF_ALG. The ring's size is none, the log's is not read.
    let mut tried: BTreeMap<_, _> = [
        ("seccomp", "prctl", [21, 0, 0]),
        ("no_new_privs", "prctl", [39, 0, 0]),
        ("user namespace", "unshare", [0x1000_0000, 0, 0]),
        ("io_uring", "io_uring_setup", [0, 0, 0]),
        ("AF_ALG", "socket", [38, 5, 0]),
        ("kernel log", "syslog", [3, 1, 0]),
    ]
    .map(|(key, name, args)| (key, call(name, args)))
    .into();
    if !Path::new("/proc/self/status").exists() {
        // PR_CAPBSET_READ
        tried.extend(
            BOUNDING.iter().enumerate().map(|(number, name)| (*name, call("prctl", [23, number as i64, 0]))),
        );
    }
    tried
}

fn call(name: &str, args: [i64; 3]) -> String {
    let args = args.map(Argument::Number).into();
    let answer = Question::Syscall { name: name.into(), args }.answer();
    answer.as_str().map_or_else(|| answer.to_string(), str::to_owned)
}

fn first_line(path: &str) -> Result<String, String> {
    let answer = Question::Read { path: path.into() }.answer();
    match answer.as_str() {
        Some(text) => Ok(text.trim_end_matches('\0').lines().next().unwrap_or_default().to_owned()),
        None => Err(answer["error"].as_str().unwrap_or_default().to_owned()),
    }
}

fn opened(path: &str) -> String {
    let answer = Question::Open { path: path.into(), write: true, create: false }.answer();
    answer.as_str().unwrap_or_default().to_owned()
}

fn masked() -> serde_json::Value {
    Question::Masked { paths: MASKED.map(String::from).into() }.answer()
}

fn control_files() -> Option<(u64, Vec<String>)> {
    let names = ["cgroup.procs", "tasks", "release_agent", "memory.max", "memory.limit_in_bytes", "pids.max"];
    let question =
        Question::Writable { path: "/sys/fs/cgroup".into(), names: names.map(String::from).into() };
    let answer = question.answer();
    let seen = answer["seen"].as_u64().filter(|seen| *seen > 0)?;
    Some((seen, texts(&answer["writable"])))
}

fn texts(list: &serde_json::Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn names(dir: &str) -> Option<Vec<String>> {
    let names =
        fs::read_dir(dir).ok()?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Some(names.collect())
}

fn descriptors() -> Option<Vec<String>> {
    let entries = fs::read_dir("/proc/self/fd").ok()?.flatten();
    let more = entries.filter(|entry| {
        entry.file_name().to_str().and_then(|name| name.parse().ok()).is_some_and(|number: i32| number > 2)
    });
    let leads = more.filter_map(|entry| Some((entry.file_name(), fs::read_link(entry.path()).ok()?)));
    let others = leads.filter(|(_, target)| !(target.starts_with("/proc") && target.ends_with("fd")));
    Some(
        others
            .map(|(number, target)| format!("{} → {}", number.to_string_lossy(), target.display()))
            .collect(),
    )
}

/// Names in the last column that begin with `@` (unix(7)).
fn abstract_sockets(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(7))
        .filter(|name| name.starts_with('@'))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abstract_sockets_are_those_with_an_at_sign() {
        let text = "Num RefCount Protocol Flags Type St Inode Path\n\
                    0: 00000002 00000000 00010000 0001 01 20134 @/containerd-shim/x.sock\n\
                    1: 00000003 00000000 00000000 0001 03 20135\n\
                    2: 00000002 00000000 00010000 0001 01 20136 /run/x.sock\n";
        assert_eq!(abstract_sockets(text), ["@/containerd-shim/x.sock"]);
    }
}
