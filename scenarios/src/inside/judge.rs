//! The verdicts: pure functions from what was seen.

use isolab_core::capability;

use super::Verdict::{self, Good, Unknown, Weak};
use super::more;
use super::seen::Seen;

/// A verdict and what it was made from, in words.
pub(super) type Judged = (Verdict, String);
/// Judges one fact.
pub(super) type Judge = fn(&Seen) -> Judged;

/// The judge of each fact, in the catalogue's order.
pub(super) const IDS: &[(&str, Judge)] = &[
    ("pid-namespace", pid_namespace),
    ("user-namespace", user_namespace),
    ("user", user),
    ("capabilities", capabilities),
    ("bounding-set", bounding_set),
    ("no-new-privs", no_new_privs),
    ("seccomp", seccomp),
    ("nested-user-namespace", nested_user_namespace),
    ("io-uring", io_uring),
    ("crypto-sockets", crypto_sockets),
    ("lsm", lsm),
    ("masked-paths", masked_paths),
    ("proc-sys", proc_sys),
    ("sysrq", sysrq),
    ("control-groups", control_groups),
    ("memory-limit", memory_limit),
    ("pids-limit", pids_limit),
    ("devices", devices),
    ("runtime-sockets", runtime_sockets),
    ("host-mounts", host_mounts),
    ("propagation", propagation),
    ("read-only-root", read_only_root),
    ("abstract-sockets", abstract_sockets),
    ("kernel-log", kernel_log),
    ("ptrace", ptrace),
    ("descriptors", descriptors),
    ("service-token", service_token),
    ("root-escape", more::root_escape),
    ("kernel-settings", more::kernel_settings),
    ("terminal", more::terminal),
    ("host-network", more::host_network),
    ("oom-score", more::oom_score),
    ("vsock", more::vsock),
    ("personality", more::personality),
    ("keyrings", more::keyrings),
    ("bpf", more::bpf),
    ("userfaultfd", more::userfaultfd),
    ("mount", more::mount),
    ("foreign-calls", more::foreign_calls),
    ("secrets", more::secrets),
];

pub(super) fn find(id: &str) -> Option<Judge> {
    IDS.iter().find(|(known, _)| *known == id).map(|(_, judge)| *judge)
}

/// What Docker and containerd give by default (moby, oci/caps/defaults.go).
const DEFAULT_CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

pub(super) const NO_PROC: &str = "no /proc here";

pub(super) fn unknown(why: &str) -> Judged {
    (Unknown, why.into())
}

fn good_if(good: bool, found: impl Into<String>) -> Judged {
    (if good { Good } else { Weak }, found.into())
}

/// Good when nothing was found.
pub(super) fn none_of(found: &[String], none: &str) -> Judged {
    if found.is_empty() { (Good, none.into()) } else { (Weak, found.join(", ")) }
}

fn pid_namespace(seen: &Seen) -> Judged {
    match (seen.files.get("/proc/2/comm"), seen.pid) {
        (Some(Ok(name)), _) if name == "kthreadd" => {
            (Weak, "process 2 is the kernel's: this is the host's".into())
        }
        (_, Some(1)) => (Good, "this is process 1, and no kernel thread is visible".into()),
        (Some(_), Some(pid)) if seen.status.is_some() => {
            (Good, format!("process {pid}, and no kernel thread is visible"))
        }
        (_, Some(pid)) => (Unknown, format!("process {pid}, and {NO_PROC}")),
        (_, None) => unknown(NO_PROC),
    }
}

fn user_namespace(seen: &Seen) -> Judged {
    let Some(map) = &seen.uid_map else { return unknown(NO_PROC) };
    match map.iter().find(|line| line.inside == 0) {
        Some(line) if line.outside == 0 => (Weak, "root in here is root outside".into()),
        Some(line) => (Good, format!("root in here is user {} outside", line.outside)),
        None => (Good, "root is not mapped".into()),
    }
}

