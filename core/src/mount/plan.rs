//! What a launch does about mounts.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use super::sources::{self, Opened};
use super::{Mount, Options, Source, Tree};
use crate::cgroup::Directory;
use crate::config::Config;
use crate::host::Host;
use crate::namespace::Kind;
use crate::plan::{self, PlanError, Side, Step};
use crate::planted::planted;

/// One operation on mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// The parent opens a source, before the clone.
    Open(Tree),
    /// Makes a file system and attaches it.
    FileSystem {
        /// Its type.
        kind: CString,
        /// What stands as its source in `mountinfo`.
        source: CString,
        /// Where.
        target: CString,
        /// How.
        options: Options,
        /// Keeps it open, as the n-th, for what is done to it later.
        keep: Option<usize>,
    },
    /// Attaches a copy of a host mount.
    Bind {
        /// A path of the host.
        source: CString,
        /// Which of the opened sources it is, and whether only where the child cannot open the path itself.
        opened: Option<(usize, bool)>,
        /// With what is mounted below it.
        recursive: bool,
        /// Where.
        target: CString,
        /// How.
        options: Options,
    },
    /// Attaches the container's groups: the v2 group itself, or a tmpfs with one directory for each hierarchy.
    Cgroup {
        /// One a hierarchy.
        groups: Vec<Group>,
        /// Where.
        target: CString,
        /// How.
        options: Options,
    },
    /// Changes what is mounted there.
    Remount {
        /// Where.
        target: CString,
        /// How.
        options: Options,
        /// The file system too, not only the mount.
        whole: bool,
    },
    /// Makes a mount read-only, now that everything in it is made.
    ReadOnly {
        /// Which of those kept.
        nth: usize,
        /// Where it is.
        target: CString,
    },
}

/// The container's group in one hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its directory in the mount; empty for the v2 group where that is attached itself.
    pub name: CString,
    /// Controllers that share the hierarchy, each a link to the directory.
    pub links: Vec<CString>,
    /// The group.
    pub path: CString,
}

/// The most mounts that a child keeps open for later.
pub(crate) const MOST_KEPT: usize = 16;

impl Op {
    pub(crate) fn primitive(&self) -> &'static str {
        match self {
            Op::FileSystem { kind, .. } => match kind.to_bytes() {
                b"proc" => "proc",
                b"sysfs" => "sysfs",
                b"tmpfs" => "tmpfs",
                b"devpts" => "devpts",
                b"mqueue" => "mqueue",
                _ => "mount",
            },
            Op::Open(tree) if tree.ids.is_some() => "idmapped mount",
            Op::Open(_) | Op::Bind { .. } => "bind mount",
            Op::Cgroup { .. } => "cgroup mount",
            Op::Remount { .. } | Op::ReadOnly { .. } => "mount",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &CStr| text.to_string_lossy().into_owned();
        match self {
            Op::Open(tree) => tree.fmt(f),
            Op::FileSystem { kind, target, options, .. } => {
                write!(f, "mount {} on {}{options}", text(kind), text(target))
            }
            Op::Bind { source, recursive, target, options, .. } => {
                let how = if *recursive { "rbind" } else { "bind" };
                write!(f, "{how} {} on {}{options}", text(source), text(target))
            }
            Op::Cgroup { groups, target, options } => {
                let names: Vec<_> = groups.iter().map(|group| text(&group.path)).collect();
                write!(f, "mount groups on {}{options}: {}", text(target), names.join(", "))
            }
            Op::Remount { target, options, .. } => write!(f, "remount {}{options}", text(target)),
            Op::ReadOnly { target, .. } => write!(f, "make {} read-only", text(target)),
        }
    }
}

/// The JSON path of one of the config's mounts: an overlay at `/` comes before them.
pub(super) fn path(config: &Config, index: usize) -> String {
    format!("mounts[{}]", index + usize::from(config.root.overlay.is_some()))
}

