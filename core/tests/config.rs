//! Configs: what is accepted, and what is refused under which name.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::path::Path;

use isolab_core::config::{Config, Violations};
use isolab_core::host::Host;
use isolab_core::oci;
use isolab_core::plan::{Plan, order};
use serde_json::{Value, json};

fn check(config: &Value) -> Result<Config, Violations> {
    Config::new(&oci::parse(config.to_string().as_bytes()).unwrap(), Path::new("/bundle"), "c1")
}

/// The paths of all violations of the full config with one value replaced.
fn refused(pointer: &str, value: Value) -> Vec<String> {
    let mut config = common::full();
    if let Some(place) = config.pointer_mut(pointer) {
        *place = value;
    } else {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}"))[key] = value;
    }
    match check(&config) {
        Ok(_) => Vec::new(),
        Err(Violations(all)) => all.into_iter().map(|violation| violation.path).collect(),
    }
}

#[test]
fn what_runc_spec_writes_is_accepted_and_planned() {
    let spec = oci::parse(include_bytes!("configs/runc-spec.json")).unwrap();
    let config = Config::new(&spec, Path::new("/bundle"), "c1").unwrap();
    let plan = Plan::compile(&config, &Host::example()).unwrap();
    assert_eq!(order::violations(&plan), Vec::<String>::new());
    assert_eq!(plan.gaps, Vec::<String>::new());
}

fn landlock(key: &str, value: &str) -> Value {
    json!({format!("org.isolab.landlock.{key}"): value})
}

fn layers(destination: &str, option: &str) -> Value {
    json!({"destination": destination, "type": "overlay", "options": ["lowerdir=/layers/1", option]})
}

