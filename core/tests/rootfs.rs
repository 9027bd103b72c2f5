//! Root file systems and mounts, launched for real: what the workload sees is what the config says.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::time::Duration;

use common::Bundle;
use isolab_core::host::Host;
use isolab_core::launch::{Exit, Options, launch};
use isolab_core::need;
use isolab_core::observe::{Enforced, Observation, compare};
use isolab_core::plan::Plan;
use serde_json::{Value, json};

fn null() -> OwnedFd {
    File::options().read(true).write(true).open("/dev/null").unwrap().into()
}

/// A shell in a container with a writable root: what it says, and what was observed at its exec.
struct Ran {
    said: String,
    enforced: Enforced,
    seen: Observation,
}

fn run(bundle: &Bundle) -> Ran {
    let host = Host::probe();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let null = null();
    let mut options = Options::new([null.as_fd(), writer.as_fd(), writer.as_fd()]);
    options.hold_at_exec = true;
    options.accept_gaps = true;
    let mut container = launch(&bundle.plan(&host), &options).unwrap();
    drop(writer);
    let seen = Observation::of(container.pid(), &host.cgroups).unwrap();
    let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
    container.release().unwrap();
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    let exit = container.wait(Some(Duration::from_secs(10))).unwrap();
    container.remove().unwrap();
    assert_eq!(exit, Some(Exit::Code(0)), "{said}");
    Ran { said, enforced: compare(&bundle.config().unwrap(), &host, &own, &seen), seen }
}

/// One of busybox's programs, on this side.
fn busybox(program: &str, arguments: &[&str]) -> bool {
    std::process::Command::new("/bin/busybox").arg(program).args(arguments).status().unwrap().success()
}

fn error(bundle: &Bundle) -> String {
    let null = null();
    launch(&bundle.plan(&Host::probe()), &Options::new([null.as_fd(); 3])).unwrap_err().to_string()
}

/// A shell with `script`, in a root that can be written to.
fn shell(script: &str) -> Bundle {
    let mut bundle = Bundle::new().with_shell(&format!("PATH=/bin; b=/bin/busybox; {script}"));
    bundle.config["root"]["readonly"] = json!(false);
    bundle
}

fn push(bundle: &mut Bundle, mount: Value) {
    bundle.config["mounts"].as_array_mut().unwrap().push(mount);
}

fn directory(bundle: &Bundle, name: &str) -> PathBuf {
    let path = bundle.dir.join(name);
    fs::create_dir_all(&path).unwrap();
    path
}

fn options_at(ran: &Ran, target: &str) -> Vec<String> {
    let mount = ran.seen.mounts.iter().rfind(|mount| mount.target == target).unwrap();
    mount.options.iter().chain(&mount.super_options).cloned().collect()
}

/// Adds a user namespace that maps 0 to 9999 to 100000 and up, and gives it the root file system.
fn with_user_namespace(bundle: &mut Bundle) {
    let map = json!([{"containerID": 0, "hostID": 100_000, "size": 10_000}]);
    bundle.config["linux"]["uidMappings"] = map.clone();
    bundle.config["linux"]["gidMappings"] = map;
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({"type": "user"}));
    chown(bundle.dir.join("rootfs"), Some(100_000), Some(100_000)).unwrap();
    for entry in fs::read_dir(bundle.dir.join("rootfs")).unwrap() {
        chown(entry.unwrap().path(), Some(100_000), Some(100_000)).unwrap();
    }
}

