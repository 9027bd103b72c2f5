//! Scheduling, personality, memory policy, kernel parameters and Landlock, for real.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use common::{Bundle, running};
use isolab_core::host::Host;
use isolab_core::launch::{Exit, Options, launch};
use isolab_core::need;
use isolab_core::observe::{Enforced, Observation, compare};
use isolab_core::plan::{Plan, order};
use serde_json::{Value, json};

/// Launches with gaps accepted, observes at the exec, and waits for the end.
fn run(bundle: &Bundle) -> (Observation, Exit) {
    let host = Host::probe();
    let null: OwnedFd = File::options().read(true).write(true).open("/dev/null").unwrap().into();
    let mut options = Options::new([null.as_fd(); 3]);
    options.hold_at_exec = true;
    options.accept_gaps = true;
    let mut container = launch(&bundle.plan(&host), &options).unwrap();
    let mut seen = Observation::of(container.pid(), &host.cgroups).unwrap();
    seen.read_sysctls(container.pid(), &bundle.config().unwrap());
    container.release().unwrap();
    let exit = container.wait(Some(Duration::from_secs(20))).unwrap().unwrap();
    container.remove().unwrap();
    (seen, exit)
}

fn against(bundle: &Bundle, seen: &Observation) -> Enforced {
    let host = Host::probe();
    let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
    compare(&bundle.config().unwrap(), &host, &own, seen)
}

/// Asked equals got; and a config that asks for `other` at `pointer` sees that it was not got.
fn verify(bundle: &mut Bundle, pointer: &str, other: Value, finding: &str) {
    let (seen, exit) = run(bundle);
    assert_eq!(exit, Exit::Code(0));
    assert_eq!(against(bundle, &seen), Enforced::Enforced);
    *bundle.config.pointer_mut(pointer).unwrap() = other;
    let Enforced::Partial { missing } = against(bundle, &seen) else { panic!("{finding} not seen") };
    assert!(missing.len() == 1 && missing[0].starts_with(finding), "{missing:?}");
}

#[test]
fn the_scheduler_is_the_one_asked_for() {
    if !need::met(&["root"]) {
        return;
    }
    for (asked, pointer, other) in [
        (json!({"policy": "SCHED_OTHER", "nice": 7}), "nice", json!(8)),
        (json!({"policy": "SCHED_OTHER", "nice": -3}), "nice", json!(0)),
        (json!({"policy": "SCHED_BATCH", "nice": 3}), "policy", json!("SCHED_OTHER")),
        (
            json!({"policy": "SCHED_BATCH", "nice": 2, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}),
            "flags",
            json!([]),
        ),
        (json!({"policy": "SCHED_IDLE"}), "policy", json!("SCHED_BATCH")),
    ] {
        let mut bundle = Bundle::new();
        bundle.config["process"]["scheduler"] = asked;
        verify(&mut bundle, &format!("/process/scheduler/{pointer}"), other, "scheduler");
    }
}

/// A mistake with these could stop a host.
#[test]
fn real_time_policies_are_given_in_guests() {
    if !need::met(&["root", "guest"]) {
        return;
    }
    for (asked, pointer, other) in [
        (json!({"policy": "SCHED_FIFO", "priority": 5}), "priority", json!(6)),
        (json!({"policy": "SCHED_RR", "priority": 5}), "policy", json!("SCHED_FIFO")),
        (
            json!({"policy": "SCHED_DEADLINE", "runtime": 5_000_000, "deadline": 50_000_000, "period": 100_000_000,
                "flags": ["SCHED_FLAG_RESET_ON_FORK"]}),
            "runtime",
            json!(4_000_000),
        ),
    ] {
        let mut bundle = Bundle::new();
        bundle.config["process"]["scheduler"] = asked;
        bundle.config["process"]["ioPriority"] = json!({"class": "IOPRIO_CLASS_RT", "priority": 2});
        verify(&mut bundle, &format!("/process/scheduler/{pointer}"), other, "scheduler");
    }
}

