//! A record as a run on a real host could have made it: something broken, unproven, not offered and not testable, a
//! ladder with steps, latencies with heavy tails. The same on every machine.

use std::collections::BTreeMap;

use isolab_core::host::{Cgroups, Feature, Hierarchy, Host};
use isolab_reports::record::{
    Again, Cell, Cost, Evidence, Finding, Guarantee, Launcher, Noise, NotTested, Outcome, Problem, Record,
    Series, StepSamples, Sweep, SweepKind,
};

/// Rounds of each cost experiment.
const ROUNDS: usize = 40;

/// The sample's run with nothing found and nothing measured.
pub(crate) fn bare() -> Record {
    let mut dice = dice();
    Record {
        isolab: "0.1.0".into(),
        started: 1_767_323_040,
        seconds: 74.2,
        noise: Noise {
            load: [0.41, 1.87],
            clock_read: (0..200).map(|_| dice.around(24, 2)).collect(),
            stolen: 0.004,
        },
        launchers: vec![
            launcher("core", Some("isolab 0.1.0"), None),
            launcher("runc", Some("runc version 1.1.5+ds1"), Some("/usr/bin/runc")),
            launcher("crun", Some("crun version 1.8.1"), Some("/usr/bin/crun")),
            launcher("bwrap", Some("bubblewrap 0.8.0"), Some("/usr/bin/bwrap")),
            launcher("youki", None, None),
        ],
        ..Record::new("quick look", host())
    }
}

/// The sample.
pub(crate) fn record() -> Record {
    let mut dice = dice();
    Record {
        guarantees: guarantees(),
        costs: vec![ladder(&mut dice), floor(&mut dice), overlay(&mut dice)],
        sweeps: sweeps(),
        interference: interference(&mut dice),
        not_tested: vec![
            NotTested {
                what: "launcher youki".into(),
                reason: "no youki in PATH".into(),
                remedy: "cargo install youki, or take it off --launcher".into(),
            },
            NotTested {
                what: "protection memory.low".into(),
                reason: "the memory controller is on a v1 hierarchy, which has no memory.low".into(),
                remedy: "boot with systemd.unified_cgroup_hierarchy=1".into(),
            },
        ],
        ..bare()
    }
}

fn dice() -> Dice {
    Dice(0x2545_f491_4f6c_dd1d)
}

/// A small generator (Marsaglia's xorshift), so that every machine makes the same record.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Uniform between 0 and 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Skewed like a launch time: never far below `centre`, sometimes far above.
    pub(crate) fn around(&mut self, centre: u64, spread: u64) -> u64 {
        let skew = -(1.0 - self.uniform()).ln();
        centre - spread / 2 + (spread as f64 * skew) as u64
    }

    /// A latency with a tail: `tail` of 0 is thin, 1 is Pareto-like.
    pub(crate) fn latency(&mut self, centre: f64, tail: f64) -> u64 {
        (centre * (1.0 + 0.2 * self.uniform()) / (1.0 - self.uniform()).powf(tail)) as u64
    }
}

pub(crate) fn launcher(name: &str, version: Option<&str>, path: Option<&str>) -> Launcher {
    Launcher { name: name.into(), version: version.map(Into::into), path: path.map(Into::into) }
}

pub(crate) fn host() -> Host {
    let missing =
        |reason: &str, remedy: &str| Feature::Missing { reason: reason.into(), remedy: remedy.into() };
    let v1 = |controllers: &[&str]| Hierarchy {
        mount: format!("/sys/fs/cgroup/{}", controllers.join(",")).into(),
        controllers: controllers.iter().map(|&c| c.into()).collect(),
        writable: true,
    };
    let mut features: BTreeMap<String, Feature> = BTreeMap::new();
    for name in
        ["clone3", "pidfd", "overlay", "user namespaces", "seccomp filter", "mount_setattr", "openat2"]
    {
        features.insert(name.into(), Feature::Available);
    }
    features.insert(
        "CLONE_INTO_CGROUP".into(),
        missing(
            "no cgroup v2 hierarchy with controllers is mounted",
            "boot with systemd.unified_cgroup_hierarchy=1",
        ),
    );
    features.insert(
        "landlock".into(),
        missing(
            "landlock_create_ruleset: EOPNOTSUPP: disabled at boot",
            "add landlock to lsm= on the command line",
        ),
    );
    Host {
        kernel: "6.1.0-37-amd64".into(),
        kernel_build: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)".into(),
        machine: "x86_64".into(),
        cmdline: "BOOT_IMAGE=/boot/vmlinuz-6.1.0-37-amd64 root=UUID=0c5a ro quiet systemd.unified_cgroup_hierarchy=0"
            .into(),
        cpu: "AMD EPYC 7B13".into(),
        cpus: vec![0, 1],
        memory: 8_321_499_136,
        lsms: vec!["lockdown".into(), "capability".into(), "yama".into(), "apparmor".into()],
        clock_source: "kvm-clock".into(),
        mitigations: BTreeMap::from([
            ("spectre_v2".into(), "Mitigation: Retpolines; IBPB: conditional; STIBP: disabled".into()),
            ("meltdown".into(), "Not affected".into()),
            ("retbleed".into(), "Mitigation: untrained return thunk; SMT disabled".into()),
        ]),
        cgroups: Cgroups {
            v2: Some(Hierarchy { mount: "/sys/fs/cgroup/unified".into(), controllers: Vec::new(), writable: true }),
            v1: vec![v1(&["cpu", "cpuacct"]), v1(&["memory"]), v1(&["pids"])],
        },
        last_capability: 40,
        capabilities: Default::default(),
        namespaces: BTreeMap::new(),
        landlock: 0,
        uid: 0,
        gid: 0,
        features,
    }
}

