//! Labels of security modules: AppArmor profiles and SELinux contexts, enforced. In guests, where policies can be loaded:
//! `isolab kernels 6.1 --test --binary core/lsm --with busybox --apparmor core/tests/lsm/isolab-test`, and for SELinux
//! `--with busybox target/selinux-policy --cmdline security=selinux`, the policy compiled as in `.ci/run`.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Bundle, running, traces};
use isolab_core::host::{Feature, Host};
use isolab_core::launch::{Error, Exit, Options, launch};
use isolab_core::need;
use isolab_core::observe::{Enforced, Observation, compare};
use isolab_core::plan::Plan;
use isolab_core::sys::mount;
use serde_json::json;

const PROFILE: &str = "isolab-test";
const CONTEXT: &str = "system_u:system_r:container_t:s0";

/// What was seen at the exec, and how the workload ended.
fn run(bundle: &Bundle) -> Result<(Enforced, Observation, Exit), Error> {
    let host = Host::probe();
    let null: OwnedFd = File::options().read(true).write(true).open("/dev/null").unwrap().into();
    let mut options = Options::new([null.as_fd(); 3]);
    options.hold_at_exec = true;
    let before = traces(&host, bundle);
    let mut container = launch(&bundle.plan(&host), &options)
        .inspect_err(|error| assert_eq!(traces(&host, bundle), before, "{error}"))?;
    let seen = Observation::of(container.pid(), &host.cgroups).unwrap();
    let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
    container.release().unwrap();
    let exit = container.wait(Some(Duration::from_secs(20))).unwrap().unwrap();
    container.remove().unwrap();
    Ok((compare(&bundle.config().unwrap(), &host, &own, &seen), seen, exit))
}

/// Succeeds when `/tmp/secret` cannot be read, and `/tmp/open` can.
fn with_secret(profile: &str) -> Bundle {
    let mut bundle = Bundle::new().with_shell("/bin/busybox cat /tmp/open && ! /bin/busybox cat /tmp/secret");
    for name in ["open", "secret"] {
        fs::write(bundle.dir.join("rootfs/tmp").join(name), name).unwrap();
    }
    bundle.config["process"]["apparmorProfile"] = json!(profile);
    bundle
}

#[test]
fn a_profile_is_enforced() {
    if !need::met(&["root", "busybox", "apparmor-profile isolab-test"]) {
        return;
    }
    for no_new_privs in [true, false] {
        let mut bundle = with_secret("");
        bundle.config["process"]["noNewPrivileges"] = json!(no_new_privs);
        let (_, seen, exit) = run(&bundle).unwrap();
        assert_eq!((seen.confinement.apparmor.as_deref(), exit), (Some("unconfined"), Exit::Code(1)));
        bundle.config["process"]["apparmorProfile"] = json!(PROFILE);
        let unconfined = seen;
        let (enforced, seen, exit) = run(&bundle).unwrap();
        assert_eq!((enforced, exit), (Enforced::Enforced, Exit::Code(0)));
        assert_eq!(seen.confinement.apparmor.as_deref(), Some("isolab-test (enforce)"));
        // The comparison sees a workload without its profile.
        let host = Host::probe();
        let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
        let other = compare(&bundle.config().unwrap(), &host, &own, &unconfined);
        assert!(other.to_string().contains("AppArmor profile: asked"), "{other}");
    }
}

/// What is executed into a container is under its profile.
#[test]
fn an_added_process_has_the_profile() {
    if !need::met(&["root", "busybox", "apparmor-profile isolab-test"]) {
        return;
    }
    let seen = added(with_secret(PROFILE), "! /bin/busybox cat /tmp/secret");
    assert_eq!(seen.confinement.apparmor.as_deref(), Some("isolab-test (enforce)"));
}

/// What was seen of a script that is executed into a container that sleeps, and that succeeds.
fn added(bundle: Bundle, script: &str) -> Observation {
    let host = Host::probe();
    let mut bundle = bundle.with_shell("exec /bin/busybox sleep 60");
    let null: OwnedFd = File::options().read(true).write(true).open("/dev/null").unwrap().into();
    let mut options = Options::new([null.as_fd(); 3]);
    let plan = bundle.plan(&host);
    let container = launch(&plan, &options).unwrap();
    bundle.config["process"]["args"][3] = json!(script);
    let added = Plan::exec(&bundle.config().unwrap(), &host, &running(&plan, container.pid())).unwrap();
    options.hold_at_exec = true;
    let mut second = launch(&added, &options).unwrap_or_else(|error| panic!("{error}\n{added}"));
    let seen = Observation::of(second.pid(), &host.cgroups).unwrap();
    second.release().unwrap();
    assert_eq!(second.wait(Some(Duration::from_secs(20))).unwrap(), Some(Exit::Code(0)));
    second.remove().unwrap();
    container.remove().unwrap();
    seen
}

/// With a user of its own, who may do nothing on the host, and a `/proc` of the image's own that takes every write.
#[test]
fn a_fake_proc_takes_no_profile() {
    if !need::met(&["root", "busybox", "apparmor-profile isolab-test"]) {
        return;
    }
    let mut bundle = with_secret(PROFILE);
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["destination"] != "/proc");
    bundle.config["process"]["user"] = json!({"uid": 7, "gid": 7});
    for directory in ["self/attr/apparmor", "thread-self/attr/apparmor", "self/attr"] {
        let fake = bundle.dir.join("rootfs/proc").join(directory);
        fs::create_dir_all(&fake).unwrap();
        fs::write(fake.join("exec"), "").unwrap();
    }
    let (enforced, seen, exit) = run(&bundle).unwrap();
    assert_eq!(seen.confinement.apparmor.as_deref(), Some("isolab-test (enforce)"), "{enforced}");
    assert_eq!(exit, Exit::Code(0));
}