#[test]
fn options_of_mount_and_file_system_are_those_asked_for() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle = shell("exit 0");
    // From this version on a relative destination is one.
    bundle.config["ociVersion"] = json!("1.1.0");
    push(
        &mut bundle,
        json!({"destination": "/a", "type": "tmpfs", "source": "t", "options":
        ["sync", "dirsync", "lazytime", "silent", "iversion", "nosymfollow", "noatime", "nodiratime", "ro", "rw", "ro",
         "size=1m", "mode=700"]}),
    );
    push(
        &mut bundle,
        json!({"destination": "b/relative", "type": "tmpfs", "source": "t", "options":
        ["sync", "async", "noatime", "strictatime", "nosuid", "suid"]}),
    );
    let ran = run(&bundle);
    assert_eq!(ran.enforced, Enforced::Enforced);
    let options = options_at(&ran, "/a");
    for option in ["sync", "dirsync", "lazytime", "nosymfollow", "noatime", "nodiratime", "ro", "size=1024k"]
    {
        assert!(options.iter().any(|there| there == option), "{option}: {options:?}");
    }
    let options = options_at(&ran, "/b/relative");
    for option in ["sync", "relatime", "noatime", "nosuid"] {
        assert!(!options.iter().any(|there| there == option), "{option}: {options:?}");
    }
    // The comparison sees a file system's flag that is missing, and an attribute that is there.
    let own = Observation::of(std::process::id() as i32, &Host::probe().cgroups).unwrap();
    let at = bundle.config["mounts"].as_array().unwrap().len() - 1;
    bundle.config["mounts"][at]["options"] = json!(["sync"]);
    let other = compare(&bundle.config().unwrap(), &Host::probe(), &own, &ran.seen).to_string();
    assert!(other.contains("mount /b/relative option: asked \"sync\""), "{other}");
    bundle.config["mounts"][at]["options"] = json!([]);
    bundle.config["mounts"][at - 1]["options"] = json!(["symfollow"]);
    let other = compare(&bundle.config().unwrap(), &Host::probe(), &own, &ran.seen).to_string();
    assert!(other.contains("mount /a option: asked \"no nosymfollow\""), "{other}");
}

#[test]
fn a_remount_changes_what_the_config_mounted() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle = shell("(echo x > /a/x) 2>/dev/null && echo written; exit 0");
    push(&mut bundle, json!({"destination": "/a", "type": "tmpfs", "source": "t", "options": ["size=1m"]}));
    push(&mut bundle, json!({"destination": "/a", "options": ["remount", "ro", "size=2m", "nodev"]}));
    let ran = run(&bundle);
    assert_eq!((ran.said.as_str(), ran.enforced.clone()), ("", Enforced::Enforced));
    let options = options_at(&ran, "/a");
    assert!(
        ["ro", "nodev", "size=2048k"].iter().all(|option| options.iter().any(|o| o == option)),
        "{options:?}"
    );
    let mut bundle = shell("(echo x > /a/x) 2>/dev/null && echo written; exit 0");
    let source = directory(&bundle, "source");
    push(&mut bundle, json!({"destination": "/a", "type": "bind", "source": source, "options": ["bind"]}));
    push(&mut bundle, json!({"destination": "/a", "options": ["remount", "bind", "ro"]}));
    let ran = run(&bundle);
    assert_eq!((ran.said.as_str(), ran.enforced), ("", Enforced::Enforced));
}

#[test]
fn an_idmapped_mount_shows_other_owners() {
    if !need::met(&["root", "busybox", "mount_setattr"]) {
        return;
    }
    let mut bundle = shell("$b stat -c %u:%g /m /m/f /n/f; echo made > /m/new");
    let source = directory(&bundle, "source");
    fs::write(source.join("f"), "").unwrap();
    chown(source.join("f"), Some(7), Some(8)).unwrap();
    let line = |inside, outside| json!([{"containerID": inside, "hostID": outside, "size": 1}]);
    let mut both = line(0, 0);
    both.as_array_mut().unwrap().push(line(7, 1007)[0].clone());
    push(
        &mut bundle,
        json!({"destination": "/m", "type": "bind", "source": source, "options": ["rbind", "ridmap"],
        "uidMappings": both, "gidMappings": [{"containerID": 0, "hostID": 0, "size": 9}]}),
    );
    push(&mut bundle, json!({"destination": "/n", "type": "bind", "source": source, "options": ["rbind"]}));
    let ran = run(&bundle);
    assert_eq!((ran.said.as_str(), ran.enforced), ("0:0\n1007:8\n7:8\n", Enforced::Enforced));
    // On the host the files are as they were; what was made belongs to who is mapped there.
    assert_eq!(fs::metadata(source.join("new")).unwrap().uid(), 0);
    assert_eq!(fs::metadata(source.join("f")).unwrap().uid(), 7);
    // Without the mapping the comparison says so.
    let at = bundle.config["mounts"].as_array().unwrap().len() - 1;
    bundle.config["mounts"][at] = bundle.config["mounts"][at - 1].clone();
    bundle.config["mounts"][at]["destination"] = json!("/n");
    let own = Observation::of(std::process::id() as i32, &Host::probe().cgroups).unwrap();
    let other = compare(&bundle.config().unwrap(), &Host::probe(), &own, &ran.seen).to_string();
    assert!(other.contains("mount /n option: asked \"idmapped\""), "{other}");
}

