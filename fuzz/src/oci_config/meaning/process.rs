//! The workload.

use isolab_core::capability::Sets;
use isolab_core::config::Config;
use isolab_core::scheduler::numbers;
use serde_json::Value;

use super::super::model::{self, list, text, texts};
use super::{number, word, words};

pub(super) fn check(config: &Config, spec: &Value) {
    let process = &config.process;
    assert_eq!(process.args, words(&spec["args"]));
    assert_eq!(process.env, words(&spec["env"]));
    assert_eq!(process.cwd, word(text(&spec["cwd"])));
    let user = &spec["user"];
    let id = |field: &str| number(&user[field]).unwrap_or(0u32);
    assert_eq!((process.uid, process.gid), (id("uid"), id("gid")));
    let mut groups: Vec<u32> = list(&user["additionalGids"]).filter_map(|(_, group)| number(group)).collect();
    groups.sort_unstable();
    groups.dedup();
    assert_eq!(process.groups, groups);
    // As runc and crun have it where it is not said.
    assert_eq!(process.umask, number(&user["umask"]).unwrap_or(0o022));
    assert_eq!(process.oom_score_adj, number(&spec["oomScoreAdj"]));
    assert_eq!(process.no_new_privs, spec["noNewPrivileges"] == true);
    let terminal = process.terminal.map(|terminal| terminal.size);
    let side = |field: &str| number(&spec["consoleSize"][field]).unwrap_or(0u16);
    let size = spec.get("consoleSize").map(|_| (side("height"), side("width")));
    assert_eq!(terminal, (spec["terminal"] == true).then_some(size));
    rlimits(config, &spec["rlimits"]);
    capabilities(config, &spec["capabilities"]);
    let label = |value: &Value| super::given(value);
    assert_eq!(config.apparmor, label(&spec["apparmorProfile"]));
    assert_eq!(config.selinux, label(&spec["selinuxLabel"]));
    scheduling(config, spec);
}

/// `asm-generic/resource.h`
const LIMITS: [&str; 16] = [
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
    "MSGQUEUE",
    "NICE",
    "RTPRIO",
    "RTTIME",
];

fn rlimits(config: &Config, limits: &Value) {
    let meant: Vec<_> = config
        .process
        .rlimits
        .iter()
        .map(|limit| (limit.resource, limit.name, limit.soft, limit.hard))
        .collect();
    let written = list(limits).map(|(_, limit)| {
        let name = text(&limit["type"]);
        let resource = LIMITS.iter().position(|known| name.strip_prefix("RLIMIT_") == Some(known));
        let resource = resource.unwrap_or_else(|| panic!("{name} was accepted"));
        let value = |field: &str| limit[field].as_u64().unwrap_or(0);
        (u32::try_from(resource).unwrap_or(99), name, value("soft"), value("hard"))
    });
    assert_eq!(meant, written.collect::<Vec<_>>());
}

/// `linux/capability.h`, of those that are drawn.
fn bit(name: &str) -> u64 {
    let number = match name.strip_prefix("CAP_").unwrap_or_default() {
        "CHOWN" => 0,
        "DAC_OVERRIDE" => 1,
        "KILL" => 5,
        "SETGID" => 6,
        "SETUID" => 7,
        "SETPCAP" => 8,
        "NET_BIND_SERVICE" => 10,
        "SYS_CHROOT" => 18,
        "SYS_ADMIN" => 21,
        "SETFCAP" => 31,
        "BPF" => 39,
        "CHECKPOINT_RESTORE" => 40,
        other => panic!("{other} is not drawn"),
    };
    1 << number
}

fn capabilities(config: &Config, sets: &Value) {
    let set = |field: &str| texts(&sets[field]).into_iter().fold(0, |bits, name| bits | bit(name));
    let asked = Sets {
        inheritable: set("inheritable"),
        permitted: set("permitted"),
        effective: set("effective"),
        bounding: set("bounding"),
        ambient: set("ambient"),
    };
    assert_eq!(config.capabilities, asked);
}

/// `linux/sched.h`
fn scheduling(config: &Config, spec: &Value) {
    const POLICIES: [&str; 7] =
        ["SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"];
    let asked = &spec["scheduler"];
    let meant = config.scheduling.policy.map(|policy| {
        let a = policy.attributes;
        (policy.name, a.policy, a.flags, a.nice, a.priority, [a.runtime, a.deadline, a.period])
    });
    let written = asked.as_object().map(|_| {
        let name = text(&asked["policy"]);
        let policy = POLICIES.iter().position(|known| *known == name).unwrap_or(99);
        let flags = texts(&asked["flags"]).into_iter().fold(0, |flags, flag| {
            flags
                | match flag {
                    "SCHED_FLAG_RESET_ON_FORK" => 1u64,
                    "SCHED_FLAG_DL_OVERRUN" => 4,
                    "SCHED_FLAG_KEEP_POLICY" => 8,
                    other => panic!("{other} is not drawn"),
                }
        });
        let times = ["runtime", "deadline", "period"].map(|field| number(&asked[field]).unwrap_or(0u64));
        let (nice, priority) =
            (number(&asked["nice"]).unwrap_or(0i32), number(&asked["priority"]).unwrap_or(0u32));
        (name, u32::try_from(policy).unwrap_or(99), flags, nice, priority, times)
    });
    assert_eq!(meant, written);
    let io = config.scheduling.io_priority.map(|io| (io.class, io.level));
    let written = spec["ioPriority"].as_object().map(|asked| {
        let class = match text(&asked["class"]) {
            "IOPRIO_CLASS_RT" => 1u16,
            "IOPRIO_CLASS_BE" => 2,
            _ => 3,
        };
        (class, number(&asked["priority"]).unwrap_or(9u16))
    });
    assert_eq!(io, written);
    let affinity = config.scheduling.exec_affinity;
    for (field, mask) in [("initial", affinity.initial), ("final", affinity.last)] {
        let listed = Some(text(&spec["execCPUAffinity"][field])).filter(|list| !list.is_empty());
        let listed = listed.and_then(model::numbers).map(|all| all.into_iter().collect::<Vec<u32>>());
        assert_eq!(mask.as_ref().map(numbers), listed, "{field}");
    }
}
