//! Control groups one operation at a time: make, join, remove, in each hierarchy of this host.
//!
//! A process comes into a group in three ways: it starts in it (`CLONE_INTO_CGROUP`, v2 alone), or it writes itself to
//! `cgroup.procs` or, in v1, to `tasks`. The latter two move it, and a move of a whole process waits until no process is at its
//! clone or exit (`cgroup_threadgroup_rwsem`), which takes a grace period of RCU. What is started here only joins and ends, so
//! that nothing else is in the numbers; `no group` is the same without the joining.
//!
//! On a host whose v2 tree has no controllers (a hybrid one), v2 is the tree alone. Where it has controllers, the groups here
//! have none of them enabled either.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use isolab_core::host::{Cgroups, Host};
use isolab_core::sys::errand::{Errand, errand};
use isolab_core::sys::{Errno, clock};
use isolab_reports::record::{Cost, NotTested, Series};

use super::{Options, Timed, Timings};
use crate::bed::Bed;
use crate::cancel::Cancel;
use crate::group;
use crate::progress::Progress;
use crate::ready::{Error, LIMIT};
use crate::schedule::{Limits, Rounds};

/// What every id of these costs in the record begins with.
pub const ID: &str = "group";
/// Limits for a run of some seconds.
pub const QUICK: Limits = Limits { rounds: 200, time: Duration::from_secs(8), seed: 1 };
/// The child of the comparison.
const NO_GROUP: &str = "no group";

/// A hierarchy.
struct Tree {
    /// `v2`, or `v1` and its controllers.
    name: String,
    mount: PathBuf,
}

/// How the one process comes into its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It does not.
    Never,
    /// By its clone.
    Start,
    /// By a write to this file.
    Write(&'static str),
}

impl Way {
    const V1: [Way; 3] = [Way::Never, Way::Write("cgroup.procs"), Way::Write("tasks")];
    const V2: [Way; 3] = [Way::Never, Way::Write("cgroup.procs"), Way::Start];

    fn name(self) -> &'static str {
        match self {
            Way::Never => "never used",
            Way::Start => "CLONE_INTO_CGROUP",
            Way::Write(file) => file,
        }
    }

    /// The way of a launch by core.
    fn is_a_launchs(self) -> bool {
        matches!(self, Way::Start | Way::Write("tasks"))
    }
}

/// One way into one hierarchy, with its samples.
struct Lane<'t> {
    /// None for the child of the comparison.
    tree: Option<&'t Tree>,
    way: Way,
    make: Timings,
    /// From before the clone until the child is in the group.
    join: Timings,
    /// The write alone.
    write: Timings,
    remove: Timings,
    failed: bool,
}