/// The child's mounts, in the config's order.
pub(crate) fn plan(
    config: &Config,
    host: &Host,
    directories: &[Directory],
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    let joined = config.namespaces.joined.iter().any(|(kind, _)| *kind == Kind::Mount);
    let kept = Kept::new(config);
    let sources = sources::of_mounts(config, host);
    for ((index, mount), opened) in config.mounts.iter().enumerate().zip(sources) {
        let needs_it = !mount.options.recursive.is_empty()
            // The older way takes a moment at a place that others in that namespace can reach.
            || joined && matches!(mount.source, Source::Bind(..)) && !mount.options.attributes.is_empty();
        if needs_it {
            host.require("mount_setattr", &format!("{}.options", path(config, index)))?;
        }
        let mut op = operation(config, host, mount, directories, opened);
        if let Op::FileSystem { options, keep, .. } = &mut op
            && let Some(nth) = kept.nth(index)
        {
            *keep = Some(nth);
            if filled_later(config, index) {
                options.attributes.set &= !libc::MOUNT_ATTR_RDONLY;
            }
        }
        steps.push(Step::new(Side::Child, plan::Op::Mount(op)).at(path(config, index)));
    }
    if kept.0.len() > MOST_KEPT {
        return Err(PlanError::new(
            "mounts",
            format!("more than {MOST_KEPT} file systems are kept open for what is made in them"),
            "make fewer of them read-only",
        ));
    }
    Ok(())
}

fn operation(
    config: &Config,
    host: &Host,
    mount: &Mount,
    directories: &[Directory],
    opened: Option<Opened>,
) -> Op {
    let (target, mut options) = (mount.destination.clone(), mount.options.clone());
    match &mount.source {
        Source::FileSystem(kind, source) => {
            let kind = kind.clone();
            options.data.extend(label(config, host, &kind, &options));
            Op::FileSystem { kind, source: source.clone(), target, options, keep: None }
        }
        Source::Bind(source, recursive) => {
            let opened = opened.map(|opened| (opened.nth, opened.own_first));
            Op::Bind { source: source.clone(), opened, recursive: *recursive, target, options }
        }
        // Without groups of its own, a namespace shows the launcher's as its root, and nothing above it.
        Source::Cgroup
            if directories.is_empty()
                && config.namespaces.separates(Kind::Cgroup)
                && host.cgroups.mode() == "v2" =>
        {
            options.data.clear();
            let kind = c"cgroup2".to_owned();
            Op::FileSystem { source: kind.clone(), kind, target, options, keep: None }
        }
        Source::Cgroup => Op::Cgroup { groups: groups(directories), target, options },
        Source::Present(whole) => Op::Remount { target, options, whole: *whole },
    }
}

/// `linux.mountLabel`, where SELinux is in force and the file system takes one. Those of proc and sysfs are the policy's
/// alone, and a message queue's are set by the kernel.
fn label(config: &Config, host: &Host, kind: &CStr, options: &Options) -> Option<(CString, Option<CString>)> {
    let label = config.mount_label.as_ref()?;
    let own = [c"proc", c"sysfs", c"mqueue", c"cgroup", c"cgroup2"].contains(&kind);
    let there = options.data.iter().any(|(key, _)| key.as_c_str() == c"context");
    (!own && !there && host.lsms.iter().any(|lsm| lsm == "selinux"))
        .then(|| (c"context".to_owned(), Some(label.clone())))
}

fn groups(directories: &[Directory]) -> Vec<Group> {
    let text = |bytes: &[u8]| CString::new(bytes).unwrap_or_default();
    let alone = directories.iter().all(|directory| directory.v2);
    let one = |directory: &Directory| {
        let path = text(directory.path.as_os_str().as_bytes());
        if alone {
            return Group { name: CString::default(), links: Vec::new(), path };
        }
        let name = directory.mount.file_name().unwrap_or_default().as_bytes();
        let links = directory.controllers.iter().map(String::as_bytes);
        let links =
            links.filter(|controller| !directory.v2 && *controller != name && !controller.contains(&b'='));
        Group { name: text(name), links: links.map(text).collect(), path }
    };
    directories.iter().map(one).collect()
}

/// The file systems that are kept open, by their index among the config's mounts.
pub(crate) struct Kept(Vec<usize>);