#[test]
fn the_io_priority_is_the_one_asked_for() {
    if !need::met(&["root"]) {
        return;
    }
    for (class, level) in [("IOPRIO_CLASS_BE", 6), ("IOPRIO_CLASS_IDLE", 0)] {
        let mut bundle = Bundle::new();
        bundle.config["process"]["ioPriority"] = json!({"class": class, "priority": level});
        verify(&mut bundle, "/process/ioPriority/priority", json!(5), "io priority");
    }
}

#[test]
fn the_personality_is_the_one_asked_for() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle = Bundle::new().with_shell("[ $(/bin/busybox uname -m) = i686 ]");
    assert_eq!(run(&bundle).1, Exit::Code(1));
    bundle.config["linux"]["personality"] = json!({"domain": "LINUX32"});
    verify(&mut bundle, "/linux/personality/domain", json!("LINUX"), "personality");
}

#[test]
fn the_memory_policy_is_the_one_asked_for() {
    if !need::met(&["root"]) {
        return;
    }
    let mut bundle = Bundle::new();
    bundle.config["linux"]["memoryPolicy"] =
        json!({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]});
    verify(&mut bundle, "/linux/memoryPolicy/mode", json!("MPOL_INTERLEAVE"), "memory policy");
}

/// Every kind of parameter, in both notations, and none of them on the host.
#[test]
fn kernel_parameters_are_those_of_the_container() {
    if !need::met(&["root"]) {
        return;
    }
    let all = [
        ("kernel.msgmax", "4097"),
        ("kernel/shm_rmid_forced", "1"),
        ("kernel.sem", "251 32001 101 129"),
        ("fs.mqueue.msg_max", "11"),
        ("net.core.somaxconn", "77"),
        ("net/ipv4/ip_local_port_range", "40000 40100"),
        ("net.ipv4.conf.lo.rp_filter", "2"),
        ("kernel.domainname", "isolab.example"),
    ];
    let on_host =
        || all.map(|(name, _)| fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/"))).unwrap());
    let before = on_host();
    let mut bundle = Bundle::new();
    for (name, value) in all {
        bundle.config["linux"]["sysctl"][name] = json!(value);
    }
    verify(&mut bundle, "/linux/sysctl/net.core.somaxconn", json!("78"), "sysctl net/core/somaxconn");
    assert_eq!(on_host(), before);
}

#[test]
fn the_network_of_a_user_namespace_takes_parameters() {
    if !need::met(&["root", "user-namespace"]) {
        return;
    }
    let mut bundle = Bundle::new();
    let map = json!([{"containerID": 0, "hostID": 100_000, "size": 10}]);
    bundle.config["linux"]["uidMappings"] = map.clone();
    bundle.config["linux"]["gidMappings"] = map;
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({"type": "user"}));
    let mut rights = std::fs::metadata(&bundle.dir).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o755);
    fs::set_permissions(&bundle.dir, rights).unwrap();
    bundle.config["linux"]["sysctl"] = json!({"net.ipv4.ip_unprivileged_port_start": "81"});
    verify(
        &mut bundle,
        "/linux/sysctl/net.ipv4.ip_unprivileged_port_start",
        json!("82"),
        "sysctl net/ipv4/ip_unprivileged_port_start",
    );
}

/// Joined by path, and yet the host's.
#[test]
fn the_launchers_own_namespace_takes_no_parameter() {
    if !need::met(&["root"]) {
        return;
    }
    for (kind, link, name) in [("network", "net", "net.core.somaxconn"), ("ipc", "ipc", "kernel.msgmax")] {
        let file = format!("/proc/sys/{}", name.replace('.', "/"));
        let mut bundle = Bundle::new();
        let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
        let entry = namespaces.iter_mut().find(|namespace| namespace["type"] == kind).unwrap();
        entry["path"] = json!(format!("/proc/{}/ns/{link}", std::process::id()));
        // What it has already, should this ever go wrong.
        bundle.config["linux"]["sysctl"][name] = json!(fs::read_to_string(&file).unwrap().trim());
        let null: OwnedFd = File::options().read(true).write(true).open("/dev/null").unwrap().into();
        let error = launch(&bundle.plan(&Host::probe()), &Options::new([null.as_fd(); 3])).unwrap_err();
        assert!(error.to_string().contains("the launcher's own"), "{error}");
    }
}

