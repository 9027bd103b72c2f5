//! Features, each probed by trying it where trying is harmless: in a forked process, in namespaces of its own.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::AsFd;

use super::{Cgroups, FEATURES, Feature, time};
use crate::sys::fork::{SharedNumbers, fork};
use crate::sys::trial::{Argument, Trial, trial};
use crate::sys::{self, Errno, credential, fs, mount, namespace, process};

const ROOT: &str = "run as root, or allow unprivileged user namespaces";

/// All features.
pub(super) fn probe(uid: u32, cgroups: &Cgroups) -> BTreeMap<String, Feature> {
    FEATURES.iter().map(|name| ((*name).to_owned(), one(name, uid, cgroups))).collect()
}

/// One of [`FEATURES`], by name.
pub(super) fn one(name: &str, uid: u32, cgroups: &Cgroups) -> Feature {
    let own_mounts =
        if uid == 0 { libc::CLONE_NEWNS } else { libc::CLONE_NEWNS | libc::CLONE_NEWUSER } as u64;
    let in_user = (libc::CLONE_NEWNS | libc::CLONE_NEWUSER) as u64;
    let (result, remedy) = match name {
        "mount-namespace" => (attempt(own_mounts, "", || Ok(())), ROOT),
        "user-namespace" => (attempt(in_user, "", || Ok(())), USER_NAMESPACE),
        "overlay" => (
            attempt(own_mounts, "fsopen", || mount::fsopen(c"overlay").map(drop)),
            "load the overlay module (modprobe overlay)",
        ),
        "overlay-in-user-namespace" => {
            (overlay_in_user_namespace(uid), "use Linux 5.11 or later, and allow user namespaces")
        }
        "mount_setattr" => (
            mount::has_mount_setattr().map_err(|errno| named("mount_setattr", errno)),
            "use Linux 5.12 or later",
        ),
        "time-namespace" => (
            attempt(own_mounts | libc::CLONE_NEWTIME as u64, "", || Ok(())),
            "use Linux 5.6 or later, with CONFIG_TIME_NS",
        ),
        "time-namespace-at-exec" => (time::probe(uid), TIME_NAMESPACE),
        "seccomp-filter" => (seccomp_filter(), "use a kernel with CONFIG_SECCOMP_FILTER"),
        "clone-into-cgroup" => {
            (clone_into_cgroup(cgroups), "mount cgroup v2, and run as root or have a cgroup delegated")
        }
        "landlock" => {
            (landlock().map(drop), "use a kernel with CONFIG_SECURITY_LANDLOCK, and landlock in lsm=")
        }
        "apparmor" => {
            (apparmor(), "use a kernel with CONFIG_SECURITY_APPARMOR, and apparmor in lsm= or apparmor=1")
        }
        "selinux" => (selinux(), "boot with security=selinux, and load a policy (load_policy)"),
        _ => (Err("no such feature is known".into()), "name one of those that are"),
    };
    feature(result, remedy)
}

const USER_NAMESPACE: &str = "allow them: kernel.unprivileged_userns_clone=1, user.max_user_namespaces>0, \
                              kernel.apparmor_restrict_unprivileged_userns=0, and no seccomp profile that forbids them";
const TIME_NAMESPACE: &str = "use Linux 6.12 or later, where a process that shares memory enters its time namespace at exec, or run as root";

fn feature(result: Result<(), String>, remedy: &str) -> Feature {
    match result {
        Ok(()) => Feature::Available,
        Err(reason) => Feature::Missing { reason, remedy: remedy.to_owned() },
    }
}

pub(super) fn named(operation: &str, errno: Errno) -> String {
    format!("{operation}: {}", errno.name().unwrap_or("unknown errno"))
}

/// Unshares namespaces in a forked process and tries something there, which has a name in the reason.
fn attempt(namespaces: u64, name: &str, what: impl FnOnce() -> sys::Result<()>) -> Result<(), String> {
    in_fork(name, || {
        if let Err(errno) = namespace::unshare(namespaces) {
            return -errno.into_raw();
        }
        what().map_or_else(Errno::into_raw, |()| 0)
    })
}

/// Runs a probe in a forked process; 0 is success, a negative errno failure of the unshare, a positive one of the rest.
fn in_fork(name: &str, probe: impl FnOnce() -> i32) -> Result<(), String> {
    let answer =
        SharedNumbers::<std::sync::atomic::AtomicI32>::new(1).map_err(|errno| named("mmap", errno))?;
    let answer = answer.get();
    let pid = fork(libc::SIGCHLD, || {
        answer[0].store(probe(), std::sync::atomic::Ordering::Release);
        0
    })
    .map_err(|errno| named("fork", errno))?;
    let ended = process::pidfd_open(pid).and_then(|pidfd| process::wait(pidfd.as_fd(), true));
    ended.map_err(|errno| named("wait for the probe", errno))?;
    match answer[0].load(std::sync::atomic::Ordering::Acquire) {
        0 => Ok(()),
        errno if errno < 0 => Err(named("unshare", Errno::new(-errno))),
        errno => Err(named(name, Errno::new(errno))),
    }
}

