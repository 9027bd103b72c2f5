//! Mutants: launches with one protection missing or wrong. Each must turn its own guarantee red, and leave those green that
//! have nothing to do with it.
//!
//! Unrelated are all guarantees that the plain launch answers for: they are asked in the mutant's launch too, and in the same
//! launch without the mistake, and what turned red only with it is told, unless the mutant says that it breaks it.

use isolab_core::host::Host;
use isolab_reports::record::{self, NotTested, Outcome};

use super::answers::Failure;
use super::judge;
use super::session::{Session, Site, mutations};
use super::{Error, Options, excused};
use crate::cancel::Cancel;
use crate::launcher::Launcher;
use crate::progress::Progress;
use crate::schema::{Control, Guarantee};
use crate::stage;

/// Runs every mutant of the guarantees, each on the first launcher that can be made to do it.
///
/// # Errors
/// As [`super::run`].
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<record::Mutant>, Error> {
    stage::on_stage(host, |staged| run_here(options, host, staged, progress, cancel))?
}

fn run_here(
    options: &Options<'_>,
    host: &Host,
    staged: bool,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<record::Mutant>, Error> {
    let mut site = Site::new(host, options.program, staged)?;
    let bystanders: Vec<&Guarantee> = options
        .guarantees
        .iter()
        .filter(|one| one.is_plain() && one.config.is_empty() && one.make.is_empty())
        .collect();
    let total = options.guarantees.iter().map(|guarantee| guarantee.control.len()).sum::<usize>();
    progress.begin("mutants", total as u64);
    let mut found = Vec::new();
    for guarantee in options.guarantees {
        if guarantee.control.is_empty() {
            found.push(entry(guarantee, None, "", record::MutantIs::Absent));
        }
        for control in &guarantee.control {
            cancel.check()?;
            progress.step(&format!("{} without {}", guarantee.id, control.without));
            found.push(mutant(options, guarantee, control, &bystanders, &mut site, cancel)?);
        }
    }
    progress.done();
    site.close()?;
    Ok(found)
}

fn entry(
    guarantee: &Guarantee,
    control: Option<&Control>,
    launcher: &str,
    is: record::MutantIs,
) -> record::Mutant {
    record::Mutant {
        guarantee: guarantee.id.clone(),
        without: control.map(|control| control.without.clone()).unwrap_or_default(),
        subtle: control.is_some_and(|control| control.subtle),
        launcher: launcher.into(),
        is,
        evidence: Vec::new(),
        others: Vec::new(),
    }
}

fn mutant(
    options: &Options<'_>,
    guarantee: &Guarantee,
    control: &Control,
    bystanders: &[&Guarantee],
    site: &mut Site<'_>,
    cancel: &Cancel,
) -> Result<record::Mutant, Error> {
    let mut why = NotTested {
        what: String::new(),
        reason: "no launcher can be made to do it".into(),
        remedy: "build isolab-runtime beside isolab, and install the launchers of the list".into(),
    };
    for launcher in options.launchers {
        let wrong = if control.is_of_core() { launcher.mutant(&mutations(control)) } else { None };
        if control.is_of_core() && wrong.is_none() {
            continue;
        }
        match excused(guarantee, site, launcher.as_ref()) {
            None => {}
            Some(Outcome::NotTestable { reason, remedy }) => {
                (why.reason, why.remedy) = (reason, remedy);
                continue;
            }
            Some(_) => continue,
        }
        let wrong = wrong.as_deref().unwrap_or(launcher.as_ref());
        let judged = judge::cases(guarantee, Some(control), site, wrong, cancel)?;
        if let Outcome::NotOffered { reason } | Outcome::NotTestable { reason, .. } = judged.outcome {
            why.reason = reason;
            continue;
        }
        let is = match (judged.outcome, judged.launched) {
            (Outcome::Broken, true) => record::MutantIs::Red,
            // Where the container does not start nothing was seen: any guarantee would be red.
            (_, false) => record::MutantIs::NotLaunched,
            _ => record::MutantIs::Green,
        };
        let mut mutant = entry(guarantee, Some(control), launcher.name(), is);
        mutant.evidence = judged.evidence.into_iter().filter(|evidence| !evidence.agrees).collect();
        mutant.others = others(guarantee, control, bystanders, site, [launcher.as_ref(), wrong], cancel)?;
        return Ok(mutant);
    }
    let NotTested { reason, remedy, .. } = why;
    Ok(entry(guarantee, Some(control), "", record::MutantIs::NotTestable { reason, remedy }))
}

/// Unrelated guarantees that turn red in the mutant's launch, and are green without the mistake.
fn others(
    guarantee: &Guarantee,
    control: &Control,
    bystanders: &[&Guarantee],
    site: &mut Site<'_>,
    [right, wrong]: [&dyn Launcher; 2],
    cancel: &Cancel,
) -> Result<Vec<String>, Error> {
    let changes = !control.config.is_empty() || !control.plan.is_empty() || !control.make.is_empty();
    if !changes || !guarantee.case.is_empty() || guarantee.refused {
        return Ok(Vec::new());
    }
    let unrelated = |one: &&&Guarantee| one.id != guarantee.id && !control.breaks.contains(&one.id);
    let unrelated: Vec<&Guarantee> = bystanders.iter().filter(unrelated).copied().collect();
    let mut guarantees = vec![guarantee];
    guarantees.extend(&unrelated);
    let with = site.run(
        &Session { guarantees: guarantees.clone(), case: None, control: Some(control) },
        wrong,
        cancel,
    );
    let without = site.run(&Session { guarantees, case: None, control: None }, right, cancel);
    if let Err(Failure::Cancelled(cancelled)) = with {
        return Err(cancelled.into());
    }
    let mut red = Vec::new();
    for one in unrelated {
        let (with, without) = (judge::one(one, None, &with)?, judge::one(one, None, &without)?);
        if without.outcome == Outcome::Holds && with.outcome == Outcome::Broken && with.launched {
            red.push(one.id.clone());
        }
    }
    Ok(red)
}
