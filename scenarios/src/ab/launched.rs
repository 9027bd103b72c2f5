//! A launcher on a bundle.

use std::path::{Path, PathBuf};
use std::time::Instant;

use isolab_core::host::Host;
use isolab_core::sys::clock;
use serde_json::Value;

use super::{ID, Subject};
use crate::bed::measured_config;
use crate::bundle::Bundle;
use crate::cost::Timed;
use crate::edit::{self, Edit};
use crate::group::Groups;
use crate::launcher::Launcher;
use crate::ready::Error;
use crate::scratch::Scratch;
use crate::workload::exit;

/// A launcher with what it launches.
pub struct Launched<'l> {
    name: String,
    launcher: &'l dyn Launcher,
    bundle: &'l Bundle,
}

impl<'l> Launched<'l> {
    /// A launcher on a bundle that has been written.
    #[must_use]
    pub fn new(name: &str, launcher: &'l dyn Launcher, bundle: &'l Bundle) -> Launched<'l> {
        Launched { name: name.into(), launcher, bundle }
    }
}

impl Subject for Launched<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn take(&mut self) -> Result<Timed, Error> {
        sample(self.launcher, self.bundle, ID)
    }
}

/// Where bundles of a user's config are made; what was made goes with it.
pub struct Place {
    groups: Groups,
    scratch: Scratch,
}

impl Place {
    /// Makes it.
    ///
    /// # Errors
    /// When no scratch directory or no group can be made.
    pub fn new(host: &Host) -> Result<Place, Error> {
        let scratch = Scratch::new().map_err(Error::io("make a scratch directory"))?;
        let groups = Groups::new(scratch.name(), host);
        groups.keep().map_err(Error::io("make a group"))?;
        Ok(Place { groups, scratch })
    }

    /// A bundle of a user's config, or of the config of a user's bundle, with edits.
    ///
    /// # Errors
    /// When it cannot be read, is no config, asks for a terminal, or an edit does not fit it.
    pub fn bundle(&self, name: &str, config: &Path, edits: &[Edit]) -> Result<Bundle, Error> {
        let file: PathBuf = if config.is_dir() { config.join("config.json") } else { config.to_owned() };
        self.around(name, prepared(&file, &self.groups)?, edits)
    }

    /// A bundle of the config that other costs are measured with, whose program only exits, with edits.
    ///
    /// # Errors
    /// When it cannot be made, or an edit does not fit it.
    pub fn plain(&self, name: &str, host: &Host, edits: &[Edit]) -> Result<Bundle, Error> {
        let mut value = measured_config(host, &self.groups, ID);
        value["process"]["args"] = [exit::PATH].into();
        let bundle = self.around(name, value, edits)?;
        std::fs::create_dir_all(bundle.rootfs()).map_err(Error::io("make the root file system"))?;
        exit::install(&bundle.rootfs()).map_err(Error::io("write the exit workload"))?;
        Ok(bundle)
    }

    fn around(&self, name: &str, mut value: Value, edits: &[Edit]) -> Result<Bundle, Error> {
        edit::apply(&mut value, edits)?;
        let bundle = Bundle::around(&self.scratch, name, value).map_err(Error::io("make a bundle"))?;
        bundle.write().map_err(Error::io("write the config"))?;
        Ok(bundle)
    }
}

/// A user's config, made fit to be launched many times by two launchers: its relative paths are absolute, and its groups
/// are isolab's own, so that nothing of the user's is changed.
fn prepared(config: &Path, groups: &Groups) -> Result<Value, Error> {
    let absolute = std::path::absolute(config).map_err(Error::io("find the config's directory"))?;
    let directory = absolute.parent().map(Path::to_owned).unwrap_or_default();
    // Read as a config first, for errors with their places.
    isolab_core::oci::read(config)?;
    let bytes = std::fs::read(config).map_err(Error::io(format!("read {}", config.display())))?;
    let mut value: Value =
        serde_json::from_slice(&bytes).map_err(|error| Error::Placeholder(error.to_string()))?;
    if value["process"]["terminal"] == Value::Bool(true) {
        return Err(Error::Placeholder(
            "process.terminal: set it to false, nobody is at the terminal".into(),
        ));
    }
    let absolute = |place: &mut Value| {
        if let Some(path) = place.as_str() {
            *place = directory.join(path).display().to_string().into();
        }
    };
    if let Some(path) = value.pointer_mut("/root/path") {
        absolute(path);
    }
    for mount in value["mounts"].as_array_mut().into_iter().flatten() {
        let options = mount["options"].as_array().cloned().unwrap_or_default();
        if mount["type"] == "bind" || options.iter().any(|option| option == "bind" || option == "rbind") {
            absolute(&mut mount["source"]);
        }
    }
    if value["linux"].is_object() {
        value["linux"]["cgroupsPath"] = groups.path_of(ID).into();
    }
    Ok(value)
}

/// Launches, waits for the end, and removes.
///
/// # Errors
/// When the launcher fails, or its container ends with another status than 0.
pub(crate) fn sample(launcher: &dyn Launcher, bundle: &Bundle, id: &str) -> Result<Timed, Error> {
    let cpu = || clock::process_cpu() + clock::children_cpu();
    let (begun, own) = (Instant::now(), cpu());
    launcher.run(bundle, id).map_err(|error| Error::Launcher {
        launcher: launcher.name().into(),
        remedy: launcher
            .remedy(&error.to_string())
            .unwrap_or("give a config whose program ends with 0 by itself")
            .into(),
        problem: error.to_string(),
    })?;
    let total = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    Ok(Timed { total, on_cpu: cpu().saturating_sub(own) })
}
