//! Many commands at once, for few names: exactly one of them wins each.

use std::io::Read;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::snapshot::{HostSnapshot, Settled, settle};
use isolab_reports::record::{Finding, Problem, Sweep, SweepKind};

use super::ground::{Ground, ID};
use super::tally::Tally;
use super::{LIMIT, SETTLE, traced};
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::Error;
use crate::workload::exit;

/// Different names.
const NAMES: usize = 5;
/// Commands for each of them.
const EACH: usize = 20;

/// A container's name: a bundle with a group of its own.
struct Name {
    ground: Ground,
    before: HostSnapshot,
}

/// A `run` under way.
struct Running {
    name: usize,
    process: Child,
    /// The winner's program runs until this is closed.
    input: Option<ChildStdin>,
}

/// Starts 100 containers at once under five names, then deletes them by 100 commands at once.
///
/// # Errors
/// When a launcher cannot be started, or the run is to stop.
pub fn sweep(
    options: traced::Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Sweep, Error> {
    with_states(options, false, host, progress, cancel)
}

/// The same; `apart` gives each command a state of its own, so that none knows of another, and several win: what is to be found.
///
/// # Errors
/// As [`sweep`].
pub fn with_states(
    options: traced::Options<'_>,
    apart: bool,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Sweep, Error> {
    let (launcher, mut names) = (options.launcher.name(), Vec::new());
    let runtime = options.launcher.runtime().ok_or_else(|| Error::Launcher {
        launcher: launcher.into(),
        problem: "its containers have no names".into(),
        remedy: "take an OCI runtime".into(),
    })?;
    for _ in 0..NAMES {
        let ground = Ground::new(options.program, host, Some(0), exit::HOLD)?;
        std::fs::create_dir(state(&ground)).map_err(Error::io("make the state's directory"))?;
        let before = HostSnapshot::take(&ground.scope, host);
        names.push(Name { ground, before });
    }
    let mut tally = Tally::new(SweepKind::Parallel, launcher, 0, NAMES * EACH);
    progress.begin(&format!("{launcher}: {}", SweepKind::Parallel.title()), 2);
    progress.step("run");
    let mut running = start_all(runtime, &names, apart)?;
    let said = losers(&mut running, cancel)?;
    let winners: Vec<usize> =
        (0..NAMES).map(|name| running.iter().filter(|one| one.name == name).count()).collect();
    progress.step("delete");
    let deleted = delete_all(runtime, &names)?;
    // What no delete has found ends with its input: where each has a state of its own that is most of them.
    running.iter_mut().for_each(|one| drop(one.input.take()));
    let begun = Instant::now();
    for one in &mut running {
        end(&mut one.process, begun)?;
    }
    let mut findings = judge(&winners, &said, &deleted);
    for (index, name) in names.iter().enumerate() {
        if let Settled::Left(left) = settle(&name.ground.scope, host, &name.before, SETTLE) {
            let evidence = left.iter().map(ToString::to_string).collect();
            findings.push(Finding { injection: format!("name {index}"), problem: Problem::Left, evidence });
        }
        name.ground.clean().map_err(Error::io("clean up after parallel starts"))?;
    }
    progress.done();
    tally.launched(winners.iter().sum::<usize>() as u64);
    let mut sweep = tally.end();
    (sweep.tried, sweep.reached, sweep.refused) =
        ((NAMES * EACH) as u64, (NAMES * EACH) as u64, said.len() as u64);
    sweep.notes = vec![format!(
        "{} commands for {NAMES} names: {} started; of {} deletes {} succeeded",
        NAMES * EACH,
        winners.iter().sum::<usize>(),
        NAMES * EACH,
        deleted.iter().sum::<usize>()
    )];
    sweep.findings = findings;
    Ok(sweep)
}

fn state(ground: &Ground) -> std::path::PathBuf {
    ground.bundle.dir().join("state")
}

fn command(runtime: &Path, ground: &Ground) -> Command {
    let mut command = Command::new(runtime);
    command.arg("--root").arg(state(ground));
    command
}

fn start_all(runtime: &Path, names: &[Name], apart: bool) -> Result<Vec<Running>, Error> {
    let mut running = Vec::new();
    for at in 0..NAMES * EACH {
        let name = at % NAMES;
        let ground = &names[name].ground;
        let state = if apart { state(ground).join(at.to_string()) } else { state(ground) };
        let mut command = Command::new(runtime);
        command.arg("--root").arg(state);
        command.args(["run", "--bundle"]).arg(ground.bundle.dir()).arg(ID);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(Error::io("start a launcher"))?;
        running.push(Running { name, input: process.stdin.take(), process });
    }
    Ok(running)
}

/// Waits until no more than one for each name is left, or nothing ends any more, and returns what those said that failed.
fn losers(running: &mut Vec<Running>, cancel: &Cancel) -> Result<Vec<String>, Error> {
    let mut said = Vec::new();
    let begun = Instant::now();
    while running.len() > NAMES && begun.elapsed() < LIMIT {
        cancel.check()?;
        let mut rest = Vec::new();
        for mut one in std::mem::take(running) {
            match one.process.try_wait().map_err(Error::io("wait for a launcher"))? {
                None => rest.push(one),
                Some(_) => {
                    let mut text = String::new();
                    if let Some(stderr) = &mut one.process.stderr {
                        stderr.read_to_string(&mut text).map_err(Error::io("read a launcher's error"))?;
                    }
                    said.push(text.trim().to_owned());
                }
            }
        }
        *running = rest;
        thread::sleep(Duration::from_millis(10));
    }
    Ok(said)
}

/// How many deletes of each name succeeded.
fn delete_all(runtime: &Path, names: &[Name]) -> Result<Vec<usize>, Error> {
    let mut deletes = Vec::new();
    for at in 0..NAMES * EACH {
        let mut command = command(runtime, &names[at % NAMES].ground);
        command.args(["delete", "--force", ID]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        deletes.push((at % NAMES, command.spawn().map_err(Error::io("start a delete"))?));
    }
    let mut succeeded = vec![0; NAMES];
    let begun = Instant::now();
    for (name, mut process) in deletes {
        if end(&mut process, begun)? {
            succeeded[name] += 1;
        }
    }
    Ok(succeeded)
}

/// Waits for a command's end, and ends it if it has not come when the limit is over that began with all of them; whether it succeeded.
fn end(process: &mut Child, begun: Instant) -> Result<bool, Error> {
    loop {
        if let Some(status) = process.try_wait().map_err(Error::io("wait for a command"))? {
            return Ok(status.success());
        }
        if begun.elapsed() > LIMIT {
            break;
        }
        thread::sleep(Duration::from_millis(2));
    }
    process.kill().and_then(|()| process.wait()).map(|_| false).map_err(Error::io("end a command"))
}

fn judge(winners: &[usize], said: &[String], deleted: &[usize]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |injection: String, problem, line: String| {
        findings.push(Finding { injection, problem, evidence: vec![line] });
    };
    for (name, won) in winners.iter().enumerate().filter(|(_, won)| **won != 1) {
        found(
            format!("name {name}"),
            Problem::Weaker,
            format!("{won} of {EACH} commands started a container"),
        );
    }
    let silent = said.iter().filter(|said| said.is_empty()).count();
    if silent > 0 {
        found("run".into(), Problem::Silent, format!("{silent} commands failed without a word"));
    }
    for (name, _) in deleted.iter().enumerate().filter(|(_, count)| **count == 0) {
        found(format!("name {name}"), Problem::Silent, "no delete succeeded".into());
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_winner() {
        let lost = vec!["it exists".to_owned(); 95];
        assert!(judge(&[1; 5], &lost, &[1, 2, 20, 1, 1]).is_empty());
        let problems = |winners: &[usize], said: &[String], deleted: &[usize]| {
            judge(winners, said, deleted).into_iter().map(|finding| finding.problem).collect::<Vec<_>>()
        };
        assert_eq!(problems(&[1, 2, 1, 0, 1], &lost, &[1; 5]), [Problem::Weaker, Problem::Weaker]);
        assert_eq!(problems(&[1; 5], &[String::new()], &[1; 5]), [Problem::Silent]);
        assert_eq!(problems(&[1; 5], &lost, &[1, 0, 1, 1, 1]), [Problem::Silent]);
    }
}