impl<'t> Lane<'t> {
    fn new(tree: Option<&'t Tree>, way: Way) -> Lane<'t> {
        let none = Timings::default;
        Lane { tree, way, make: none(), join: none(), write: none(), remove: none(), failed: false }
    }

    fn name(&self) -> String {
        let tree = self.tree.map_or(NO_GROUP, |tree| &tree.name);
        if self.tree.is_some() { format!("{tree}: {}", self.way.name()) } else { tree.into() }
    }

    /// Makes the group, has a child join it, and removes it.
    fn round(&mut self, path: &str) -> Result<(), Error> {
        let Some(tree) = self.tree else {
            let started = errand(None, None).map_err(failed("start a child"))?;
            self.join.add(Timed { total: started.joined - started.begun, on_cpu: started.on_cpu });
            return Ok(());
        };
        let group = tree.mount.join(path.trim_start_matches('/'));
        let made = timed(|| fs::create_dir(&group));
        self.make.add(made.map_err(Error::io(format!("make group {}", group.display())))?);
        let joined = self.join(&group);
        let removed = timed(|| remove(&group));
        joined?;
        self.remove.add(removed.map_err(Error::io(format!("remove group {}", group.display())))?);
        Ok(())
    }

    fn join(&mut self, group: &Path) -> Result<(), Error> {
        let Some(parent) = group.parent() else { return Ok(()) };
        group::give_cpus(parent, group).map_err(Error::io("give the group its CPUs"))?;
        let open = |path: &Path| Error::io(format!("open {}", path.display()));
        let joined = match self.way {
            Way::Never => return Ok(()),
            Way::Start => {
                let directory = File::open(group).map_err(open(group))?;
                errand(Some(directory.as_fd()), None)
            }
            Way::Write(file) => {
                let file = group.join(file);
                let opened = OpenOptions::new().write(true).open(&file).map_err(open(&file))?;
                errand(None, Some(opened.as_fd()))
            }
        };
        let Errand { begun, born, joined, on_cpu, join_on_cpu } =
            joined.map_err(failed(&format!("start a child in {}", group.display())))?;
        self.join.add(Timed { total: joined - begun, on_cpu });
        if matches!(self.way, Way::Write(_)) {
            self.write.add(Timed { total: joined - born, on_cpu: join_on_cpu });
        }
        Ok(())
    }
}

fn failed(operation: &str) -> impl FnOnce(Errno) -> Error {
    let named = Error::io(operation);
    move |errno| named(io::Error::from_raw_os_error(errno.into_raw()))
}

/// How long `work` takes, and what of it this thread was on a CPU.
fn timed(work: impl FnOnce() -> io::Result<()>) -> io::Result<Timed> {
    let (begun, cpu) = (clock::monotonic(), clock::thread_cpu());
    work()?;
    Ok(Timed { total: clock::monotonic() - begun, on_cpu: clock::thread_cpu() - cpu })
}

/// Removes a group as soon as the kernel lets it go.
fn remove(group: &Path) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match fs::remove_dir(group) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && begun.elapsed() < LIMIT => {
                std::thread::yield_now();
            }
            done => return done,
        }
    }
}

/// Measures. A hierarchy or a way that this host does not allow becomes a [`NotTested`].
///
/// # Errors
/// When the parent group cannot be removed, or the run is to stop.
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let trees = trees(&host.cgroups);
    let bed = Bed::new(options.program, host)?;
    if trees.is_empty() || host.uid != 0 {
        let reason = "no cgroup hierarchy can be written by this user".into();
        return Ok((Vec::new(), vec![NotTested { what: ID.into(), reason, remedy: "run as root".into() }]));
    }
    bed.keep_parent()?;
    let of = |tree| {
        let ways = if Tree::is_v2(tree) { Way::V2 } else { Way::V1 };
        ways.map(|way| Lane::new(Some(tree), way))
    };
    let mut lanes: Vec<Lane<'_>> =
        std::iter::once(Lane::new(None, Way::Never)).chain(trees.iter().flat_map(of)).collect();
    let mut not_tested = Vec::new();
    progress.begin("groups, one operation at a time", u64::from(options.limits.rounds));
    let mut rounds = Rounds::new(lanes.len(), options.limits);
    while let Some(order) = rounds.next_round() {
        progress.step(&format!("{} hierarchies", trees.len()));
        for at in order {
            cancel.check()?;
            let lane = &mut lanes[at];
            if lane.failed {
                continue;
            }
            std::thread::sleep(options.rest);
            if let Err(error) = lane.round(&bed.group("one")) {
                lane.failed = true;
                not_tested.push(error.into_not_tested(&format!("{ID}: {}", lane.name()))?);
            }
        }
    }
    progress.done();
    lanes.retain(|lane| !lane.failed);
    Ok((costs(&lanes), not_tested))
}

impl Tree {
    fn is_v2(&self) -> bool {
        self.name == "v2"
    }
}

/// The hierarchies that can be written, v2 first; several controllers of one hierarchy are one.
fn trees(cgroups: &Cgroups) -> Vec<Tree> {
    let v2 = cgroups.v2.iter().map(|tree| (tree, "v2".to_owned()));
    let v1 = cgroups.v1.iter().map(|tree| (tree, format!("v1 {}", tree.controllers.join(","))));
    let writable = v2.chain(v1).filter(|(tree, _)| tree.writable);
    let mut trees: Vec<Tree> =
        writable.map(|(tree, name)| Tree { name, mount: tree.mount.clone() }).collect();
    trees.dedup_by(|a, b| a.mount == b.mount);
    trees
}