fn user(seen: &Seen) -> Judged {
    seen.uid.map_or_else(
        || unknown("the user id cannot be asked for"),
        |uid| good_if(uid != 0, format!("user {uid}")),
    )
}

fn beyond_default(set: u64) -> Judged {
    let more: Vec<_> = capability::names(set)
        .into_iter()
        .filter(|name| !DEFAULT_CAPABILITIES.contains(&name.as_str()))
        .collect();
    match (set, more.is_empty()) {
        (0, _) => (Good, "none".into()),
        (_, true) => (Good, format!("{} of the usual default", set.count_ones())),
        _ => (Weak, more.join(", ")),
    }
}

fn capabilities(seen: &Seen) -> Judged {
    seen.status.as_ref().map_or_else(|| unknown(NO_PROC), |status| beyond_default(status.caps.effective))
}

fn bounding_set(seen: &Seen) -> Judged {
    seen.bounding().map_or_else(|| unknown(NO_PROC), beyond_default)
}

fn no_new_privs(seen: &Seen) -> Judged {
    let told = seen.status.as_ref().map(|status| status.no_new_privs);
    let asked =
        seen.calls.get("no_new_privs").and_then(|answer| answer.parse::<u32>().ok()).map(|value| value == 1);
    told.or(asked).map_or_else(|| unknown(NO_PROC), |set| good_if(set, if set { "set" } else { "not set" }))
}

fn seccomp(seen: &Seen) -> Judged {
    let told = seen.status.as_ref().map(|status| status.seccomp);
    let asked = seen.calls.get("seccomp").and_then(|answer| answer.parse::<u32>().ok());
    match told.or(asked) {
        Some(0) => (Weak, "no filter".into()),
        Some(mode) => (Good, format!("mode {mode}")),
        None => unknown(NO_PROC),
    }
}

/// A call that should be refused: errors that mean refusal are good.
fn refused(seen: &Seen, call: &str, refusals: &[&str]) -> Judged {
    match seen.calls.get(call) {
        None => unknown("it was not tried"),
        Some(answer) if refusals.contains(&answer.as_str()) || answer.starts_with("killed") => {
            (Good, answer.clone())
        }
        Some(answer) if answer.parse::<i64>().is_ok() => (Weak, "allowed".into()),
        Some(answer) => (Weak, format!("not refused ({answer})")),
    }
}

fn nested_user_namespace(seen: &Seen) -> Judged {
    // ENOSPC: user.max_user_namespaces is reached or 0 (user_namespaces(7)).
    refused(seen, "user namespace", &["EPERM", "ENOSYS", "ENOSPC", "EACCES", "EINVAL"])
}

fn io_uring(seen: &Seen) -> Judged {
    refused(seen, "io_uring", &["EPERM", "ENOSYS", "EACCES"])
}

fn crypto_sockets(seen: &Seen) -> Judged {
    refused(seen, "AF_ALG", &["EPERM", "ENOSYS", "EACCES", "EAFNOSUPPORT"])
}

fn kernel_log(seen: &Seen) -> Judged {
    refused(seen, "kernel log", &["EPERM", "ENOSYS", "EACCES"])
}

fn lsm(seen: &Seen) -> Judged {
    match seen.files.get("/proc/self/attr/current") {
        Some(Ok(label)) if label.is_empty() || label.starts_with("unconfined") => (Weak, "unconfined".into()),
        Some(Ok(label)) => (Good, label.clone()),
        Some(Err(_)) if seen.status.is_some() => (Weak, "no LSM labels this process".into()),
        _ => unknown(NO_PROC),
    }
}

fn masked_paths(seen: &Seen) -> Judged {
    seen.unmasked
        .as_ref()
        .map_or_else(|| unknown(NO_PROC), |visible| none_of(visible, "all that exist are masked"))
}

fn not_writable(seen: &Seen, path: &'static str) -> Judged {
    match seen.writes.get(path).map(String::as_str) {
        Some("ok") => (Weak, format!("{path} opens for writing")),
        Some("ENOENT") if seen.status.is_none() => unknown(NO_PROC),
        Some(error) => (Good, format!("{path}: {error}")),
        None => unknown(NO_PROC),
    }
}

