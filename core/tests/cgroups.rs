//! Groups for real: limits, device rules, freezing, killing, usage and updates, on whatever hierarchies there are.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Bundle, traces};
use isolab_core::cgroup::{self, Directory, OomWatch, Resources};
use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::launch::{Container, Exit, Options, launch};
use isolab_core::need;
use isolab_core::observe::{Enforced, Observation, compare};
use isolab_core::plan::Plan;
use isolab_core::sys::process::poll;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(10);

fn start(plan: &Plan, hold: bool) -> Container {
    let null: OwnedFd = File::options().read(true).write(true).open("/dev/null").unwrap().into();
    let mut options = Options::new([null.as_fd(); 3]);
    options.hold_at_exec = hold;
    launch(plan, &options).unwrap()
}

/// In a group of every hierarchy.
fn everywhere(bundle: &Bundle, host: &Host) -> Plan {
    let mut config = bundle.config().unwrap();
    config.cgroup.as_mut().unwrap().everywhere = true;
    Plan::compile(&config, host).unwrap()
}

/// The file of the group that has it.
fn value(directories: &[Directory], file: &str) -> String {
    let found = directories.iter().map(|directory| directory.path.join(file)).find(|path| path.exists());
    fs::read_to_string(found.unwrap_or_else(|| panic!("no {file}"))).unwrap().trim_end().to_owned()
}

fn resources(value: Value) -> Resources {
    Resources::new(&serde_json::from_value(value).unwrap()).unwrap()
}

fn asked_and_got(config: &Config, host: &Host, plan: &Plan) -> (Enforced, Observation) {
    let mut container = start(plan, true);
    let seen = Observation::of(container.pid(), &host.cgroups).unwrap();
    let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
    container.release().unwrap();
    assert_eq!(container.wait(Some(PATIENCE)).unwrap(), Some(Exit::Code(0)));
    container.remove().unwrap();
    (compare(config, host, &own, &seen), seen)
}

