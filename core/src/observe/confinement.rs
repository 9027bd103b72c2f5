//! Labels, scheduling and the like of a process, and the kernel parameters of its namespaces.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::scheduler::Attributes;

/// What confines a process beside namespaces, groups and capabilities. What may not be read is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// `/proc/PID/attr/apparmor/current`, such as `NAME (enforce)`.
    pub apparmor: Option<String>,
    /// `/proc/PID/attr/current`: of SELinux, where that is the security module.
    pub label: Option<String>,
    /// `sched_getattr(2)`.
    pub scheduler: Option<Attributes>,
    /// `ioprio_get(2)`.
    pub io_priority: Option<u16>,
    /// `/proc/PID/personality`.
    pub personality: Option<u32>,
    /// The word for the memory policy in `/proc/PID/numa_maps`.
    pub memory_policy: Option<String>,
    /// Kernel parameters of its namespaces, by path below `/proc/sys`; filled by `Observation::read_sysctls` alone.
    pub sysctls: BTreeMap<String, String>,
}

impl Confinement {
    pub(super) fn of(pid: i32, base: &Path) -> Confinement {
        let read = |name: &str| super::text_of(&base.join(name)).ok();
        let label = |name: &str| {
            let label = read(name)?.trim_end_matches(['\0', '\n']).to_owned();
            (!label.is_empty()).then_some(label)
        };
        let (scheduler, io_priority) = by_call(pid);
        Confinement {
            // Before Linux 5.8 all security modules shared one file.
            apparmor: match base.join("attr/apparmor").exists() {
                true => label("attr/apparmor/current"),
                false => label("attr/current"),
            },
            label: label("attr/current"),
            scheduler,
            io_priority,
            personality: read("personality").and_then(|text| u32::from_str_radix(text.trim_end(), 16).ok()),
            memory_policy: read("numa_maps").and_then(|text| memory_policy(&text)),
            sysctls: BTreeMap::new(),
        }
    }
}

#[cfg(feature = "launch")]
fn by_call(pid: i32) -> (Option<Attributes>, Option<u16>) {
    use crate::sys::scheduler;
    (scheduler::get(pid).ok(), scheduler::io_priority(pid).ok())
}

#[cfg(not(feature = "launch"))]
fn by_call(_pid: i32) -> (Option<Attributes>, Option<u16>) {
    (None, None)
}

/// The policy of the first mapping, `7f00… bind:0-1 anon=1 …`, without its nodes and flags.
fn memory_policy(numa_maps: &str) -> Option<String> {
    let (_, rest) = numa_maps.lines().next()?.split_once(' ')?;
    // Some have a space in them: `prefer (many):0`, `weighted interleave:0`.
    let spaced = ["prefer (many)", "weighted interleave"].into_iter().find(|word| rest.starts_with(word));
    let word = spaced.unwrap_or_else(|| rest.split([' ', ':', '=']).next().unwrap_or_default());
    Some(word.to_owned())
}

/// Reads kernel parameters as a process's network, ipc and uts namespaces have them: from a thread that enters them.
#[cfg(feature = "launch")]
pub(super) fn sysctls(pid: i32, paths: &[String]) -> BTreeMap<String, String> {
    use crate::namespace::Kind;
    use crate::sys::namespace::setns;
    use std::os::fd::AsFd;
    let read = || {
        for kind in [Kind::Network, Kind::Ipc, Kind::Uts] {
            let path = format!("/proc/{pid}/ns/{}", kind.link());
            let entered =
                std::fs::File::open(path).is_ok_and(|file| setns(file.as_fd(), kind.flag()).is_ok());
            if !entered {
                return BTreeMap::new();
            }
        }
        let value = |path: &String| {
            let text = std::fs::read_to_string(Path::new("/proc/sys").join(path)).ok()?;
            Some((path.clone(), text.trim_end().to_owned()))
        };
        paths.iter().filter_map(value).collect()
    };
    // The thread ends with its namespaces; nobody else's change.
    std::thread::scope(|scope| scope.spawn(read).join().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_policy_is_the_first_mappings() {
        let word = |text: &str| memory_policy(text).unwrap();
        assert_eq!(word("00400000 default file=/exit mapped=1 N0=1\n0 bind:0"), "default");
        assert_eq!(word("00400000 bind=static:0-1 anon=1"), "bind");
        assert_eq!(word("00400000 prefer (many):0 anon=1"), "prefer (many)");
        assert_eq!(memory_policy(""), None);
    }
}
