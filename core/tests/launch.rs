//! Launches for real: asked equals got, and nothing is left behind.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use common::{Bundle, traces};
use isolab_core::host::Host;
use isolab_core::launch::{Error, Exit, Options, launch};
use isolab_core::need;
use isolab_core::observe::{Enforced, Observation, compare};
use serde_json::json;

fn null() -> OwnedFd {
    File::options().read(true).write(true).open("/dev/null").unwrap().into()
}

/// Launches held, observes, and lets it end.
fn verify(bundle: &Bundle) -> (Enforced, Observation) {
    let host = Host::probe();
    let null = null();
    let mut options = Options::new([null.as_fd(); 3]);
    options.hold_at_exec = true;
    let mut container = launch(&bundle.plan(&host), &options).unwrap();
    let seen = Observation::of(container.pid(), &host.cgroups).unwrap();
    let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
    container.release().unwrap();
    assert_eq!(container.wait(Some(Duration::from_secs(10))).unwrap(), Some(Exit::Code(0)));
    container.remove().unwrap();
    (compare(&bundle.config().unwrap(), &host, &own, &seen), seen)
}

fn error(bundle: &Bundle) -> Error {
    let host = Host::probe();
    let null = null();
    let before = traces(&host, bundle);
    let error = launch(&bundle.plan(&host), &Options::new([null.as_fd(); 3])).unwrap_err();
    assert_eq!(traces(&host, bundle), before, "{error}");
    error
}

#[test]
fn everything_asked_for_is_got_and_nothing_is_left() {
    if !need::met(&["root", "cgroup memory", "cgroup cpu", "cgroup pids"]) {
        return;
    }
    let host = Host::probe();
    let bundle = Bundle::new();
    let before = traces(&host, &bundle);
    let (enforced, seen) = verify(&bundle);
    assert_eq!(enforced, Enforced::Enforced);
    assert_eq!(seen.status.nspid.last(), Some(&1));
    assert_eq!(seen.fds.len(), 3, "{:?}", seen.fds);
    assert_eq!(traces(&host, &bundle), before);
    assert!(before.1.is_empty());
}

/// The comparison sees each protection that is missing from what was launched.
#[test]
fn a_missing_protection_is_seen() {
    if !need::met(&["root", "cgroup memory", "cgroup cpu", "cgroup pids"]) {
        return;
    }
    let host = Host::probe();
    let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
    let asked = Bundle::new().config().unwrap();
    type Weaken = fn(&mut serde_json::Value);
    let weaker: &[(&str, Weaken)] = &[
        ("uts namespace", |config| {
            config["linux"]["namespaces"].as_array_mut().unwrap().retain(|entry| entry["type"] != "uts");
            config["hostname"] = json!("");
        }),
        ("seccomp mode", |config| drop(config["linux"].as_object_mut().unwrap().remove("seccomp"))),
        ("no_new_privs", |config| config["process"]["noNewPrivileges"] = json!(false)),
        ("CapBnd", |config| drop(config["process"].as_object_mut().unwrap().remove("capabilities"))),
        ("RLIMIT_NOFILE", |config| config["process"]["rlimits"] = json!([])),
        ("read-only root", |config| config["root"]["readonly"] = json!(false)),
        ("memory.", |config| drop(config["linux"]["resources"].as_object_mut().unwrap().remove("memory"))),
        ("mount /sys", |config| {
            config["mounts"].as_array_mut().unwrap().retain(|m| m["destination"] != "/sys")
        }),
        ("umask", |config| config["process"]["user"]["umask"] = json!(0o077)),
        ("oom_score_adj", |config| config["process"]["oomScoreAdj"] = json!(200)),
        ("cwd", |config| config["process"]["cwd"] = json!("/tmp")),
        ("environment", |config| config["process"]["env"] = json!(["PATH=/bin"])),
        ("user ids", |config| config["process"]["user"]["uid"] = json!(7)),
        ("additional groups", |config| config["process"]["user"]["additionalGids"] = json!([7])),
        ("seccomp filters", |config| drop(config["linux"].as_object_mut().unwrap().remove("seccomp"))),
        ("masked path /proc/keys", |config| config["linux"]["maskedPaths"] = json!([])),
        ("read-only path /proc/sys", |config| config["linux"]["readonlyPaths"] = json!([])),
        ("mount /dev/shm option size", |config| set_option(config, "/dev/shm", "size=65536k", "size=1m")),
        ("mount /dev/shm option mode", |config| set_option(config, "/dev/shm", "mode=1777", "mode=755")),
        ("mount /dev/mqueue option", |config| set_option(config, "/dev/mqueue", "noexec", "exec")),
        ("propagation of /tmp", |config| {
            let bind = json!({"destination": "/tmp", "type": "bind", "source": "/tmp", "options": ["rbind", "shared"]});
            config["mounts"].as_array_mut().unwrap().push(bind);
        }),
    ];
    for (what, weaken) in weaker {
        let mut bundle = Bundle::new();
        weaken(&mut bundle.config);
        let (_, seen) = verify(&bundle);
        let Enforced::Partial { missing } = compare(&asked, &host, &own, &seen) else {
            panic!("{what} not seen")
        };
        assert!(missing.iter().any(|line| line.starts_with(what)), "{what}: {missing:?}");
    }
}

