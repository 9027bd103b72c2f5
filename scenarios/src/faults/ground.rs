//! Where launches with faults take place: a bundle in a bed of its own, and what belongs to it on the host.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::observe::stat_of;
use isolab_core::snapshot::Scope;
use isolab_core::sys::{mount, process};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::bundle::Bundle;
use crate::edit::{self, Edit};
use crate::ready::Error;
use crate::workload::exit;
use crate::{group, leftovers, template};

/// Name of the container, and of its bundle and group.
pub(super) const ID: &str = "faults";

/// A written bundle, with the scope of all that its launches can leave.
pub(super) struct Ground {
    pub(super) bed: Bed,
    pub(super) bundle: Bundle,
    pub(super) scope: Scope,
}

impl Ground {
    /// Of a variant of the config, or the plain one, with a workload.
    pub(super) fn new(
        program: &Path,
        host: &Host,
        variant: Option<usize>,
        workload: &str,
    ) -> Result<Ground, Error> {
        let bed = Bed::new(program, host)?;
        bed.keep_parent()?;
        let mut scope = Scope::new();
        let parent = bed.group(ID);
        let parent = Path::new(&parent).parent().map(Path::to_owned).unwrap_or_default();
        scope.groups.push(parent);
        scope.directories.push(bed.dir().to_owned());
        scope.own = false;
        let mut config = config(&bed, variant)?;
        config["process"]["args"] = json!([workload]);
        if let Some(env) = config["process"]["env"].as_array_mut() {
            env.push(scope.variable().into());
        }
        let mut bundle = bed.bundle(ID, config)?;
        let values = json!({"rootfs": bundle.rootfs()});
        let filled = template::fill(bundle.config(), &values);
        *bundle.config_mut() = filled.unwrap_or_else(|error| unreachable!("faults.toml: {error}"));
        exit::install_hold(&bundle.rootfs()).map_err(Error::io("write the waiting workload"))?;
        fs::create_dir_all(bundle.rootfs().join("srv/shared")).map_err(Error::io("make a directory"))?;
        bundle.write().map_err(Error::io("write the config"))?;
        Ok(Ground { bed, bundle, scope })
    }

    /// Removes what a launch left, so that the next one begins as the first did. Frozen tasks are thawed before they are
    /// killed: of v1's freezer they would not die (`freezer-subsystem.rst`).
    ///
    /// # Errors
    /// When something stays.
    pub(super) fn clean(&self) -> std::io::Result<()> {
        let begun = Instant::now();
        while self.kill() > 0 && begun.elapsed() < super::SETTLE {
            thread::sleep(Duration::from_millis(5));
        }
        self.unmount();
        for group in self.groups() {
            group::remove(&group)?;
        }
        Ok(())
    }

    /// The container's group in each hierarchy, where it is there, and what launchers put beside it.
    fn groups(&self) -> Vec<PathBuf> {
        let parent = self.bed.group("");
        let parents = group::mounts(&self.bed.host.cgroups)
            .into_iter()
            .map(|mount| mount.join(parent.trim_matches('/')));
        let children = parents.flat_map(|parent| fs::read_dir(parent).into_iter().flatten().flatten());
        let groups = children.filter(|child| child.file_type().is_ok_and(|kind| kind.is_dir()));
        groups.filter(|child| child.file_name() != group::KEPT).map(|child| child.path()).collect()
    }

    /// Kills what is in the groups or has the token, and says how many there were.
    fn kill(&self) -> usize {
        /// signal(7)
        const SIGKILL: i32 = 9;
        let ended: usize = self.groups().iter().map(|group| leftovers::end(group)).sum();
        let end = |pid: &i32| process::pidfd_open(*pid).and_then(|pidfd| process::signal(&pidfd, SIGKILL));
        ended + self.marked().iter().filter(|pid| end(pid).is_ok()).count()
    }

    /// Processes that have the token in their environment.
    fn marked(&self) -> Vec<i32> {
        pids().filter(|pid| self.is_marked(*pid)).collect()
    }

    fn is_marked(&self, pid: i32) -> bool {
        let variable = self.scope.variable();
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    }

    /// The container's first process, once it has executed its program.
    pub(super) fn program(&self) -> Option<i32> {
        let name = exit::HOLD.trim_start_matches('/');
        let is = |pid: &i32| stat_of(*pid).is_some_and(|stat| stat.name == name) && self.is_marked(*pid);
        pids().find(is)
    }

    /// Takes away mounts in the bed, the last first.
    fn unmount(&self) {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let points = table.lines().filter_map(|line| line.split(' ').nth(4));
        let below: Vec<&str> = points.filter(|point| Path::new(point).starts_with(self.bed.dir())).collect();
        for point in below.into_iter().rev() {
            if let Ok(path) = std::ffi::CString::new(point) {
                // What stays mounted is seen by the next look.
                let _stays = mount::detach(&path);
            }
        }
    }
}

/// Of all processes.
fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The guarantees' config with what a variant and those before it have beyond it.
fn config(bed: &Bed, variant: Option<usize>) -> Result<Value, Error> {
    let mut config = bed.config(ID);
    for variant in variants().iter().take(variant.map_or(0, |last| last + 1)) {
        edit::apply(&mut config, &variant.config)?;
    }
    Ok(config)
}

/// The variants that come with isolab.
pub(super) fn variants() -> Vec<Variant> {
    let file: File = toml::from_str(VARIANTS).unwrap_or_else(|error| unreachable!("faults.toml: {error}"));
    file.variant
}

const VARIANTS: &str = include_str!("../../catalog/faults.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    variant: Vec<Variant>,
}

/// A config to launch with faults, by what it has beyond the one before it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    pub(super) name: String,
    config: Vec<Edit>,
}
