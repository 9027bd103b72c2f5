//! The oracle: which groups there are, what their files hold, and where the process is.

use std::collections::{BTreeMap, BTreeSet};

use super::host::Place;
use super::input::Limits;
use super::kernel::Values;

/// A hierarchy by its number, and a group in it; the empty name is the root of all.
pub(crate) type At = (usize, String);

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    places: Vec<Place>,
    /// The groups that are there.
    pub(crate) groups: BTreeMap<At, Values>,
    /// The hierarchies of each group that was made as such.
    pub(crate) made: BTreeMap<String, BTreeSet<usize>>,
    /// The process, by hierarchy; not at all when there is none.
    pub(crate) process: BTreeMap<usize, String>,
    /// Groups that were frozen.
    pub(crate) frozen: BTreeSet<At>,
}

/// Whether a group is another, or below it.
pub(crate) fn is_in(group: &str, other: &str) -> bool {
    group == other || group.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'))
}

fn above(group: &str) -> &str {
    group.rsplit_once('/').map_or("", |(above, _)| above)
}

impl Model {
    pub(crate) fn new(places: &[Place]) -> Model {
        let (groups, made, process, frozen) = Default::default();
        Model { places: places.to_vec(), groups, made, process, frozen }
    }

    fn place_of(&self, controller: &str) -> usize {
        let has = |place: &Place| place.controllers.iter().any(|name| name == controller);
        self.places.iter().position(has).unwrap_or_else(|| panic!("no {controller}"))
    }

    /// Whether the group is made.
    pub(crate) fn make(&mut self, group: &str, limits: &Limits, everywhere: bool) -> bool {
        let asked = asked(limits);
        let mut wanted: BTreeSet<usize> =
            asked.iter().map(|(controller, ..)| self.place_of(controller)).collect();
        let all = self.places.iter().enumerate();
        wanted.extend(all.filter(|(_, place)| place.v2 || everywhere).map(|(nth, _)| nth));
        if wanted.iter().any(|place| self.groups.contains_key(&(*place, group.to_owned()))) {
            return false;
        }
        let mut new = self.clone();
        for place in &wanted {
            new.add(*place, group);
        }
        for (controller, file, value) in asked {
            let place = new.place_of(controller);
            if !new.write(place, group, file, &value) {
                return false;
            }
        }
        new.made.insert(group.to_owned(), wanted);
        *self = new;
        true
    }

    fn add(&mut self, place: usize, group: &str) {
        if group.is_empty() || self.groups.contains_key(&(place, group.to_owned())) {
            return;
        }
        self.add(place, above(group));
        let root = &self.places[place];
        let values = match self.groups.get(&(place, above(group).to_owned())) {
            Some(above) => Values::new(above.swappiness, above.cpus.clone()),
            None => Values::new(root.swappiness, root.cpus.clone()),
        };
        self.groups.insert((place, group.to_owned()), values);
    }

    /// Whether the kernel takes a value.
    fn write(&mut self, place: usize, group: &str, file: &str, value: &str) -> bool {
        let at = (place, group.to_owned());
        let Some(new) = self.groups.get(&at).and_then(|values| values.write(file, value)) else {
            return false;
        };
        let before = self.groups.insert(at.clone(), new);
        let fits = match file {
            "cpuset.cpus" => self.cpus_nest(place),
            "cpu.cfs_quota_us" | "cpu.cfs_period_us" => self.quotas_nest(place),
            _ => true,
        };
        if let (false, Some(before)) = (fits, before) {
            self.groups.insert(at, before);
        }
        fits
    }

    /// No group has CPUs that the one above it has not.
    fn cpus_nest(&self, place: usize) -> bool {
        self.groups.iter().filter(|((other, _), _)| *other == place).all(|((_, group), values)| {
            let above = self.groups.get(&(place, above(group).to_owned()));
            !values.cpus.is_empty()
                && values.cpus.is_subset(above.map_or(&self.places[place].cpus, |above| &above.cpus))
        })
    }

    /// No group has more time than the one above it; one without a limit has the limit above.
    fn quotas_nest(&self, place: usize) -> bool {
        self.groups.iter().filter(|((other, _), _)| *other == place).all(|((_, group), values)| {
            match (values.ratio(), self.quota(place, above(group))) {
                (Some(own), Some(above)) => own <= above,
                _ => true,
            }
        })
    }

    fn quota(&self, place: usize, group: &str) -> Option<u64> {
        let values = self.groups.get(&(place, group.to_owned()))?;
        values.ratio().or_else(|| self.quota(place, above(group)))
    }