fn set_option(config: &mut serde_json::Value, at: &str, old: &str, new: &str) {
    let mounts = config["mounts"].as_array_mut().unwrap();
    let mount = mounts.iter_mut().find(|mount| mount["destination"] == at).unwrap();
    *mount["options"].as_array_mut().unwrap().iter_mut().find(|option| *option == old).unwrap() = json!(new);
}

/// User 0 with `no_new_privs` is not given what only its bounding set has.
#[test]
fn capabilities_after_the_exec_are_those_foretold() {
    if !need::met(&["root"]) {
        return;
    }
    for no_new_privs in [true, false] {
        let mut bundle = Bundle::new();
        bundle.config["process"]["noNewPrivileges"] = json!(no_new_privs);
        bundle.config["process"]["capabilities"]["permitted"] = json!(["CAP_KILL"]);
        bundle.config["process"]["capabilities"]["effective"] = json!(["CAP_KILL"]);
        assert_eq!(verify(&bundle).0, Enforced::Enforced, "no_new_privs: {no_new_privs}");
    }
}

/// The kernel keeps a capability inheritable that the bounding set has lost, and makes none so.
#[test]
fn what_is_inheritable_need_not_be_in_the_bounding_set() {
    if !need::met(&["root"]) {
        return;
    }
    for uid in [0, 7] {
        let mut bundle = Bundle::new();
        bundle.config["process"]["user"]["uid"] = json!(uid);
        bundle.config["process"]["capabilities"] = json!({
            "bounding": ["CAP_CHOWN"], "inheritable": ["CAP_KILL"],
            "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"], "ambient": ["CAP_KILL"],
        });
        assert_eq!(verify(&bundle).0, Enforced::Enforced, "{uid}");
    }
}

/// The node behind a masked file is the host's, so nothing about it may be changed through the mask.
#[test]
fn a_masked_file_does_not_lead_to_the_hosts_null_device() {
    use std::os::unix::fs::MetadataExt;
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle = Bundle::new().with_shell(
        "echo x > /proc/keys && ! /bin/busybox chmod 600 /proc/keys && ! /bin/busybox chown 1 /proc/keys",
    );
    for set in ["bounding", "effective", "permitted"] {
        let capabilities = bundle.config["process"]["capabilities"][set].as_array_mut().unwrap();
        capabilities.extend(["CAP_CHOWN", "CAP_FOWNER", "CAP_DAC_OVERRIDE"].map(|name| json!(name)));
    }
    let null = || fs::metadata("/dev/null").map(|file| (file.mode(), file.uid())).unwrap();
    let before = null();
    let (enforced, _) = verify(&bundle);
    assert_eq!((enforced, null()), (Enforced::Enforced, before));
}

