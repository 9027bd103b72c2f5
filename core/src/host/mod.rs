//! What this host offers for isolation, probed once, each feature with its reason.
//!
//! [`Host`] is plain data: it can be printed, stored in a record, and made up in a test. Only `Host::probe` and
//! `Host::probe_for` touch the kernel.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::capability::Sets;
use crate::plan::PlanError;

#[cfg(feature = "launch")]
mod features;
#[cfg(feature = "launch")]
mod needs;
#[cfg(feature = "launch")]
mod probe;
#[cfg(feature = "launch")]
mod time;

/// The host as far as launches and reports care.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// `uname -r`.
    pub kernel: String,
    /// `uname -v`.
    pub kernel_build: String,
    /// `uname -m`.
    pub machine: String,
    /// Kernel command line.
    pub cmdline: String,
    /// CPU model name.
    pub cpu: String,
    /// CPUs that this process may run on, in order.
    pub cpus: Vec<u32>,
    /// Memory in bytes.
    pub memory: u64,
    /// Active LSMs in order.
    pub lsms: Vec<String>,
    /// Current clock source.
    pub clock_source: String,
    /// CPU vulnerability name to mitigation state.
    pub mitigations: BTreeMap<String, String>,
    /// Where each cgroup controller lives.
    pub cgroups: Cgroups,
    /// Highest capability number that this kernel knows.
    pub last_capability: u32,
    /// The prober's own capabilities, which bound what it can give.
    #[serde(default)]
    pub capabilities: Sets,
    /// Inodes of the prober's own namespaces, by the names of their links; of this boot alone, so not stored.
    #[serde(skip)]
    pub namespaces: BTreeMap<String, u64>,
    /// Version of Landlock (its ABI); 0 without.
    #[serde(default)]
    pub landlock: u32,
    /// Effective user id of the prober.
    pub uid: u32,
    /// Effective group id of the prober.
    pub gid: u32,
    /// Features by name, each available or missing for a reason.
    pub features: BTreeMap<String, Feature>,
}

/// A kernel feature as found by a probe, never by a version number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Feature {
    /// It works here.
    Available,
    /// It does not.
    Missing {
        /// What the probe saw.
        reason: String,
        /// What would make it available.
        remedy: String,
    },
}

/// The cgroup hierarchies of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroups {
    /// Mount point of the v2 tree, with the controllers that it has; also on hybrid hosts.
    pub v2: Option<Hierarchy>,
    /// v1 hierarchies.
    pub v1: Vec<Hierarchy>,
}

/// One cgroup hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hierarchy {
    /// Mount point.
    pub mount: PathBuf,
    /// Controllers that can be used here; `name=…` for a named v1 hierarchy.
    pub controllers: Vec<String>,
    /// Whether this process may make groups at the root of the mount.
    pub writable: bool,
}

impl Cgroups {
    /// The hierarchy that has a controller, and whether it is the v2 tree.
    #[must_use]
    pub fn find(&self, controller: &str) -> Option<(&Hierarchy, bool)> {
        let has = |hierarchy: &&Hierarchy| hierarchy.controllers.iter().any(|name| name == controller);
        let v1 = self.v1.iter().find(has).map(|hierarchy| (hierarchy, false));
        v1.or_else(|| self.v2.iter().find(has).map(|hierarchy| (hierarchy, true)))
    }

    /// Whether a controller's settings take the v2 form here; by the names of v1. Device access is a controller of v1
    /// only; without it the v2 way, a BPF program, is the only one, and needs the v2 tree alone.
    #[must_use]
    pub fn is_v2(&self, controller: &str) -> bool {
        match (self.find(controller), controller) {
            (Some((_, v2)), _) => v2,
            (None, "devices") => self.v2.is_some(),
            (None, "blkio") => self.v1.is_empty() || self.find("io").is_some(),
            (None, _) => self.v1.is_empty(),
        }
    }

    /// `v1`, `v2`, `hybrid` or `none`.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        let controllers =
            self.v1.iter().any(|hierarchy| !hierarchy.controllers.iter().all(|name| name.contains('=')));
        match (&self.v2, controllers) {
            (Some(_), true) => "hybrid",
            (Some(_), false) => "v2",
            (None, true) => "v1",
            (None, false) => "none",
        }
    }
}

impl Host {
    /// Refuses a plan that needs a missing feature; `path` is where the config asks for it.
    pub(crate) fn require(&self, feature: &str, path: &str) -> Result<(), PlanError> {
        match self.features.get(feature) {
            Some(Feature::Available) => Ok(()),
            Some(Feature::Missing { reason, remedy }) => {
                Err(PlanError::new(path, format!("{feature} is missing: {reason}"), remedy))
            }
            None => Err(PlanError::new(path, format!("{feature} was not probed"), "probe the host again")),
        }
    }

    /// Whether a feature is there.
    #[must_use]
    pub fn has(&self, feature: &str) -> bool {
        self.features.get(feature) == Some(&Feature::Available)
    }

    /// Whether the prober was root in the initial user namespace, as far as ids tell.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// This host as root would find it, as far as users and groups go; features stay as they were probed.
    pub(crate) fn as_root(&self) -> Host {
        let mut host = Host { uid: 0, gid: 0, capabilities: Sets::all(), ..self.clone() };
        for hierarchy in host.cgroups.v1.iter_mut().chain(&mut host.cgroups.v2) {
            hierarchy.writable = true;
        }
        host
    }

    /// A made-up host for tests and for plans without one: root on a hybrid host that has everything.
    #[must_use]
    pub fn example() -> Host {
        let v1 = |name: &str| Hierarchy {
            mount: PathBuf::from("/sys/fs/cgroup").join(name),
            controllers: vec![name.to_owned()],
            writable: true,
        };
        Host {
            kernel: "6.12.0".into(),
            kernel_build: "#1 SMP".into(),
            machine: std::env::consts::ARCH.into(),
            cmdline: "quiet".into(),
            cpu: "example".into(),
            cpus: vec![0, 1],
            memory: 8 << 30,
            lsms: vec!["capability".into(), "landlock".into()],
            clock_source: "tsc".into(),
            mitigations: BTreeMap::new(),
            cgroups: Cgroups {
                v2: Some(Hierarchy {
                    mount: "/sys/fs/cgroup/unified".into(),
                    controllers: Vec::new(),
                    writable: true,
                }),
                v1: ["cpu", "cpuset", "memory", "pids", "devices", "freezer"].map(v1).to_vec(),
            },
            last_capability: 40,
            capabilities: Sets::all(),
            namespaces: BTreeMap::new(),
            landlock: 7,
            uid: 0,
            gid: 0,
            features: FEATURES.iter().map(|name| ((*name).to_owned(), Feature::Available)).collect(),
        }
    }
}

/// The features that are probed, by name.
pub const FEATURES: [&str; 12] = [
    "mount-namespace",
    "user-namespace",
    "overlay",
    "overlay-in-user-namespace",
    "mount_setattr",
    "time-namespace",
    "time-namespace-at-exec",
    "seccomp-filter",
    "clone-into-cgroup",
    "landlock",
    "apparmor",
    "selinux",
];