impl Kept {
    pub(crate) fn new(config: &Config) -> Kept {
        let filled = (0..config.mounts.len()).filter(|index| filled_later(config, *index));
        let covering = config.paths.iter().filter_map(|path| below(config, path));
        let kept: BTreeSet<usize> = filled.chain(covering).collect();
        Kept(kept.into_iter().collect())
    }

    /// As which of them a mount is kept.
    fn nth(&self, index: usize) -> Option<usize> {
        self.0.iter().position(|kept| *kept == index)
    }

    /// Where a masked or read-only path is to be resolved: the mount kept as the n-th, and the path from there.
    pub(crate) fn within(&self, config: &Config, path: &CStr) -> Option<(usize, CString)> {
        let index = below(config, path)?;
        let nth = self.nth(index).filter(|nth| *nth < MOST_KEPT)?;
        let destination = config.mounts.get(index)?.destination.to_bytes();
        let destination = destination.strip_suffix(b"/").unwrap_or(destination);
        let rest = path.to_bytes().strip_prefix(destination)?;
        Some((nth, CString::new(rest).ok()?))
    }
}

/// Whether a read-only file system still gets mount points, devices or links.
fn filled_later(config: &Config, index: usize) -> bool {
    let Some(mount) = config.mounts.get(index) else { return false };
    let later = config.mounts.iter().skip(index + 1);
    matches!(mount.source, Source::FileSystem(..))
        && mount.options.is_read_only()
        && (mount.is_at("/dev")
            || later.map(|other| &other.destination).any(|other| mount.is_above(other.to_bytes()))
            || config.devices.iter().any(|device| mount.is_above(device.path.to_bytes())))
}

/// The proc or sysfs that a path is in. What others do to the root file system while a container is launched must not
/// lead a mask astray, so the path is resolved from that mount, which nobody can swap.
fn below(config: &Config, path: &CStr) -> Option<usize> {
    let up = path.to_bytes().split(|byte| *byte == b'/').any(|name| name == b"..");
    let index = config.mounts.iter().rposition(|mount| !up && mount.is_above(path.to_bytes()))?;
    let Source::FileSystem(kind, _) = &config.mounts.get(index)?.source else { return None };
    matches!(kind.to_bytes(), b"proc" | b"sysfs").then_some(index)
}

/// The child's operations once everything in the mounts is made.
pub(crate) fn finish(config: &Config, steps: &mut Vec<Step>) {
    for (nth, index) in
        Kept::new(config).0.into_iter().enumerate().filter(|(_, index)| filled_later(config, *index))
    {
        let Some(mount) = config.mounts.get(index) else { continue };
        let op = Op::ReadOnly { nth, target: mount.destination.clone() };
        steps.push(Step::new(Side::Child, plan::Op::Mount(op)).at(path(config, index)));
        if planted("one-mount-made-read-only") {
            break;
        }
    }
}

/// What is left out on purpose.
pub(crate) fn notes(config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    for (index, mount) in config.mounts.iter().enumerate() {
        let (options, path) = (&mount.options, path(config, index));
        let own =
            options.data.iter().map(|(key, _)| key.as_c_str()).chain(options.superblock.iter().copied());
        let names: Vec<_> = own.map(CStr::to_string_lossy).collect();
        if !names.is_empty() && matches!(mount.source, Source::Bind(..) | Source::Cgroup) {
            notes.push(format!(
                "{path}.options: {} would be the file system's, which this mount does not make",
                names.join(",")
            ));
        }
    }
    notes
}