/// What an image has at /proc is never taken for the kernel's (CVE-2019-16884, CVE-2023-28642).
#[test]
fn a_fake_proc_takes_no_parameter() {
    if !need::met(&["root"]) {
        return;
    }
    let mut bundle = Bundle::new();
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["destination"] != "/proc");
    let fake = bundle.dir.join("rootfs/proc/sys/net/core");
    fs::create_dir_all(&fake).unwrap();
    fs::write(fake.join("somaxconn"), "fake").unwrap();
    bundle.config["linux"]["sysctl"] = json!({"net.core.somaxconn": "77"});
    let (seen, exit) = run(&bundle);
    assert_eq!(exit, Exit::Code(0));
    assert_eq!(seen.confinement.sysctls["net/core/somaxconn"], "77");
    assert_eq!(fs::read_to_string(fake.join("somaxconn")).unwrap(), "fake");
}

/// A bundle whose script succeeds under the rules alone.
fn ruled(script: &str, rules: &[(&str, &str)]) -> Bundle {
    let mut bundle = Bundle::new().with_shell(script);
    bundle.config["root"]["readonly"] = json!(false);
    let root = bundle.dir.join("rootfs");
    fs::create_dir(root.join("etc")).unwrap();
    for name in ["etc/open", "tmp/old", "secret"] {
        fs::write(root.join(name), name).unwrap();
    }
    assert_ne!(run(&bundle).1, Exit::Code(0), "succeeds without rules");
    fs::write(root.join("tmp/old"), "tmp/old").unwrap();
    for (key, value) in rules {
        bundle.config["annotations"][format!("org.isolab.landlock.{key}")] = json!(value);
    }
    bundle
}

const FILES: [(&str, &str); 3] =
    [("execute", "/bin"), ("read-only", "/etc/open:/proc"), ("read-write", "/tmp:/dev")];

#[test]
fn landlock_allows_the_paths_alone() {
    if !need::met(&["root", "landlock", "busybox"]) {
        return;
    }
    let mut bundle = ruled(
        "b=/bin/busybox; $b cat /etc/open && echo new > /tmp/new && echo x > /tmp/old && $b rm /tmp/new \
         && ! $b cat /secret && ! echo x >> /etc/open && ! $b ls / && ! $b touch /etc/new \
         && $b cp $b /tmp/b && ! /tmp/b true && echo end > /dev/null",
        &FILES,
    );
    for no_new_privs in [true, false] {
        bundle.config["process"]["noNewPrivileges"] = json!(no_new_privs);
        assert_eq!(run(&bundle).1, Exit::Code(0), "no_new_privs: {no_new_privs}");
    }
    // Not as root, and in a working directory that the rules do not allow.
    bundle.config["process"]["user"] = json!({"uid": 7, "gid": 7});
    bundle.config["process"]["cwd"] = json!("/etc");
    std::os::unix::fs::chown(bundle.dir.join("rootfs/tmp"), Some(7), Some(7)).unwrap();
    std::os::unix::fs::chown(bundle.dir.join("rootfs/tmp/old"), Some(7), Some(7)).unwrap();
    fs::remove_file(bundle.dir.join("rootfs/tmp/b")).unwrap();
    assert_eq!(run(&bundle).1, Exit::Code(0), "as user 7");
}

#[test]
fn landlock_allows_the_ports_alone() {
    if !need::met(&["root", "landlock version 4", "busybox"]) {
        return;
    }
    let script = "/bin/busybox httpd -p 8080 && ! /bin/busybox httpd -p 8081";
    assert_eq!(run(&ruled(script, &[("tcp.bind", "80, 8080")])).1, Exit::Code(0));
}