#[test]
fn idmap_alone_takes_the_containers_own_ids() {
    if !need::met(&["root", "busybox", "mount_setattr", "user-namespace"]) {
        return;
    }
    let mut bundle = shell("$b stat -c %u /m/f; echo x > /m/new");
    with_user_namespace(&mut bundle);
    let source = directory(&bundle, "source");
    fs::write(source.join("f"), "").unwrap();
    chown(source.join("f"), Some(7), None).unwrap();
    push(
        &mut bundle,
        json!({"destination": "/m", "type": "bind", "source": source, "options": ["bind", "idmap"]}),
    );
    let ran = run(&bundle);
    assert_eq!((ran.said.as_str(), ran.enforced), ("7\n", Enforced::Enforced));
    assert_eq!(fs::metadata(source.join("new")).unwrap().uid(), 0);
}

/// The launcher is root and opens what the container's ids may not traverse.
#[test]
fn a_source_behind_a_closed_door_is_bound_in_a_user_namespace() {
    if !need::met(&["root", "busybox", "mount_setattr", "user-namespace"]) {
        return;
    }
    let mut bundle = shell("$b cat /m/f; ! echo x > /m/new");
    with_user_namespace(&mut bundle);
    let closed = directory(&bundle, "closed");
    let source = directory(&bundle, "closed/source");
    fs::write(source.join("f"), "inside\n").unwrap();
    // Neither root's nor anyone's but a third user's.
    chown(&closed, Some(4321), Some(4321)).unwrap();
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
    push(
        &mut bundle,
        json!({"destination": "/m", "type": "bind", "source": source, "options": ["bind", "rprivate", "ro"]}),
    );
    let ran = run(&bundle);
    assert!(ran.said.starts_with("inside\n"), "{}", ran.said);
    assert_eq!(ran.enforced, Enforced::Enforced);
}

/// What the kernel refuses to a user namespace, since it would show what a mount of the host covers, root may ask for.
#[test]
fn a_source_with_mounts_below_is_bound_without_them_in_a_user_namespace() {
    if !need::met(&["root", "busybox", "mount_setattr", "user-namespace"]) {
        return;
    }
    let mut bundle = shell("$b ls /m /m/below");
    with_user_namespace(&mut bundle);
    let source = directory(&bundle, "source");
    let below = directory(&bundle, "source/below");
    assert!(busybox("mount", &["-t", "tmpfs", "tmpfs", below.to_str().unwrap()]));
    fs::write(below.join("covered"), "").unwrap();
    push(
        &mut bundle,
        json!({"destination": "/m", "type": "bind", "source": source, "options": ["bind", "ro"]}),
    );
    let null = null();
    let launched = launch(&bundle.plan(&Host::probe()), &Options::new([null.as_fd(); 3])).map(drop);
    let ran = launched.map(|()| run(&bundle));
    assert!(busybox("umount", &[below.to_str().unwrap()]));
    let ran = ran.unwrap();
    assert!(ran.said.contains("below") && !ran.said.contains("covered"), "{}", ran.said);
    assert_eq!(ran.enforced, Enforced::Enforced);
}

/// So is the root directory itself.
#[test]
fn a_root_behind_a_closed_door_is_entered_in_a_user_namespace() {
    if !need::met(&["root", "busybox", "mount_setattr", "user-namespace"]) {
        return;
    }
    let mut bundle = shell("$b ls -d /bin /proc/self/root/..; $b ls /..");
    with_user_namespace(&mut bundle);
    chown(&bundle.dir, Some(4321), Some(4321)).unwrap();
    fs::set_permissions(&bundle.dir, PermissionsExt::from_mode(0o700)).unwrap();
    let ran = run(&bundle);
    assert_eq!(ran.enforced, Enforced::Enforced);
    assert!(ran.said.contains("exit") && !ran.said.contains("boot"), "{}", ran.said);
    assert!(ran.seen.mounts.iter().all(|mount| mount.target.starts_with('/')));
}

