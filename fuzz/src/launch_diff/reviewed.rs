//! Differences between launchers that were looked at, one by one, with whose they are and what the spec says.
//!
//! An entry is as narrow as its reason: a fact, a launcher, the values, and what the config asks for. Whatever else differs is a
//! finding. runc is 1.1.5 and crun 1.8.1, as in Debian 12.

use std::collections::BTreeSet;

use serde_json::Value;

/// A reviewed difference.
#[derive(Debug)]
pub struct Reviewed {
    /// The fact, as `isolab diff` names it, or how several begin, with a `*`.
    pub fact: &'static str,
    /// Whose.
    pub launchers: &'static [&'static str],
    /// Whether the values are those that were looked at.
    pub when: fn(&str, &Values<'_>) -> bool,
    /// Why it is so.
    pub why: &'static str,
    /// Which sentence says what should be.
    pub source: &'static str,
}

/// What differs.
#[derive(Debug, Clone, Copy)]
pub struct Values<'v> {
    /// The config.
    pub spec: &'v Value,
    /// What it is with core.
    pub core: Option<&'v str>,
    /// And with the other.
    pub other: Option<&'v str>,
}

impl Values<'_> {
    fn both(&self) -> Option<(&str, &str)> {
        self.core.zip(self.other)
    }

    /// Whether both are the same without these words.
    fn same_without(&self, words: &[&str]) -> bool {
        let rest = |text: &str| -> BTreeSet<String> {
            let all = text.split(|c: char| " ,[]".contains(c)).filter(|word| !word.is_empty());
            all.filter(|word| !words.contains(word)).map(str::to_owned).collect()
        };
        self.both().is_some_and(|(core, other)| rest(core) == rest(other))
    }

    fn lists(&self, kind: &str) -> bool {
        items(&self.spec["linux"]["namespaces"]).any(|one| one["type"] == kind)
    }

    fn is_refused(&self, by: &str) -> bool {
        self.core.is_none() && self.other.is_some_and(|other| other.contains(by))
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn named(value: &Value, path: &str) -> bool {
    items(value).any(|one| one == path)
}

/// The config's property for the files of a controller.
fn is_asked(spec: &Value, file: &str) -> bool {
    let resources = &spec["linux"]["resources"];
    let controller = file.trim_start_matches("cgroup ").split('.').next().unwrap_or_default();
    !resources[controller].is_null()
}

fn beyond_bounding(spec: &Value) -> bool {
    let sets = &spec["process"]["capabilities"];
    items(&sets["inheritable"]).any(|name| !items(&sets["bounding"]).any(|bound| bound == name))
}

fn has_high_id(spec: &Value) -> bool {
    let user = &spec["process"]["user"];
    let ids = [&user["uid"], &user["gid"]].into_iter().chain(items(&user["additionalGids"]));
    ids.filter_map(Value::as_u64).any(|id| id > i32::MAX.cast_unsigned().into())
}

/// Whether a rule ends the process that makes a call.
fn kills(spec: &Value) -> bool {
    let ends = |rule: &Value| {
        rule["action"].as_str().is_some_and(|action| action.contains("KILL") || action.ends_with("TRAP"))
    };
    items(&spec["linux"]["seccomp"]["syscalls"]).any(ends)
}

/// Whether the mount, or the root that it is below, is asked to be a slave, or nothing is asked.
fn may_be_slave(spec: &Value, fact: &str) -> bool {
    let target = fact.trim_start_matches("mount ");
    let root = spec["linux"]["rootfsPropagation"].as_str();
    let mount = items(&spec["mounts"]).filter(|mount| mount["destination"] == target).last();
    let asks = |word| mount.is_some_and(|mount| named(&mount["options"], word));
    asks("slave") || asks("rslave") || root.is_none_or(|root| root.ends_with("slave"))
}

/// All of them.
pub const REVIEWED: &[Reviewed] = &[
    Reviewed {
        fact: "refused",
        launchers: &["runc"],
        when: |_, values| values.lists("time") && values.is_refused("does not exist"),
        why: "runc before 1.2 has no time namespaces",
        source: "config-linux.md, Namespaces: type time",
    },
    Reviewed {
        fact: "refused",
        launchers: &["runc", "crun"],
        // crun's child says it and ends, or its parent is faster and says that the child is gone.
        when: |_, values| values.core.is_none() && beyond_bounding(values.spec),
        why: "both reduce the bounding set first, after which the kernel refuses to make inheritable what that lacks",
        source: "config.md, process.capabilities: runtimes SHOULD NOT fail if capabilities cannot be granted",
    },
    Reviewed {
        fact: "refused",
        launchers: &["runc"],
        when: |_, values| values.is_refused("uids and gids must be in range 0-2147483647"),
        why: "runc takes no ids beyond a positive int",
        source: "config.md, POSIX-platform User: uid and gid are int",
    },
    Reviewed {
        fact: "refused",
        launchers: &["crun"],
        when: |_, values| values.lists("time") && values.lists("pid") && values.core.is_none(),
        why: "crun's child ends where a time namespace is beside a pid namespace, with offsets or without",
        source: "config-linux.md, Namespaces: type time; reports/findings/crun-time-namespace.md",
    },
    Reviewed {
        fact: "refused",
        launchers: &["crun"],
        when: |_, values| values.core.is_none() && has_high_id(values.spec),
        why: "crun takes no ids beyond a positive int, and does not say so",
        source: "config.md, POSIX-platform User: uid and gid are int",
    },
    Reviewed {
        fact: "refused",
        launchers: &["runc", "crun"],
        when: |_, values| values.core.is_none() && kills(values.spec),
        why: "both make calls of their own under the filter, before the exec; runc dies of getpid",
        source: "config-linux.md, Seccomp: the filter is the container's processes'",
    },
    Reviewed {
        fact: "refused",
        launchers: &["runc"],
        when: |_, values| values.is_refused("github.com/opencontainers/runc/"),
        why: "a defect of runc's: its init takes a refused getppid for a parent that is gone, and panics",
        source: "regressions/launch_diff/runc-init-panics; reports/findings/runc-init-panics.md",
    },
    Reviewed {
        fact: "env HOME",
        launchers: &["runc", "crun"],
        when: |_, values| values.core.is_none(),
        why: "both add HOME of the user where the config has none",
        source: "config.md, process.env",
    },
    Reviewed {
        fact: "devices",
        launchers: &["runc", "crun"],
        when: |_, values| values.same_without(&["core->/proc/kcore", "ptmx->pts/ptmx"]),
        why: "both link /dev/core, which is none of the spec's links, and /dev/ptmx also where nothing is mounted on /dev/pts",
        source: "config-linux.md, Default Devices; runtime-linux.md, Dev symbolic links",
    },
    Reviewed {
        fact: "mount /dev/*",
        launchers: &["runc", "crun"],
        when: |_, values| {
            values.lists("user") && values.same_without(&["ro", "rw", "nosuid", "noexec", "master"])
        },
        why: "in a user namespace devices are bound; core's binds are read-only, which no device minds",
        source: "config-linux.md, Default Devices",
    },
    Reviewed {
        fact: "mount *",
        launchers: &["runc", "crun"],
        when: |fact, values| named(&values.spec["linux"]["maskedPaths"], fact.trim_start_matches("mount ")),
        why: "what covers a masked path is the launcher's choice; that it hides it is asked elsewhere",
        source: "config-linux.md, Masked Paths",
    },
    Reviewed {
        fact: "mount *",
        launchers: &["runc", "crun"],
        when: |fact, values| may_be_slave(values.spec, fact) && values.same_without(&["master"]),
        why: "where nothing is asked for runc makes the root a slave of the host's and core makes it private; where a slave is \
              asked for crun makes mounts private, and runc binds",
        source: "config-linux.md, Rootfs Mount Propagation: rootfsPropagation",
    },
    Reviewed {
        fact: "mount *",
        launchers: &["runc"],
        when: |_, values| {
            values.core.is_some_and(|core| core.contains(" ro,")) && values.same_without(&["rw"])
        },
        why: "of a read-only mount runc makes the file system read-only, too",
        source: "config.md, Mounts: ro",
    },
    Reviewed {
        fact: "hostname",
        launchers: &["runc"],
        when: |_, values| values.spec["domainname"].is_string(),
        why: "runc before 1.2 does not know the property",
        source: "config.md, domainname",
    },
    Reviewed {
        fact: "confinement personality",
        launchers: &["runc"],
        when: |_, values| values.spec["linux"]["personality"].is_object(),
        why: "runc before 1.2 does not know the property",
        source: "config-linux.md, personality",
    },
    Reviewed {
        fact: "mount /sys/fs/cgroup*",
        launchers: &["runc", "crun"],
        when: |_, _| true,
        why: "on v1 a cgroup mount stands for one a controller, whose layout is not specified",
        source: "config-linux.md, Default Filesystems",
    },
    Reviewed {
        fact: "cgroup *",
        launchers: &["runc", "crun"],
        when: |fact, values| !is_asked(values.spec, fact),
        why: "core makes groups where something is asked for, others in every hierarchy",
        source: "config-linux.md, Control groups: cgroupsPath",
    },
    Reviewed {
        fact: "cgroup devices.list",
        launchers: &["runc", "crun"],
        when: |_, values| values.both().is_some(),
        why: "each adds the devices that it makes itself to the rules of the config, and some /dev/net/tun",
        source: "config-linux.md, Allowed Device list",
    },
    Reviewed {
        fact: "seccomp *",
        launchers: &["runc", "crun"],
        // The calls that rules are drawn for are older than any library.
        when: |_, values| matches!(values.core, Some("allow" | "ENOSYS")),
        why: "a call that libseccomp 2.5.4 does not know is left to the default action, or fails with ENOSYS",
        source: "config-linux.md, Seccomp: defaultErrnoRet",
    },
    Reviewed {
        fact: "status seccomp_filters",
        launchers: &["runc"],
        when: |_, values| values.spec["linux"]["seccomp"].is_object(),
        why: "runc patches a filter of its own in front",
        source: "seccomp(2)",
    },
    Reviewed {
        fact: "status groups",
        launchers: &["runc", "crun"],
        when: |_, values| values.same_without(&[]),
        why: "a group that is listed twice is set twice",
        source: "config.md, POSIX-platform User: additionalGids",
    },
    Reviewed {
        fact: "confinement io_priority",
        launchers: &["runc", "crun"],
        when: |_, values| values.spec["process"]["ioPriority"].is_object(),
        why: "neither version knows the property",
        source: "config.md, process.ioPriority",
    },
    Reviewed {
        fact: "confinement scheduler",
        launchers: &["runc", "crun"],
        when: |_, values| values.spec["process"]["scheduler"].is_object(),
        why: "neither version knows the property",
        source: "config.md, process.scheduler",
    },
];

/// The first that fits.
#[must_use]
pub fn find(launcher: &str, fact: &str, values: &Values<'_>) -> Option<&'static Reviewed> {
    REVIEWED.iter().find(|one| {
        let named = match one.fact.strip_suffix('*') {
            Some(beginning) => fact.starts_with(beginning),
            None => fact == one.fact,
        };
        named && one.launchers.contains(&launcher) && (one.when)(fact, values)
    })
}
