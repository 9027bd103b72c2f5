//! Runs guarantees over launchers.
//!
//! Guarantees with equal config edits share one launch; each control gets a launch of its own. A launcher that cannot
//! start the plain base bundle here is reported once, as not testable, and not as broken. What a launcher does not
//! offer, and what cannot be tested here, never counts as holding.

pub(crate) mod act;
mod answers;
mod filter;
mod judge;
mod long;
pub(crate) mod make;
pub mod mutants;
mod need;
mod outside;
mod rig;
mod scene;
mod second;
mod session;
mod swap;

use std::io;
use std::path::Path;
use std::time::Instant;

use isolab_core::host::Host;
use isolab_reports::record::{self, NotTested, Outcome};

use crate::cancel::{Cancel, Cancelled};
use crate::launcher::{Launcher, Offer};
use crate::progress::Progress;
use crate::schema::Guarantee;
use crate::stage;
pub(crate) use answers::Answering;
use answers::Failure;
use judge::Judged;
pub(crate) use make::Mounted;
use session::{Session, Site};

/// What to check, on what.
pub struct Options<'a> {
    /// Launchers, in the order of the report.
    pub launchers: &'a [Box<dyn Launcher>],
    /// Guarantees.
    pub guarantees: &'a [Guarantee],
    /// Whether each positive control is launched too: doubles the time.
    pub controls: bool,
    /// The statically linked `isolab` that becomes the probe.
    pub program: &'a Path,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// One result per guarantee and launcher.
    pub guarantees: Vec<record::Guarantee>,
    /// Launchers that start nothing here.
    pub not_tested: Vec<NotTested>,
}

/// Why the checks could not be run to their end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run was asked to stop; everything that it started has ended.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The host refused what the checks need for themselves.
    #[error("cannot prepare the checks: {0}")]
    Prepare(#[from] io::Error),
}

/// Runs all guarantees on all launchers.
///
/// # Errors
/// When cancelled, or when canaries and scratch files cannot be made.
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Findings, Error> {
    stage::on_stage(host, |staged| run_here(options, host, staged, progress, cancel))?
}

fn run_here(
    options: &Options<'_>,
    host: &Host,
    staged: bool,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut site = Site::new(host, options.program, staged)?;
    for launcher in options.launchers {
        let launcher = launcher.as_ref();
        cancel.check()?;
        match site.try_base(launcher, cancel) {
            Ok(()) => {}
            Err(Failure::Cancelled(cancelled)) => return Err(cancelled.into()),
            Err(failure) => {
                findings.not_tested.push(not_testable(launcher, &failure.to_string()));
                continue;
            }
        }
        let found = check_launcher(options, &mut site, launcher, progress, cancel);
        progress.done();
        findings.guarantees.extend(found?);
    }
    site.close()?;
    Ok(findings)
}

fn not_testable(launcher: &dyn Launcher, reason: &str) -> NotTested {
    let remedy =
        launcher.remedy(reason).unwrap_or("see what the launcher says, with its own `run` on a plain bundle");
    NotTested {
        what: format!("launcher {}", launcher.name()),
        reason: format!("it does not start the plain bundle: {reason}"),
        remedy: remedy.into(),
    }
}

