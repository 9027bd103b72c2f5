//! The launcher against the floor: the cheapest sequence known for the same observed posture, made by hand.
//!
//! Both make a container with seven namespaces (all but the user namespace), its root pivoted to, a fresh `/proc`, a
//! group limited in cpu, memory and pids, and the base seccomp profile; both run the program that only exits, wait for
//! its end, and remove the groups. They take turns, so a pair is a few milliseconds apart.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use isolab_core::cgroup;
use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::launch::Container;
use isolab_core::observe::Observation;
use isolab_core::oci;
use isolab_core::plan::{Op, Plan};
use isolab_core::process;
use isolab_core::sys::clock;
use isolab_core::sys::floor::{Floor, Posture};
use isolab_reports::record::{Cost, NotTested, Series};
use serde_json::{Value, json};

use super::{Options, Timed, Timings};
use crate::bed::Bed;
use crate::bundle::Bundle;
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::{self, Error, Ready};
use crate::schedule::{Limits, Rounds};
use crate::workload::exit;

/// Id of the cost in the record.
pub const ID: &str = "spawn-floor";
/// Limits for a run of about a second.
pub const QUICK: Limits = Limits { rounds: 200, time: Duration::from_secs(5), seed: 1 };

/// A launcher and a floor that make the same container.
pub struct Pair {
    ready: Ready,
    floor: Floor,
    bundle: Bundle,
    /// Dropped last: it removes what the containers were made in.
    bed: Bed,
}

/// Containers that are alive and do nothing.
#[derive(Default)]
pub struct Crowd(Vec<Container>);

impl Crowd {
    /// Removes them.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn remove(self) -> Result<(), Error> {
        self.0.into_iter().try_for_each(|container| Ok(container.remove()?))
    }
}

impl Pair {
    /// Prepares both, and verifies that the launcher's container is what was asked for.
    ///
    /// # Errors
    /// When this host cannot make such a container; it takes root and a v2 tree.
    pub fn new(options: &Options<'_>, host: &Host) -> Result<Pair, Error> {
        let bed = Bed::new(options.program, host)?;
        let config = config(&bed);
        let bundle = bed.bundle(ID, config)?;
        let (core, floor) = (bed.group("core"), bed.group("floor"));
        let ready = Ready::new(&with_group(&bundle, &core), bundle.dir(), ID, host)?;
        // The launcher removes an empty parent with its group, the floor does not make one.
        bed.keep_parent()?;
        let mut by_hand = Floor::new(&posture(&bundle, &with_group(&bundle, &floor), host)?);
        same_posture(&ready, &mut by_hand, host)?;
        Ok(Pair { ready, floor: by_hand, bundle, bed })
    }

    /// Makes a crowd of `count` containers of the same config, each with groups of its own, and holds them at their exec.
    ///
    /// # Errors
    /// When one cannot be launched, or the run is to stop.
    pub fn enlarge(
        &self,
        crowd: &mut Crowd,
        count: usize,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<(), Error> {
        for number in crowd.0.len()..count {
            cancel.check()?;
            progress.step(&format!("container {number}"));
            let config = with_group(&self.bundle, &self.bed.group(&format!("live-{number}")));
            let ready = Ready::new(&config, self.bundle.dir(), ID, &self.bed.host)?;
            crowd.0.push(ready.held()?);
        }
        Ok(())
    }

    /// Launches once each way: the launcher and the floor. `floor_first` says who begins.
    ///
    /// # Errors
    /// When either fails.
    pub fn sample(&mut self, floor_first: bool) -> Result<(Timed, Timed), Error> {
        if floor_first {
            let floor = self.floor()?;
            return Ok((self.core()?, floor));
        }
        let core = self.core()?;
        Ok((core, self.floor()?))
    }

    /// One launch by the launcher, removal included.
    ///
    /// # Errors
    /// When it fails.
    pub fn core(&mut self) -> Result<Timed, Error> {
        self.planted(0)
    }

    /// One launch by the launcher with so many nanoseconds of CPU time wasted in it: a change that a comparison must find.
    ///
    /// # Errors
    /// When it fails.
    pub fn planted(&mut self, nanos: u64) -> Result<Timed, Error> {
        self.ready.whole(nanos).map(|whole| Timed { total: whole.removed, on_cpu: whole.on_cpu })
    }

    /// One launch by the floor, removal included. Its time on CPU is that of this process and of its children, which
    /// the kernel counts in microseconds.
    ///
    /// # Errors
    /// When it fails.
    pub fn floor(&mut self) -> Result<Timed, Error> {
        let cpu = || clock::process_cpu() + clock::children_cpu();
        let (begun, own) = (Instant::now(), cpu());
        let status = self.floor.run();
        let total = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        match status {
            Ok(0) => Ok(Timed { total, on_cpu: cpu().saturating_sub(own) }),
            Ok(status) => {
                Err(Error::Ended { what: "the floor's workload".into(), how: format!("status {status:#x}") })
            }
            Err(call) => {
                Err(Error::Ended { what: "the floor".into(), how: format!("a failure of call {call}") })
            }
        }
    }
}

/// Measures.
///
/// # Errors
/// When the files cannot be made, or the run is to stop.
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let mut pair = match Pair::new(options, host) {
        Ok(pair) => pair,
        Err(error) => return Ok((Vec::new(), vec![error.into_not_tested(ID)?])),
    };
    let (mut core, mut floor) = (Timings::default(), Timings::default());
    progress.begin("spawn against the floor", u64::from(options.limits.rounds));
    let mut rounds = Rounds::new(2, options.limits);
    while let Some(order) = rounds.next_round() {
        cancel.check()?;
        progress.step("launcher and floor");
        let floor_first = order.first() == Some(&1);
        let (launcher, by_hand) = pair.sample(floor_first)?;
        core.add(launcher);
        floor.add(by_hand);
    }
    progress.done();
    Ok((vec![cost(&core, &floor)], Vec::new()))
}