/// Docker binds its files so.
#[test]
fn a_file_can_be_bound_read_only_and_private() {
    if !need::met(&["root"]) {
        return;
    }
    let mut bundle = Bundle::new();
    let source = bundle.dir.join("hosts");
    fs::write(&source, "").unwrap();
    fs::write(bundle.dir.join("rootfs/hosts"), "").unwrap();
    let options = json!(["rbind", "rprivate", "ro"]);
    let bind = json!({"destination": "/hosts", "type": "bind", "source": source, "options": options});
    bundle.config["mounts"].as_array_mut().unwrap().push(bind);
    assert_eq!(verify(&bundle).0, Enforced::Enforced);
}

#[test]
fn a_user_namespace_is_mapped_by_the_parent() {
    if !need::met(&["root", "user-namespace"]) {
        return;
    }
    let mut bundle = Bundle::new();
    let map = json!([{"containerID": 0, "hostID": 0, "size": 1}, {"containerID": 1, "hostID": 100_000, "size": 10}]);
    bundle.config["linux"]["uidMappings"] = map.clone();
    bundle.config["linux"]["gidMappings"] = map;
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({"type": "user"}));
    let (enforced, seen) = verify(&bundle);
    assert_eq!(enforced, Enforced::Enforced);
    assert_eq!(seen.uid_map.len(), 2);
    // The same ids inside, but others outside.
    let host = Host::probe();
    let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
    bundle.config["linux"]["uidMappings"][1]["hostID"] = json!(200_000);
    let other = compare(&bundle.config().unwrap(), &host, &own, &seen);
    assert!(other.to_string().contains("uid_map"), "{other}");
}

#[test]
fn a_time_namespace_gets_its_offsets() {
    if !need::met(&["root", "time-namespace"]) {
        return;
    }
    let mut bundle = Bundle::new();
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({"type": "time"}));
    bundle.config["linux"]["timeOffsets"] = json!({"monotonic": {"secs": 86_400}});
    let (enforced, seen) = verify(&bundle);
    assert_eq!(enforced, Enforced::Enforced);
    let host = Host::probe();
    let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
    bundle.config["linux"]["timeOffsets"] = json!({"monotonic": {"secs": 1}});
    let other = compare(&bundle.config().unwrap(), &host, &own, &seen);
    assert!(other.to_string().contains("time offset monotonic"), "{other}");
}

#[test]
fn an_overlay_is_the_root_and_takes_the_writes() {
    if !need::met(&["root", "overlay", "busybox"]) {
        return;
    }
    let mut bundle = Bundle::new().with_shell("echo upper > /made && exit 0");
    for name in ["upper", "work"] {
        fs::create_dir(bundle.dir.join(name)).unwrap();
    }
    let dir = bundle.dir.display();
    let options = json!([
        format!("lowerdir={dir}/rootfs"),
        format!("upperdir={dir}/upper"),
        format!("workdir={dir}/work")
    ]);
    let overlay = json!({"destination": "/", "type": "overlay", "source": "overlay", "options": options});
    bundle.config["mounts"].as_array_mut().unwrap().insert(0, overlay);
    bundle.config["root"]["readonly"] = json!(false);
    let (enforced, seen) = verify(&bundle);
    assert_eq!(enforced, Enforced::Enforced);
    assert_eq!(seen.mounts[0].fstype, "overlay");
    assert_eq!(fs::read_to_string(bundle.dir.join("upper/made")).unwrap(), "upper\n");
    assert!(!bundle.dir.join("rootfs/made").exists());
}

