//! Operations, done by the core and by the model.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use isolab_core::cgroup::{self, Directory, Group};
use isolab_core::config::Config;
use isolab_core::{oci, plan};
use serde_json::json;

use super::host::{self, Known, base};
use super::input::{Input, Limits, NAMES, Op};
use super::model::{Model, is_in};
use super::process::Sleeper;

pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// For what will not go.
const IMPATIENCE: Duration = Duration::from_millis(20);

/// The groups of one input.
pub(crate) struct Live<'i> {
    pub(super) known: &'static Known,
    pub(super) input: &'i Input,
    pub(super) model: Model,
    /// As the plan of each group has them.
    pub(super) directories: BTreeMap<String, Vec<Directory>>,
    pub(super) sleeper: Option<Sleeper>,
}

impl<'i> Live<'i> {
    pub(crate) fn new(known: &'static Known, input: &'i Input) -> Live<'i> {
        let model = Model::new(&known.places);
        Live { known, input, model, directories: BTreeMap::new(), sleeper: None }
    }

    /// Whether it succeeded; nothing when it makes no sense now.
    pub(crate) fn perform(&mut self, op: &Op) -> Option<bool> {
        let group = NAMES[match op {
            Op::Make { name, .. } | Op::Freeze { name, .. } | Op::Kill { name, .. } => *name,
            Op::Join(name) | Op::Update(name, _) | Op::Remove(name) => *name,
        }];
        if !matches!(op, Op::Make { .. }) && !self.model.made.contains_key(group) {
            return None;
        }
        match op {
            Op::Make { limits, everywhere, .. } => Some(self.make(group, limits, *everywhere)),
            Op::Join(_) => self.join(group),
            Op::Update(_, limits) => Some(self.update(group, limits)),
            Op::Freeze { frozen, v1, .. } => self.freeze(group, *frozen, *v1),
            Op::Kill { v1, .. } => self.kill(group, *v1),
            Op::Remove(_) => Some(self.remove(group)),
        }
    }

    fn config(&self, group: &str, limits: &Limits) -> (Config, Group) {
        let config = json!({
            "ociVersion": "1.0.0",
            "process": {"user": {"uid": 0, "gid": 0}, "args": ["/x"], "cwd": "/"},
            "root": {"path": "rootfs"},
            "linux": {
                "namespaces": [{"type": "mount"}],
                "cgroupsPath": format!("/{}/{group}", base()),
                "resources": limits.resources(),
            },
        });
        let spec = oci::parse(config.to_string().as_bytes())
            .unwrap_or_else(|error| panic!("the config is right: {error}"));
        let config = Config::new(&spec, Path::new("/bundle"), "fuzz")
            .unwrap_or_else(|error| panic!("the config is valid: {error}: {limits:?}"));
        let group = config.cgroup.clone().unwrap_or_else(|| panic!("the config has a group"));
        (config, group)
    }

    fn make(&mut self, group: &str, limits: &Limits, everywhere: bool) -> bool {
        let (mut config, read) = self.config(group, limits);
        config.cgroup = Some(Group { everywhere, ..read });
        let plan = plan::Plan::compile(&config, &self.known.host)
            .unwrap_or_else(|error| panic!("the plan can be made: {error:?}"));
        let ops = plan.steps().iter().filter_map(|step| match &step.op {
            plan::Op::Cgroup(op) if step.side == plan::Side::Parent => Some(op),
            _ => None,
        });
        let done = cgroup::make(ops);
        let known = self.model.make(group, limits, everywhere);
        assert_eq!(done.is_ok(), known, "make {group}: {done:?}: {:#?}", self.input);
        if known {
            self.directories.insert(group.to_owned(), plan.directories);
        }
        known
    }

    fn join(&mut self, group: &str) -> Option<bool> {
        let sleeper = self.sleeper.get_or_insert_with(Sleeper::new);
        for directory in &self.directories[group] {
            let file = directory.path.join(if directory.v2 { "cgroup.procs" } else { "tasks" });
            fs::write(&file, sleeper.pid().to_string())
                .unwrap_or_else(|error| panic!("write {}: {error}: {:#?}", file.display(), self.input));
        }
        self.model.join(group);
        Some(true)
    }

    fn update(&mut self, group: &str, limits: &Limits) -> bool {
        let (_, read) = self.config(group, limits);
        let done = cgroup::update(&read.resources, &self.directories[group]);
        let known = self.model.update(group, limits);
        assert_eq!(done.is_ok(), known, "update {group}: {done:?}: {:#?}", self.input);
        known
    }

    /// The hierarchy that freezes.
    fn freezer(&self, v1: bool) -> usize {
        let freezes = |place: &host::Place| if v1 { place.has("freezer") } else { place.v2 };
        self.known.places.iter().position(freezes).unwrap_or_else(|| panic!("no freezer"))
    }

    fn of_version(&self, group: &str, v1: bool) -> Vec<Directory> {
        self.directories[group].iter().filter(|directory| !v1 || !directory.v2).cloned().collect()
    }

    fn freeze(&mut self, group: &str, frozen: bool, v1: bool) -> Option<bool> {
        let (place, other) = (self.freezer(v1), self.freezer(!v1));
        let above = group.rsplit_once('/').map_or("", |(above, _)| above);
        // Two freezers wait for each other's process, and a group does not thaw below one that is frozen.
        let frozen_elsewhere = self.model.frozen.iter().any(|(at, _)| *at == other);
        if frozen_elsewhere || (!above.is_empty() && self.model.is_frozen(place, above)) {
            return None;
        }
        let directories = self.of_version(group, v1);
        let known = self.model.made[group].contains(&place);
        let done = cgroup::freeze(&directories, frozen);
        assert_eq!(done.is_ok(), known, "freeze {group}, {frozen}: {done:?}: {:#?}", self.input);
        if known {
            let at = (place, group.to_owned());
            if frozen {
                self.model.frozen.insert(at)
            } else {
                self.model.frozen.remove(&at)
            };
            let is = cgroup::is_frozen(&directories);
            assert_eq!(is, Ok(frozen), "{group}: {:#?}", self.input);
        }
        Some(known)
    }

    fn kill(&mut self, group: &str, v1: bool) -> Option<bool> {
        let freezer = self.freezer(true);
        let process = self.model.process.get(&freezer).cloned();
        let holding: Vec<_> = self
            .model
            .frozen
            .iter()
            .filter(|(place, frozen)| {
                *place == freezer && process.as_ref().is_some_and(|process| is_in(process, frozen))
            })
            .collect();
        let own = (freezer, group.to_owned());
        // Only its own freezer is thawed.
        if holding.iter().any(|frozen| **frozen != own) {
            return None;
        }
        let in_v1 = self.model.made[group].iter().any(|place| {
            !self.known.places[*place].v2 && self.model.process.get(place).is_some_and(|at| is_in(at, group))
        });
        let dies = if v1 { in_v1 } else { self.model.holds_process(group) };
        let done = cgroup::kill(&self.of_version(group, v1), PATIENCE);
        assert_eq!(done, Ok(()), "kill {group}: {:#?}", self.input);
        if dies {
            self.sleeper.as_mut().unwrap_or_else(|| panic!("no process")).reap();
            self.sleeper = None;
            self.model.process.clear();
            self.model.frozen.remove(&own);
        }
        Some(true)
    }

    fn remove(&mut self, group: &str) -> bool {
        let patience = if self.model.holds_process(group) { IMPATIENCE } else { PATIENCE };
        let done = cgroup::remove(&self.directories[group], patience);
        let known = self.model.remove(group);
        assert_eq!(done.is_ok(), known, "remove {group}: {done:?}: {:#?}", self.input);
        known
    }
}
