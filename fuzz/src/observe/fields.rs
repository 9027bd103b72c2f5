//! Files of a process as the kernel prints them (`fs/proc/array.c`, `fs/proc/base.c`, `kernel/cgroup/cgroup.c`,
//! `kernel/user_namespace.c`, `kernel/time/namespace.c`; `proc(5)`).

use std::fmt::Write;

use isolab_core::observe::{Stat, Status};

use super::input::Process;

/// Writing to a string cannot fail.
macro_rules! put {
    ($to:expr, $($what:tt)*) => {
        if write!($to, $($what)*).is_err() { unreachable!("writing to a String") }
    };
}

pub(super) fn status(status: &Status) -> String {
    // `proc_task_name` escapes newline and backslash alone.
    let name = status.name.replace('\\', "\\\\").replace('\n', "\\n");
    let mut text = format!("Name:\t{name}\nUmask:\t{:04o}\nState:\tS (sleeping)\nTgid:\t1\n", status.umask);
    for (field, [real, effective, saved, file_system]) in [("Uid", status.uids), ("Gid", status.gids)] {
        put!(text, "{field}:\t{real}\t{effective}\t{saved}\t{file_system}\n");
    }
    put!(text, "FDSize:\t64\nGroups:\t");
    status.groups.iter().for_each(|group| put!(text, "{group} "));
    put!(text, "\nNSpid:");
    status.nspid.iter().for_each(|pid| put!(text, "\t{pid}"));
    put!(text, "\nThreads:\t{}\nSigQ:\t0/1\n", status.threads);
    let caps = &status.caps;
    let sets = [
        ("Inh", caps.inheritable),
        ("Prm", caps.permitted),
        ("Eff", caps.effective),
        ("Bnd", caps.bounding),
        ("Amb", caps.ambient),
    ];
    for (field, set) in sets {
        put!(text, "Cap{field}:\t{set:016x}\n");
    }
    put!(text, "NoNewPrivs:\t{}\nSeccomp:\t{}\n", u8::from(status.no_new_privs), status.seccomp);
    if let Some(filters) = status.seccomp_filters {
        put!(text, "Seccomp_filters:\t{filters}\n");
    }
    text
}

/// The name is not escaped.
pub(super) fn stat(stat: &Stat) -> String {
    let Stat { name, state, flags, start } = stat;
    format!(
        "7 ({name}) {state} 1 7 7 0 -1 {flags} 1 2 3 4 5 6 7 8 20 0 1 0 {start} 9 9 18446744073709551615 1\n"
    )
}

pub(super) fn groups(process: &Process) -> String {
    let mut text = String::new();
    for group in &process.groups {
        put!(text, "{}:{}:{}\n", group.hierarchy, group.controllers.join(","), group.path);
    }
    text
}

pub(super) fn map(process: &Process) -> String {
    let mut text = String::new();
    for line in &process.map {
        put!(text, "{:>10} {:>10} {:>10}\n", line.inside, line.outside, line.length);
    }
    text
}

/// The kernel's words, the names of `setrlimit(2)`, the kernel's units.
pub(super) const LIMITS: [(&str, &str, &str); 16] = [
    ("Max cpu time", "CPU", "seconds"),
    ("Max file size", "FSIZE", "bytes"),
    ("Max data size", "DATA", "bytes"),
    ("Max stack size", "STACK", "bytes"),
    ("Max core file size", "CORE", "bytes"),
    ("Max resident set", "RSS", "bytes"),
    ("Max processes", "NPROC", "processes"),
    ("Max open files", "NOFILE", "files"),
    ("Max locked memory", "MEMLOCK", "bytes"),
    ("Max address space", "AS", "bytes"),
    ("Max file locks", "LOCKS", "locks"),
    ("Max pending signals", "SIGPENDING", "signals"),
    ("Max msgqueue size", "MSGQUEUE", "bytes"),
    ("Max nice priority", "NICE", ""),
    ("Max realtime priority", "RTPRIO", ""),
    ("Max realtime timeout", "RTTIME", "us"),
];

pub(super) fn limits(process: &Process) -> String {
    let value = |value: u64| if value == u64::MAX { "unlimited".to_owned() } else { value.to_string() };
    let mut text =
        String::from("Limit                     Soft Limit           Hard Limit           Units     \n");
    for ((words, _, unit), [soft, hard]) in LIMITS.iter().zip(process.limits) {
        put!(text, "{words:<25} {:<20} {:<20} {unit:<10}\n", value(soft), value(hard));
    }
    text
}

pub(super) fn offsets(process: &Process) -> String {
    let mut text = String::new();
    process.offsets.iter().for_each(|(clock, (s, ns))| put!(text, "{clock:<10} {s:>10} {ns:>9}\n"));
    text
}