#[test]
fn tmpcopyup_begins_with_what_it_covers_and_leaves_that_alone() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle = shell(
        "cd /data; $b cat f deep/er/g; $b readlink l; $b readlink out; $b stat -c '%n %a %u:%g %Y %s' deep f; $b test -p p && echo fifo; \
         echo new > f; echo new > made; $b ls -a",
    );
    let root = bundle.dir.join("rootfs");
    fs::create_dir_all(root.join("data/deep/er")).unwrap();
    fs::write(root.join("data/f"), "old\n").unwrap();
    fs::write(root.join("data/deep/er/g"), "deep\n").unwrap();
    symlink("f", root.join("data/l")).unwrap();
    symlink("/etc/shadow", root.join("data/out")).unwrap();
    assert!(
        std::process::Command::new("/bin/busybox")
            .args(["mkfifo", root.join("data/p").to_str().unwrap()])
            .status()
            .unwrap()
            .success()
    );
    drop(std::os::unix::net::UnixListener::bind(root.join("data/socket")).unwrap());
    chown(root.join("data/f"), Some(3), Some(4)).unwrap();
    fs::set_permissions(root.join("data/f"), PermissionsExt::from_mode(0o4666)).unwrap();
    fs::set_permissions(root.join("data/deep"), PermissionsExt::from_mode(0o1711)).unwrap();
    let then = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for name in ["data/f", "data/deep"] {
        File::open(root.join(name)).unwrap().set_modified(then).unwrap();
    }
    // More than one read of the directory's entries.
    for nth in 0..400 {
        fs::write(root.join(format!("data/deep/many-{nth}")), vec![b'x'; 100]).unwrap();
    }
    File::open(root.join("data/deep")).unwrap().set_modified(then).unwrap();
    push(
        &mut bundle,
        json!({"destination": "/data", "type": "tmpfs", "source": "t", "options": ["tmpcopyup", "size=8m"]}),
    );
    let ran = run(&bundle);
    let deep = "deep 1711 0:0 1000000000";
    assert!(
        ran.said.starts_with(&format!("old\ndeep\nf\n/etc/shadow\n{deep}"))
            && ran.said.contains("f 4666 3:4 1000000000 4\nfifo\n"),
        "{}",
        ran.said
    );
    assert!(ran.said.ends_with(".\n..\ndeep\nf\nl\nmade\nout\np\n"), "{}", ran.said);
    assert_eq!(ran.enforced, Enforced::Enforced);
    assert_eq!(fs::read_to_string(root.join("data/f")).unwrap(), "old\n");
    assert!(!root.join("data/made").exists());
    // Read-only, it is filled all the same; what does not fit is an error.
    let at = bundle.config["mounts"].as_array().unwrap().len() - 1;
    bundle.config["mounts"][at]["options"] = json!(["tmpcopyup", "ro"]);
    bundle.config["process"]["args"][3] = json!("/bin/busybox cat /data/f && ! echo x > /data/x");
    assert!(run(&bundle).said.starts_with("old\n"));
    bundle.config["mounts"][at]["options"] = json!(["tmpcopyup", "size=4k"]);
    let error = error(&bundle);
    assert!(error.contains("ENOSPC") && error.contains("raise its size="), "{error}");
}

#[test]
fn a_read_only_file_system_still_gets_what_belongs_in_it() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle =
        shell("$b test -c /dev/null && $b test -L /dev/fd && $b test -d /dev/shm && ! echo x > /dev/x");
    for mount in bundle.config["mounts"].as_array_mut().unwrap() {
        if mount["destination"] == "/dev" {
            mount["options"].as_array_mut().unwrap().push(json!("ro"));
        }
    }
    assert_eq!(run(&bundle).enforced, Enforced::Enforced);
}

