//! Reading the host.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Cgroups, Hierarchy, Host, features, needs};
use crate::config::Config;
use crate::observe::{self, MountInfo};
use crate::sys::{Errno, credential, process};

impl Host {
    /// Probes this host. What cannot be read stays empty; a feature that cannot be probed is missing for that reason.
    #[must_use]
    pub fn probe() -> Host {
        let (uid, gid) = (credential::uid(), credential::gid());
        let mounts = observe::mountinfo(&read("/proc/self/mountinfo"));
        let cgroups = cgroups(&mounts);
        Host {
            kernel: read("/proc/sys/kernel/osrelease"),
            kernel_build: read("/proc/sys/kernel/version"),
            machine: std::env::consts::ARCH.to_owned(),
            cmdline: read("/proc/cmdline"),
            cpu: cpu_model(&read("/proc/cpuinfo")),
            cpus: process::affinity().unwrap_or_default(),
            memory: memory(&read("/proc/meminfo")),
            lsms: split(&read("/sys/kernel/security/lsm")),
            clock_source: read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            mitigations: mitigations(),
            features: features::probe(uid, &cgroups),
            cgroups,
            capabilities: observe::status(&read("/proc/self/status")).caps,
            namespaces: own_namespaces(),
            landlock: features::landlock().unwrap_or(0),
            last_capability: read("/proc/sys/kernel/cap_last_cap").parse().unwrap_or(40),
            uid,
            gid,
        }
    }

    /// Probes only what a plan of this config asks for: as a whole the host takes longer than a launch. The rest is empty,
    /// and features that were not probed are not there.
    #[must_use]
    pub fn probe_for(config: &Config) -> Host {
        let (uid, gid) = (credential::uid(), credential::gid());
        let cgroups = match &config.cgroup {
            Some(_) => cgroups(&cgroup_mounts(&read("/proc/self/mountinfo"))),
            None => Cgroups::default(),
        };
        let feature = |name: &'static str| (name.to_owned(), features::one(name, uid, &cgroups));
        Host {
            features: needs::features(config).into_iter().map(feature).collect(),
            // To tell which kernel parameters are the host's own.
            namespaces: if config.sysctls.is_empty() { BTreeMap::new() } else { own_namespaces() },
            machine: std::env::consts::ARCH.to_owned(),
            last_capability: read("/proc/sys/kernel/cap_last_cap").parse().unwrap_or(40),
            capabilities: observe::status(&read("/proc/self/status")).caps,
            landlock: config.landlock.as_ref().map_or(0, |_| features::landlock().unwrap_or(0)),
            cgroups,
            uid,
            gid,
            kernel: String::new(),
            kernel_build: String::new(),
            cmdline: String::new(),
            cpu: String::new(),
            cpus: Vec::new(),
            memory: 0,
            lsms: match config.mount_label {
                Some(_) => split(&read("/sys/kernel/security/lsm")),
                None => Vec::new(),
            },
            clock_source: String::new(),
            mitigations: BTreeMap::new(),
        }
    }
}

/// A file's content without the newline at its end; empty where it cannot be read.
fn read(path: &str) -> String {
    // What this host has is known from these: one that is there and could not be read is read again.
    let read = read_once(path).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Err(error),
        _ => read_once(path),
    });
    read.unwrap_or_default()
}

fn read_once(path: &str) -> std::io::Result<String> {
    // The kernel's files do not tell their size. With room from the start, and not asked for it, two calls read most of them.
    let mut bytes = Vec::with_capacity(4096);
    fs::File::open(path)?.take(u64::MAX).read_to_end(&mut bytes)?;
    let mut text = observe::lossy(bytes);
    text.truncate(text.trim_end().len());
    Ok(text)
}

fn own_namespaces() -> BTreeMap<String, u64> {
    observe::namespaces(std::process::id().cast_signed()).unwrap_or_default()
}

/// Of all mounts, of which a host may have thousands.
fn cgroup_mounts(mountinfo: &str) -> Vec<MountInfo> {
    let lines = mountinfo.lines().filter(|line| line.contains(" - cgroup"));
    lines.flat_map(observe::mountinfo).collect()
}

fn split(text: &str) -> Vec<String> {
    text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn cpu_model(cpuinfo: &str) -> String {
    let value = |key: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(key))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    value("model name").or_else(|| value("CPU part")).unwrap_or_default()
}

fn memory(meminfo: &str) -> u64 {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() * 1024
}

fn mitigations() -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir("/sys/devices/system/cpu/vulnerabilities") else { return BTreeMap::new() };
    let one = |entry: fs::DirEntry| {
        Some((entry.file_name().into_string().ok()?, fs::read_to_string(entry.path()).ok()?))
    };
    entries.flatten().filter_map(one).map(|(name, state)| (name, state.trim_end().to_owned())).collect()
}

fn cgroups(mounts: &[MountInfo]) -> Cgroups {
    let mut found = Cgroups::default();
    for mount in mounts {
        let place = PathBuf::from(&mount.target);
        match mount.fstype.as_str() {
            "cgroup2" if found.v2.is_none() => {
                let controllers = fs::read_to_string(place.join("cgroup.controllers")).unwrap_or_default();
                let controllers = controllers.split_whitespace().map(str::to_owned).collect();
                found.v2 = Some(Hierarchy { writable: writable(&place), mount: place, controllers });
            }
            "cgroup" if !found.v1.iter().any(|known| known.mount == place) => {
                let flags = ["rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode"];
                let ordinary = |option: &&String| {
                    !flags.contains(&option.as_str()) && !option.starts_with("release_agent=")
                };
                let controllers = mount.super_options.iter().filter(ordinary).cloned().collect();
                found.v1.push(Hierarchy { writable: writable(&place), mount: place, controllers });
            }
            _ => {}
        }
    }
    found
}

/// Whether this process may make groups there, by the kernel's own word on the directory.
fn writable(directory: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(path) = std::ffi::CString::new(directory.as_os_str().as_bytes()) else { return false };
    match crate::sys::fs::access_write(&path) {
        Ok(()) => true,
        Err(Errno::EACCES | Errno::EROFS | Errno::EPERM | Errno::ENOENT) => false,
        // That is no answer.
        Err(_) => crate::sys::fs::access_write(&path).is_ok(),
    }
}