/// id, primitive, promise, source, and for core, runc, crun, bwrap: h(olds), b(roken), n(ot offered), t(not testable).
const CHECKS: [(&str, &str, &str, &str, &str); 22] = [
    (
        "pidns-init-is-1",
        "pid namespace",
        "The workload is pid 1 of its own pid namespace",
        "OCI runtime-spec, config-linux",
        "hhhh",
    ),
    (
        "pidns-no-host-pids",
        "pid namespace",
        "No host process is visible or can be signalled",
        "pid_namespaces(7)",
        "hhhh",
    ),
    (
        "mntns-root-inode",
        "mount namespace",
        "The root is the bundle's root filesystem, not the host's",
        "OCI runtime-spec, config",
        "hhhh",
    ),
    (
        "mntns-old-root-gone",
        "pivot_root",
        "No host mount is reachable after pivot_root",
        "pivot_root(2)",
        "hhhh",
    ),
    (
        "masked-paths-empty",
        "proc masking",
        "Masked paths read as empty and take no writes",
        "OCI runtime-spec, config-linux",
        "hbhn",
    ),
    (
        "readonly-paths",
        "proc masking",
        "/proc/sys and its like cannot be written",
        "OCI runtime-spec, config-linux",
        "hhhb",
    ),
    (
        "netns-only-lo",
        "net namespace",
        "Only the loopback device exists, and no route",
        "network_namespaces(7)",
        "hhhh",
    ),
    (
        "netns-abstract-sockets",
        "net namespace",
        "Abstract sockets of the host are out of reach",
        "CVE-2020-15257",
        "hhhh",
    ),
    (
        "ipcns-sysv",
        "ipc namespace",
        "System V objects of the host are invisible",
        "ipc_namespaces(7)",
        "hhhh",
    ),
    (
        "utsns-hostname",
        "uts namespace",
        "The host name inside is the configured one and the host keeps its own",
        "uts_namespaces(7)",
        "hhhh",
    ),
    (
        "cgroupns-root",
        "cgroup namespace",
        "The container sees its own group as the root",
        "cgroup_namespaces(7)",
        "hhhn",
    ),
    (
        "timens-offsets",
        "time namespace",
        "The boot-time clock has the configured offset",
        "time_namespaces(7)",
        "hnhn",
    ),
    (
        "userns-maps",
        "user namespace",
        "Root inside is an unprivileged id outside",
        "user_namespaces(7)",
        "hhhh",
    ),
    (
        "cgroup-memory-max",
        "cgroup memory",
        "The memory limit that was asked for is the one in force",
        "cgroup v1 memory.rst",
        "hhhn",
    ),
    (
        "cgroup-pids-max",
        "cgroup pids",
        "A fork beyond pids.max fails with EAGAIN",
        "cgroup v1 pids.rst",
        "hhhn",
    ),
    (
        "cgroup-cpu-max",
        "cgroup cpu",
        "The CPU quota that was asked for is the one in force",
        "sched-bwc.rst",
        "tttn",
    ),
    (
        "seccomp-denies",
        "seccomp",
        "A denied call returns the configured errno of its own (133)",
        "seccomp(2)",
        "hhhh",
    ),
    (
        "seccomp-x32",
        "seccomp",
        "A call through the x32 table does not slip past the filter",
        "seccomp(2), CVE-2023-2431",
        "huhh",
    ),
    ("nnp-set", "no_new_privs", "A set-user-id program gains nothing", "PR_SET_NO_NEW_PRIVS(2const)", "hhhh"),
    (
        "caps-bounding",
        "capabilities",
        "All five capability sets are the configured ones",
        "capabilities(7)",
        "hhhh",
    ),
    ("caps-ambient-empty", "capabilities", "No ambient capability survives execve", "CVE-2022-29162", "hhhh"),
    ("fds-only-stdio", "descriptors", "No descriptor beyond 0, 1 and 2 is open", "CVE-2024-21626", "hhhh"),
];