fn check_launcher(
    options: &Options<'_>,
    site: &mut Site<'_>,
    launcher: &dyn Launcher,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<record::Guarantee>, Error> {
    let mut found: Vec<Option<record::Guarantee>> =
        options.guarantees.iter().map(|guarantee| excuse(guarantee, site, launcher)).collect();
    let open: Vec<usize> = (0..found.len()).filter(|&index| found[index].is_none()).collect();
    let groups = group(options.guarantees, &open);
    let controls =
        if options.controls { open.iter().map(|&at| options.guarantees[at].control.len()).sum() } else { 0 };
    progress.begin(&format!("guarantees on {}", launcher.name()), (groups.len() + controls) as u64);
    for members in groups {
        progress.step(&options.guarantees[members[0]].id);
        for (index, result) in check_group(options.guarantees, &members, site, launcher, cancel)? {
            found[index] = Some(result);
        }
    }
    if options.controls {
        for index in open {
            if let Some(result) = &mut found[index] {
                run_controls(&options.guarantees[index], result, site, launcher, progress, cancel)?;
            }
        }
    }
    Ok(found.into_iter().flatten().collect())
}

/// Results of guarantees that share a launch. When that has no facts, each gets a launch of its own, so that one cannot
/// spoil the others.
fn check_group(
    guarantees: &[Guarantee],
    members: &[usize],
    site: &mut Site<'_>,
    launcher: &dyn Launcher,
    cancel: &Cancel,
) -> Result<Vec<(usize, record::Guarantee)>, Error> {
    cancel.check()?;
    let shared: Vec<&Guarantee> = members.iter().map(|&index| &guarantees[index]).collect();
    let begun = Instant::now();
    if let [alone] = shared.as_slice() {
        let judged = judge::cases(alone, None, site, launcher, cancel)?;
        let millis = begun.elapsed().as_millis() as u64;
        let again = judged.again(alone, None, site);
        return Ok(vec![(members[0], result(alone, launcher, judged, again, millis))]);
    }
    let session = Session { guarantees: shared.clone(), ..Session::default() };
    let facts = site.run(&session, launcher, cancel);
    if facts.is_err() {
        let alone = members.iter().map(|&index| check_group(guarantees, &[index], site, launcher, cancel));
        return Ok(alone.collect::<Result<Vec<_>, _>>()?.concat());
    }
    let millis = begun.elapsed().as_millis() as u64 / members.len() as u64;
    let result = |(&index, guarantee): (&usize, &&Guarantee)| {
        let judged = judge::one(guarantee, None, &facts)?;
        let again = judged.again(guarantee, None, site);
        Ok((index, result(guarantee, launcher, judged, again, millis)))
    };
    members.iter().zip(&shared).map(result).collect()
}

/// A result without a launch: the host or the launcher lacks something.
fn excuse(guarantee: &Guarantee, site: &Site<'_>, launcher: &dyn Launcher) -> Option<record::Guarantee> {
    let outcome = excused(guarantee, site, launcher)?;
    Some(result(guarantee, launcher, Judged::without_facts(outcome), None, 0))
}

fn excused(guarantee: &Guarantee, site: &Site<'_>, launcher: &dyn Launcher) -> Option<Outcome> {
    let missing = |need: &String| need::missing(need, site.host(), site.is_staged());
    let missing = guarantee.needs.iter().find_map(missing);
    Some(if let Some((reason, remedy)) = missing {
        Outcome::NotTestable { reason, remedy }
    } else {
        let features = std::iter::once(&guarantee.primitive).chain(&guarantee.uses);
        let refused = features.map(|feature| launcher.offers(feature)).find_map(|offer| match offer {
            Offer::Offered => None,
            Offer::NotOffered { reason } => Some(reason),
        });
        Outcome::NotOffered { reason: refused? }
    })
}

/// Which of the `open` guarantees share a launch: those with equal edits and files, unless they want to be alone.
fn group(guarantees: &[Guarantee], open: &[usize]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for &index in open {
        let one = &guarantees[index];
        let fits = |group: &&mut Vec<usize>| {
            let other = &guarantees[group[0]];
            one.is_plain() && other.is_plain() && one.config == other.config && one.make == other.make
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

fn result(
    guarantee: &Guarantee,
    launcher: &dyn Launcher,
    judged: Judged,
    again: Option<record::Again>,
    millis: u64,
) -> record::Guarantee {
    record::Guarantee {
        id: guarantee.id.clone(),
        promise: guarantee.promise.clone(),
        primitive: guarantee.primitive.clone(),
        source: guarantee.source.clone(),
        launcher: launcher.name().into(),
        outcome: judged.outcome,
        evidence: judged.evidence,
        control_red: None,
        remedy: guarantee.remedy.clone(),
        again: again.map(|again| record::Again {
            command: format!("{} --launcher {}", again.command, command_name(launcher)),
            ..again
        }),
        millis,
    }
}

/// How a launcher is named on the command line.
fn command_name(launcher: &dyn Launcher) -> String {
    launcher.describe().path.filter(|path| !is_in_path(path)).unwrap_or_else(|| launcher.name().to_owned())
}

/// Whether a name is enough for it.
fn is_in_path(path: &str) -> bool {
    ["/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/"]
        .iter()
        .any(|known| path.starts_with(known))
}

/// Launches the controls of a guarantee that holds. If one stays green, the check is blind here, and says so instead of
/// holding. A control that this launcher refuses to launch decides nothing.
fn run_controls(
    guarantee: &Guarantee,
    result: &mut record::Guarantee,
    site: &mut Site<'_>,
    launcher: &dyn Launcher,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(), Error> {
    let begun = Instant::now();
    for control in &guarantee.control {
        cancel.check()?;
        progress.step(&format!("{} without {}", guarantee.id, control.without));
        if result.outcome != Outcome::Holds {
            continue;
        }
        // A mistake in a plan is core's to make; the matrix of mutants shows it.
        if control.is_of_core() {
            continue;
        }
        let judged = judge::cases(guarantee, Some(control), site, launcher, cancel)?;
        if !judged.launched {
            continue;
        }
        let red = judged.outcome == Outcome::Broken;
        result.control_red = Some(red && result.control_red.unwrap_or(true));
        if !red {
            result.outcome = Outcome::NotTestable {
                reason: format!("its control, a launch without {}, stays green", control.without),
                remedy: "none: this check cannot see a failure on this host".into(),
            };
        }
    }
    result.millis += begun.elapsed().as_millis() as u64;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarantee(id: &str, rest: &str) -> Guarantee {
        let head = format!(
            "kind = 'guarantee'\nid = '{id}'\npromise = 'p'\nprimitive = 'pid namespace'\nsource = 's'\n"
        );
        Guarantee::parse("t.toml", &format!("{head}{rest}\n[expect]\n'inside.x' = {{ is = 1 }}\n")).unwrap()
    }

    #[test]
    fn equal_edits_share_a_launch_unless_alone() {
        let edit = "[[config]]\nset = 'hostname'\nto = 'x'\n";
        let all = [
            guarantee("a", ""),
            guarantee("b", edit),
            guarantee("c", ""),
            guarantee("d", "alone = true"),
            guarantee("e", edit),
        ];
        assert_eq!(group(&all, &[0, 1, 2, 3, 4]), [vec![0, 2], vec![1, 4], vec![3]]);
        assert_eq!(group(&all, &[1, 3]), [vec![1], vec![3]]);
    }
}
