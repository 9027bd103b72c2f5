//! Valid configs, drawn part by part: whatever is drawn together is allowed together.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// Capabilities that every kernel that is tested on has, and whose lack hurts no step of a launch.
const CAPABILITIES: [&str; 6] =
    ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETUID", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE"];

/// A valid config. The user namespace and the groups come with the host that it is for.
pub(crate) fn config() -> impl Strategy<Value = Value> {
    (namespaces(), process(), mounts(), paths(), resources(), any::<bool>(), seccomp()).prop_map(
        |(namespaces, process, mounts, (masked, readonly), resources, readonly_root, seccomp)| {
            let has = |kind: &str| namespaces.iter().any(|entry| entry["type"] == kind);
            let mut linux = json!({
                "maskedPaths": masked,
                "readonlyPaths": readonly,
                "resources": resources,
            });
            if has("time") {
                linux["timeOffsets"] =
                    json!({"monotonic": {"secs": 3600, "nanosecs": 1}, "boottime": {"secs": -1}});
            }
            if let Some(seccomp) = seccomp {
                linux["seccomp"] = seccomp;
            }
            if has("network") {
                linux["sysctl"] = json!({"net.ipv4.ip_unprivileged_port_start": "80"});
            }
            let mut config = json!({
                "ociVersion": "1.2.0",
                "root": {"path": "rootfs", "readonly": readonly_root},
                "mounts": mounts,
                "annotations": {"org.example": "drawn"},
            });
            if has("uts") {
                config["hostname"] = json!("drawn");
            }
            config["process"] = process;
            linux["namespaces"] = Value::Array(namespaces);
            config["linux"] = linux;
            config
        },
    )
}

fn namespaces() -> impl Strategy<Value = Vec<Value>> {
    subsequence(vec!["pid", "network", "ipc", "uts", "cgroup", "time"], 0..=6)
        .prop_map(|kinds| kinds.into_iter().chain(["mount"]).map(|kind| json!({"type": kind})).collect())
}

fn process() -> impl Strategy<Value = Value> {
    let ids = (0..3u32, 0..3u32, vec(0..10u32, 0..4), 0..0o777u32);
    let limits = (32..1024u64, 0..4096u64);
    let sets = subsequence(CAPABILITIES.to_vec(), 0..=6).prop_flat_map(|bounding| {
        (Just(bounding.clone()), subsequence(bounding.clone(), 0..=bounding.len()))
    });
    let scheduling = prop::option::of((select(vec!["SCHED_OTHER", "SCHED_BATCH"]), 0..19i32));
    (ids, limits, sets, select(vec!["/", "/tmp"]), any::<bool>(), prop::option::of(100..1000i32), scheduling)
        .prop_map(
            |(
                (uid, gid, groups, umask),
                (files, core),
                (bounding, permitted),
                cwd,
                no_new_privs,
                oom,
                scheduling,
            )| {
                let mut process = json!({
                    "terminal": false,
                    "user": {"uid": uid, "gid": gid, "additionalGids": groups, "umask": umask},
                    "args": ["/exit", "an argument"],
                    "env": ["PATH=/bin", "A=b=c"],
                    "cwd": cwd,
                    "rlimits": [
                        {"type": "RLIMIT_NOFILE", "soft": files, "hard": files},
                        {"type": "RLIMIT_CORE", "soft": 0, "hard": core},
                    ],
                    "capabilities": {
                        "bounding": bounding, "permitted": permitted, "effective": permitted,
                        "inheritable": permitted, "ambient": permitted,
                    },
                    "noNewPrivileges": no_new_privs,
                });
                if let Some(oom) = oom {
                    process["oomScoreAdj"] = json!(oom);
                }
                if let Some((policy, nice)) = scheduling {
                    process["scheduler"] = json!({"policy": policy, "nice": nice});
                }
                process
            },
        )
}

fn mounts() -> impl Strategy<Value = Vec<Value>> {
    let options = subsequence(vec!["nosuid", "noexec", "nodev", "noatime", "ro"], 0..=5);
    let extra = vec((select(vec!["/tmp", "/sys"]), options), 0..=2);
    (any::<bool>(), extra).prop_map(|(dev, extra)| {
        let mut mounts = vec![json!({"destination": "/proc", "type": "proc", "source": "proc"})];
        if dev {
            mounts.push(json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}));
            mounts.push(json!({"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]}));
        }
        for (destination, mut options) in extra {
            options.push("size=1m");
            mounts.push(
                json!({"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": options}),
            );
        }
        mounts
    })
}

fn paths() -> impl Strategy<Value = (Vec<&'static str>, Vec<&'static str>)> {
    let masked = subsequence(vec!["/proc/keys", "/proc/timer_list", "/proc/kcore", "/none"], 0..=4);
    (masked, subsequence(vec!["/proc/sys", "/proc/irq", "/proc/bus"], 0..=3))
}

fn resources() -> impl Strategy<Value = Value> {
    let cpu = (prop::option::of(2..10_000u64), prop::option::of(10_000..100_000i64));
    (cpu, prop::option::of(16..256i64), prop::option::of(8..100i64)).prop_map(
        |((shares, quota), memory, pids)| {
            let mut resources = Map::new();
            let mut cpu = Map::new();
            if let Some(shares) = shares {
                cpu.insert("shares".into(), json!(shares));
            }
            if let Some(quota) = quota {
                cpu.insert("quota".into(), json!(quota));
                cpu.insert("period".into(), json!(100_000));
            }
            if !cpu.is_empty() {
                resources.insert("cpu".into(), Value::Object(cpu));
            }
            if let Some(mebibytes) = memory {
                resources.insert("memory".into(), json!({"limit": mebibytes << 20}));
            }
            if let Some(pids) = pids {
                resources.insert("pids".into(), json!({"limit": pids}));
            }
            Value::Object(resources)
        },
    )
}

/// A list of what is refused; the exit of the workload is not among it.
fn seccomp() -> impl Strategy<Value = Option<Value>> {
    let names = subsequence(vec!["keyctl", "bpf", "mount", "swapon", "acct"], 1..=5);
    prop::option::of((names, 1..133u32)).prop_map(|drawn| {
        let (names, errno) = drawn?;
        Some(json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno}],
        }))
    })
}

/// One wrong value: where in the config, what, and the path that it must be refused under.
pub(crate) fn mistake() -> impl Strategy<Value = (&'static str, Value, &'static str)> {
    select(vec![
        ("/ociVersion", json!("2.0.0"), "ociVersion"),
        ("/process/args", json!([]), "process.args"),
        ("/process/cwd", json!("relative"), "process.cwd"),
        ("/process/user/umask", json!(0o1000), "process.user.umask"),
        ("/process/user/uid", json!(u32::MAX), "process.user.uid"),
        ("/process/env/1", json!("no equals sign"), "process.env[1]"),
        (
            "/process/rlimits/1",
            json!({"type": "RLIMIT_CORE", "soft": 2, "hard": 1}),
            "process.rlimits[1].soft",
        ),
        ("/mounts/0/destination", json!("/a\u{0}b"), "mounts[0].destination"),
        ("/linux/maskedPaths", json!(["/"]), "linux.maskedPaths[0]"),
        ("/linux/readonlyPaths", json!(["x"]), "linux.readonlyPaths[0]"),
        ("/linux/resources/pids", json!({"limit": -2}), "linux.resources.pids.limit"),
        ("/linux/uidMappings", json!([{"containerID": 0, "hostID": 0, "size": 1}]), "linux.uidMappings"),
        ("/linux/cgroupsPath", json!("/a/../b"), "linux.cgroupsPath"),
    ])
}
