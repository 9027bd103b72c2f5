//! Launches with primitives: the primitive ladder, where each is added to those before it, and each of them alone.

use std::path::Path;
use std::thread;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_reports::record::{Cost, NotTested, Series};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Options, steps};
use crate::bed::Bed;
use crate::cancel::Cancel;
use crate::edit::{self, Edit};
use crate::progress::Progress;
use crate::ready::{self, Error, Ready};
use crate::schedule::{Limits, Rounds};
use crate::schema;
use crate::workload::exit;

/// Limits for a run of a few seconds.
pub const QUICK: Limits = Limits { rounds: 40, time: Duration::from_secs(10), seed: 1 };

/// The ladder that comes with isolab.
pub const FIRST: &str = include_str!("../../catalog/costs/ladder.toml");
/// Each primitive alone, and all together.
pub const ALONE: &str = include_str!("../../catalog/costs/spawn.toml");

/// A ladder as its file declares it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    /// Always `cost`.
    #[schemars(with = "String", extend("const" = "cost"))]
    pub kind: schema::Kind,
    /// Id of the cost in the record.
    pub id: String,
    /// One sentence: what is measured.
    pub title: String,
    /// What each rung stands on.
    #[serde(default)]
    pub each: Each,
    /// The config that the first rung edits. Its root is `rootfs`, in which `/exit` is the workload.
    pub bare: Value,
    /// From the bottom up.
    pub rung: Vec<Rung>,
}

/// One rung.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Name of its series.
    pub name: String,
    /// What it adds to what it stands on.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Whether the config that guarantees are checked with takes the place of what it stands on.
    #[serde(default)]
    pub full: bool,
    /// `first` moves it to the bottom when isolab runs without root.
    pub rootless: Option<Rootless>,
}

/// What a rung stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Each {
    /// On the rung below: it adds its edits to those before.
    #[default]
    Added,
    /// On the first rung.
    Alone,
}

/// Where a rung stands without root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rootless {
    /// At the bottom: nothing else is possible before it.
    First,
}

impl Ladder {
    /// The rungs in the order in which this user can climb them.
    fn order(&self, uid: u32) -> Vec<&Rung> {
        let mut rungs: Vec<&Rung> = self.rung.iter().collect();
        // A stable sort: everything else stays in its order.
        rungs.sort_by_key(|rung| !(uid != 0 && rung.rootless == Some(Rootless::First)));
        rungs
    }
}

/// A rung that this host can launch, with its samples.
struct Climbed {
    ready: Ready,
    series: Series,
    /// A launch failed after it had worked once: its samples do not count.
    failed: bool,
}

/// Climbs the ladder: each round launches every rung once. A rung that this host cannot have, or that is not enforced,
/// becomes a [`NotTested`], and the rungs above stand on the one below it.
///
/// # Errors
/// When the files cannot be made, or the run is to stop. Containers and files are removed either way.
pub fn run(
    ladder: &Ladder,
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let bed = Bed::new(options.program, host)?;
    let bundle = bed.bundle("ladder", Value::Null)?;
    progress.begin(&ladder.title, u64::from(options.limits.rounds) + 1);
    progress.step("verify every rung");
    let mut values = ready::values(host);
    values["cgroup"] = bed.group("ladder").into();
    let mut full = bed.config("ladder");
    full["process"]["args"] = [exit::PATH].into();
    let place = Place { bundle: bundle.dir(), values: &values, full: &full, host };
    let (mut climbed, mut not_tested) = climb(ladder, &place, cancel)?;
    warm(&place, &bed)?;
    measure(&ladder.id, &mut climbed, &mut not_tested, options, progress, cancel)?;
    progress.done();
    let series = climbed.into_iter().filter(|rung| !rung.failed).map(|rung| rung.series).collect();
    let cost = Cost { id: ladder.id.clone(), title: ladder.title.clone(), launcher: "core".into(), series };
    Ok((vec![cost], not_tested))
}

/// What every rung is made with.
struct Place<'p> {
    bundle: &'p Path,
    /// Of the placeholders.
    values: &'p Value,
    /// The config that guarantees are checked with.
    full: &'p Value,
    host: &'p Host,
}

/// Builds the rungs upon each other, and launches a sibling of each to see that it is what was asked for.
fn climb(
    ladder: &Ladder,
    place: &Place<'_>,
    cancel: &Cancel,
) -> Result<(Vec<Climbed>, Vec<NotTested>), Error> {
    let mut config = ladder.bare.clone();
    let mut climbed: Vec<Climbed> = Vec::new();
    let mut not_tested = Vec::new();
    for rung in ladder.order(place.host.uid) {
        cancel.check()?;
        let base = if rung.full { place.full } else { &config };
        let rung_config = edited(base, &rung.edits, place.values)?;
        match stand_on(&rung_config, place) {
            Ok((ready, enforced)) => {
                let below = match ladder.each {
                    Each::Added => climbed.last(),
                    Each::Alone => climbed.first(),
                };
                let against = below.map(|below| below.series.name.clone());
                if ladder.each == Each::Added || below.is_none() {
                    config = rung_config;
                }
                let series = steps::series(&rung.name, against, enforced, ready.plan());
                climbed.push(Climbed { ready, series, failed: false });
            }
            Err(error) => not_tested.push(error.into_not_tested(&format!("{}: {}", ladder.id, rung.name))?),
        }
    }
    Ok((climbed, not_tested))
}