pub(crate) fn guarantees() -> Vec<Guarantee> {
    let launchers = ["core", "runc", "crun", "bwrap"];
    let all = CHECKS.iter().flat_map(|check| launchers.iter().zip(check.4.chars()).map(move |l| (check, l)));
    all.map(|((id, primitive, promise, source, _), (launcher, letter))| Guarantee {
        id: (*id).into(),
        promise: (*promise).into(),
        primitive: (*primitive).into(),
        source: (*source).into(),
        launcher: (*launcher).into(),
        outcome: match letter {
            'b' => Outcome::Broken,
            'n' => Outcome::NotOffered { reason: format!("{launcher} has no option for it") },
            't' => Outcome::NotTestable {
                reason: "cpu.cfs_quota_us is absent: the kernel has no CONFIG_CFS_BANDWIDTH".into(),
                remedy: "boot a kernel built with CONFIG_CFS_BANDWIDTH=y, as Debian's are".into(),
            },
            _ => Outcome::Holds,
        },
        evidence: if "nt".contains(letter) { Vec::new() } else { evidence(id, letter == 'b') },
        control_red: match letter {
            'u' => Some(false),
            'n' | 't' => None,
            _ => Some(true),
        },
        remedy: None,
        again: (letter == 'b').then(|| Again {
            command: format!("isolab check {id} --no-controls --launcher {launcher}"),
            config: serde_json::json!({"ociVersion": "1.0.2"}),
        }),
        millis: 31,
    })
    .collect()
}

pub(crate) fn evidence(id: &str, broken: bool) -> Vec<Evidence> {
    let fact = |fact: &str, expected: &str, found: &str, agrees| Evidence {
        fact: fact.into(),
        expected: expected.into(),
        found: found.into(),
        agrees,
    };
    match (id, broken) {
        ("masked-paths-empty", true) => vec![
            fact("outside.mounts./proc/kcore", "is a mount of its own", "is a mount of its own", true),
            fact("inside.paths./proc/kcore.bytes", "is 0", "4096", false),
            fact("inside.paths./proc/kcore.device", "is 1:3", "0:54", false),
        ],
        (_, true) => vec![
            fact("inside.open./proc/sys/kernel/core_pattern", "is EROFS", "opened for writing", false),
            fact(
                "outside.mountinfo./proc/sys.options",
                "contains ro",
                "rw,nosuid,nodev,noexec,relatime",
                false,
            ),
        ],
        ("pidns-init-is-1", _) => vec![
            fact("inside.pid", "is 1", "1", true),
            fact("outside.status.nspid", "ends in 1", "[48113, 1]", true),
            fact("inside.ns.pid", "differs from host.ns.pid 4026531836", "4026532511", true),
        ],
        _ => vec![
            fact(&format!("inside.{id}"), "is the configured value", "the configured value", true),
            fact(&format!("outside.{id}"), "is the same as inside", "the same as inside", true),
        ],
    }
}

/// Rung, primitive, what it adds (ns).
const RUNGS: [(&str, u64); 12] = [
    ("clone3, execve", 310_000),
    ("+ mount namespace", 46_000),
    ("+ pid namespace", 21_000),
    ("+ uts namespace", 400),
    ("+ ipc namespace", 38_000),
    ("+ net namespace", 214_000),
    ("+ user namespace", 62_000),
    ("+ cgroup namespace", 600),
    ("+ pivot_root, proc, devices", 297_000),
    ("+ cgroup cpu, memory, pids", 168_000),
    ("+ capabilities, no_new_privs", 3_100),
    ("+ seccomp, OCI default profile", 71_000),
];