/// As a cost of a record. The launcher's container was verified when the two were made ready.
#[must_use]
pub fn cost(core: &Timings, floor: &Timings) -> Cost {
    let title =
        "Launch, run, wait, remove: the launcher against the cheapest sequence for the same posture".into();
    let core = Series { enforced: Some("enforced".into()), ..core.series("core", Some("floor")) };
    let series = vec![floor.series("floor", None), core];
    Cost { id: ID.into(), title, launcher: "core".into(), series }
}

fn config(bed: &Bed) -> Value {
    let mut config = bed.config(ID);
    let time = bed.host.has("time-namespace").then_some("time");
    let kinds = ["pid", "network", "ipc", "uts", "mount", "cgroup"].into_iter().chain(time);
    let namespaces: Vec<Value> = kinds.map(|kind| json!({"type": kind})).collect();
    let seccomp = config["linux"]["seccomp"].take();
    json!({
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": [exit::PATH], "cwd": "/", "noNewPrivileges": true},
        "root": {"path": "rootfs"},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {
            "namespaces": namespaces,
            "seccomp": seccomp,
            "resources": {"cpu": {"shares": 512}, "memory": {"limit": 268_435_456}, "pids": {"limit": 64}},
        },
    })
}

fn with_group(bundle: &Bundle, group: &str) -> Value {
    let mut config = bundle.config().clone();
    config["linux"]["cgroupsPath"] = group.into();
    config
}

/// Observes both right after their exec: the launcher's container is what was asked for, and the floor's is the same.
fn same_posture(ready: &Ready, floor: &mut Floor, host: &Host) -> Result<(), Error> {
    let (enforced, by_plan) = ready.observe()?;
    let mut seen = None;
    let status = floor.observe(|pid| seen = Some(Observation::of(pid, &host.cgroups)));
    if status != Ok(0) {
        return Err(Error::Ended { what: "the observed floor".into(), how: format!("{status:?}") });
    }
    let Some(by_hand) = seen else { return Err(Error::NotEnforced("the floor was not observed".into())) };
    let own = ready::own_observation(host)?;
    let (by_plan, by_hand) = (comparable(&by_plan, &own), comparable(&by_hand?, &own));
    match by_plan == by_hand {
        true => ready::enforced_or_not(enforced).map(drop),
        false => Err(Error::NotEnforced(format!("launcher and floor differ: {by_plan} and {by_hand}"))),
    }
}

/// What of an observation must be equal: everything but names, numbers and what the two are given from outside.
fn comparable(seen: &Observation, own: &Observation) -> Value {
    let separate =
        seen.namespaces.iter().map(|(kind, inode)| (kind.clone(), own.namespaces.get(kind) != Some(inode)));
    let separate: BTreeMap<String, bool> = separate.collect();
    let mounts =
        seen.mounts.iter().map(|mount| json!([mount.target, mount.fstype, mount.options, mount.propagation]));
    let groups = seen.cgroups.iter().map(|line| json!([line.controllers, line.path.split('/').count()]));
    let used = ["memory.failcnt", "memory.events", "pids.current", "cpu.stat"];
    let limits = seen.cgroup_values.iter().filter(|(file, _)| !used.contains(&file.as_str()));
    let limits: BTreeMap<_, _> = limits.collect();
    let status = &seen.status;
    json!({
        "namespaces": separate,
        "mounts": mounts.collect::<Vec<_>>(),
        "groups": groups.collect::<Vec<_>>(),
        "limits": limits,
        "rlimits": seen.rlimits,
        "ids": [status.uids, status.gids],
        "additional groups": status.groups,
        "capabilities": status.caps,
        "no_new_privs": status.no_new_privs,
        "filters": status.seccomp_filters,
        "umask": status.umask,
        "descriptors": seen.fds.iter().map(|(number, _)| number).collect::<Vec<_>>(),
        "cwd": seen.cwd,
        "oom_score_adj": seen.oom_score_adj,
    })
}

/// The launcher's own plan says which groups, limits and filter the floor must have.
fn posture(bundle: &Bundle, config: &Value, host: &Host) -> Result<Posture, Error> {
    let spec = oci::parse(config.to_string().as_bytes())?;
    let meant = Config::new(&spec, bundle.dir(), ID)?;
    let plan = Plan::compile(&meant, host)?;
    let directories = &plan.directories;
    let v2 = directories.iter().find(|directory| directory.v2).map(|directory| directory.path.clone());
    let group = v2.ok_or_else(|| Error::NotEnforced("the floor needs a cgroup v2 tree".into()))?;
    let settings = meant
        .cgroup
        .iter()
        .flat_map(|group| cgroup::settings(&group.resources, |controller| host.cgroups.is_v2(controller)));
    let limits = settings.filter_map(|setting| {
        let directory =
            directories.iter().find(|directory| directory.controllers.contains(&setting.controller))?;
        Some((directory.path.join(&setting.file), setting.value))
    });
    let filter = plan.steps().iter().find_map(|step| match &step.op {
        Op::Process(process::Op::Filter { program, .. }) => Some(program.instructions.clone()),
        _ => None,
    });
    let v1_groups: Vec<PathBuf> = directories
        .iter()
        .filter(|directory| !directory.v2)
        .map(|directory| directory.path.clone())
        .collect();
    Ok(Posture {
        rootfs: bundle.rootfs(),
        program: exit::PATH.into(),
        group,
        v1_groups,
        limits: limits.collect(),
        filter: filter.unwrap_or_default(),
        time: host.has("time-namespace"),
        last_capability: host.last_capability,
    })
}