#[test]
fn a_bind_mount_takes_options_that_engines_send() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle = shell("exit 0");
    let source = directory(&bundle, "source");
    push(
        &mut bundle,
        json!({"destination": "/m", "type": "bind", "source": source,
        "options": ["rbind", "rprivate", "nosuid", "noexec", "nodev", "rw", "size=1m", "sync"]}),
    );
    let plan = bundle.plan(&Host::probe());
    assert!(plan.notes.iter().any(|note| note.contains("size,sync would be")), "{:?}", plan.notes);
    assert_eq!(run(&bundle).enforced, Enforced::Enforced);
}

#[test]
fn recursive_read_only_reaches_what_is_below() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle = shell("echo x > /m/x; echo x > /m/tmp/x; exit 0");
    let source = directory(&bundle, "source");
    fs::create_dir(source.join("tmp")).unwrap();
    let below = source.join("tmp");
    assert!(busybox("mount", &["-t", "tmpfs", "tmpfs", below.to_str().unwrap()]));
    push(
        &mut bundle,
        json!({"destination": "/m", "type": "bind", "source": source, "options": ["rbind", "rro"]}),
    );
    let outcome = match Host::probe().has("mount_setattr") {
        true => {
            let ran = run(&bundle);
            (ran.said.matches("Read-only").count(), ran.enforced.to_string())
        }
        false => {
            let refused = Plan::compile(&bundle.config().unwrap(), &Host::probe()).unwrap_err().to_string();
            assert!(refused.contains("use Linux 5.12 or later"), "{refused}");
            (2, Enforced::Enforced.to_string())
        }
    };
    let written = below.join("x").exists();
    assert!(busybox("umount", &[below.to_str().unwrap()]));
    assert_eq!((outcome, written), ((2, Enforced::Enforced.to_string()), false));
}

/// Before Linux 5.12 this is staged. What is below a shared mount would spread to the host as it was before.
#[test]
fn a_read_only_bind_below_a_shared_mount_is_read_only_wherever_it_spreads() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle = shell("exit 0");
    let shared = directory(&bundle, "shared");
    let source = directory(&bundle, "source");
    assert!(busybox("mount", &["-t", "tmpfs", "tmpfs", shared.to_str().unwrap()]));
    assert!(busybox("mount", &["--make-shared", shared.to_str().unwrap()]));
    fs::create_dir(shared.join("below")).unwrap();
    fs::write(source.join("file"), "").unwrap();
    fs::write(shared.join("file"), "").unwrap();
    push(
        &mut bundle,
        json!({"destination": "/m", "type": "bind", "source": shared, "options": ["bind", "shared"]}),
    );
    push(
        &mut bundle,
        json!({"destination": "/m/below", "type": "bind", "source": source, "options": ["bind", "ro", "nodev"]}),
    );
    push(
        &mut bundle,
        json!({"destination": "/m/file", "type": "bind", "source": source.join("file"), "options": ["bind", "ro"]}),
    );
    let host = Host::probe();
    let null = null();
    let mut options = Options::new([null.as_fd(); 3]);
    options.hold_at_exec = true;
    let container = launch(&bundle.plan(&host), &options);
    let seen = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let spread: Vec<String> = seen
        .lines()
        .filter(|line| line.contains(&format!("{}/", shared.display())))
        .map(|line| line.split(' ').nth(5).unwrap().to_owned())
        .collect();
    drop(container);
    for name in ["below", "file"] {
        assert!(busybox("umount", &[shared.join(name).to_str().unwrap()]));
    }
    assert!(busybox("umount", &[shared.to_str().unwrap()]));
    assert_eq!(spread.len(), 2, "{seen}");
    assert!(spread.iter().all(|options| options.starts_with("ro")), "{spread:?}");
    assert!(spread.iter().any(|options| options.contains("nodev")), "{spread:?}");
}

