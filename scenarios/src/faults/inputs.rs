//! Sweeps over the config: each of its values is wrong in a launch of its own.
//!
//! What is refused is to be refused in a second, under the name of what is wrong, and leave nothing; what a launcher takes, it has
//! to give.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_reports::record::{Problem, Sweep, SweepKind};

use super::core::{self, Stage};
use super::foreign::Foreign;
use super::mutate::{Mutant, mutants};
use super::worker::Request;
use super::{Outcome, Trial, ground, traced};
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::Error;
use crate::workload::exit;

/// A config is refused, or launched, within this time.
const LIMIT: Duration = Duration::from_secs(1);

/// Every wrong config on `core`, in process.
///
/// # Errors
/// When the right config does not launch, or the run is to stop.
pub fn core(
    options: core::Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Sweep, Error> {
    let mut stages = Vec::new();
    let mut all: Vec<(usize, Mutant)> = Vec::new();
    let mut known: HashSet<String> = HashSet::new();
    for (index, variant) in ground::variants().into_iter().enumerate() {
        let stage = Stage::new(options, host, index, variant.name, exit::HOLD)?;
        let wrong = mutants(stage.ground.bundle.config()).into_iter().filter(|mutant| is_for(mutant, host));
        // What variants have in common is wrong in the first of them.
        all.extend(wrong.filter(|mutant| known.insert(mutant.label())).map(|mutant| (index, mutant)));
        stages.push(stage);
    }
    let plan = options.plan(SweepKind::Inputs, progress, cancel);
    plan.sweep(
        &all,
        |(_, mutant)| mutant.label(),
        |(stage, mutant), label, tally| {
            let stage = &mut stages[*stage];
            write(&stage.ground.bundle.dir().join("config.json"), mutant)?;
            let trial = without_mount_points(try_config(stage, host)?, &stage.ground.bundle.rootfs());
            let good = tally.add_with(label, &trial, problems(mutant, &trial));
            if good || trial.left.is_empty() { Ok(()) } else { stage.begin_anew() }
        },
    )
}

/// Every wrong config, or a sample of them, on another launcher.
///
/// # Errors
/// As [`core`](fn@core).
pub fn foreign(
    options: traced::Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Sweep, Error> {
    let mut foreign = Foreign::new(options.launcher, options.program, host, &[])?;
    let all: Vec<Mutant> =
        mutants(foreign.ground.bundle.config()).into_iter().filter(|mutant| is_for(mutant, host)).collect();
    let plan = options.plan(SweepKind::Inputs, progress, cancel);
    plan.sweep(&all, Mutant::label, |mutant, label, tally| {
        write(&foreign.ground.bundle.dir().join("config.json"), mutant)?;
        // The config itself is among the files.
        foreign.look_anew();
        let mut trial = launch(&foreign)?;
        if Duration::from_millis(trial.millis) > LIMIT && trial.left.is_empty() {
            // What takes long takes long again; a busy host does not.
            trial = launch(&foreign)?;
        }
        let trial = without_mount_points(trial, &foreign.ground.bundle.rootfs());
        tally.add_with(label, &trial, problems(mutant, &trial));
        Ok(())
    })
}

/// A launch of what the config is now. What such a container is to be is not known, so only its end is looked at.
fn launch(foreign: &Foreign) -> Result<Trial, Error> {
    let begun = Instant::now();
    let attempt = foreign.attempt(&[], false)?;
    let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let trial = foreign.judge(&attempt, false)?;
    let outcome = match trial.outcome {
        Outcome::Nothing => Outcome::Launched(Vec::new()),
        outcome => outcome,
    };
    Ok(Trial { outcome, millis, ..trial })
}

/// What takes long takes long again; a busy host does not.
fn try_config(stage: &mut Stage<'_>, host: &Host) -> Result<Trial, Error> {
    let trial = stage.trial(&Request::Config, host)?;
    if Duration::from_millis(trial.millis) <= LIMIT || !trial.left.is_empty() {
        return Ok(trial);
    }
    stage.trial(&Request::Config, host)
}

fn write(path: &Path, mutant: &Mutant) -> Result<(), Error> {
    fs::write(path, &mutant.text).map_err(Error::io("write the config"))
}

/// Whether a wrong config may be launched here: one that lacks a namespace, or puts the container's group elsewhere, could
/// change the host where a launcher does not refuse it.
fn is_for(mutant: &Mutant, host: &Host) -> bool {
    let alone = isolab_core::need::is_guest(host);
    let risky = ["linux.namespaces", "linux.cgroupsPath"].iter().any(|path| mutant.path.starts_with(path))
        || mutant.path == "linux";
    alone || !risky
}

/// A container that was launched has its mount points and devices in its root file system, and they stay.
fn without_mount_points(mut trial: Trial, rootfs: &Path) -> Trial {
    if matches!(trial.outcome, Outcome::Launched(_)) {
        let rootfs = format!("{}/", rootfs.display());
        trial.left.retain(|line| !line.starts_with(&rootfs));
    }
    trial
}

/// What is wrong with the answer to a wrong config, beside what it left.
fn problems(mutant: &Mutant, trial: &Trial) -> Vec<(Problem, Vec<String>)> {
    let mut problems = Vec::new();
    if Duration::from_millis(trial.millis) > LIMIT {
        problems.push((Problem::Hang, vec![format!("it took {} ms", trial.millis)]));
    }
    match &trial.outcome {
        Outcome::Refused(said) if !said.is_empty() && !names(said, &mutant.path) => {
            problems.push((Problem::Unnamed, vec![said.clone()]));
        }
        _ => {}
    }
    problems
}

/// Whether a message tells where in a config something is wrong: the place itself, what it is in, or what is in it. Of a document
/// as a whole, the line or what it lacks.
fn names(said: &str, path: &str) -> bool {
    if path.is_empty() {
        return ["line ", "ociVersion", "field"].iter().any(|word| said.contains(word));
    }
    let last = path.rsplit('.').next().unwrap_or(path);
    // An item of a list is named by the list.
    let last = last.split('[').next().unwrap_or(last);
    // `linux` alone says next to nothing.
    let mut above = path.match_indices(['.', '[']).skip(1).map(|(at, _)| &path[..at]);
    said.contains(path) || said.contains(last) || above.any(|above| said.contains(above))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_or_names_nothing_is_a_problem() {
        let mutant = Mutant { path: "process.cwd".into(), how: "empty", text: Vec::new() };
        let of = |said: &str, millis| {
            let trial = Trial { millis, ..Trial::of(Outcome::Refused(said.into())) };
            problems(&mutant, &trial).into_iter().map(|(problem, _)| problem).collect::<Vec<_>>()
        };
        assert_eq!(of("process.cwd: is empty", 900), []);
        assert_eq!(of("process.cwd: is empty", 1100), [Problem::Hang]);
        assert_eq!(of("Invalid argument", 1), [Problem::Unnamed]);
    }

    #[test]
    fn a_message_names_its_place() {
        assert!(names("process.cwd: is not absolute", "process.cwd"));
        assert!(names("missing field `cwd` in process", "process.cwd"));
        assert!(names("linux.uidMappings: overlap", "linux.uidMappings[1].containerID"));
        assert!(!names("linux: is wrong", "linux.uidMappings[1].containerID"));
        assert!(names("mounts[3].options: x", "mounts[3].options[0]"));
        assert!(!names("Invalid argument (os error 22)", "process.cwd"));
        assert!(names("expected value at line 1 column 1", ""));
    }
}