/// `fsopen` is not refused, but the mount is, so it is made: in a mount namespace that nobody else sees, by a user
/// who is mapped, since what is made for an unmapped one is EOVERFLOW.
fn overlay_in_user_namespace(uid: u32) -> Result<(), String> {
    let text = |id: u32| CString::new(format!("0 {id} 1")).unwrap_or_default();
    let (uids, gids) = (text(uid), text(credential::gid()));
    attempt((libc::CLONE_NEWNS | libc::CLONE_NEWUSER) as u64, "map ids and mount", || {
        fs::put(c"/proc/self/setgroups", b"deny")?;
        fs::put(c"/proc/self/uid_map", uids.to_bytes())?;
        fs::put(c"/proc/self/gid_map", gids.to_bytes())?;
        small_overlay()
    })
}

fn small_overlay() -> sys::Result<()> {
    mount::change(c"/", libc::MS_REC | libc::MS_PRIVATE)?;
    let tmpfs = mount::fsopen(c"tmpfs")?;
    mount::fsconfig_create(tmpfs.as_fd())?;
    let tmpfs = mount::fsmount(tmpfs.as_fd(), 0)?;
    let place = fs::openat(sys::here(), c"/tmp", libc::O_PATH | libc::O_DIRECTORY, 0)?;
    mount::attach(tmpfs.as_fd(), place.as_fd())?;
    for name in [c"l", c"u", c"w"] {
        fs::mkdirat(tmpfs.as_fd(), name, 0o755)?;
    }
    fs::fchdir(tmpfs.as_fd())?;
    mount::mount(c"overlay", c"l", c"overlay", 0, c"lowerdir=l,upperdir=u,workdir=w")
}

fn seccomp_filter() -> Result<(), String> {
    let number = sys::trial::number("seccomp").ok_or("seccomp is no call of this architecture")?;
    // SECCOMP_GET_ACTION_AVAIL of SECCOMP_RET_ALLOW needs a pointer; an empty filter fails with EFAULT after the check.
    let mode = Argument::Number(u64::from(libc::SECCOMP_SET_MODE_FILTER));
    match trial(number, &[mode, Argument::Number(0), Argument::Number(0)]) {
        Ok(Trial::Failed(Errno::EFAULT)) => Ok(()),
        Ok(other) => Err(format!("seccomp without a program: {other:?} instead of EFAULT")),
        Err(errno) => Err(named("fork", errno)),
    }
}

fn clone_into_cgroup(cgroups: &Cgroups) -> Result<(), String> {
    match &cgroups.v2 {
        None => Err("cgroup v2 is not mounted".into()),
        Some(tree) if !tree.writable => Err(format!("no group can be made in {}", tree.mount.display())),
        Some(_) => Ok(()),
    }
}

/// The version of Landlock, or why there is none.
pub(super) fn landlock() -> Result<u32, String> {
    let number =
        sys::trial::number("landlock_create_ruleset").ok_or("landlock is no call of this architecture")?;
    // LANDLOCK_CREATE_RULESET_VERSION
    match trial(number, &[Argument::Number(0), Argument::Number(0), Argument::Number(1)]) {
        Ok(Trial::Returned(version)) => Ok(u32::try_from(version).unwrap_or(0)),
        Ok(Trial::Failed(errno)) => Err(named("landlock_create_ruleset", errno)),
        Ok(other) => Err(format!("landlock_create_ruleset: {other:?}")),
        Err(errno) => Err(named("fork", errno)),
    }
}

fn apparmor() -> Result<(), String> {
    const ENABLED: &str = "/sys/module/apparmor/parameters/enabled";
    match std::fs::read_to_string(ENABLED) {
        Ok(text) if text.trim_end() == "Y" => Ok(()),
        Ok(text) => Err(format!("{ENABLED} says {}", text.trim_end())),
        Err(error) => Err(format!("read {ENABLED}: {error}")),
    }
}

/// SELinux is there when its file system is, and of use when a policy is loaded: without one everything is `kernel`.
fn selinux() -> Result<(), String> {
    let systems = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !systems.lines().any(|line| line.ends_with("selinuxfs")) {
        return Err("/proc/filesystems has no selinuxfs".into());
    }
    match std::fs::read_to_string("/proc/self/attr/current") {
        Ok(context) if context.contains(':') => Ok(()),
        Ok(context) => {
            Err(format!("no policy is loaded: the context is {:?}", context.trim_end_matches('\0')))
        }
        Err(error) => Err(format!("read /proc/self/attr/current: {error}")),
    }
}