/// A workload that mounts in a shared or slave volume: what reaches whom.
#[test]
fn shared_and_slave_volumes_hear_of_the_host() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    for (propagation, heard) in [("rshared", true), ("rslave", true), ("rprivate", false)] {
        let mut bundle = shell("read line; $b ls /m/late");
        let volume = directory(&bundle, "volume");
        assert!(busybox("mount", &["-t", "tmpfs", "tmpfs", volume.to_str().unwrap()]));
        assert!(busybox("mount", &["--make-shared", volume.to_str().unwrap()]));
        let late = volume.join("late");
        fs::create_dir(&late).unwrap();
        push(
            &mut bundle,
            json!({"destination": "/m", "type": "bind", "source": volume, "options": ["rbind", propagation]}),
        );
        let host = Host::probe();
        let (input, go) = std::io::pipe().unwrap();
        let (mut output, writer) = std::io::pipe().unwrap();
        let options = Options::new([input.as_fd(), writer.as_fd(), writer.as_fd()]);
        let launched = launch(&bundle.plan(&host), &options);
        drop(writer);
        let mounted = busybox("mount", &["-t", "tmpfs", "tmpfs", late.to_str().unwrap()]);
        fs::write(late.join("canary"), "").unwrap();
        std::io::Write::write_all(&mut &go, b"go\n").unwrap();
        let mut said = String::new();
        output.read_to_string(&mut said).unwrap();
        drop(launched);
        assert!(busybox("umount", &[late.to_str().unwrap()]));
        assert!(busybox("umount", &[volume.to_str().unwrap()]));
        assert!(mounted);
        assert_eq!(said.contains("canary"), heard, "{propagation}: {said}");
    }
}

#[test]
fn the_root_has_the_propagation_asked_for() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    for (asked, shown, below) in [
        ("shared", "shared:", false),
        ("rshared", "shared:", true),
        ("unbindable", "unbindable", false),
        ("runbindable", "unbindable", true),
        ("slave", "", false),
        ("private", "", false),
    ] {
        let mut bundle = shell("exit 0");
        bundle.config["linux"]["rootfsPropagation"] = json!(asked);
        let before = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let ran = run(&bundle);
        assert_eq!(ran.enforced, Enforced::Enforced, "{asked}");
        assert_eq!(fs::read_to_string("/proc/self/mountinfo").unwrap(), before);
        let is = |target: &str, kind: &str| {
            let mount = ran.seen.mounts.iter().rfind(|mount| mount.target == target).unwrap();
            mount.propagation.iter().any(|field| field.starts_with(kind))
        };
        let kind = if shown.is_empty() { "shared:" } else { shown };
        assert_eq!((is("/", kind), is("/proc", kind)), (!shown.is_empty(), below), "{asked}");
        // The comparison sees the difference.
        let own = Observation::of(std::process::id() as i32, &Host::probe().cgroups).unwrap();
        bundle.config["linux"]["rootfsPropagation"] =
            json!(if shown.is_empty() { "shared" } else { "private" });
        let other = compare(&bundle.config().unwrap(), &Host::probe(), &own, &ran.seen).to_string();
        assert_eq!(other.contains("propagation of /:"), shown != "unbindable", "{asked}: {other}");
    }
}

fn layered(count: usize) -> Bundle {
    let mut bundle = shell("$b cat /which /only-bottom; $b ls / | $b grep -c layer-; echo up > /made");
    let mut lower = Vec::new();
    for nth in 0..count {
        let layer = directory(&bundle, &format!("layers/a-name-as-long-as-engines-give-them-{nth:04}"));
        fs::write(layer.join(format!("layer-{nth}")), "").unwrap();
        fs::write(layer.join("which"), format!("{nth}\n")).unwrap();
        lower.push(layer.to_str().unwrap().to_owned());
    }
    fs::write(PathBuf::from(lower.last().unwrap()).join("only-bottom"), "bottom\n").unwrap();
    let (upper, work) = (directory(&bundle, "upper"), directory(&bundle, "work"));
    lower.push(bundle.dir.join("rootfs").to_str().unwrap().to_owned());
    let options = json!([
        format!("lowerdir={}", lower.join(":")),
        format!("upperdir={}", upper.display()),
        format!("workdir={}", work.display()),
        "index=off",
        "nodev",
    ]);
    let overlay = json!({"destination": "/", "type": "overlay", "source": "overlay", "options": options});
    bundle.config["mounts"].as_array_mut().unwrap().insert(0, overlay);
    bundle
}