/// What cannot be given.
pub(crate) fn gaps(config: &Config, host: &Host) -> Option<String> {
    (config.mount_label.is_some() && !host.lsms.iter().any(|lsm| lsm == "selinux"))
        .then(|| "linux.mountLabel: SELinux is not active on this host".into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::oci;
    use crate::plan::Plan;

    fn compile(host: &Host, change: impl FnOnce(&mut Value)) -> Plan {
        let mut spec: Value =
            serde_json::from_slice(include_bytes!("../../tests/configs/full.json")).unwrap();
        change(&mut spec);
        let spec = oci::parse(spec.to_string().as_bytes()).unwrap();
        Plan::compile(&Config::new(&spec, Path::new("/bundle"), "c1").unwrap(), host).unwrap()
    }

    fn mounts(plan: &Plan) -> Vec<&Op> {
        let op = |step: &'_ Step| matches!(step.op, plan::Op::Mount(_));
        let steps = plan.steps().iter().filter(|step| op(step));
        steps.filter_map(|step| if let plan::Op::Mount(op) = &step.op { Some(op) } else { None }).collect()
    }

    #[test]
    fn a_label_goes_to_file_systems_that_take_one_where_selinux_is_in_force() {
        let label = |spec: &mut Value| spec["linux"]["mountLabel"] = json!("system_u:object_r:x_t:s0:c1,c2");
        let mut host = Host::example();
        let plan = compile(&host, label);
        assert!(plan.gaps.iter().any(|gap| gap.starts_with("linux.mountLabel")), "{:?}", plan.gaps);
        host.lsms.push("selinux".into());
        let plan = compile(&host, label);
        assert!(!plan.gaps.iter().any(|gap| gap.starts_with("linux.mountLabel")), "{:?}", plan.gaps);
        for op in mounts(&plan) {
            let Op::FileSystem { kind, options, .. } = op else { continue };
            let labelled = options.data.iter().any(|(key, _)| key.as_c_str() == c"context");
            assert_eq!(labelled, [c"tmpfs", c"devpts"].contains(&kind.as_c_str()), "{op}");
        }
    }

    #[test]
    fn controllers_that_share_a_hierarchy_are_links_to_it() {
        let mut host = Host::example();
        host.cgroups.v1.retain(|hierarchy| hierarchy.controllers != ["cpu"]);
        host.cgroups.v1.push(crate::host::Hierarchy {
            mount: "/sys/fs/cgroup/cpu,cpuacct".into(),
            controllers: vec!["cpu".into(), "cpuacct".into()],
            writable: true,
        });
        let plan = compile(&host, |spec| {
            let mount = json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"});
            spec["mounts"].as_array_mut().unwrap().push(mount);
        });
        let groups = mounts(&plan).into_iter().rev().find_map(|op| match op {
            Op::Cgroup { groups, .. } => Some(groups),
            _ => None,
        });
        let shared = groups.unwrap().iter().find(|group| group.name.as_c_str() == c"cpu,cpuacct").unwrap();
        assert_eq!(shared.links, [c"cpu".to_owned(), c"cpuacct".to_owned()]);
        let alone = groups.unwrap().iter().find(|group| group.name.as_c_str() == c"pids").unwrap();
        assert!(alone.links.is_empty());
    }

    #[test]
    fn what_only_the_launcher_may_open_is_opened_before_the_clone() {
        let plan = compile(&Host::example(), |spec| {
            let mount = |at: &str, options: Value| json!({"destination": at, "type": "bind", "source": "/volume", "options": options});
            let mounts = spec["mounts"].as_array_mut().unwrap();
            mounts.push(mount("/private", json!(["bind"])));
            mounts.push(mount("/slave", json!(["rbind", "rslave"])));
            mounts.push(mount("/own", json!(["bind", "idmap"])));
            let map = json!([{"containerID": 0, "hostID": 5, "size": 1}]);
            let last = mounts.last_mut().unwrap();
            last["uidMappings"] = map.clone();
            last["gidMappings"] = map;
        });
        let opened: Vec<String> =
            plan.steps()[..plan.clone_index()].iter().map(ToString::to_string).collect();
        let opened: Vec<&String> = opened.iter().filter(|line| line.starts_with("open /volume")).collect();
        assert_eq!(
            opened,
            ["open /volume with all below", "open /volume, private, idmap uids 0:5:1 gids 0:5:1"]
        );
        let found: Vec<_> = mounts(&plan)
            .into_iter()
            .filter_map(|op| if let Op::Bind { opened, .. } = op { Some(*opened) } else { None })
            .collect();
        assert_eq!(found, [None, Some((0, false)), Some((1, false))]);
    }
}
