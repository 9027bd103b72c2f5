//! The test bed of one experiment: a scratch directory, a parent group, and what is made in them. Dropping it removes it all.

use std::path::{Path, PathBuf};

use isolab_core::host::Host;
use serde_json::Value;

use crate::bundle::{Bundle, base_config};
use crate::group::Groups;
use crate::ready::Error;
use crate::scratch::Scratch;
use crate::workload::exit;

/// Where an experiment's containers are made. Fields are dropped in their order.
pub(crate) struct Bed {
    groups: Groups,
    scratch: Scratch,
    program: PathBuf,
    pub(crate) host: Host,
}

impl Bed {
    /// `program` is the statically linked `isolab`.
    ///
    /// # Errors
    /// When the temporary directory cannot be written.
    pub(crate) fn new(program: &Path, host: &Host) -> Result<Bed, Error> {
        let scratch = Scratch::new().map_err(Error::io("make a scratch directory"))?;
        let groups = Groups::new(scratch.name(), host);
        Ok(Bed { groups, scratch, program: program.to_owned(), host: host.clone() })
    }

    /// The scratch directory.
    pub(crate) fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// A group for a container of this bed, as a config's `cgroupsPath`.
    pub(crate) fn group(&self, id: &str) -> String {
        self.groups.path_of(id)
    }

    /// Keeps the parent group there while containers come and go.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn keep_parent(&self) -> Result<(), Error> {
        self.groups.keep().map_err(Error::io("make a group"))
    }

    /// A bundle with both workloads, isolab itself and the one that only exits.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn bundle(&self, id: &str, config: Value) -> Result<Bundle, Error> {
        let bundle =
            Bundle::new(&self.scratch, &self.program, id, config).map_err(Error::io("make a bundle"))?;
        exit::install(&bundle.rootfs()).map_err(Error::io("write the exit workload"))?;
        Ok(bundle)
    }

    /// The config that measured containers start from: the guarantees' base config in a group of this bed. Without its device rule:
    /// it costs the workload nothing, and not every launcher has it on cgroup v2.
    pub(crate) fn config(&self, id: &str) -> Value {
        measured_config(&self.host, &self.groups, id)
    }
}

/// See [`Bed::config`].
pub(crate) fn measured_config(host: &Host, groups: &Groups, id: &str) -> Value {
    let mut config = base_config(host);
    if let Some(resources) = config["linux"]["resources"].as_object_mut() {
        resources.remove("devices");
    }
    if host.uid == 0 {
        config["linux"]["cgroupsPath"] = groups.path_of(id).into();
    }
    config
}