/// One cost for each operation.
fn costs(lanes: &[Lane<'_>]) -> Vec<Cost> {
    let in_trees = || lanes.iter().filter(|lane| lane.tree.is_some());
    let tree = |lane: &Lane<'_>| lane.tree.map_or_else(String::new, |tree| tree.name.clone());
    let never = |lane: &&Lane<'_>| lane.way == Way::Never;
    let make = in_trees().filter(never);
    let first = make.clone().next().map(tree);
    let make = make.map(|lane| {
        let name = tree(lane);
        let against = first.clone().filter(|first| *first != name);
        lane.make.series(name, against.as_deref())
    });
    let join = lanes.iter().filter(|lane| lane.tree.is_none() || lane.way != Way::Never);
    let join = join.map(|lane| lane.join.series(lane.name(), lane.tree.map(|_| NO_GROUP)));
    let write = in_trees().filter(|lane| matches!(lane.way, Way::Write(_))).map(|lane| {
        let procs = lanes.iter().find(|other| {
            other.tree.map(|tree| &tree.name) == lane.tree.map(|tree| &tree.name)
                && other.way == Way::Write("cgroup.procs")
                && lane.way != other.way
        });
        lane.write.series(lane.name(), procs.map(Lane::name).as_deref())
    });
    let remove = in_trees().filter(|lane| lane.way == Way::Never || lane.way.is_a_launchs()).map(|lane| {
        let unused = format!("{}: {}", tree(lane), Way::Never.name());
        match lane.way {
            Way::Never => lane.remove.series(unused, None),
            _ => lane.remove.series(format!("{}: after its last process", tree(lane)), Some(&unused)),
        }
    });
    let cost = |operation: &str, title: &str, series: Vec<Series>| Cost {
        id: format!("{ID}-{operation}"),
        title: title.into(),
        launcher: "core".into(),
        series,
    };
    vec![
        cost("make", "Make a control group, by hierarchy", make.collect()),
        cost("join", "From before the clone of a child until it is in its group", join.collect()),
        cost("join-write", "A child's write of itself into a group", write.collect()),
        cost(
            "remove",
            "Remove a control group: never used, and after its process was reaped",
            remove.collect(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hierarchy_is_there_once_with_v2_first() {
        let host = Host::example();
        let trees = trees(&host.cgroups);
        let mounts: Vec<&PathBuf> = trees.iter().map(|tree| &tree.mount).collect();
        let mut once = mounts.clone();
        once.dedup();
        assert_eq!(mounts, once);
        assert_eq!(trees.iter().any(Tree::is_v2), host.cgroups.v2.is_some());
        assert!(trees.iter().skip(1).all(|tree| tree.name.starts_with("v1 ")));
    }

    #[test]
    fn what_is_compared_is_there() {
        let trees = [("v2", "/u"), ("v1 memory", "/m")];
        let trees = trees.map(|(name, mount)| Tree { name: name.into(), mount: mount.into() });
        let ways = Way::V2.map(|way| Lane::new(Some(&trees[0]), way)).into_iter();
        let ways = ways.chain(Way::V1.map(|way| Lane::new(Some(&trees[1]), way)));
        let lanes: Vec<Lane<'_>> = std::iter::once(Lane::new(None, Way::Never)).chain(ways).collect();
        let costs = costs(&lanes);
        let names =
            |at: usize| costs[at].series.iter().map(|series| series.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names(0), ["v2", "v1 memory"]);
        assert_eq!(names(1)[..3], ["no group", "v2: cgroup.procs", "v2: CLONE_INTO_CGROUP"]);
        assert_eq!(names(2), ["v2: cgroup.procs", "v1 memory: cgroup.procs", "v1 memory: tasks"]);
        assert_eq!(names(3)[2..], ["v1 memory: never used", "v1 memory: after its last process"]);
        for cost in &costs {
            for against in cost.series.iter().filter_map(|series| series.against.as_ref()) {
                assert!(cost.series.iter().any(|series| series.name == *against), "{}: {against}", cost.id);
            }
        }
    }
}