#[test]
fn each_wrong_value_is_refused_under_its_path() {
    let cases: &[(&str, Value, &str)] = &[
        ("/ociVersion", json!(""), "ociVersion"),
        ("/ociVersion", json!("one"), "ociVersion"),
        ("/ociVersion", json!("99.0.0"), "ociVersion"),
        ("/hostname", json!("a\u{0}b"), "hostname"),
        ("/hostname", json!("x".repeat(65)), "hostname"),
        ("/process/args", json!([]), "process.args"),
        ("/process/args", json!([""]), "process.args"),
        ("/process/args", json!(["a\u{0}"]), "process.args[0]"),
        ("/process/env", json!(["NOVALUE"]), "process.env[0]"),
        ("/process/env", json!(["=x"]), "process.env[0]"),
        ("/process/cwd", json!("tmp"), "process.cwd"),
        ("/process/oomScoreAdj", json!(5000), "process.oomScoreAdj"),
        ("/process/user/uid", json!(4_294_967_295_u32), "process.user.uid"),
        ("/process/user/umask", json!(0o7777), "process.user.umask"),
        ("/process/rlimits/0/soft", json!(2048), "process.rlimits[0].soft"),
        ("/process/apparmorProfile", json!(" x"), "process.apparmorProfile"),
        ("/process/selinuxLabel", json!("container_t"), "process.selinuxLabel"),
        (
            "/process/ioPriority",
            json!({"class": "IOPRIO_CLASS_BE", "priority": 8}),
            "process.ioPriority.priority",
        ),
        ("/process/scheduler", json!({"policy": "SCHED_OTHER", "nice": 20}), "process.scheduler.nice"),
        ("/process/scheduler", json!({"policy": "SCHED_BATCH", "priority": 1}), "process.scheduler.priority"),
        ("/process/scheduler", json!({"policy": "SCHED_FIFO"}), "process.scheduler.priority"),
        ("/process/scheduler", json!({"policy": "SCHED_RR", "priority": 100}), "process.scheduler.priority"),
        ("/process/scheduler", json!({"policy": "SCHED_IDLE", "period": 1}), "process.scheduler.period"),
        (
            "/process/scheduler",
            json!({"policy": "SCHED_DEADLINE", "runtime": 2, "deadline": 1}),
            "process.scheduler.runtime",
        ),
        ("/process/execCPUAffinity", json!({"initial": "1024"}), "process.execCPUAffinity.initial"),
        ("/process/execCPUAffinity", json!({"final": "3-1"}), "process.execCPUAffinity.final"),
        ("/process/execCPUAffinity", json!({"initial": "0-1", "final": "1"}), ""),
        ("/process/capabilities/effective", json!(["CAP_SYS_ADMIN"]), "process.capabilities.effective"),
        ("/mounts/0/destination", json!(""), "mounts[0].destination"),
        // What 1.0 refuses; from 1.1 on it is from the root, and deprecated.
        ("/mounts/0/destination", json!("proc"), "mounts[0].destination"),
        ("/mounts/0/options", json!(["remount", "ro"]), "mounts[0].options"),
        ("/mounts/2/options", json!(["tmpcopyup"]), "mounts[2].options"),
        ("/mounts/2/options", json!(["idmap"]), "mounts[2].options"),
        (
            "/mounts/2/uidMappings",
            json!([{"containerID": 0, "hostID": 0, "size": 1}]),
            "mounts[2].uidMappings",
        ),
        ("/mounts/2/options", json!(["=x"]), "mounts[2].options[0]"),
        ("/mounts/3/type", json!("bind"), ""), // as runc does; a note says what means nothing
        ("/linux/namespaces/1/type", json!("pid"), "linux.namespaces[1].type"),
        ("/linux/namespaces/1/path", json!("relative"), "linux.namespaces[1].path"),
        ("/linux/namespaces/3/path", json!("/proc/1/ns/uts"), ""),
        ("/linux/uidMappings", json!([{"containerID": 0, "hostID": 0, "size": 1}]), "linux.uidMappings"),
        ("/linux/cgroupsPath", json!("/isolab/../x"), "linux.cgroupsPath"),
        ("/linux/cgroupsPath", json!("/"), "linux.cgroupsPath"),
        ("/linux/cgroupsPath", json!("system.slice:a:b"), ""),
        ("/linux/cgroupsPath", json!("a\nb"), "linux.cgroupsPath"),
        ("/linux/resources/memory/swappiness", json!(101), "linux.resources.memory.swappiness"),
        ("/linux/resources/cpu/realtimeRuntime", json!(-2), "linux.resources.cpu.realtimeRuntime"),
        ("/linux/resources/blockIO", json!({"weight": 5}), "linux.resources.blockIO.weight"),
        (
            "/linux/resources/blockIO",
            json!({"throttleReadBpsDevice": [{"major": -8, "minor": 0, "rate": 1}]}),
            "linux.resources.blockIO.throttleReadBpsDevice[0].major",
        ),
        (
            "/linux/resources/hugepageLimits",
            json!([{"pageSize": "2M", "limit": 1}]),
            "linux.resources.hugepageLimits[0].pageSize",
        ),
        (
            "/linux/resources/network",
            json!({"priorities": [{"name": "a b", "priority": 1}]}),
            "linux.resources.network.priorities[0].name",
        ),
        ("/linux/resources/rdma", json!({"mlx5_0": {}}), "linux.resources.rdma[\"mlx5_0\"]"),
        ("/linux/maskedPaths/0", json!("/"), "linux.maskedPaths[0]"),
        ("/linux/maskedPaths/0", json!("/./.."), "linux.maskedPaths[0]"),
        ("/linux/maskedPaths/0", json!("proc/keys"), "linux.maskedPaths[0]"),
        ("/vm", json!({"kernel": {"path": "/vmlinuz"}}), "vm"),
        ("/linux/resources/memory/useHierarchy", json!(false), "linux.resources.memory.useHierarchy"),
        ("/linux/personality", json!({"domain": "LINUX", "flags": ["X"]}), "linux.personality.flags"),
        ("/linux/memoryPolicy", json!({"mode": "MPOL_BIND"}), "linux.memoryPolicy.nodes"),
        ("/linux/memoryPolicy", json!({"mode": "MPOL_LOCAL", "nodes": "0"}), "linux.memoryPolicy.nodes"),
        ("/linux/memoryPolicy", json!({"mode": "MPOL_BIND", "nodes": "a"}), "linux.memoryPolicy.nodes"),
        (
            "/linux/memoryPolicy",
            json!({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]}),
            "linux.memoryPolicy.flags",
        ),
        (
            "/linux/memoryPolicy",
            json!({"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]}),
            "linux.memoryPolicy.flags",
        ),
        ("/linux/sysctl", json!({"net.core.somaxconn": "1"}), ""),
        ("/linux/sysctl", json!({"net.core.x": "1\u{0}"}), "linux.sysctl[\"net.core.x\"]"),
        ("/linux/sysctl", json!({"net.a.b": "1", "net/a/b": "2"}), "linux.sysctl[\"net/a/b\"]"),
        ("/linux/sysctl", json!({"net.../x": "1"}), "linux.sysctl[\"net.../x\"]"),
        ("/annotations", landlock("read-only", "/usr:lib"), "annotations[\"org.isolab.landlock.read-only\"]"),
        ("/annotations", landlock("tcp.bind", "70000"), "annotations[\"org.isolab.landlock.tcp.bind\"]"),
        ("/annotations", landlock("scope", "moon,signal"), "annotations[\"org.isolab.landlock.scope\"]"),
        ("/annotations", landlock("scope", ""), "annotations[\"org.isolab.landlock.scope\"]"),
        ("/annotations", landlock("readonly", "/"), "annotations[\"org.isolab.landlock.readonly\"]"),
        ("/annotations", landlock("tcp.bind", ""), ""),
        ("/linux/sysctl", json!({"vm.swappiness": "1"}), "linux.sysctl[\"vm.swappiness\"]"),
        ("/mounts/0", layers("/", "rro"), "mounts[0].options"),
        ("/mounts/0", layers("/", "slave"), "mounts[0].options"),
        ("/mounts/1", layers("/..", "nosuid"), "mounts[1].destination"),
        ("/linux/rootfsPropagation", json!("sideways"), "linux.rootfsPropagation"),
        ("/linux/resources/pids/limit", json!(-2), "linux.resources.pids.limit"),
        ("/linux/resources/memory/limit", json!(-2), "linux.resources.memory.limit"),
        ("/linux/resources/memory/swap", json!(1), "linux.resources.memory.swap"),
        ("/linux/resources/cpu/quota", json!(-7), "linux.resources.cpu.quota"),
        ("/linux/resources/cpu/cpus", json!("one"), "linux.resources.cpu.cpus"),
        (
            "/linux/resources/unified",
            json!({"../memory.max": "1"}),
            "linux.resources.unified[\"../memory.max\"]",
        ),
        (
            "/linux/resources/unified",
            json!({"cgroup.procs": "1"}),
            "linux.resources.unified[\"cgroup.procs\"]",
        ),
        ("/linux/resources/devices/0/access", json!("rwx"), "linux.resources.devices[0].access"),
        ("/linux/seccomp/syscalls/0/errnoRet", json!(5000), "linux.seccomp.syscalls[0].errnoRet"),
    ];
    for (pointer, value, path) in cases {
        let found = refused(pointer, value.clone());
        let wanted: Vec<&str> = [*path].into_iter().filter(|path| !path.is_empty()).collect();
        assert_eq!(found, wanted, "{pointer} = {value}");
    }
}

#[test]
fn all_violations_are_told_at_once() {
    let mut config = common::full();
    config["hostname"] = json!("x".repeat(65));
    config["process"]["cwd"] = json!("tmp");
    config["linux"]["resources"]["pids"]["limit"] = json!(-2);
    let Violations(all) = check(&config).unwrap_err();
    assert_eq!(all.len(), 3, "{all:?}");
}

#[test]
fn unknown_properties_are_ignored() {
    let mut config = common::full();
    config["futureProperty"] = json!({"a": 1});
    config["linux"]["futureProperty"] = json!(true);
    check(&config).unwrap();
}

#[test]
fn bad_ids_are_refused() {
    let spec = oci::parse(common::full().to_string().as_bytes()).unwrap();
    for id in ["", ".", "..", "a/b", "../x", "-rf", "a\nb", "a\u{0}", "ä", &"x".repeat(300)] {
        let Violations(all) = Config::new(&spec, Path::new("/bundle"), id).unwrap_err();
        assert!(all.iter().all(|violation| violation.path == "container id"), "{id:?}: {all:?}");
    }
}

#[test]
fn ambient_without_inheritable_is_left_out_as_runc_does() {
    let spec = oci::parse(include_bytes!("configs/runc-spec.json")).unwrap();
    let config = Config::new(&spec, Path::new("/bundle"), "c1").unwrap();
    let plan = Plan::compile(&config, &Host::example()).unwrap();
    assert!(plan.notes.iter().any(|note| note.starts_with("process.capabilities.ambient: ")), "{plan}");
    assert_eq!(config.capabilities.granted(&Host::example(), false).0.ambient, 0);
}