/// A whole disk, by its numbers.
fn disk() -> Option<(u64, u64)> {
    let entries = fs::read_dir("/sys/block").ok()?.flatten();
    let number = |path: PathBuf| {
        let text = fs::read_to_string(path.join("dev")).ok()?;
        let (major, minor) = text.trim().split_once(':')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    entries.filter_map(|entry| number(entry.path())).min()
}

/// Everything that this host has a controller for, with what it must look like in the config to be seen as missing.
fn wanted(host: &Host) -> Vec<(&'static str, Value, Value)> {
    let v1 = |controller: &str| !host.cgroups.is_v2(controller);
    let has = |controller: &str| host.cgroups.find(controller).is_some();
    let mut all = vec![
        ("cpu", json!({"shares": 512, "quota": 20_000, "period": 50_000}), json!({"shares": 2000})),
        ("memory", json!({"limit": 67_108_864, "reservation": 33_554_432}), json!({"limit": 16_777_216})),
        ("pids", json!({"limit": 37}), json!({"limit": 38})),
    ];
    if v1("memory") && has("memory") {
        let settings =
            json!({"limit": 67_108_864, "swap": 100_663_296, "swappiness": 10, "disableOOMKiller": true});
        all[1] = ("memory", settings, json!({"swappiness": 11}));
    }
    if let Some((major, minor)) = disk().filter(|_| has("blkio") || has("io")) {
        let rate = |rate: u64| json!([{"major": major, "minor": minor, "rate": rate}]);
        let asked = json!({
            "throttleReadBpsDevice": rate(1 << 30), "throttleWriteBpsDevice": rate(1 << 29),
            "throttleReadIOPSDevice": rate(100_000), "throttleWriteIOPSDevice": rate(99_000),
        });
        all.push(("blockIO", asked, json!({"throttleReadBpsDevice": rate(1 << 20)})));
    }
    if has("hugetlb") && Path::new("/sys/kernel/mm/hugepages/hugepages-2048kB").exists() {
        let limit = |limit: u64| json!([{"pageSize": "2MB", "limit": limit}]);
        all.push(("hugepageLimits", limit(4_194_304), limit(2_097_152)));
    }
    all
}

#[test]
fn every_limit_arrives_and_a_different_one_is_seen() {
    if !need::met(&["root", "cgroup memory", "cgroup cpu", "cgroup pids"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new();
    let devices = bundle.config["linux"]["resources"]["devices"].clone();
    bundle.config["linux"]["resources"] = json!({"devices": devices});
    for (name, asked, _) in wanted(&host) {
        bundle.config["linux"]["resources"][name] = asked;
    }
    let before = traces(&host, &bundle);
    let (enforced, seen) = asked_and_got(&bundle.config().unwrap(), &host, &bundle.plan(&host));
    assert_eq!(enforced, Enforced::Enforced);
    assert_eq!(traces(&host, &bundle), before);
    let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
    for (name, asked, other) in wanted(&host) {
        bundle.config["linux"]["resources"][name] = other;
        let found = compare(&bundle.config().unwrap(), &host, &own, &seen);
        assert!(matches!(found, Enforced::Partial { .. }), "another {name} not seen: {found}");
        bundle.config["linux"]["resources"][name] = asked;
    }
    bundle.config["linux"]["resources"]["devices"] = json!([{"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 10, "minor": 200, "access": "rwm"}]);
    let found = compare(&bundle.config().unwrap(), &host, &own, &seen);
    // Of a program only its presence shows.
    assert_eq!(found == Enforced::Enforced, host.cgroups.is_v2("devices"), "other device rules: {found}");
}

/// A weight has a file only where BFQ or io.cost is, and otherwise an error that says so.
#[test]
fn a_weight_is_set_or_refused_with_a_remedy() {
    if !need::met(&["root"]) {
        return;
    }
    let host = Host::probe();
    if host.cgroups.find("blkio").or(host.cgroups.find("io")).is_none() {
        assert!(!need::met(&["cgroup blkio"]));
        return;
    }
    let mut bundle = Bundle::new();
    bundle.config["linux"]["resources"] = json!({"blockIO": {"weight": 500}});
    let null: OwnedFd = File::options().read(true).write(true).open("/dev/null").unwrap().into();
    let mut options = Options::new([null.as_fd(); 3]);
    options.hold_at_exec = true;
    let plan = bundle.plan(&host);
    match launch(&plan, &options) {
        Ok(mut container) => {
            let names = ["blkio.weight", "blkio.bfq.weight", "io.bfq.weight", "io.weight"];
            let there = |name: &&str| plan.directories.iter().any(|at| at.path.join(name).exists());
            let got = value(&plan.directories, names.into_iter().find(there).unwrap());
            assert!(got.contains("500") || got == "default 4950", "{got}");
            container.release().unwrap();
            container.remove().unwrap();
        }
        Err(error) => assert!(error.to_string().contains("load BFQ"), "{error}"),
    }
}

/// Writes to a node that it makes itself: the kernel's log, which no container may use unless told.
const WRITE_LOG: &str = "/bin/busybox mknod /dev/log c 1 11 && : > /dev/log";

fn with_rules(rules: Value) -> Bundle {
    let mut bundle = Bundle::new().with_shell(WRITE_LOG);
    bundle.config["linux"]["resources"]["devices"] = rules;
    for set in ["bounding", "effective", "permitted"] {
        bundle.config["process"]["capabilities"][set].as_array_mut().unwrap().push(json!("CAP_MKNOD"));
    }
    bundle
}

/// On hybrid hosts both ways are tried: the lists of v1, and a program in a v2 tree without controllers.
#[test]
fn device_rules_hold_as_lists_and_as_programs() {
    if !need::met(&["root", "busybox", "cgroup memory", "cgroup cpu", "cgroup pids"]) {
        return;
    }
    let deny = json!({"allow": false, "access": "rwm"});
    let log = |allow: bool, access: &str| json!({"allow": allow, "type": "c", "major": 1, "minor": 11, "access": access});
    let cases = [
        (json!([deny]), false),
        (json!([deny, log(true, "w")]), true),
        (json!([deny, log(true, "r")]), false),
        (json!([deny, log(true, "rw"), log(false, "w")]), false),
        (json!([log(true, "w"), deny]), false),
        (json!([log(false, "w")]), false),
        (json!([]), true),
    ];
    let probed = Host::probe();
    let mut without_lists = probed.clone();
    without_lists.cgroups.v1.retain(|hierarchy| hierarchy.controllers != ["devices"]);
    let hosts = if probed.cgroups.v2.is_some() { vec![probed, without_lists] } else { vec![probed] };
    for host in hosts {
        for (rules, allowed) in &cases {
            let bundle = with_rules(rules.clone());
            let plan = bundle.plan(&host);
            assert_eq!(plan.gaps, Vec::<String>::new());
            let (config, before) = (bundle.config().unwrap(), traces(&host, &bundle));
            let mut container = start(&plan, true);
            let seen = Observation::of(container.pid(), &host.cgroups).unwrap();
            let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
            let found = compare(&config, &host, &own, &seen);
            assert_eq!(found, Enforced::Enforced, "{rules}");
            container.release().unwrap();
            let exit = container.wait(Some(PATIENCE)).unwrap();
            container.remove().unwrap();
            let program = host.cgroups.is_v2("devices");
            assert_eq!(exit == Some(Exit::Code(0)), *allowed, "{rules}, program: {program}, {exit:?}");
            assert_eq!(
                seen.device_programs.unwrap_or(0) > 0,
                program && !rules.as_array().unwrap().is_empty()
            );
            assert_eq!(traces(&host, &bundle), before, "{rules}");
        }
    }
}

fn sleeper(host: &Host) -> (Bundle, Plan, Container) {
    let script = "/bin/busybox sleep 1000 & /bin/busybox sleep 1000 & wait";
    let mut bundle = Bundle::new().with_shell(script);
    let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|namespace| namespace["type"] != "pid");
    let plan = everywhere(&bundle, host);
    let container = start(&plan, false);
    while cgroup::procs(&plan.directories).unwrap().len() < 3 {
        std::thread::sleep(Duration::from_millis(1));
    }
    (bundle, plan, container)
}

/// The v2 tree, and the freezer of v1 where there is one without it.
fn hosts() -> Vec<Host> {
    let probed = Host::probe();
    let mut hosts = vec![probed.clone()];
    if probed.cgroups.find("freezer").is_some() {
        let mut v1 = probed;
        v1.cgroups.v2 = None;
        hosts.push(v1);
    }
    hosts
}

#[test]
fn a_container_is_frozen_thawed_and_killed_with_the_groups_that_it_made() {
    if !need::met(&["root", "busybox", "cgroup memory", "cgroup cpu", "cgroup pids"]) {
        return;
    }
    for host in hosts() {
        let (bundle, plan, mut container) = sleeper(&host);
        let directories = &plan.directories;
        let state = if host.cgroups.v2.is_some() { "cgroup.events" } else { "freezer.state" };
        assert!(!cgroup::is_frozen(directories).unwrap());
        cgroup::freeze(directories, true).unwrap();
        assert!(cgroup::is_frozen(directories).unwrap());
        let shown = value(directories, state);
        assert!(shown == "FROZEN" || shown.contains("frozen 1"), "{shown}");
        cgroup::freeze(directories, false).unwrap();
        assert!(!cgroup::is_frozen(directories).unwrap());
        // As a container with a cgroup namespace may do; deeper than a path can say.
        let procs = cgroup::procs(directories).unwrap();
        assert_eq!(procs.len(), 3);
        let inner = directories[0].path.join("inner");
        fs::create_dir(&inner).unwrap();
        fs::create_dir(inner.join("innermost")).unwrap();
        fs::write(inner.join("cgroup.procs"), procs[2].to_string()).unwrap();
        assert_eq!(cgroup::procs(directories).unwrap(), procs);
        // A frozen one dies as well, by whatever it is frozen.
        cgroup::freeze(directories, true).unwrap();
        for state in directories.iter().map(|directory| directory.path.join("freezer.state")) {
            if state.exists() {
                fs::write(state, "FROZEN").unwrap();
            }
        }
        cgroup::kill(directories, PATIENCE).unwrap();
        assert_eq!(cgroup::procs(directories).unwrap(), Vec::<i32>::new());
        assert_eq!(container.wait(Some(PATIENCE)).unwrap(), Some(Exit::Signal(libc::SIGKILL)));
        // As after a crash: by the directories alone, and again.
        cgroup::remove(directories, PATIENCE).unwrap();
        cgroup::remove(directories, PATIENCE).unwrap();
        assert!(traces(&host, &bundle).1.is_empty());
        container.remove().unwrap();
    }
}

/// As hostile workloads make them.
#[test]
fn groups_nested_deeper_than_a_path_are_removed() {
    if !need::met(&["root", "clone-into-cgroup", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let mount = host.cgroups.v2.as_ref().unwrap().mount.clone();
    let path = mount.join(format!("isolab-test-{}-deep", std::process::id()));
    let here = std::env::current_dir().unwrap();
    fs::create_dir(&path).unwrap();
    let name = "n".repeat(250);
    // Only a working directory gets there, so a process of its own.
    let script = format!(
        "i=0; while [ $i -lt 20 ]; do /bin/busybox mkdir {name} && cd -P {name} || exit 1; i=$((i+1)); done"
    );
    let made = std::process::Command::new("/bin/busybox")
        .args(["sh", "-c", &script])
        .current_dir(&path)
        .status()
        .unwrap();
    assert_eq!(std::env::current_dir().unwrap(), here);
    assert!(made.success());
    let directory =
        Directory { path: path.clone(), mount, controllers: Vec::new(), v2: true, at_clone: true };
    cgroup::remove(&[directory], PATIENCE).unwrap();
    assert!(!path.exists());
}

#[test]
fn usage_is_read_and_saved_directories_are_enough() {
    if !need::met(&["root", "busybox", "cgroup memory", "cgroup cpu", "cgroup pids"]) {
        return;
    }
    let (_bundle, plan, container) = sleeper(&Host::probe());
    let saved = serde_json::to_string(&plan.directories).unwrap();
    let directories: Vec<Directory> = serde_json::from_str(&saved).unwrap();
    assert_eq!(directories, plan.directories);
    let used = cgroup::usage(&directories).unwrap();
    assert_eq!(used.pids.current, 3);
    assert!(used.cpu.usage.total > 0 && used.memory.usage.usage > 0, "{used:?}");
    assert!(used.memory.raw.contains_key("pgfault") && used.memory.usage.limit > 0);
    container.remove().unwrap();
    assert_eq!(cgroup::usage(&directories).unwrap().pids.current, 0);
}

#[test]
fn running_out_of_memory_is_reported() {
    if !need::met(&["root", "busybox", "cgroup memory", "cgroup cpu", "cgroup pids"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new().with_shell("/bin/busybox tail /dev/zero");
    bundle.config["linux"]["resources"]["memory"] = json!({"limit": 16_777_216});
    let plan = everywhere(&bundle, &host);
    let mut container = start(&plan, true);
    let mut watch = OomWatch::new(&plan.directories).unwrap().unwrap();
    assert_eq!((watch.take().unwrap(), cgroup::oom_kills(&plan.directories).unwrap()), (0, 0));
    container.release().unwrap();
    assert!(poll(&[watch.fd()], Some(PATIENCE)).unwrap().is_some());
    let exit = container.wait(Some(PATIENCE)).unwrap();
    assert!(exit.is_some_and(|exit| exit != Exit::Code(0)), "{exit:?}");
    assert!(watch.take().unwrap() > 0);
    assert!(cgroup::oom_kills(&plan.directories).unwrap() > 0);
    container.remove().unwrap();
    // The removal of the group is no want of memory; v1 reports it, a little later.
    poll(&[watch.fd()], Some(Duration::from_secs(1))).unwrap();
    assert_eq!(watch.take().unwrap(), 0);
}

/// Up and down, in whichever order the kernel takes it; and all or nothing.
#[test]
fn limits_are_updated_together_or_not_at_all() {
    if !need::met(&["root", "busybox", "cgroup memory", "cgroup cpu", "cgroup pids"]) {
        return;
    }
    let host = Host::probe();
    let (_bundle, plan, container) = sleeper(&host);
    let directories = &plan.directories;
    let v2 = host.cgroups.is_v2("memory");
    let memory = if v2 { "memory.max" } else { "memory.limit_in_bytes" };
    for megabytes in [64, 256, 32, 128] {
        let limit = megabytes << 20;
        let mut asked = json!({"memory": {"limit": limit}, "pids": {"limit": megabytes}});
        if !v2 && plan.directories.iter().any(|at| at.path.join("memory.memsw.limit_in_bytes").exists()) {
            asked["memory"]["swap"] = json!(limit + 4096);
        }
        cgroup::update(&resources(asked), directories).unwrap();
        assert_eq!(value(directories, memory), limit.to_string());
        assert_eq!(value(directories, "pids.max"), megabytes.to_string());
    }
    for (quota, period) in [(500_000, 1_000_000), (2_000, 2_000), (50_000, 100_000)] {
        let asked = json!({"cpu": {"quota": quota, "period": period}});
        cgroup::update(&resources(asked), directories).unwrap();
    }
    cgroup::update(&resources(json!({"cpu": {"quota": 30_000}})), directories).unwrap();
    match v2 {
        true => assert_eq!(value(directories, "cpu.max"), "30000 100000"),
        false => assert_eq!(value(directories, "cpu.cfs_period_us"), "100000"),
    }
    // The last of them cannot be had.
    let impossible =
        json!({"pids": {"limit": 5}, "cpu": {"quota": 40_000, "cpus": "4000"}, "memory": {"limit": 1 << 26}});
    let error = cgroup::update(&resources(impossible), directories).unwrap_err().to_string();
    assert!(error.contains("cpuset.cpus") && error.contains("do not have all of these CPUs"), "{error}");
    assert_eq!(
        (value(directories, "pids.max"), value(directories, memory)),
        ("128".into(), (128 << 20).to_string())
    );
    let cautious = json!({"memory": {"limit": 4096, "checkBeforeUpdate": true}});
    let error = cgroup::update(&resources(cautious), directories).unwrap_err().to_string();
    assert!(error.contains("in use") && value(directories, memory) == (128 << 20).to_string(), "{error}");
    container.remove().unwrap();
}

/// What a runtime writes for the same config, observed of its workload.
fn by_runtime(name: &str, bundle: &Bundle, host: &Host) -> Observation {
    let (root, pid_file) = (bundle.dir.join(name), bundle.dir.join(format!("{name}.pid")));
    let run = |arguments: &[&std::ffi::OsStr]| {
        let null = || File::options().read(true).write(true).open("/dev/null").unwrap();
        let log = bundle.dir.join(format!("{name}.log"));
        let mut command = std::process::Command::new(name);
        command.arg("--root").arg(&root).args(arguments).current_dir(&bundle.dir);
        let status =
            command.stdin(null()).stdout(null()).stderr(File::create(&log).unwrap()).status().unwrap();
        assert!(status.success(), "{name} {arguments:?}: {}", fs::read_to_string(log).unwrap());
    };
    let id = format!("{}-{name}", bundle.id);
    bundle.write();
    run(&["run".as_ref(), "--detach".as_ref(), "--pid-file".as_ref(), pid_file.as_os_str(), id.as_ref()]);
    let pid = fs::read_to_string(pid_file).unwrap().trim().parse().unwrap();
    let seen = Observation::of(pid, &host.cgroups);
    run(&["delete".as_ref(), "--force".as_ref(), id.as_ref()]);
    // They leave the group above, which is this test's own.
    for hierarchy in host.cgroups.v1.iter().chain(&host.cgroups.v2) {
        let path = bundle.config["linux"]["cgroupsPath"].as_str().unwrap().trim_start_matches('/');
        drop(fs::remove_dir(hierarchy.mount.join(path).parent().unwrap()));
    }
    seen.unwrap()
}

/// The same files with the same values as Debian's runc 1.1.5 and crun 1.8.1 write.
#[test]
fn runc_and_crun_write_the_same() {
    if !need::met(&["root", "busybox", "cgroup memory", "cgroup cpu", "cgroup pids"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new().with_shell("exec /bin/busybox sleep 1000");
    bundle.config["root"]["readonly"] = json!(false);
    bundle.config["linux"].as_object_mut().unwrap().remove("seccomp");
    for (name, asked, _) in wanted(&host) {
        // runc 1.1.5 does not write what a container may reserve on v2; crun 1.8.1 writes no huge pages of hybrid hosts.
        if name != "hugepageLimits" {
            bundle.config["linux"]["resources"][name] = asked;
        }
    }
    let plan = bundle.plan(&host);
    let container = start(&plan, false);
    let ours = Observation::of(container.pid(), &host.cgroups).unwrap().cgroup_values;
    container.remove().unwrap();
    for name in ["runc", "crun"] {
        if !need::met(&[name]) {
            continue;
        }
        let theirs = by_runtime(name, &bundle, &host).cgroup_values;
        let settings = cgroup::settings(&bundle.config().unwrap().cgroup.unwrap().resources, |controller| {
            host.cgroups.is_v2(controller)
        });
        for setting in settings {
            let file = if setting.controller == "devices" { "devices.list" } else { &setting.file };
            let sorted = |text: &String| {
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                // The console is one of the spec's default devices; tun was allowed by runc until 1.2.
                lines.retain(|line| !["c 5:1 rwm", "c 10:200 rwm"].contains(&line.as_str()));
                lines.sort();
                lines
            };
            let (mine, other) = (ours.get(file).map(sorted), theirs.get(file).map(sorted));
            if file == "cpu.weight" {
                // 512 shares: linear before runc 1.3.2 and crun 1.23.
                assert!(
                    [Some("20"), Some("59")].contains(&other.as_ref().map(|lines| lines[0].as_str())),
                    "{other:?}"
                );
                continue;
            }
            assert_eq!(mine, other, "{file}, by {name}");
        }
    }
}
