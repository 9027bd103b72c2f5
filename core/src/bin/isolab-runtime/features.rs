//! `features`: what of the runtime-spec is supported (`features.md`, `features-linux.md`).
//!
//! Tables that the launch uses are printed as they are. Everything else is found out by asking: a small config with just
//! that in it is either accepted or refused.

use std::path::Path;

use isolab_core::config::Config;
use isolab_core::hook::Point;
use isolab_core::mount;
use isolab_core::namespace::Kind;
use isolab_core::{capability, oci};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;

const ACTIONS: [&str; 9] = [
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_TRAP",
];
const OPERATORS: [&str; 7] = [
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_LE",
    "SCMP_CMP_LT",
    "SCMP_CMP_MASKED_EQ",
    "SCMP_CMP_NE",
];
const ARCHITECTURES: [&str; 20] = [
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
];
const FLAGS: [&str; 4] = [
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];

pub(crate) fn features() -> Result<(), Failure> {
    output::json(&describe(), true)
}

fn describe() -> Value {
    let mut mount_options = mount::known();
    mount_options.sort_unstable();
    let mut namespaces: Vec<String> =
        Kind::ALL.iter().map(|kind| format!("{kind:?}").to_lowercase()).collect();
    namespaces.sort_unstable();
    json!({
        "ociVersionMin": oci::VERSIONS[0],
        "ociVersionMax": oci::VERSIONS[1],
        "hooks": Point::ALL.map(Point::name).iter().filter(|name| accepts_hook(name)).collect::<Vec<_>>(),
        "mountOptions": mount_options,
        "linux": {
            "namespaces": namespaces,
            "capabilities": capability::names(u64::MAX >> (64 - capability::NAMES.len())),
            "cgroup": {
                "v1": true,
                "v2": true,
                "systemd": false,
                "systemdUser": false,
                "rdma": accepts(json!({"linux": {"resources": {"rdma": {"a": {"hcaHandles": 1}}}}})),
            },
            "seccomp": seccomp(),
            "apparmor": {"enabled": accepts(json!({"process": {"apparmorProfile": "p"}}))},
            "selinux": {"enabled": accepts(json!({"process": {"selinuxLabel": "a:b:c:s0"}}))},
            "intelRdt": {"enabled": accepts(json!({"linux": {"intelRdt": {"l3CacheSchema": "L3:0=f"}}}))},
            "memoryPolicy": memory_policy(),
            "mountExtensions": {"idmap": {"enabled": accepts_idmap()}},
            "netDevices": {"enabled": accepts(json!({"linux": {"netDevices": {"eth0": {}}}}))},
        },
        "annotations": {"org.isolab.version": env!("CARGO_PKG_VERSION")},
    })
}

fn seccomp() -> Value {
    let profile = |profile: Value| accepts(json!({"linux": {"seccomp": profile}}));
    let all = |names: &[&'static str], part: &dyn Fn(&str) -> Value| -> Vec<&'static str> {
        names.iter().copied().filter(|name| profile(part(name))).collect()
    };
    let allow = "SCMP_ACT_ALLOW";
    let action = |name: &str| {
        // Of a single call: the default action has rules of its own.
        json!({"defaultAction": allow, "listenerPath": "/run/listener",
               "syscalls": [{"names": ["getcwd"], "action": name}]})
    };
    let operator = |name: &str| {
        json!({"defaultAction": allow, "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_ERRNO",
               "args": [{"index": 0, "value": 1, "valueTwo": 1, "op": name}]}]})
    };
    let flag = |name: &str| json!({"defaultAction": allow, "flags": [name]});
    // Without the flag's action it is refused for its sake alone.
    let notified = |name: &str| {
        json!({"defaultAction": allow, "flags": [name], "listenerPath": "/run/listener",
               "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_NOTIFY"}]})
    };
    let flags: Vec<&str> =
        FLAGS.iter().copied().filter(|name| profile(flag(name)) || profile(notified(name))).collect();
    json!({
        "enabled": true,
        "actions": all(&ACTIONS, &action),
        "operators": all(&OPERATORS, &operator),
        "archs": all(&ARCHITECTURES, &|name| json!({"defaultAction": allow, "architectures": [name]})),
        "knownFlags": FLAGS,
        "supportedFlags": flags,
    })
}

fn memory_policy() -> Value {
    const MODES: [&str; 7] = [
        "MPOL_BIND",
        "MPOL_DEFAULT",
        "MPOL_INTERLEAVE",
        "MPOL_LOCAL",
        "MPOL_PREFERRED",
        "MPOL_PREFERRED_MANY",
        "MPOL_WEIGHTED_INTERLEAVE",
    ];
    const POLICY_FLAGS: [&str; 3] = ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"];
    let policy = |policy: Value| accepts(json!({"linux": {"memoryPolicy": policy}}));
    let mode = |name: &&&str| policy(json!({"mode": name, "nodes": "0"})) || policy(json!({"mode": name}));
    let flag = |name: &&&str| policy(json!({"mode": "MPOL_BIND", "nodes": "0", "flags": [name]}));
    json!({
        "modes": MODES.iter().filter(mode).collect::<Vec<_>>(),
        "flags": POLICY_FLAGS.iter().filter(flag).collect::<Vec<_>>(),
    })
}

fn accepts_hook(name: &str) -> bool {
    accepts(json!({"hooks": {name: [{"path": "/bin/true"}]}}))
}

fn accepts_idmap() -> bool {
    let ids = json!([{"containerID": 0, "hostID": 0, "size": 1}]);
    accepts(json!({"mounts": [{"destination": "/mnt", "source": "/tmp", "type": "bind", "options": ["bind"],
                               "uidMappings": ids, "gidMappings": ids}]}))
}

/// Whether a config with this in it is accepted.
fn accepts(part: Value) -> bool {
    let mut config = json!({
        "ociVersion": oci::VERSIONS[1],
        "process": {"args": ["/x"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
        "root": {"path": "rootfs"},
        "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "network"}, {"type": "ipc"}]},
    });
    merge(&mut config, part);
    let spec = serde_json::to_vec(&config).ok().and_then(|bytes| oci::parse(&bytes).ok());
    spec.is_some_and(|spec| Config::new(&spec, Path::new("/"), "x").is_ok())
}

/// Puts `from` into `into`, object by object.
pub(crate) fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_is_accepted_and_nonsense_is_not() {
        assert!(accepts(json!({})));
        assert!(!accepts_hook("prestop\u{0}") || accepts_hook("poststop"));
        assert!(!accepts(json!({"process": {"cwd": "x"}})));
    }

    #[test]
    fn merging_replaces_what_is_no_object() {
        let mut value = json!({"a": {"b": 1, "c": [1]}});
        merge(&mut value, json!({"a": {"c": [2], "d": {"e": 3}}}));
        assert_eq!(value, json!({"a": {"b": 1, "c": [2], "d": {"e": 3}}}));
    }
}