/// Plan line, side, primitive, duration (ns). The rest of the launch is the clone itself.
const STEPS: [(&str, &str, &str, u64); 21] = [
    ("mkdir /sys/fs/cgroup/cpu,cpuacct/isolab-4811-1/c1", "parent", "cgroup cpu", 41_000),
    ("mkdir /sys/fs/cgroup/memory/isolab-4811-1/c1", "parent", "cgroup memory", 62_000),
    ("write memory.limit_in_bytes 67108864", "parent", "cgroup memory", 9_000),
    ("mkdir /sys/fs/cgroup/pids/isolab-4811-1/c1", "parent", "cgroup pids", 33_000),
    ("clone3 NEWNS|NEWPID|NEWUTS|NEWIPC|NEWNET|NEWUSER|NEWCGROUP", "parent", "namespaces", 392_000),
    ("write /proc/PID/uid_map 0 100000 65536", "parent", "user namespace", 11_000),
    ("write cgroup.procs in 3 hierarchies", "parent", "cgroup cpu", 58_000),
    ("mount / with MS_REC|MS_PRIVATE", "child", "mount namespace", 12_000),
    ("bind rootfs onto itself", "child", "pivot_root", 9_000),
    ("mount proc on /proc nosuid,nodev,noexec", "child", "proc", 34_000),
    ("mount sysfs on /sys ro,nosuid,nodev,noexec", "child", "sysfs", 29_000),
    ("mount tmpfs on /dev mode=755,size=65536k", "child", "tmpfs", 22_000),
    ("mknod 6 devices below /dev", "child", "devices", 41_000),
    ("mount devpts on /dev/pts newinstance,ptmxmode=0666", "child", "devpts", 31_000),
    ("mask 9 paths below /proc and /sys", "child", "proc masking", 74_000),
    ("pivot_root . . and detach the old root", "child", "pivot_root", 38_000),
    ("sethostname isolab", "child", "uts namespace", 900),
    ("set bounding, permitted, effective, inheritable, ambient", "child", "capabilities", 6_000),
    ("prctl PR_SET_NO_NEW_PRIVS", "child", "no_new_privs", 300),
    ("seccomp SET_MODE_FILTER 412 instructions", "child", "seccomp", 61_000),
    ("execve /isolab", "child", "execve", 170_000),
];

fn ladder(dice: &mut Dice) -> Cost {
    let mut series: Vec<Series> = Vec::new();
    let mut total = 0;
    for (i, (name, adds)) in RUNGS.iter().enumerate() {
        total += adds;
        let last = i + 1 == RUNGS.len();
        let samples: Vec<u64> = (0..ROUNDS).map(|_| dice.around(total, 24_000)).collect();
        let against = series.last().map(|previous| previous.name.clone());
        series.push(Series {
            // A quarter of each launch waits.
            on_cpu: samples.iter().map(|nanos| nanos - nanos / 4).collect(),
            steps: if last { steps(dice) } else { Vec::new() },
            enforced: Some("enforced".into()),
            ..Series::of(*name, against.as_deref(), samples)
        });
    }
    Cost {
        id: "primitive-ladder".into(),
        title: "From clone3 to the workload's first instruction and exit, as each primitive is added".into(),
        launcher: "core".into(),
        series,
    }
}

fn steps(dice: &mut Dice) -> Vec<StepSamples> {
    let mut begin = 4_000;
    let steps = STEPS.iter().map(|(step, side, primitive, nanos)| {
        let samples = StepSamples {
            step: (*step).into(),
            side: (*side).into(),
            primitive: (*primitive).into(),
            start: (0..ROUNDS).map(|_| dice.around(begin, 1_500)).collect(),
            duration: (0..ROUNDS).map(|_| dice.around(*nanos, nanos / 12)).collect(),
        };
        begin += nanos + 3_500;
        samples
    });
    steps.collect()
}

fn series(dice: &mut Dice, name: &str, against: Option<&str>, centre: u64, spread: u64) -> Series {
    Series::of(name, against, (0..ROUNDS).map(|_| dice.around(centre, spread)).collect())
}

fn floor(dice: &mut Dice) -> Cost {
    Cost {
        id: "spawn-floor".into(),
        title: "A full launch against the cheapest sequence known for the same observed posture".into(),
        launcher: "core".into(),
        series: vec![
            series(dice, "floor", None, 1_071_000, 20_000),
            series(dice, "launch", Some("floor"), 1_182_000, 24_000),
        ],
    }
}

fn overlay(dice: &mut Dice) -> Cost {
    Cost {
        id: "overlay-io".into(),
        title: "File operations on overlay against the plain directory below it".into(),
        launcher: "core".into(),
        series: vec![
            series(dice, "create, plain", None, 11_200, 900),
            series(dice, "create, overlay", Some("create, plain"), 19_700, 1_300),
            series(dice, "read 1 MiB, plain", None, 88_000, 4_000),
            series(dice, "read 1 MiB, overlay", Some("read 1 MiB, plain"), 89_100, 4_100),
            series(dice, "append to 1 MiB, plain", None, 4_100, 400),
            series(
                dice,
                "append to 1 MiB, overlay (copy-up)",
                Some("append to 1 MiB, plain"),
                611_000,
                52_000,
            ),
        ],
    }
}

