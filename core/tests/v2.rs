//! What only a unified hierarchy with controllers shows: v2 files and their units. Run in guests where the host has v1.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use common::{Bundle, traces};
use isolab_core::host::Host;
use isolab_core::launch::{Container, Exit, Options, launch};
use isolab_core::need;
use serde_json::json;

const NEEDS: [&str; 6] =
    ["root", "cgroup-v2", "cgroup memory", "cgroup cpu", "cgroup pids", "clone-into-cgroup"];

fn held(bundle: &Bundle, host: &Host) -> Container {
    let null: OwnedFd = File::options().read(true).write(true).open("/dev/null").unwrap().into();
    let mut options = Options::new([null.as_fd(); 3]);
    options.hold_at_exec = true;
    launch(&bundle.plan(host), &options).unwrap()
}

fn value(group: &Path, file: &str) -> String {
    fs::read_to_string(group.join(file)).unwrap().trim().to_owned()
}

/// The spec's numbers are v1's; the conversions are those of the spec's table, the units those of the kernel's
/// Documentation/admin-guide/cgroup-v2.rst.
#[test]
fn settings_arrive_in_the_words_of_v2() {
    if !need::met(&NEEDS) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new();
    bundle.config["linux"]["resources"] = json!({
        "memory": {"limit": 67_108_864, "swap": 100_663_296},
        "cpu": {"shares": 1024, "quota": 25_000, "period": 100_000},
        "pids": {"limit": 37},
    });
    let before = traces(&host, &bundle);
    let mut container = held(&bundle, &host);
    let [group] = container.cgroups() else { panic!("one hierarchy, one group: {:?}", container.cgroups()) };
    assert_eq!(value(group, "memory.max"), "67108864");
    assert_eq!(value(group, "cpu.max"), "25000 100000");
    assert_eq!(value(group, "pids.max"), "37");
    // The default to the default, as runc has it since 1.3.2 and crun since 1.23.
    assert_eq!(value(group, "cpu.weight"), "100");
    if group.join("memory.swap.max").exists() {
        // v1 counts memory and swap together, v2 swap alone.
        assert_eq!(value(group, "memory.swap.max"), "33554432");
    }
    assert_eq!(value(group, "cgroup.procs"), container.pid().to_string());
    container.release().unwrap();
    assert_eq!(container.wait(Some(Duration::from_secs(10))).unwrap(), Some(Exit::Code(0)));
    container.remove().unwrap();
    assert_eq!(traces(&host, &bundle), before);
}

/// A group that is still full is emptied by `cgroup.kill`, also of what has left the workload's process tree.
#[test]
fn what_outlives_the_workload_is_killed_with_its_group() {
    if !need::met(&NEEDS) || !need::met(&["busybox"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = Bundle::new().with_shell("/bin/busybox setsid /bin/busybox sleep 1000 & exit 0");
    let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|namespace| namespace["type"] != "pid");
    let before = traces(&host, &bundle);
    let mut container = held(&bundle, &host);
    let group = container.cgroups()[0].clone();
    if !group.join("cgroup.kill").exists() {
        // Before Linux 5.14 nobody knows what is left; the container is held, so nothing is.
        return;
    }
    container.release().unwrap();
    assert_eq!(container.wait(Some(Duration::from_secs(10))).unwrap(), Some(Exit::Code(0)));
    assert_ne!(value(&group, "cgroup.procs"), "", "the sleeper is there");
    container.remove().unwrap();
    assert!(!group.exists());
    assert_eq!(traces(&host, &bundle), before);
}
