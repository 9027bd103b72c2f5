//! What is kept of a container between commands, and what it says of the container now.
//!
//! Each container has a directory of its name below a root directory ([`Store`]). Making the directory claims the name;
//! a lock in it belongs to the command that changes the container ([`Entry`]); `state.json` is replaced as a whole.
//! Whoever only looks needs no lock. A command may be killed between any two writes: what it leaves is recognised by
//! the next one, since a lock goes with its process and everything that is noted of a process has its start time.
//!
//! Nothing is flushed to disk (`fsync`): a container does not outlive its machine's power, and neither need its state.
//! After a mere crash of a command the kernel still has every write, in order.

mod entry;
mod error;
mod identity;
mod orphan;
mod status;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cgroup;
use crate::config::Config;
use crate::hook::Hook;
use crate::namespace::Kind;
use crate::oci::Spec;
use crate::sys::{no_matter, process};

pub use entry::Entry;
pub use error::Error;
pub use identity::Identity;
pub use status::Status;
pub use store::{Found, Listed, Store};

/// The form of `state.json` that this version writes and reads.
pub const VERSION: u32 = 1;
/// How long a watcher may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A container as its last command left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// [`VERSION`].
    pub version: u32,
    /// The container's name.
    pub id: String,
    /// `ociVersion` of its config.
    pub oci_version: String,
    /// Absolute path of its bundle.
    pub bundle: PathBuf,
    /// Absolute path of its root file system.
    pub rootfs: PathBuf,
    /// Annotations of its config.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// When it was created, in nanoseconds since 1970.
    pub created: u64,
    /// User who created it.
    pub owner: u32,
    /// Whether the workload has a terminal.
    pub terminal: bool,
    /// The boot of the kernel that it belongs to (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// The command that creates it, or did.
    pub creator: Identity,
    /// The process that removes what its creator leaves if it is killed.
    #[serde(default)]
    pub watcher: Option<Identity>,
    /// Its first process, once there is one.
    pub init: Option<Identity>,
    /// Whether the creating came to its end. Before that it counts only as long as its creator lives.
    pub complete: bool,
    /// Whether its creator, a `run` in the foreground, removes it at its end.
    #[serde(default)]
    pub foreground: bool,
    /// Its groups, v2 first.
    pub groups: Vec<cgroup::Directory>,
    /// The namespaces that it does not share with its creator, once there is a process in them.
    #[serde(default)]
    pub namespaces: BTreeMap<Kind, PathBuf>,
    /// What runs once it is started.
    #[serde(default)]
    pub poststart: Vec<Hook>,
    /// What runs once it is gone.
    #[serde(default)]
    pub poststop: Vec<Hook>,
}

impl State {
    /// The state of a container that this process is about to create.
    ///
    /// # Errors
    /// Where `/proc` is not mounted.
    pub fn new(
        spec: &Spec,
        config: &Config,
        bundle: PathBuf,
        directories: &[cgroup::Directory],
    ) -> std::io::Result<State> {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(State {
            version: VERSION,
            id: config.id.clone(),
            oci_version: spec.version().clone(),
            rootfs: PathBuf::from(config.root.path.to_string_lossy().into_owned()),
            bundle,
            annotations: spec.annotations().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
            created: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
            owner: crate::sys::credential::uid(),
            terminal: config.process.terminal.is_some(),
            boot: status::boot(),
            creator: Identity::own()?,
            watcher: None,
            init: None,
            complete: false,
            foreground: false,
            groups: directories.to_vec(),
            namespaces: BTreeMap::new(),
            poststart: config.hooks.poststart.clone(),
            poststop: config.hooks.poststop.clone(),
        })
    }

    /// Notes the container's first process. One that has ended already is noted all the same.
    pub fn set_init(&mut self, pid: i32, config: &Config) {
        self.init = Some(Identity::of(pid).unwrap_or(Identity { pid, start: 0 }));
        let kinds = Kind::ALL.into_iter().filter(|kind| config.namespaces.separates(*kind));
        self.namespaces =
            kinds.map(|kind| (kind, PathBuf::from(format!("/proc/{pid}/ns/{}", kind.link())))).collect();
    }

    /// Removes the groups of a creator that died, if they have no processes: those of its own die with it. What is in use
    /// for longer is another container's, for all that is known.
    pub fn remove_own_groups(&self) {
        if !self.is_of_this_boot() {
            return;
        }
        self.await_watcher();
        drop(cgroup::remove(&self.groups, Duration::from_secs(1)));
    }

    /// Waits until the watcher of a creator that died is done. It removes groups by their paths, which may be the next container's
    /// by then.
    pub fn await_watcher(&self) {
        let orphan = |watcher: Identity| (!self.creator.is_alive()).then(|| watcher.open()).flatten();
        if let Some(watcher) = self.watcher.and_then(orphan) {
            // One that hangs is no reason to leave the rest.
            no_matter(process::poll(&[watcher.as_fd()], Some(PATIENCE)));
        }
    }

    /// What the runtime-spec calls the state of a container (`runtime.md`, "State"): what hooks are given.
    #[must_use]
    pub fn oci(&self, status: Status) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Oci<'a> {
            oci_version: &'a str,
            id: &'a str,
            status: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            pid: Option<i32>,
            bundle: &'a std::path::Path,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            annotations: &'a BTreeMap<String, String>,
        }
        let oci = Oci {
            oci_version: &self.oci_version,
            id: &self.id,
            status: status.name(),
            pid: self.init.filter(|_| status != Status::Stopped).map(|init| init.pid),
            bundle: &self.bundle,
            annotations: &self.annotations,
        };
        // Strings and numbers alone: this cannot fail but for a bundle that is no UTF-8, which the state cannot hold.
        serde_json::to_vec(&oci).unwrap_or_default()
    }
}
