//! What a process can change of itself and of its host: credentials, limits, signals, groups, names and clocks of the calling
//! thread; and, when asked, `/proc/sys`.

use std::path::Path;

use super::Kind;
use super::look::Look;
use crate::observe::limits;

/// Fields of `/proc/PID/status` that a process can change (`proc_pid_status(5)`).
const STATUS: [&str; 18] = [
    "Umask",
    "Uid",
    "Gid",
    "Groups",
    "SigBlk",
    "SigIgn",
    "SigCgt",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
    "THP_enabled",
    "Cpus_allowed_list",
    "Mems_allowed_list",
];

/// One line each, or one line a fact.
const FILES: [&str; 5] = ["oom_score_adj", "timens_offsets", "cgroup", "personality", "loginuid"];

/// Below `/proc/sys`: what changes by itself, what does something when it is read, and what would mount something.
const RESTLESS: [&str; 15] = [
    "fs/aio-nr",
    "fs/binfmt_misc",
    "fs/dentry-state",
    "fs/file-nr",
    "fs/inode-nr",
    "fs/inode-state",
    "fs/quota",
    "kernel/ns_last_pid",
    "kernel/perf_event_max_sample_rate",
    "kernel/pty/nr",
    "kernel/random",
    // Before Linux 5.13: how the scheduler tunes itself.
    "kernel/sched_domain",
    "net/netfilter/nf_conntrack_count",
    "vm/stat_refresh",
    "debug",
];

pub(super) fn look(look: &mut Look<'_>) {
    let status = look.read("/proc/thread-self/status").unwrap_or_default();
    for (name, value) in status.lines().filter_map(|line| line.split_once(':')) {
        if STATUS.contains(&name) {
            look.saw(Kind::Settings, format!("own {name}"), value.trim());
        }
    }
    for (name, limit) in limits(&look.read("/proc/thread-self/limits").unwrap_or_default()) {
        let spelled = |value: Option<u64>| value.map_or("unlimited".to_owned(), |value| value.to_string());
        look.saw(Kind::Settings, format!("own {name}"), format!("{} {}", spelled(limit.0), spelled(limit.1)));
    }
    for name in FILES {
        let Some(value) = look.read(format!("/proc/thread-self/{name}")) else { continue };
        look.saw(Kind::Settings, format!("own {name}"), value.trim());
    }
    for name in ["cwd", "root"] {
        let Some(place) = look.link(format!("/proc/thread-self/{name}")) else { continue };
        look.saw(Kind::Settings, format!("own {name}"), place);
    }
    for name in ["hostname", "domainname"] {
        let Some(value) = look.read(format!("/proc/sys/kernel/{name}")) else { continue };
        look.saw(Kind::Settings, name, value.trim());
    }
    if look.scope.parameters {
        parameters(look, "");
    }
}

fn parameters(look: &mut Look<'_>, below: &str) {
    let Ok(entries) = std::fs::read_dir(Path::new("/proc/sys").join(below)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if RESTLESS.contains(&path.as_str()) || is_of_other_link(&path) {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            parameters(look, &path);
        } else if let Ok(value) = std::fs::read(entry.path()) {
            // Those that can only be written, or that are not supported here, are no settings that could differ.
            let value = String::from_utf8_lossy(&value).trim().to_owned();
            look.saw(Kind::Settings, format!("/proc/sys/{path}"), value);
        }
    }
}

/// Links of others come and go with their parameters.
fn is_of_other_link(path: &str) -> bool {
    let mut parts = path.split('/');
    let in_net = parts.next() == Some("net") && parts.next().is_some_and(|family| family.starts_with("ipv"));
    let of_links = in_net && parts.next().is_some_and(|part| part == "conf" || part == "neigh");
    of_links && parts.next().is_some_and(|link| !["all", "default", "lo"].contains(&link))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_links_are_told_from_others() {
        assert!(is_of_other_link("net/ipv4/conf/veth1") && is_of_other_link("net/ipv6/neigh/eth0/delay"));
        for other in ["net/ipv4/conf/all", "net/ipv4/conf", "net/ipv4/ip_forward", "net/core/conf/x", "vm/x"]
        {
            assert!(!is_of_other_link(other), "{other}");
        }
    }
}
