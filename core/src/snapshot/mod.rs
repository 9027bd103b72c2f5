//! What a launch can leave on a host, looked at before and after: nothing leaks when the difference is empty.
//!
//! A [`HostSnapshot`] is plain data: of each [`Kind`], what there is and how it is, in words that a person can act on.
//! [`HostSnapshot::diff`] compares two, and [`settle`] gives what is going away by itself some time to go.
//!
//! Other processes launch, mount and make groups meanwhile. So what is looked at is what belongs to a [`Scope`], each kind by a
//! rule of its own that stands on top of its file; where nobody else is at work everything counts.

mod files;
mod groups;
mod left;
mod log;
mod look;
mod mounts;
mod namespaces;
mod network;
mod objects;
mod own;
mod processes;
mod scope;
mod settings;
mod settle;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::host::Host;
pub use left::{How, Left};
use look::Look;
pub use scope::{Scope, VARIABLE};
pub use settle::{Settled, settle};

/// What is looked at, each in a file of its name. In the order in which leftovers are told: what causes others first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What the kernel's log says of faults of its own.
    Log,
    /// Processes of the scope.
    Processes,
    /// Control groups, in every hierarchy.
    Groups,
    /// Mounts, here and in the mount namespace of process 1.
    Mounts,
    /// Namespaces.
    Namespaces,
    /// Links, addresses, routes, rules and sockets.
    Network,
    /// Files, also in shared memory, and the objects of System V IPC.
    Files,
    /// What the kernel keeps elsewhere: BPF programs and maps, loop devices, keys, terminals.
    Objects,
    /// What a process can change of itself and of its host.
    Settings,
    /// Descriptors, threads and descendants of this process.
    Own,
    /// What could not be looked at, and why. As long as that stays the same it is no difference.
    Unseen,
}

/// What there is, and how it is.
pub type Things = BTreeMap<String, String>;

/// What was seen of a host at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSnapshot {
    /// By kind; a kind of which there is nothing is left out.
    pub things: BTreeMap<Kind, Things>,
}

impl HostSnapshot {
    /// Looks at everything that belongs to the scope, in the namespaces of the calling thread. What cannot be looked at is
    /// noted as [`Kind::Unseen`].
    #[must_use]
    pub fn take(scope: &Scope, host: &Host) -> HostSnapshot {
        let mut look = Look::new(scope, host);
        own::look(&mut look);
        groups::look(&mut look);
        processes::look(&mut look);
        namespaces::look(&mut look);
        mounts::look(&mut look);
        network::look(&mut look);
        files::look(&mut look);
        objects::look(&mut look);
        settings::look(&mut look);
        log::look(&mut look);
        look.end()
    }

    /// What is there of a kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = (&str, &str)> {
        let things = self.things.get(&kind).into_iter().flatten();
        things.map(|(what, state)| (what.as_str(), state.as_str()))
    }
}