fn proc_sys(seen: &Seen) -> Judged {
    not_writable(seen, "/proc/sys/kernel/core_pattern")
}

fn sysrq(seen: &Seen) -> Judged {
    not_writable(seen, "/proc/sysrq-trigger")
}

fn control_groups(seen: &Seen) -> Judged {
    match &seen.control_files {
        None if seen.mounts.is_some() => (Good, "no control groups are mounted".into()),
        None => unknown(NO_PROC),
        Some((count, writable)) => {
            none_of(writable, &format!("{count} control files, none opens for writing"))
        }
    }
}

/// The first of these files that can be read; a limit of half the address space is none (v1 has no word for it).
fn limit(seen: &Seen, paths: [&str; 2]) -> Judged {
    let value = paths.iter().find_map(|path| seen.files.get(path)?.as_ref().ok());
    match value.map(|text| (text, text.parse::<u64>())) {
        None => unknown("no control group file shows it"),
        Some((_, Ok(number))) if number < 1 << 62 => (Good, number.to_string()),
        Some((text, _)) => (Weak, format!("no limit ({text})")),
    }
}

fn memory_limit(seen: &Seen) -> Judged {
    limit(seen, ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"])
}

fn pids_limit(seen: &Seen) -> Judged {
    limit(seen, ["/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"])
}

fn devices(seen: &Seen) -> Judged {
    const DEFAULT: [&str; 17] = [
        "null",
        "zero",
        "full",
        "random",
        "urandom",
        "tty",
        "console",
        "ptmx",
        "pts",
        "shm",
        "mqueue",
        "fd",
        "stdin",
        "stdout",
        "stderr",
        "core",
        "termination-log",
    ];
    let Some(names) = &seen.devices else { return unknown("no /dev here") };
    let mut more: Vec<_> = names.iter().filter(|name| !DEFAULT.contains(&name.as_str())).cloned().collect();
    more.sort();
    none_of(&more, "the default set")
}

fn runtime_sockets(seen: &Seen) -> Judged {
    let Some(sockets) = &seen.sockets else { return unknown("the root directory cannot be listed") };
    let found: Vec<_> = sockets.iter().map(|&path| path.to_owned()).collect();
    none_of(&found, "none of the usual ones")
}

fn host_mounts(seen: &Seen) -> Judged {
    // File systems that come from nowhere, or that a runtime makes for each container.
    const OWN: [&str; 13] = [
        "overlay",
        "proc",
        "sysfs",
        "tmpfs",
        "devpts",
        "mqueue",
        "cgroup",
        "cgroup2",
        "devtmpfs",
        "fuse-overlayfs",
        "bpf",
        "securityfs",
        "nsfs",
    ];
    // Engines write these for each container.
    const ENGINE: [&str; 5] =
        ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/termination-log", "/"];
    let Some(mounts) = &seen.mounts else { return unknown(NO_PROC) };
    let foreign = mounts
        .iter()
        .filter(|mount| !OWN.contains(&mount.fstype.as_str()) && !ENGINE.contains(&mount.target.as_str()));
    let found: Vec<_> =
        foreign.map(|mount| format!("{} ({} {})", mount.target, mount.fstype, mount.root)).collect();
    none_of(&found, "none but those that engines make")
}

fn propagation(seen: &Seen) -> Judged {
    let Some(mounts) = &seen.mounts else { return unknown(NO_PROC) };
    let shared = mounts.iter().filter(|mount| mount.propagation.iter().any(|tag| tag.starts_with("shared")));
    let found: Vec<_> = shared.map(|mount| mount.target.clone()).collect();
    none_of(&found, "no mount is shared")
}

fn read_only_root(seen: &Seen) -> Judged {
    let root = seen.mounts.as_ref().and_then(|mounts| mounts.iter().rfind(|mount| mount.target == "/"));
    let Some(root) = root else { return unknown(NO_PROC) };
    let read_only = root.options.iter().any(|option| option == "ro");
    good_if(read_only, if read_only { "read-only" } else { "writable" })
}

fn abstract_sockets(seen: &Seen) -> Judged {
    const SERVICES: [&str; 4] = ["containerd", "systemd", "dbus", "X11"];
    let Some(names) = &seen.abstract_sockets else { return unknown(NO_PROC) };
    let host: Vec<_> =
        names.iter().filter(|name| SERVICES.iter().any(|service| name.contains(service))).cloned().collect();
    none_of(&host, "no abstract socket of a host's service")
}

fn ptrace(seen: &Seen) -> Judged {
    match seen.files.get("/proc/sys/kernel/yama/ptrace_scope") {
        Some(Ok(scope)) => good_if(scope != "0", format!("Yama's scope is {scope}")),
        Some(Err(_)) if seen.status.is_some() => (Weak, "no Yama in this kernel".into()),
        _ => unknown(NO_PROC),
    }
}

fn descriptors(seen: &Seen) -> Judged {
    seen.descriptors.as_ref().map_or_else(|| unknown(NO_PROC), |more| none_of(more, "0, 1 and 2 only"))
}

fn service_token(seen: &Seen) -> Judged {
    match seen.token {
        None => unknown("the root directory cannot be listed"),
        Some(true) => (Weak, "mounted".into()),
        Some(false) => (Good, "none".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(seen: &Seen, id: &str) -> Verdict {
        find(id).unwrap()(seen).0
    }

    #[test]
    fn a_privileged_container_is_weak_where_it_should_be() {
        let mut seen = Seen { pid: Some(1), uid: Some(0), ..Seen::default() };
        let status = "NoNewPrivs:\t0\nSeccomp:\t0\nCapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\n";
        seen.status = Some(isolab_core::observe::status(status));
        seen.uid_map = Some(isolab_core::observe::id_map("0 0 4294967295"));
        seen.writes.insert("/proc/sys/kernel/core_pattern", "ok".into());
        seen.calls.insert("user namespace", "0".into());
        seen.devices = Some(vec!["null".into(), "sda".into()]);
        seen.sockets = Some(vec!["/run/docker.sock"]);
        for id in [
            "user-namespace",
            "user",
            "capabilities",
            "bounding-set",
            "no-new-privs",
            "seccomp",
            "nested-user-namespace",
            "proc-sys",
            "devices",
            "runtime-sockets",
        ] {
            assert_eq!(verdict(&seen, id), Weak, "{id}");
        }
        assert_eq!(verdict(&seen, "pid-namespace"), Good);
    }

    #[test]
    fn a_tight_container_is_good() {
        let mut seen = Seen { pid: Some(1), uid: Some(1000), ..Seen::default() };
        let status = "NoNewPrivs:\t1\nSeccomp:\t2\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\n";
        seen.status = Some(isolab_core::observe::status(status));
        seen.uid_map = Some(isolab_core::observe::id_map("0 100000 65536"));
        seen.writes.insert("/proc/sys/kernel/core_pattern", "EROFS".into());
        seen.calls.insert("io_uring", "ENOSYS".into());
        seen.files.insert("/sys/fs/cgroup/memory.max", Ok("1048576".into()));
        seen.files.insert("/sys/fs/cgroup/pids/pids.max", Ok("max".into()));
        for id in [
            "user-namespace",
            "user",
            "capabilities",
            "bounding-set",
            "no-new-privs",
            "seccomp",
            "proc-sys",
            "io-uring",
            "memory-limit",
        ] {
            assert_eq!(verdict(&seen, id), Good, "{id}");
        }
        assert_eq!(verdict(&seen, "pids-limit"), Weak);
    }

    #[test]
    fn prctl_answers_where_there_is_no_proc() {
        let mut seen = Seen::default();
        seen.calls.insert("seccomp", "2".into());
        seen.calls.insert("no_new_privs", "0".into());
        assert_eq!((verdict(&seen, "seccomp"), verdict(&seen, "no-new-privs")), (Good, Weak));
    }
}
