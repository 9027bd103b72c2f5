//! The containers of a matrix before they run: one root filesystem, and configs with groups where this host gives us any.

use std::path::Path;

use isolab_core::host::Host;
use isolab_reports::record::NotTested;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::bridge::Bridge;
use super::declaration::{Aggressor, Matrix, Measured, Place, Protection, Victim};
use super::disk::Disk;
use crate::bed::Bed;
use crate::bundle::Bundle;
use crate::edit::{self, Edit};
use crate::ready::{self, Error, Ready};
use crate::workload::exit;

/// Makes the configs of victims and aggressors. Fields are dropped in their order.
pub(super) struct Cages {
    bundle: Bundle,
    /// Why containers have no groups here, if they have none.
    no_groups: Option<NotTested>,
    disk: Result<Disk, String>,
    bridge: Result<Bridge, String>,
    values: Value,
    bed: Bed,
}

/// The configs of a cell's containers.
pub(super) struct Configs {
    pub(super) victim: Value,
    pub(super) aggressor: Option<Value>,
}

/// Where stress-ng and its libraries are.
const STRESS_NG: &str = "/usr/bin/stress-ng";

impl Cages {
    /// Makes the root filesystem, the disk and the bridge, and finds out whether containers can have groups by launching one that
    /// has. The disk is mounted in the calling thread's mount namespace, which is to be isolab's own: `staged`.
    ///
    /// # Errors
    /// When the files cannot be made.
    pub(super) fn new(program: &Path, staged: bool, host: &Host) -> Result<Cages, Error> {
        let bed = Bed::new(program, host)?;
        let root = "it takes root: a mount namespace of isolab's own".to_owned();
        let disk = if staged { Disk::new(bed.dir()).map_err(|error| error.to_string()) } else { Err(root) };
        let mut values = ready::values(host);
        if let Ok(disk) = &disk {
            values["disk"] = disk.values();
        }
        let groups = if host.cgroups.find("memory").is_some_and(|(_, v2)| v2) { "" } else { "/memory" };
        values["groups"] = format!("/sys/fs/cgroup{groups}").into();
        let bridge = Bridge::new().map_err(|error| error.to_string());
        let bundle = bed.bundle("cell", Value::Null)?;
        let mut cages = Cages { bundle, no_groups: None, disk, bridge, values, bed };
        cages.try_groups()?;
        Ok(cages)
    }

    /// Whether a container that is limited as every aggressor is can be had.
    fn try_groups(&mut self) -> Result<(), Error> {
        let mut config = self.config("aggressor", &[])?;
        config["process"]["args"] = [exit::PATH].into();
        let limits =
            [("memory", serde_json::json!({"limit": 1 << 28})), ("pids", serde_json::json!({"limit": 64}))];
        for (controller, limit) in limits {
            config["linux"]["resources"][controller] = limit;
        }
        let ready = Ready::new(&config, self.bundle(), "aggressor", &self.bed.host);
        if let Err(error) = ready.and_then(|ready| ready.verify()) {
            self.no_groups = Some(error.into_not_tested("groups")?);
        }
        Ok(())
    }

    /// Whether containers have groups of their own.
    pub(super) fn has_groups(&self) -> bool {
        self.no_groups.is_none()
    }

    pub(super) fn host(&self) -> &Host {
        &self.bed.host
    }

    pub(super) fn bundle(&self) -> &Path {
        self.bundle.dir()
    }