    /// Whether an update is taken: all of it, in whichever order, or nothing.
    pub(crate) fn update(&mut self, group: &str, limits: &Limits) -> bool {
        let has = &self.made[group];
        let asked = asked(limits);
        if !asked.iter().all(|(controller, ..)| has.contains(&self.place_of(controller))) {
            return false;
        }
        let mut new = self.clone();
        for controller in ["pids", "memory", "cpu", "cpuset"] {
            let own: Vec<_> = asked.iter().filter(|(other, ..)| *other == controller).collect();
            let Some(taken) = new.in_some_order(group, &own) else { return false };
            new = taken;
        }
        *self = new;
        true
    }

    fn in_some_order(&self, group: &str, asked: &[&(&str, &str, String)]) -> Option<Model> {
        if asked.is_empty() {
            return Some(self.clone());
        }
        (0..asked.len()).find_map(|nth| {
            let mut new = self.clone();
            let mut rest = asked.to_vec();
            let (controller, file, value) = rest.remove(nth);
            let place = new.place_of(controller);
            if new.write(place, group, file, value) { new.in_some_order(group, &rest) } else { None }
        })
    }

    pub(crate) fn join(&mut self, group: &str) {
        for place in &self.made[group] {
            self.process.insert(*place, group.to_owned());
        }
    }

    /// Whether the process is in a group or below it, as far as the group's own hierarchies show.
    pub(crate) fn holds_process(&self, group: &str) -> bool {
        self.made[group].iter().any(|place| self.process.get(place).is_some_and(|at| is_in(at, group)))
    }

    /// Whether a group above this one, or itself, is frozen in a hierarchy.
    pub(crate) fn is_frozen(&self, place: usize, group: &str) -> bool {
        self.frozen.iter().any(|(other, frozen)| *other == place && is_in(group, frozen))
    }

    /// Whether all of a group is removed. Where the process is, groups stay.
    pub(crate) fn remove(&mut self, group: &str) -> bool {
        let mut all = true;
        for place in self.made.remove(group).unwrap_or_default() {
            let process = self.process.get(&place).cloned();
            let goes = |(other, name): &At| {
                let held = process.as_ref().is_some_and(|process| is_in(process, name));
                *other == place && is_in(name, group) && !held
            };
            self.groups.retain(|at, _| !goes(at));
            match self.groups.contains_key(&(place, group.to_owned())) {
                true => all = false,
                false => self.remove_above(place, group),
            }
        }
        self.made.retain(|name, _| !is_in(name, group));
        let groups = &self.groups;
        self.frozen.retain(|at| groups.contains_key(at));
        all
    }

    /// Groups above go with the last one below them, where they are isolab's by name.
    fn remove_above(&mut self, place: usize, group: &str) {
        let mut at = above(group);
        let empty = |groups: &BTreeMap<At, Values>, at: &str| {
            !groups.keys().any(|(other, name)| *other == place && name != at && is_in(name, at))
        };
        while at.rsplit('/').next().is_some_and(|name| name.starts_with("isolab")) && empty(&self.groups, at)
        {
            self.groups.remove(&(place, at.to_owned()));
            at = above(at);
        }
    }
}

/// What is written for limits: the controller, the file of v1, the value.
fn asked(limits: &Limits) -> Vec<(&'static str, &'static str, String)> {
    let text = |value: Option<i64>| value.map(|value| value.to_string());
    let unsigned = |value: Option<u64>| value.map(|value| value.to_string());
    let swap = limits.swap.filter(|swap| *swap != 0);
    // Memory without limit, and nothing said of swap, is swap without limit.
    let swap = swap.or(limits.limit.filter(|limit| *limit == -1));
    let pids = limits.pids.map(|limit| match limit {
        -1 => "max".to_owned(),
        0 => "1".to_owned(),
        other => other.to_string(),
    });
    let shares = limits.shares.filter(|_| limits.idle != Some(1));
    [
        ("cpu", "cpu.shares", unsigned(shares)),
        ("cpu", "cpu.idle", text(limits.idle)),
        ("cpu", "cpu.cfs_period_us", unsigned(limits.period)),
        ("cpu", "cpu.cfs_quota_us", text(limits.quota)),
        ("cpu", "cpu.cfs_burst_us", unsigned(limits.burst)),
        ("cpuset", "cpuset.cpus", limits.cpus.map(str::to_owned)),
        ("memory", "memory.limit_in_bytes", text(limits.limit)),
        ("memory", "memory.soft_limit_in_bytes", text(limits.reservation)),
        ("memory", "memory.memsw.limit_in_bytes", text(swap)),
        ("memory", "memory.swappiness", unsigned(limits.swappiness)),
        ("pids", "pids.max", pids),
    ]
    .into_iter()
    .filter_map(|(controller, file, value)| Some((controller, file, value?)))
    .collect()
}