/// Victim, aggressor, protection, centre (ns), tail, the aggressor's work.
type Reach = (&'static str, Option<&'static str>, Option<&'static str>, f64, f64, f64);

const REACH: [Reach; 18] = [
    ("timer latency", None, None, 52_000.0, 0.08, 0.0),
    ("timer latency", Some("cpu hog"), None, 190_000.0, 0.7, 1_240_000.0),
    ("timer latency", Some("cpu hog"), Some("cpu.weight"), 101_000.0, 0.45, 1_190_000.0),
    ("timer latency", Some("cpu hog"), Some("cpu.max"), 76_000.0, 0.36, 611_000.0),
    ("timer latency", Some("cpu hog"), Some("cpuset"), 56_000.0, 0.1, 640_000.0),
    ("timer latency", Some("memory hog"), None, 71_000.0, 0.33, 8_900.0),
    ("timer latency", Some("memory hog"), Some("cpu.weight"), 70_000.0, 0.3, 8_700.0),
    ("timer latency", Some("memory hog"), Some("cpuset"), 60_000.0, 0.13, 8_200.0),
    ("timer latency", Some("memory hog"), Some("memory.max"), 69_000.0, 0.28, 5_100.0),
    ("memory touching", None, None, 310_000.0, 0.03, 0.0),
    ("memory touching", Some("cpu hog"), None, 470_000.0, 0.42, 1_240_000.0),
    ("memory touching", Some("cpu hog"), Some("cpu.weight"), 402_000.0, 0.25, 1_150_000.0),
    ("memory touching", Some("cpu hog"), Some("cpu.max"), 350_000.0, 0.2, 598_000.0),
    ("memory touching", Some("cpu hog"), Some("cpuset"), 314_000.0, 0.04, 620_000.0),
    ("memory touching", Some("memory hog"), None, 690_000.0, 0.3, 8_800.0),
    ("memory touching", Some("memory hog"), Some("cpu.weight"), 671_000.0, 0.29, 8_600.0),
    ("memory touching", Some("memory hog"), Some("cpuset"), 540_000.0, 0.15, 8_100.0),
    ("memory touching", Some("memory hog"), Some("memory.max"), 420_000.0, 0.12, 4_700.0),
];

fn interference(dice: &mut Dice) -> Vec<Cell> {
    let cell = |&(victim, aggressor, protection, centre, tail, work): &Reach| {
        // The timer fires a thousand times a round, memory is walked only sixty times.
        let round = if victim == "timer latency" { 500 } else { 60 };
        Cell {
            matrix: "first".into(),
            victim: victim.into(),
            measures: match victim {
                "timer latency" => "delay past the intended wake-up, 1 kHz".into(),
                _ => "time to touch 4 MiB, from the intended start".into(),
            },
            aggressor: aggressor.map(Into::into),
            protection: protection.map(Into::into),
            samples: (0..6 * round).map(|_| dice.latency(centre, tail)).collect(),
            rounds: (0..6).map(|i| i * round).collect(),
            aggressor_work: match aggressor {
                Some(_) => (0..6).map(|_| work * (0.97 + 0.06 * dice.uniform())).collect(),
                None => Vec::new(),
            },
            enforced: "enforced".into(),
            ..Cell::default()
        }
    };
    REACH.iter().map(cell).collect()
}

/// A launcher that survives, and one that does not.
fn sweeps() -> Vec<Sweep> {
    let sweep = |kind, launcher: &str, findings: Vec<Finding>| Sweep {
        kind,
        launcher: launcher.into(),
        seed: 7,
        possible: 2000,
        tried: 200,
        reached: 199,
        refused: 150,
        same: 40,
        late: 3,
        recovered: 2,
        seconds: 2.5,
        findings,
        not_reached: vec!["openat#9=EIO".into()],
        notes: vec!["core grew by nothing".into()],
    };
    let finding = |injection: &str, problem| Finding {
        injection: injection.into(),
        problem,
        evidence: vec![
            "cgroup cpu: /a/b is left, no process in it".into(),
            "and more".into(),
            "and more".into(),
        ],
    };
    let found = vec![finding("mount#46=EINVAL", Problem::Weaker), finding("rmdir#1=EIO", Problem::Left)];
    vec![sweep(SweepKind::Errno, "core", Vec::new()), sweep(SweepKind::Errno, "crun", found)]
}