    /// The bridge, where a cell has got as far as to need it.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn bridge(&self) -> Result<&Bridge, Error> {
        self.bridge.as_ref().map_err(|why| Error::Placeholder(why.clone()))
    }

    /// The configs of one cell.
    ///
    /// # Errors
    /// When an edit does not apply.
    pub(super) fn configs(&self, matrix: &Matrix, place: Place) -> Result<Configs, Error> {
        let protection = place.protection.map(|at| &matrix.protection[at]);
        let (victim, aggressor): (&[Edit], &[Edit]) =
            protection.map_or((&[], &[]), |protection| (&protection.victim, &protection.aggressor));
        let own = place.aggressor.map(|(at, _)| &matrix.aggressor[at].edits);
        Ok(Configs {
            victim: self.config("victim", &[&matrix.victim[place.victim].edits, victim])?,
            aggressor: own.map(|own| self.config("aggressor", &[own, aggressor])).transpose()?,
        })
    }

    /// The config of a container that nothing is set for.
    ///
    /// # Errors
    /// When a placeholder of the base config leads nowhere.
    pub(super) fn plain(&self, id: &str) -> Result<Value, Error> {
        self.config(id, &[])
    }

    /// `work` with its placeholders filled in.
    ///
    /// # Errors
    /// When one leads nowhere.
    pub(super) fn filled<T: Serialize + DeserializeOwned>(&self, work: &T) -> Result<T, Error> {
        let bad = |error: serde_json::Error| Error::Placeholder(error.to_string());
        let filled = ready::filled(&serde_json::to_value(work).map_err(bad)?, &self.values)?;
        serde_json::from_value(filled).map_err(bad)
    }

    /// Why this host cannot have a protection; `None` when nothing speaks against it before it is tried.
    pub(super) fn without_protection(&self, protection: &Protection) -> Option<(String, String)> {
        let host = &self.bed.host;
        if let Some(NotTested { reason, remedy, .. }) = &self.no_groups {
            let reason = format!("containers have no groups of their own here: {reason}");
            return Some((reason, remedy.clone()));
        }
        for controller in &protection.controllers {
            match host.cgroups.find(controller) {
                None => {
                    let reason = format!("no cgroup hierarchy has the {controller} controller");
                    return Some((reason, "mount it, or enable it at boot".into()));
                }
                Some((_, v2)) if protection.v2 && !v2 => {
                    let reason = format!("{controller} is on cgroup v1 here, which has no such setting");
                    let remedy = "run it in a guest: `isolab kernels 6.12 --disk 4096 --with mkfs.ext4 mount -- bench interference --matrix v2`; \
                        one emulated CPU shows the mechanism, not the magnitude";
                    return Some((reason, remedy.into()));
                }
                Some(_) => {}
            }
        }
        let cpus = host.cpus.len();
        (cpus < protection.cpus).then(|| {
            let reason = format!("it needs {} CPUs, and this process may use {cpus}", protection.cpus);
            (reason, "run it where there are more CPUs".into())
        })
    }

    /// Why this host cannot have a victim.
    pub(super) fn without_victim(&self, victim: &Victim) -> Option<(String, String)> {
        let network = matches!(&victim.work, Measured::Inside(work) if work.needs_network());
        self.without_place(&victim.edits, network)
    }

    /// Why this host cannot have an aggressor.
    pub(super) fn without_aggressor(&self, aggressor: &Aggressor) -> Option<(String, String)> {
        if aggressor.work.is_stress_ng() && !Path::new(STRESS_NG).exists() {
            return Some((format!("{STRESS_NG} is not there"), "apt-get install stress-ng".into()));
        }
        self.without_place(&aggressor.edits, aggressor.work.needs_network())
    }

    fn without_place(&self, edits: &[Edit], network: bool) -> Option<(String, String)> {
        let unfilled = matches!(self.config("trial", &[edits]), Err(Error::Placeholder(_)));
        if let (true, Err(why)) = (unfilled, &self.disk) {
            let remedy = "run as root where there is a loop device, and apt-get install e2fsprogs mount";
            return Some((format!("no bounded disk for its files: {why}"), remedy.into()));
        }
        if let (true, Err(why)) = (network, &self.bridge) {
            return Some((
                format!("no bridge for its packets: {why}"),
                "run as root; load bridge and veth".into(),
            ));
        }
        None
    }

    /// The base config in a group of its own with the edits made; without the group's settings where there are none.
    fn config(&self, id: &str, edits: &[&[Edit]]) -> Result<Value, Error> {
        let mut config = self.bed.config(id);
        config["linux"]["cgroupsPath"] = self.bed.group(id).into();
        edits.iter().try_for_each(|edits| edit::apply(&mut config, edits))?;
        if self.no_groups.is_some() {
            without_groups(&mut config);
        }
        ready::filled(&config, &self.values)
    }
}

fn without_groups(config: &mut Value) {
    if let Some(linux) = config.get_mut("linux").and_then(Value::as_object_mut) {
        for key in ["cgroupsPath", "resources"] {
            Map::remove(linux, key);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn without_groups_nothing_asks_for_one() {
        let mut config =
            json!({"linux": {"cgroupsPath": "/a", "resources": {"pids": {"limit": 1}}, "namespaces": []}});
        without_groups(&mut config);
        assert_eq!(config, json!({"linux": {"namespaces": []}}));
    }
}