#[test]
fn landlock_keeps_signals_in() {
    if !need::met(&["root", "landlock version 6", "busybox"]) {
        return;
    }
    let own = std::process::id();
    let script = format!("kill -0 $$ && ! kill -0 {own}");
    let no_pid = |bundle: &mut Bundle| {
        let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|namespace| namespace["type"] != "pid");
    };
    let mut bundle = Bundle::new().with_shell(&script);
    no_pid(&mut bundle);
    assert_ne!(run(&bundle).1, Exit::Code(0), "succeeds without rules");
    bundle.config["annotations"]["org.isolab.landlock.scope"] = json!("signal");
    assert_eq!(run(&bundle).1, Exit::Code(0));
}

/// What is executed into a container is scheduled and restricted as its first process, on CPUs of its own.
#[test]
fn an_added_process_has_the_same_privileges() {
    if !need::met(&["root", "landlock", "busybox"]) {
        return;
    }
    let host = Host::probe();
    let mut bundle = ruled("exec /bin/busybox false", &FILES).with_shell("exec /bin/busybox sleep 60");
    let last = *host.cpus.last().unwrap();
    bundle.config["process"]["scheduler"] = json!({"policy": "SCHED_BATCH", "nice": 4});
    bundle.config["process"]["ioPriority"] = json!({"class": "IOPRIO_CLASS_BE", "priority": 6});
    bundle.config["process"]["execCPUAffinity"] =
        json!({"initial": host.cpus[0].to_string(), "final": last.to_string()});
    bundle.config["linux"]["personality"] = json!({"domain": "LINUX32"});
    bundle.config["linux"]["memoryPolicy"] = json!({"mode": "MPOL_BIND", "nodes": "0"});
    let null: OwnedFd = File::options().read(true).write(true).open("/dev/null").unwrap().into();
    let mut options = Options::new([null.as_fd(); 3]);
    options.accept_gaps = true;
    options.hold_at_exec = true;
    let plan = bundle.plan(&host);
    let mut container = launch(&plan, &options).unwrap();
    // Before its shell executes the next program: a process between two has no mappings to be read.
    let first = Observation::of(container.pid(), &host.cgroups).unwrap();
    container.release().unwrap();
    bundle.config["process"]["args"][3] = json!("/bin/busybox cat /etc/open && ! /bin/busybox cat /secret");
    let added = Plan::exec(&bundle.config().unwrap(), &host, &running(&plan, container.pid())).unwrap();
    assert_eq!(order::violations(&added), Vec::<String>::new());
    let mut second = launch(&added, &options).unwrap_or_else(|error| panic!("{error}\n{added}"));
    let seen = Observation::of(second.pid(), &host.cgroups).unwrap();
    assert_eq!(seen.confinement, first.confinement);
    let status = fs::read_to_string(format!("/proc/{}/status", second.pid())).unwrap();
    assert!(status.contains(&format!("Cpus_allowed_list:\t{last}\n")), "{status}");
    second.release().unwrap();
    assert_eq!(second.wait(Some(Duration::from_secs(20))).unwrap(), Some(Exit::Code(0)));
    second.remove().unwrap();
    container.remove().unwrap();
}

/// What a kernel cannot restrict is a gap, and without Landlock everything is.
#[test]
fn landlock_of_an_older_kernel_leaves_gaps() {
    let mut bundle = Bundle::new();
    for (key, value) in FILES.iter().chain(&[("tcp.connect", "443"), ("scope", "signal")]) {
        bundle.config["annotations"][format!("org.isolab.landlock.{key}")] = json!(value);
    }
    let mut host = Host::example();
    let mut gaps = |version| {
        host.landlock = version;
        let plan = bundle.plan(&host);
        let restricted = plan.steps().iter().any(|step| step.to_string() == "landlock_restrict_self");
        (plan.gaps.iter().filter(|gap| gap.contains("landlock")).count(), restricted)
    };
    assert_eq!(
        [0, 1, 3, 4, 5, 6].map(&mut gaps),
        [(1, false), (4, true), (3, true), (2, true), (1, true), (0, true)]
    );
    bundle.config["annotations"] = json!({"org.isolab.landlock.scope": "signal"});
    host.landlock = 5;
    let plan = bundle.plan(&host);
    assert!(!plan.to_string().contains("landlock_"), "nothing that this kernel can do: {plan}");
}
