//! The kernel's own file systems, and the cgroup hierarchies.

use std::ffi::{CStr, CString};
use std::fmt;
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::Path;

use isolab_core::sys::{self, mount as sys_mount};

use crate::lab::guest::job::CgroupVersion;

/// One file system to mount.
pub(super) struct Mount<'a> {
    pub(super) kind: &'a CStr,
    pub(super) at: &'a str,
    pub(super) options: &'a [(&'a CStr, Option<&'a CStr>)],
    /// `MOUNT_ATTR_*`
    pub(super) attributes: u64,
}

const NOSUID: u64 = libc::MOUNT_ATTR_NOSUID;
const NODEV: u64 = libc::MOUNT_ATTR_NODEV;
const NOEXEC: u64 = libc::MOUNT_ATTR_NOEXEC;

/// Mounted in every guest, in this order, with the attributes that systemd gives them.
const BASIC: [Mount<'_>; 7] = [
    Mount { kind: c"proc", at: "/proc", options: &[], attributes: NOSUID | NODEV | NOEXEC },
    Mount { kind: c"sysfs", at: "/sys", options: &[], attributes: NOSUID | NODEV | NOEXEC },
    Mount {
        kind: c"devtmpfs",
        at: "/dev",
        options: &[(c"mode", Some(c"0755"))],
        attributes: NOSUID | NOEXEC,
    },
    Mount {
        kind: c"devpts",
        at: "/dev/pts",
        options: &[(c"gid", Some(c"5")), (c"mode", Some(c"620")), (c"ptmxmode", Some(c"666"))],
        attributes: NOSUID | NOEXEC,
    },
    Mount {
        kind: c"tmpfs",
        at: "/dev/shm",
        options: &[(c"mode", Some(c"1777"))],
        attributes: NOSUID | NODEV,
    },
    Mount { kind: c"mqueue", at: "/dev/mqueue", options: &[], attributes: NOSUID | NODEV | NOEXEC },
    Mount {
        kind: c"securityfs",
        at: "/sys/kernel/security",
        options: &[],
        attributes: NOSUID | NODEV | NOEXEC,
    },
];

/// Links that udev or systemd would make.
const LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

/// Mounts what every guest has; returns what could not be.
pub(super) fn basic() -> Vec<String> {
    let mut problems: Vec<String> = BASIC.iter().filter_map(|basic| mount(basic).err()).collect();
    for (target, link) in LINKS {
        if let Err(error) = symlink(target, link) {
            problems.push(format!("cannot make {link}: {error}"));
        }
    }
    problems
}

/// Mounts the cgroup hierarchies.
pub(super) fn cgroups(version: CgroupVersion) -> Vec<String> {
    const AT: &str = "/sys/fs/cgroup";
    let attributes = NOSUID | NODEV | NOEXEC;
    match version {
        CgroupVersion::V2 => {
            let tree = Mount { kind: c"cgroup2", at: AT, options: &[(c"nsdelegate", None)], attributes };
            mount(&tree).err().map_or_else(|| enable(Path::new(AT)), |problem| vec![problem])
        }
        CgroupVersion::V1 => {
            let mode = &[(c"mode", Some(c"755"))];
            if let Err(problem) = mount(&Mount { kind: c"tmpfs", at: AT, options: mode, attributes }) {
                return vec![problem];
            }
            let controllers = match fs::read_to_string("/proc/cgroups") {
                Ok(text) => enabled(&text),
                Err(error) => return vec![format!("cannot read /proc/cgroups: {error}")],
            };
            let hierarchy = |controller: &CString| {
                let at = format!("{AT}/{}", controller.to_string_lossy());
                mount(&Mount { kind: c"cgroup", at: &at, options: &[(controller, None)], attributes })
            };
            controllers.iter().filter_map(|controller| hierarchy(controller).err()).collect()
        }
    }
}

/// Hands all controllers down from the root of the v2 tree, as systemd does for those that its units use.
fn enable(root: &Path) -> Vec<String> {
    let controllers = match fs::read_to_string(root.join("cgroup.controllers")) {
        Ok(text) => text,
        Err(error) => return vec![format!("cannot read cgroup.controllers: {error}")],
    };
    let enable = |controller: &str| {
        let done = fs::write(root.join("cgroup.subtree_control"), format!("+{controller}"));
        done.err().map(|error| format!("cannot enable the cgroup controller {controller}: {error}"))
    };
    controllers.split_whitespace().filter_map(enable).collect()
}

/// Enabled controllers in the text of `/proc/cgroups`: name, hierarchy, count, enabled (`cgroups(7)`).
fn enabled(text: &str) -> Vec<CString> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let fields = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    let on = fields.filter(|fields| fields.get(3) == Some(&"1"));
    on.filter_map(|fields| CString::new(fields[0]).ok()).collect()
}

/// Mounts a file system at a path, whose directory is made where it is missing.
pub(super) fn mount(mount: &Mount<'_>) -> Result<OwnedFd, String> {
    let fail = |problem: &dyn fmt::Display| {
        format!("cannot mount {} at {}: {problem}", mount.kind.to_string_lossy(), mount.at)
    };
    fs::create_dir_all(mount.at).map_err(|error| fail(&error))?;
    let target = File::open(mount.at).map_err(|error| fail(&error))?;
    let attached = || -> sys::Result<OwnedFd> {
        let context = sys_mount::fsopen(mount.kind)?;
        for (key, value) in mount.options {
            sys_mount::fsconfig_set(context.as_fd(), key, *value)?;
        }
        sys_mount::fsconfig_create(context.as_fd())?;
        let mounted = sys_mount::fsmount(context.as_fd(), mount.attributes)?;
        sys_mount::attach(mounted.as_fd(), target.as_fd())?;
        Ok(mounted)
    };
    attached().map_err(|errno| fail(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_that_are_switched_off_are_left_out() {
        let text = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t0\t1\t1\nmemory\t0\t1\t0\npids\t3\t7\t1\n";
        assert_eq!(enabled(text), [c"cpuset".to_owned(), c"pids".to_owned()]);
    }
}
