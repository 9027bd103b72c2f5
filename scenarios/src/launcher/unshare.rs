//! `unshare(1)` with a plain chroot: the naive baseline, what one gets who only makes namespaces.
//!
//! Limits: no control groups, no mounts but `/proc`, no capabilities dropped, no filter, nothing masked or read-only; the root is
//! a chroot, and descriptors of the caller stay open. What it has no option for is not offered.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use isolab_core::host::Host;
use isolab_reports::record;
use serde_json::Value;

use super::process::{self, Foreground};
use super::{Launcher, Offer, RunCommand, Running, StartError, Stdio, version};
use crate::bundle::Bundle;

/// The unshare binary of util-linux.
#[derive(Debug)]
pub struct Unshare {
    path: PathBuf,
    version: Option<String>,
    root: bool,
}

/// What it has options for.
const OFFERS: [&str; 12] = [
    // All that the caller has.
    "granted capabilities",
    "pid namespace",
    "network namespace",
    "ipc namespace",
    "uts namespace",
    "mount namespace",
    "cgroup namespace",
    "user namespace",
    "namespaces",
    "pivot_root",
    "descriptors",
    "environment",
];

impl Unshare {
    /// Asks the binary for its version.
    #[must_use]
    pub fn new(path: PathBuf, host: &Host) -> Unshare {
        let version = version(&path);
        Unshare { path, version, root: host.uid == 0 }
    }

    fn command(&self, bundle: &Bundle) -> Result<Command, StartError> {
        super::require_mount_namespace(bundle)?;
        let mounts = bundle.config()["mounts"].as_array().into_iter().flatten();
        if let Some(target) =
            mounts.filter_map(|mount| mount["destination"].as_str()).find(|target| !is_plain(target))
        {
            return Err(StartError::NotOffered(format!("unshare mounts /proc alone, and no {target}")));
        }
        let mut command = Command::new(&self.path);
        command.args(arguments(bundle.config(), bundle, self.root));
        command.args(texts(&bundle.config()["process"]["args"]));
        command.env_clear();
        command
            .envs(texts(&bundle.config()["process"]["env"]).iter().filter_map(|pair| pair.split_once('=')));
        Ok(command)
    }
}

impl Launcher for Unshare {
    fn name(&self) -> &'static str {
        "unshare"
    }

    fn describe(&self) -> record::Launcher {
        let path = Some(self.path.display().to_string());
        record::Launcher { name: "unshare".into(), version: self.version.clone(), path }
    }

    fn offers(&self, feature: &str) -> Offer {
        if OFFERS.contains(&feature) {
            return Offer::Offered;
        }
        Offer::NotOffered { reason: format!("unshare has no option for it ({feature})") }
    }

    fn start(&self, bundle: &Bundle, _id: &str, stdio: Stdio) -> Result<Box<dyn Running>, StartError> {
        let foreground = Foreground::start(self.command(bundle)?, bundle, stdio, only_child)?;
        Ok(Box::new(foreground))
    }

    fn run(&self, bundle: &Bundle, _id: &str) -> Result<(), StartError> {
        process::complete(self.command(bundle)?, bundle)
    }

    fn run_command(
        &self,
        bundle: &Bundle,
        _id: &str,
        _notes: &Path,
    ) -> Result<Option<RunCommand>, StartError> {
        Ok(Some(RunCommand { command: self.command(bundle)?, inherits: Vec::new() }))
    }
}

/// Mounts of every plain launch; all but `/proc` are left out.
fn is_plain(target: &str) -> bool {
    ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup", "/tmp"]
        .contains(&target)
}

/// The one child that unshare has, once it is the workload (proc_pid_children(5)).
fn only_child(launcher: u32) -> Option<i32> {
    let children = fs::read_to_string(format!("/proc/{launcher}/task/{launcher}/children")).ok()?;
    let child: i32 = children.split_whitespace().next()?.parse().ok()?;
    let own = fs::read_link(format!("/proc/{launcher}/exe")).ok()?;
    let program = fs::read_link(format!("/proc/{child}/exe")).ok()?;
    (program != own).then_some(child)
}

fn arguments(config: &Value, bundle: &Bundle, root: bool) -> Vec<String> {
    let mut args: Vec<String> = ["--fork", "--kill-child"].map(String::from).into();
    for kind in config["linux"]["namespaces"].as_array().into_iter().flatten() {
        match kind["type"].as_str() {
            Some("network") => args.push("--net".into()),
            Some(kind @ ("pid" | "mount" | "ipc" | "uts" | "cgroup")) => args.push(format!("--{kind}")),
            Some("user") if !root => args.push("--map-root-user".into()),
            Some("user") => args.push("--user".into()),
            _ => {}
        }
    }
    let rootfs = bundle.dir().join(config["root"]["path"].as_str().unwrap_or("rootfs"));
    args.push(format!("--root={}", rootfs.display()));
    args.extend(["--mount-proc".into(), "--".into()]);
    args
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn namespaces_become_options_and_the_root_a_chroot() {
        let scratch = Scratch::new().unwrap();
        let config = serde_json::json!({"root": {"path": "r"},
            "linux": {"namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "time"}]}});
        let bundle = Bundle::around(&scratch, "a", config.clone()).unwrap();
        let args = arguments(&config, &bundle, true);
        assert_eq!(args[..4], ["--fork", "--kill-child", "--pid", "--net"]);
        assert!(args[4].starts_with("--root=") && args[4].ends_with("/a/r"));
    }
}
