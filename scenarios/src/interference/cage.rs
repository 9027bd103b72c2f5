//! The containers of a matrix before they run: one root filesystem, and configs with groups where this host gives us any.

use std::path::Path;

use isolab_core::host::Host;
use isolab_reports::record::NotTested;
use serde_json::{Map, Value};

use super::declaration::{Matrix, Place, Protection};
use crate::bed::Bed;
use crate::bundle::Bundle;
use crate::edit::{self, Edit};
use crate::ready::{self, Error, Ready};
use crate::workload::exit;

/// Makes the configs of victims and aggressors.
pub(super) struct Cages {
    bundle: Bundle,
    /// Why containers have no groups here, if they have none.
    no_groups: Option<NotTested>,
    bed: Bed,
}

/// The configs of a cell's containers.
pub(super) struct Configs {
    pub(super) victim: Value,
    pub(super) aggressor: Option<Value>,
}

impl Cages {
    /// Makes the root filesystem, and finds out whether containers can have groups by launching one that has.
    ///
    /// # Errors
    /// When the files cannot be made, or the matrix's edits do not apply.
    pub(super) fn new(matrix: &Matrix, program: &Path, host: &Host) -> Result<Cages, Error> {
        let bed = Bed::new(program, host)?;
        let mut cages = Cages { bundle: bed.bundle("cell", Value::Null)?, no_groups: None, bed };
        for aggressor in &matrix.aggressor {
            let mut config = cages.config("aggressor", &[&aggressor.edits])?;
            config["process"]["args"] = [exit::PATH].into();
            if let Err(error) = cages.try_out(&config) {
                cages.no_groups = Some(error.into_not_tested(&aggressor.name)?);
            }
        }
        Ok(cages)
    }

    /// Whether containers have groups of their own.
    pub(super) fn has_groups(&self) -> bool {
        self.no_groups.is_none()
    }

    pub(super) fn bundle(&self) -> &Path {
        self.bundle.dir()
    }

    /// The configs of one cell.
    ///
    /// # Errors
    /// When an edit does not apply.
    pub(super) fn configs(&self, matrix: &Matrix, place: Place) -> Result<Configs, Error> {
        let protection = place.protection.map(|at| &matrix.protection[at]);
        let (victim, aggressor): (&[Edit], &[Edit]) =
            protection.map_or((&[], &[]), |protection| (&protection.victim, &protection.aggressor));
        let own = place.aggressor.map(|at| &matrix.aggressor[at].edits);
        Ok(Configs {
            victim: self.config("victim", &[&matrix.victim[place.victim].edits, victim])?,
            aggressor: own.map(|own| self.config("aggressor", &[own, aggressor])).transpose()?,
        })
    }

    /// Why this host cannot have a protection; `None` when nothing speaks against it before it is tried.
    pub(super) fn missing(&self, matrix: &Matrix, protection: &Protection) -> Option<NotTested> {
        let reason = |reason: String, remedy: &str| NotTested {
            what: format!("{}: {}", matrix.id, protection.name),
            reason,
            remedy: remedy.into(),
        };
        if let Some(NotTested { reason: why, remedy, .. }) = &self.no_groups {
            return Some(reason(format!("containers have no groups of their own here: {why}"), remedy));
        }
        if self.bed.host.cgroups.find(&protection.controller).is_none() {
            let problem = format!("no cgroup hierarchy has the {} controller", protection.controller);
            return Some(reason(problem, "mount it, or enable it at boot"));
        }
        let cpus = self.bed.host.cpus.len();
        (cpus < protection.cpus).then(|| {
            let problem = format!("it needs {} CPUs, and this process may use {cpus}", protection.cpus);
            reason(problem, "run it where there are more CPUs")
        })
    }

    /// The base config in a group of its own with the edits made; without the group's settings where there are none.
    fn config(&self, id: &str, edits: &[&[Edit]]) -> Result<Value, Error> {
        let mut config = self.bed.config(id);
        config["linux"]["cgroupsPath"] = self.bed.group(id).into();
        edits.iter().try_for_each(|edits| edit::apply(&mut config, edits))?;
        if self.no_groups.is_some() {
            without_groups(&mut config);
        }
        ready::filled(&config, &ready::values(&self.bed.host))
    }

    fn try_out(&self, config: &Value) -> Result<(), Error> {
        Ready::new(config, self.bundle(), "aggressor", &self.bed.host)?.verify().map(drop)
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
