//! Several kernels, the same scenarios, one report: written after the first round, and again after each further one.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use isolab_reports::figures::verdict::Verdict;
use isolab_reports::lab::Lab;
use isolab_reports::lab::figures::Figures;
use isolab_scenarios::lab;
use isolab_scenarios::lab::plan::{Planned, plan};
use isolab_scenarios::lab::run::{self, Options};
use isolab_scenarios::lab::suite::Suite;
use isolab_scenarios::progress::Progress;

use super::super::Failure;
use super::super::output::{self, Folder};
use super::options::{Arguments, Only};
use super::setup::Setup;

pub(super) fn compare(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let named = &arguments.lab.kernels;
    if let Some(baseline) = arguments.baseline.as_ref().filter(|baseline| !named.contains(baseline)) {
        let there = named.join(", ");
        return Err(Failure::Input(format!("--baseline {baseline}: it is not among the kernels: {there}")));
    }
    let mut setup = Setup::without_kernels(&arguments.lab, Vec::new())?;
    let out = arguments.out.clone().unwrap_or_else(|| output::default_dir(setup.lab.started));
    let folder = Folder::new(&out, None)?;
    setup.add(named)?;
    if let Some(baseline) = &arguments.baseline {
        setup.lab.baseline.clone_from(baseline);
    }
    let pages = Pages::new(folder)?;
    let seeds = if arguments.only == Some(Only::Check) { &[] } else { arguments.seeds.0.as_slice() };
    setup.lab.seeds = seeds.to_vec();
    let planned = plan(setup.guests.len(), seeds, arguments.only != Some(Only::Measure));
    let mut left = Rounds::of(planned.iter().map(|boot| boot.round));
    super::super::check::choose(&arguments.checks)?;
    let guarantees = arguments.checks.clone();
    let suite =
        Suite { all: arguments.all_checks, guarantees, ..Suite::quick(arguments.lab.launcher.clone()) };
    let options = Options { logs: Some(&pages.logs), ..setup.options(&suite) };
    let mut lab = setup.lab.clone();
    let each = |planned: Planned, boot| {
        lab.kernels[planned.kernel].boots.extend(boot);
        lab.seconds = setup.begun.elapsed().as_secs_f64();
        if left.ended(planned.round) {
            pages.write(&lab)?;
            setup.bars.note(&format!("report after {:.0} s: {}", lab.seconds, pages.html().display()));
        }
        Ok(())
    };
    let ran = run::run(planned, &options, &setup.bars, &setup.cancel, each);
    let measured = lab.kernels.iter().any(|kernel| !kernel.boots.is_empty());
    if measured {
        setup.end(pages.write(&lab))?;
    }
    setup.end(ran)?;
    let figures = Figures::of(&lab);
    if arguments.json {
        output::print_json(&lab)?;
    } else {
        output::print_lab(&lab, Some(&pages.html()))?;
    }
    let lacking = setup.guests.iter().any(|guest| guest.gap.is_some());
    Ok(status(&lab, &figures, arguments.fail_above, lacking))
}

/// The boots that each round still waits for.
struct Rounds(Vec<usize>);

impl Rounds {
    fn of(rounds: impl Iterator<Item = usize>) -> Rounds {
        let mut left = Vec::new();
        for round in rounds {
            left.resize(left.len().max(round + 1), 0);
            left[round] += 1;
        }
        Rounds(left)
    }

    /// Whether a round is complete with this boot.
    fn ended(&mut self, round: usize) -> bool {
        self.0[round] = self.0[round].saturating_sub(1);
        self.0[round] == 0
    }
}

/// The folder of a lab: `lab.json`, `report.html`, `report.md`, and the kernels' logs.
struct Pages {
    folder: Folder,
    logs: PathBuf,
}

impl Pages {
    fn new(mut folder: Folder) -> Result<Pages, Failure> {
        let logs = folder.below("logs")?;
        Ok(Pages { folder, logs })
    }

    fn html(&self) -> PathBuf {
        self.folder.dir().join("report.html")
    }

    fn write(&self, lab: &Lab) -> Result<(), lab::Error> {
        let failed = |operation: String, source| lab::Error::Io { operation, source };
        let other = |error: &dyn std::fmt::Display| std::io::Error::other(error.to_string());
        let json = self.folder.dir().join("lab.json");
        lab.write(&json).map_err(|error| failed(format!("write {}", json.display()), other(&error)))?;
        let html = isolab_reports::lab::html::render(lab);
        let html = html.map_err(|error| failed("render the page".into(), other(&error)))?;
        let markdown = isolab_reports::lab::markdown::render(lab);
        for (name, text) in [("report.html", html), ("report.md", markdown)] {
            let path = self.folder.dir().join(name);
            fs::write(&path, text).map_err(|source| failed(format!("write {}", path.display()), source))?;
        }
        Ok(())
    }
}

/// 1 when a guarantee is broken or unproven, or a cost grew too much; else 4 when a kernel did not come to its end, or ran
/// without something that it was to have, such as a module (`lacking`: as was known before).
fn status(lab: &Lab, figures: &Figures, fail_above: Option<f64>, lacking: bool) -> ExitCode {
    let mut cells = figures.guarantees.rows.iter().flat_map(|row| row.cells.iter().flatten());
    let broken = cells.any(|cell| matches!(cell.verdict, Verdict::Broken | Verdict::Unproven));
    let worse = fail_above.is_some_and(|percent| !figures.worse(percent).is_empty());
    let mut boots = lab.kernels.iter().flat_map(|kernel| &kernel.boots);
    if broken || worse {
        ExitCode::from(1)
    } else if lacking || !boots.all(|boot| lab::ran_as_meant(&boot.outcome)) {
        ExitCode::from(4)
    } else {
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_complete_with_its_last_boot() {
        let mut left = Rounds::of([0, 0, 1, 1].into_iter());
        assert_eq!([0, 1, 0, 1].map(|round| left.ended(round)), [false, false, true, true]);
    }
}
