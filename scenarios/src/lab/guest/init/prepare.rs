//! What a job wants prepared. Each step says what it could not do; none stops the others.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use isolab_core::sys::{Errno, link, module, namespace};

use super::mounts::{self, Mount};
use crate::lab::guest::job::Job;

/// Where the disk is mounted.
const DISK: &str = "/disk";
/// Where scratch files go when there is a disk.
pub(super) const DISK_TMP: &str = "/disk/tmp";
/// Takes a compiled policy, new or known (`apparmorfs.c` in the kernel).
const APPARMOR: &str = "/sys/kernel/security/apparmor/.replace";

/// Prepares everything; returns what could not be.
pub(super) fn all(job: &Job) -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(errno) = namespace::sethostname(b"isolab") {
        problems.push(format!("cannot set the host name: {errno}"));
    }
    if let Err(errno) = link::loopback_up() {
        problems.push(format!("cannot bring up the loopback link: {errno}"));
    }
    problems.extend(job.modules.iter().filter_map(|path| load(path).err()));
    problems.extend(mounts::cgroups(job.cgroup));
    problems.extend(job.apparmor.iter().filter_map(|path| policy(path).err()));
    if job.disk {
        problems.extend(disk().err());
    }
    problems
}

fn load(path: &str) -> Result<(), String> {
    let file = File::open(path).map_err(|error| format!("cannot open module {path}: {error}"))?;
    module::load(file.as_fd(), c"").map_err(|errno| match errno {
        Errno::ENOEXEC => format!("cannot load module {path}: {errno}; it was built for another kernel"),
        errno => format!("cannot load module {path}: {errno}"),
    })
}

fn policy(path: &str) -> Result<(), String> {
    let loaded = fs::read(path).and_then(|policy| fs::write(APPARMOR, policy));
    loaded.map_err(|error| format!("cannot load the AppArmor policy {path}: {error}"))
}

fn disk() -> Result<(), String> {
    let source = CString::from(c"/dev/vda");
    mounts::mount(&Mount { kind: c"ext4", at: DISK, options: &[(c"source", Some(&source))], attributes: 0 })?;
    let made = || {
        if !Path::new(DISK_TMP).exists() {
            fs::create_dir(DISK_TMP)?;
        }
        fs::set_permissions(DISK_TMP, PermissionsExt::from_mode(0o1777))
    };
    made().map_err(|error: std::io::Error| format!("cannot make {DISK_TMP}: {error}"))
}