/// `config` with the edits made and the placeholders filled in.
fn edited(config: &Value, edits: &[Edit], values: &Value) -> Result<Value, Error> {
    let mut config = config.clone();
    edit::apply(&mut config, edits)?;
    ready::filled(&config, values)
}

fn stand_on(config: &Value, place: &Place<'_>) -> Result<(Ready, String), Error> {
    let ready = Ready::new(config, place.bundle, "ladder", place.host)?;
    let enforced = ready.verify()?;
    Ok((ready, enforced))
}

/// Holds a crowd of containers for a moment. On a kernel that has just booted, the first of them that overlap make it
/// enlarge what all later launches allocate from (per-CPU areas above all), and these are then slower by a tenth for good:
/// better before the first sample than between two.
fn warm(place: &Place<'_>, bed: &Bed) -> Result<(), Error> {
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        let mut config = place.full.clone();
        if let Some(group) = config["linux"].get_mut("cgroupsPath") {
            *group = bed.group(&format!("crowd-{number}")).into();
        }
        // Where the full launch cannot be had, there is nothing that it could be warmed for.
        let Ok(ready) = Ready::new(&config, place.bundle, "crowd", place.host) else { return Ok(()) };
        let Ok(container) = ready.held() else { return Ok(()) };
        crowd.push(container);
    }
    crowd.into_iter().try_for_each(|container| Ok(container.remove()?))
}

/// More at once than any measurement has.
const CROWD: usize = 16;

fn measure(
    id: &str,
    climbed: &mut [Climbed],
    not_tested: &mut Vec<NotTested>,
    options: &Options<'_>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(), Error> {
    let mut rounds = Rounds::new(climbed.len(), options.limits);
    let mut number = 0;
    while let Some(order) = rounds.next_round() {
        number += 1;
        progress.step(&format!("round {number} of {} rungs", climbed.len()));
        for rung in order {
            cancel.check()?;
            let Climbed { ready, series, failed } = &mut climbed[rung];
            if *failed {
                continue;
            }
            thread::sleep(options.rest);
            match ready.whole(options.planted) {
                Ok(whole) => steps::add(series, &whole),
                Err(error) => {
                    *failed = true;
                    not_tested.push(error.into_not_tested(&format!("{id}: {}", series.name))?);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn first() -> Ladder {
        schema::parse("catalog/costs/ladder.toml", FIRST).unwrap()
    }

    fn values() -> Value {
        json!({"uid": 1000, "gid": 1000, "cgroup": "/g/ladder", "architecture": "SCMP_ARCH_X86_64"})
    }

    #[test]
    fn the_whole_ladder_applies_to_the_bare_config() {
        let ladder = first();
        let config = ladder.rung.iter().fold(ladder.bare.clone(), |config, rung| {
            let next = edited(&config, &rung.edits, &values())
                .unwrap_or_else(|error| panic!("{}: {error}", rung.name));
            assert!(rung.name == "chroot" || next != config, "{} adds nothing", rung.name);
            next
        });
        let namespaces: Vec<&str> = config["linux"]["namespaces"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|ns| ns["type"].as_str())
            .collect();
        assert_eq!(namespaces, ["mount", "pid", "ipc", "uts", "network", "cgroup", "user", "time"]);
        assert_eq!(config["linux"]["uidMappings"][0]["hostID"], 1000);
        assert_eq!(config["linux"]["cgroupsPath"], "/g/ladder");
        assert!(config["linux"]["seccomp"]["syscalls"][0]["names"].as_array().unwrap().len() > 40);
    }

    /// Every rung but the first and the last edits the first, and differs from it.
    #[test]
    fn alone_means_on_the_first_rung() {
        let alone: Ladder = schema::parse("catalog/costs/spawn.toml", ALONE).unwrap();
        assert_eq!(alone.each, Each::Alone);
        let (first, last) = (&alone.rung[0], alone.rung.last().unwrap());
        assert!(first.edits.is_empty() && last.full);
        for rung in &alone.rung[1..alone.rung.len() - 1] {
            let config = edited(&alone.bare, &rung.edits, &values()).unwrap();
            assert_ne!(config, alone.bare, "{} adds nothing", rung.name);
        }
    }

    #[test]
    fn the_user_namespace_comes_first_without_root() {
        let ladder = first();
        let names = |uid| ladder.order(uid).iter().map(|rung| rung.name.clone()).collect::<Vec<_>>();
        let as_declared: Vec<String> = ladder.rung.iter().map(|rung| rung.name.clone()).collect();
        assert_eq!(names(0), as_declared);
        assert_eq!(names(1000)[..2], ["+ user namespace", "chroot"]);
        assert_eq!(names(1000).len(), as_declared.len());
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let text = FIRST.replacen("edits = []", "edit = []", 1);
        let error = schema::parse::<Ladder>("ladder.toml", &text).unwrap_err().to_string();
        assert!(error.contains("edit"), "{error}");
    }
}