#[test]
fn a_missing_program_is_named_with_a_remedy_and_leaves_nothing() {
    if !need::met(&["root"]) {
        return;
    }
    let mut bundle = Bundle::new();
    bundle.config["process"]["args"] = json!(["/none"]);
    let error = error(&bundle);
    assert_eq!(error.exit_status(), 127);
    let text = error.to_string();
    assert!(
        text.contains("execve /none") && text.contains("ENOENT") && text.contains("interpreter"),
        "{text}"
    );
}

#[test]
fn a_filter_that_refuses_the_exec_is_an_error_of_the_exec() {
    if !need::met(&["root"]) {
        return;
    }
    let mut bundle = Bundle::new();
    bundle.config["linux"]["seccomp"]["syscalls"][0]["names"] =
        json!(["execve", "exit_group", "exit", "write"]);
    let text = error(&bundle).to_string();
    assert!(text.contains("execve /exit"), "{text}");
    // A filter that says that it was executed.
    bundle.config["linux"]["seccomp"]["syscalls"][0]["names"] = json!(["execve"]);
    bundle.config["linux"]["seccomp"]["syscalls"][0]["errnoRet"] = json!(0);
    let text = self::error(&bundle).to_string();
    assert!(text.contains("execve /exit") && text.contains("ENOSYS"), "{text}");
}

#[test]
fn links_in_the_root_file_system_do_not_lead_out() {
    if !need::met(&["root"]) {
        return;
    }
    let canary = std::env::temp_dir().join(format!("isolab-canary-{}", std::process::id()));
    fs::create_dir(&canary).unwrap();
    let bundle = Bundle::new();
    let root = bundle.dir.join("rootfs");
    fs::remove_dir(root.join("dev")).unwrap();
    std::os::unix::fs::symlink(&canary, root.join("dev")).unwrap();
    // The link is resolved inside the root, where its target is made.
    let host = Host::probe();
    let null = null();
    let container = launch(&bundle.plan(&host), &Options::new([null.as_fd(); 3])).unwrap();
    container.remove().unwrap();
    assert!(root.join(canary.strip_prefix("/").unwrap()).is_dir());
    assert_eq!(fs::read_dir(&canary).unwrap().count(), 0);
    fs::remove_dir(&canary).unwrap();
    fs::remove_dir(root.join("proc")).unwrap();
    std::os::unix::fs::symlink("/tmp", root.join("proc")).unwrap();
    let text = self::error(&bundle).to_string();
    assert!(text.contains("on /proc") && text.contains("ELOOP"), "{text}");
}

#[test]
fn a_group_that_exists_is_refused_and_left_alone() {
    if !need::met(&["root", "cgroup pids"]) {
        return;
    }
    let host = Host::probe();
    let bundle = Bundle::new();
    let path = bundle.config["linux"]["cgroupsPath"].as_str().unwrap().trim_start_matches('/').to_owned();
    let mount = &host.cgroups.find("pids").unwrap().0.mount;
    fs::create_dir_all(mount.join(&path)).unwrap();
    let text = error(&bundle).to_string();
    assert!(text.contains("EEXIST") && text.contains("another container"), "{text}");
    fs::remove_dir(mount.join(&path)).unwrap();
    fs::remove_dir(mount.join(&path).parent().unwrap()).unwrap();
}

#[test]
fn every_step_has_a_time_and_they_are_in_order() {
    if !need::met(&["root"]) {
        return;
    }
    let host = Host::probe();
    let null = null();
    let plan = Bundle::new();
    let compiled = plan.plan(&host);
    let container = launch(&compiled, &Options::new([null.as_fd(); 3])).unwrap();
    let timeline = container.timeline().clone();
    container.remove().unwrap();
    assert_eq!(timeline.steps.len(), compiled.steps().len());
    assert!(timeline.steps.is_sorted_by_key(|step| step.start), "{timeline:?}");
    assert!(timeline.exec >= timeline.steps.last().unwrap().start);
}