#[test]
fn an_overlay_of_hundreds_of_layers_is_the_root() {
    if !need::met(&["root", "overlay", "busybox"]) {
        return;
    }
    for count in [3, 300, 499] {
        let bundle = layered(count);
        let ran = run(&bundle);
        assert_eq!(ran.said, format!("0\nbottom\n{count}\n"));
        assert_eq!(ran.enforced, Enforced::Enforced);
        assert!(options_at(&ran, "/").iter().any(|option| option == "nodev"));
        assert_eq!(fs::read_to_string(bundle.dir.join("upper/made")).unwrap(), "up\n");
    }
}

#[test]
fn the_options_of_an_overlay_reach_it() {
    if !need::met(&["root", "overlay", "busybox"]) {
        return;
    }
    for wanted in [vec!["metacopy=on"], vec!["redirect_dir=on", "volatile"], vec!["xino=off", "userxattr"]] {
        for count in [2, 200] {
            let mut bundle = layered(count);
            let options = bundle.config["mounts"][0]["options"].as_array_mut().unwrap();
            options.extend(wanted.iter().map(|option| json!(option)));
            // Both came with Linux 5.11.
            if wanted.contains(&"userxattr") && !Host::probe().has("overlay-in-user-namespace") {
                assert!(error(&bundle).contains("EINVAL"));
                continue;
            }
            let ran = run(&bundle);
            let seen = options_at(&ran, "/");
            // Defaults of this kernel are not shown.
            let shown = wanted.iter().filter(|option| !option.starts_with("xino"));
            for option in shown {
                let is = |there: &String| there == option || there == &format!("fsync={option}");
                assert!(seen.iter().any(is), "{option}: {seen:?}");
            }
        }
    }
}

#[test]
fn devices_are_made_as_asked_and_what_is_there_must_match() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle =
        shell("cd /dev; $b stat -c '%n %F %a %u:%g %t:%T' mine fifo /null; $b test -c /dev/full");
    let device = |path: &str, kind: &str, number: (u32, u32)| json!({"path": path, "type": kind, "major": number.0, "minor": number.1, "fileMode": 0o640, "uid": 3, "gid": 4});
    bundle.config["linux"]["devices"] = json!([
        device("/dev/mine", "c", (1, 7)),
        device("/dev/fifo", "p", (0, 0)),
        device("/null", "c", (1, 3))
    ]);
    let root = bundle.dir.join("rootfs");
    let node = |arguments: &[&str]| {
        let path = root.join("null");
        let mut command = std::process::Command::new("/bin/busybox");
        assert!(command.arg("mknod").arg(path).args(arguments).status().unwrap().success());
    };
    node(&["c", "1", "3"]);
    let ran = run(&bundle);
    let lines = "mine character special file 640 3:4 1:7\nfifo fifo 640 3:4 0:0\n/null character special file 640 3:4 1:3\n";
    assert_eq!(ran.said, lines);
    for other in [&["c", "1", "5"][..], &["b", "1", "3"], &["p"]] {
        fs::remove_file(root.join("null")).unwrap();
        node(other);
        let error = error(&bundle);
        assert!(error.contains("mknod /null") && error.contains("EEXIST"), "{other:?}: {error}");
    }
    fs::remove_file(root.join("null")).unwrap();
    fs::write(root.join("null"), "").unwrap();
    assert!(error(&bundle).contains("EEXIST"));
}

/// The spec's default devices are there without a tmpfs on /dev too.
#[test]
fn a_root_file_systems_own_dev_gets_the_defaults() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle = shell(
        "for d in null zero full random urandom tty; do $b test -c /dev/$d || echo $d; done; $b readlink /dev/fd",
    );
    bundle.config["mounts"]
        .as_array_mut()
        .unwrap()
        .retain(|mount| !mount["destination"].as_str().unwrap().starts_with("/dev"));
    let ran = run(&bundle);
    assert_eq!(ran.said, "/proc/self/fd\n");
    // Again, over what is there now.
    assert_eq!(run(&bundle).said, ran.said);
}