#[test]
fn a_profile_that_is_not_loaded_is_an_error_with_a_remedy() {
    if !need::met(&["root", "apparmor"]) {
        return;
    }
    let text = run(&with_secret("isolab-none")).unwrap_err().to_string();
    assert!(text.contains("exec isolab-none: ") && text.contains("apparmor_parser"), "{text}");
    // What is always there.
    let (_, seen, _) = run(&with_secret("unconfined")).unwrap();
    assert_eq!(seen.confinement.apparmor.as_deref(), Some("unconfined"));
}

#[test]
fn without_the_module_a_label_is_refused_with_a_reason() {
    let mut host = Host::example();
    for name in ["apparmor", "selinux"] {
        let missing =
            Feature::Missing { reason: "not compiled in".into(), remedy: "use another kernel".into() };
        host.features.insert(name.into(), missing);
    }
    let refused =
        |bundle: &Bundle| Plan::compile(&bundle.config().unwrap(), &host).map_err(|error| error.to_string());
    let mut bundle = Bundle::new();
    for harmless in ["", "unconfined"] {
        bundle.config["process"]["apparmorProfile"] = json!(harmless);
        assert!(!refused(&bundle).unwrap().to_string().contains("apparmor"));
    }
    for (field, value) in [("apparmorProfile", PROFILE), ("selinuxLabel", CONTEXT)] {
        let mut bundle = Bundle::new();
        bundle.config["process"][field] = json!(value);
        let text = refused(&bundle).unwrap_err();
        let wanted = format!("process.{field}: ");
        assert!(text.starts_with(&wanted) && text.contains("not compiled in; use another kernel"), "{text}");
    }
}

/// `target/selinux-policy`, compiled from `lsm/minimal.cil`.
fn policy() -> Option<PathBuf> {
    let program = std::env::current_exe().unwrap();
    program.ancestors().map(|directory| directory.join("selinux-policy")).find(|file| file.exists())
}

/// What the kernel says about something.
fn kernel_log(about: &str) -> String {
    let mut log = File::options().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg").unwrap();
    let mut line = [0; 8192];
    let mut lines = Vec::new();
    while let Ok(length) = log.read(&mut line) {
        let text = String::from_utf8_lossy(&line[..length]).into_owned();
        lines.extend(text.contains(about).then_some(text));
    }
    lines.concat()
}

/// Loads the policy, once for this guest; whether SELinux is there and enforces it.
fn enforcing() -> bool {
    if !need::met(&["root", "guest", "busybox"]) {
        return false;
    }
    let systems = fs::read_to_string("/proc/filesystems").unwrap();
    let (true, Some(policy)) = (systems.contains("selinuxfs"), policy()) else {
        return need::met(&["selinux"]);
    };
    let selinux = Path::new("/sys/fs/selinux");
    if !selinux.join("load").exists() {
        let context = mount::fsopen(c"selinuxfs").unwrap();
        mount::fsconfig_create(context.as_fd()).unwrap();
        let mounted = mount::fsmount(context.as_fd(), 0).unwrap();
        mount::attach(mounted.as_fd(), File::open(selinux).unwrap().as_fd()).unwrap();
        let loaded = fs::write(selinux.join("load"), fs::read(policy).unwrap());
        assert!(loaded.is_ok(), "{loaded:?}:\n{}", kernel_log("SELinux"));
        fs::write(selinux.join("enforce"), "1").unwrap();
    }
    assert_eq!(fs::read_to_string(selinux.join("enforce")).unwrap(), "1");
    need::met(&["selinux"])
}

/// The container's domain may write no file, and the launcher's may.
#[test]
fn a_context_is_enforced() {
    if !enforcing() {
        return;
    }
    for no_new_privs in [false, true] {
        let mut bundle = Bundle::new().with_shell("! echo x > /tmp/file");
        bundle.config["root"]["readonly"] = json!(false);
        bundle.config["process"]["noNewPrivileges"] = json!(no_new_privs);
        let (_, seen, exit) = run(&bundle).unwrap();
        assert_eq!(exit, Exit::Code(1), "{:?}", seen.confinement);
        let host_context = seen;
        bundle.config["process"]["selinuxLabel"] = json!(CONTEXT);
        let (enforced, seen, exit) = run(&bundle).unwrap();
        assert_eq!((enforced, exit), (Enforced::Enforced, Exit::Code(0)), "{:?}", seen.confinement);
        let host = Host::probe();
        let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
        let other = compare(&bundle.config().unwrap(), &host, &own, &host_context);
        assert!(other.to_string().contains("SELinux context: asked"), "{other}");
    }
    let mut bundle = Bundle::new();
    bundle.config["root"]["readonly"] = json!(false);
    bundle.config["process"]["selinuxLabel"] = json!(CONTEXT);
    assert_eq!(added(bundle, "! echo x > /tmp/file").confinement.label.as_deref(), Some(CONTEXT));
    let mut bundle = Bundle::new();
    bundle.config["process"]["selinuxLabel"] = json!("system_u:system_r:none_t:s0");
    let text = run(&bundle).unwrap_err().to_string();
    assert!(text.contains("none_t") && text.contains("no such context"), "{text}");
}
