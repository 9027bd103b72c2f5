//! What questions, acts and workloads are called, and what each takes.

use super::keys::{Choice, Key, What, What::*};

/// Name, what it takes.
pub type Row = (&'static str, What);

const fn need(name: &'static str, what: What) -> Key {
    Key { name, needed: true, what }
}

const fn may(name: &'static str, what: What) -> Key {
    Key { name, needed: false, what }
}

const NONE: What = Table(&[]);
const PATH: What = Table(&[need("path", Text)]);
const SIZE: What = Count(i64::MAX);
const MILLIS: Key = need("millis", SIZE);
const U32: What = Count(u32::MAX as i64);
const QUESTION: What = One(Choice::Question);

/// All of a kind.
#[must_use]
pub fn rows(choice: Choice) -> &'static [Row] {
    match choice {
        Choice::Question => QUESTIONS,
        Choice::Act => ACTS,
        Choice::Victim => VICTIMS,
        Choice::Aggressor => AGGRESSORS,
    }
}

/// `scenarios/src/probe/mod.rs`.
const QUESTIONS: &[Row] = &[
    ("getpid", NONE),
    ("observe", NONE),
    ("processes", Table(&[need("text", Text)])),
    ("environ", NONE),
    ("hostname", NONE),
    ("cwd", NONE),
    ("affinity", NONE),
    ("stat", Table(&[need("path", Text), may("follow", Flag)])),
    ("link", PATH),
    ("list", PATH),
    ("open", Table(&[need("path", Text), may("write", Flag), may("create", Flag)])),
    ("read", PATH),
    ("write", Table(&[need("path", Text), need("bytes", SIZE), may("sync", Flag)])),
    ("mkdir", PATH),
    ("remove", PATH),
    ("masked", Table(&[need("paths", Texts)])),
    ("devices", PATH),
    ("writable", Table(&[need("path", Text), need("names", Texts)])),
    ("kill", Table(&[need("pid", Signed), need("signal", Signed)])),
    ("connect_abstract", Table(&[need("name", Text)])),
    ("interfaces", NONE),
    ("routes", NONE),
    ("syscall", Table(&[need("name", Text), may("args", Arguments)])),
    ("tasks", Table(&[need("at_most", U32)])),
    ("allocate", Table(&[need("mib", SIZE)])),
    ("spin", Table(&[MILLIS, need("threads", SIZE)])),
    ("clocks", NONE),
    ("escape_chroot", Table(&[may("jail", Flag)])),
    ("leak", PATH),
    ("connect_path", PATH),
    ("i386", Table(&[need("number", SIZE), may("args", Arguments)])),
    ("orphans", Table(&[need("count", SIZE), MILLIS])),
    ("bear", Table(&[MILLIS])),
    ("sleep", Table(&[MILLIS, may("alone", Flag)])),
    ("zombies", NONE),
    ("kill_parent", Table(&[need("signal", Signed)])),
    ("session", NONE),
    ("terminal", Table(&[need("descriptor", U32)])),
    ("push_input", PATH),
    (
        "tamper",
        Table(&[
            need("path", Text),
            need(
                "ways",
                Words(&[
                    "write",
                    "truncate",
                    "chmod",
                    "chown",
                    "rename",
                    "unlink",
                    "mmap",
                    "fallocate",
                    "setxattr",
                    "link",
                    "splice",
                ]),
            ),
        ]),
    ),
    ("open_each", Table(&[need("paths", Texts), may("write", Flag)])),
    ("open_many", Table(&[need("at_most", SIZE)])),
    ("open_loop", Table(&[need("path", Text), MILLIS])),
    ("settings", Table(&[need("path", Text), may("leave_out", Texts)])),
    ("call_table", Table(&[need("from", SIZE), need("to", SIZE), may("leave_out", Texts)])),
    ("thread_call", NONE),
    ("count", Table(&[need("path", Text), MILLIS])),
    ("huge", Table(&[need("mib", SIZE)])),
    ("begin", QUESTION),
    ("result", NONE),
    ("unshare", Table(&[need("kinds", Texts)])),
    ("map_self", Table(&[may("uid", U32), may("gid", U32)])),
    ("script", Several(Choice::Question)),
    ("run", Table(&[may("uid", U32), may("program", Text), need("ask", Map(Choice::Question))])),
    ("timed", QUESTION),
    ("in_child", QUESTION),
];

/// `scenarios/src/check/act.rs`.
const ACTS: &[Row] = &[
    ("kill", Table(&[need("signal", Signed)])),
    ("wait", NONE),
    ("members", Table(&[need("within_millis", SIZE)])),
    ("sleep", Table(&[MILLIS])),
    ("read", PATH),
    ("write", Table(&[need("path", Text), need("text", Text)])),
    ("stat", PATH),
    ("list", PATH),
    ("moves", Table(&[need("path", Text), MILLIS])),
    ("mounts", NONE),
    ("interfaces", NONE),
    ("runtime", Table(&[need("args", Texts)])),
    ("exec", Table(&[need("ask", Map(Choice::Question)), may("config", Edits), may("flags", Texts)])),
    ("mount", PATH),
    ("group", Table(&[may("task", Flag), may("frozen", Flag)])),
    ("freeze", Table(&[need("on", Flag)])),
    ("descriptors", NONE),
    ("filter", Table(&[need("calls", SIZE)])),
    ("repeat", Table(&[need("times", SIZE), need("act", One(Choice::Act))])),
    ("soak", Table(&[need("launches", SIZE), may("leak", Flag)])),
    ("parallel", Table(&[may("apart", Flag)])),
    ("direct", PATH),
];

/// `scenarios/src/workload/victim`.
const VICTIMS: &[Row] = &[
    ("timer", NONE),
    ("cpu", Table(&[need("steps", U32)])),
    ("memory", Table(&[need("bytes", SIZE), need("loads", U32), need("faults", SIZE)])),
    ("faults", Table(&[need("pages", SIZE)])),
    ("server", NONE),
    ("pipe", NONE),
    (
        "file",
        Table(&[need("at", Text), need("bytes", SIZE), need("operation", Word(&["read", "write", "sync"]))]),
    ),
    ("metadata", Table(&[need("at", Text)])),
    ("network", Table(&[need("to", Address)])),
];

/// `scenarios/src/workload/aggressor`.
const AGGRESSORS: &[Row] = &[
    ("cpu", NONE),
    ("memory", Table(&[need("bytes", SIZE), need("fresh", Flag)])),
    ("cache", Table(&[need("bytes", SIZE)])),
    ("grow", Table(&[need("bytes", SIZE)])),
    (
        "file",
        Table(&[
            need("at", Text),
            need("bytes", SIZE),
            need("operation", Word(&["dirty", "sync", "sequential", "random"])),
        ]),
    ),
    ("inodes", Table(&[need("at", Text), need("files", SIZE)])),
    ("directories", Table(&[need("at", Text)])),
    ("fork-bomb", Table(&[MILLIS, need("own", SIZE)])),
    ("mounts", Table(&[need("at", Text)])),
    ("namespaces", NONE),
    ("calls", NONE),
    ("futex", NONE),
    ("flood", Table(&[need("to", Address), need("bytes", SIZE)])),
    ("stress-ng", Table(&[need("stressor", Text)])),
];