#[test]
fn a_cgroup_mount_shows_the_containers_groups_alone() {
    if !need::met(&["root", "busybox", "cgroup pids"]) {
        return;
    }
    let mut bundle = shell(
        "cd /sys/fs/cgroup; $b ls; $b cat pids/cgroup.procs cgroup.procs 2>/dev/null; ! $b mkdir x 2>/dev/null",
    );
    push(
        &mut bundle,
        json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
            "options": ["nosuid", "noexec", "nodev", "relatime", "ro", "rprivate", "nsdelegate"]}),
    );
    let ran = run(&bundle);
    assert_eq!(ran.enforced, Enforced::Enforced);
    assert!(ran.said.contains("pids"), "{}", ran.said);
    assert!(ran.said.lines().any(|line| line == "1"), "{}", ran.said);
    let below = ran.seen.mounts.iter().filter(|mount| mount.target.starts_with("/sys/fs/cgroup"));
    assert!(below.clone().count() > 0 && below.clone().all(|mount| mount.options.contains(&"ro".to_owned())));
}

#[test]
fn masks_are_found_behind_a_proc_that_was_moved_aside() {
    let bundle = Bundle::new();
    let plan = bundle.plan(&Host::example());
    // Not by a path from the root, which others may change: from the mount that the launcher made.
    let kept = |name: &str| {
        plan.steps().iter().any(|step| match &step.op {
            isolab_core::plan::Op::Path(isolab_core::mask::Op::Mask(place)) => {
                place.path.to_str() == Ok(name) && place.within.is_some()
            }
            _ => false,
        })
    };
    assert!(kept("/proc/keys") && kept("/sys/firmware"));
}

/// Everything below a directory, with its type: what is there afterwards that was not there before is seen.
fn listed(directory: &std::path::Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(at) = left.pop() {
        for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            all.push(format!("{} {kind:?}", entry.path().display()));
            if kind.is_dir() {
                left.push(entry.path());
            }
        }
    }
    all.sort();
    all
}

/// Mount points, device nodes and links that a launch makes in a directory of the host's go again when it fails, whether before
/// the root is entered or at the exec; what was there before stays.
#[test]
fn a_launch_that_fails_takes_its_mount_points_away() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let mut bundle = shell("exit 0");
    let root = bundle.dir.join("rootfs");
    fs::create_dir_all(root.join("there/before")).unwrap();
    symlink("/linked/to", root.join("link")).unwrap();
    fs::write(bundle.dir.join("file"), "content").unwrap();
    // Without a file system of its own, /dev is the root's.
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["destination"] == "/proc");
    let file = bundle.dir.join("file");
    for (kind, source, destination) in [
        ("tmpfs", "t".into(), "/there/before/new/deep"),
        ("tmpfs", "t".into(), "/link/below"),
        ("bind", file.clone(), "/files/one"),
        ("tmpfs", "t".into(), "/there/before/new/deep/within/it"),
    ] {
        push(
            &mut bundle,
            json!({"destination": destination, "type": kind, "source": source,
            "options": if kind == "bind" { json!(["bind"]) } else { json!(["size=64k"]) }}),
        );
    }
    let before = listed(&root);

    let args = bundle.config["process"]["args"].clone();
    bundle.config["process"]["args"] = json!(["/bin/no-such-program"]);
    let said = error(&bundle);
    assert!(said.contains("ENOENT"), "{said}");
    assert_eq!(listed(&root), before);

    push(
        &mut bundle,
        json!({"destination": "/last", "type": "tmpfs", "source": "t", "options": ["size=nonsense"]}),
    );
    bundle.config["process"]["args"] = args;
    let said = error(&bundle);
    assert!(said.contains("EINVAL"), "{said}");
    assert_eq!(listed(&root), before);

    // And when nothing fails they are there, as for every runtime.
    bundle.config["mounts"].as_array_mut().unwrap().pop();
    run(&bundle);
    let after = listed(&root);
    for made in ["there/before/new/deep", "linked/to/below", "files/one", "dev/null", "dev/fd"] {
        assert!(after.iter().any(|line| line.contains(made)), "{made}: {after:?}");
    }
}
