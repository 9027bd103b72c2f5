//! `isolab kernels calibrate`: how often the lab calls unchanged kernels changed, and whether it finds a planted change.

use std::path::PathBuf;
use std::process::ExitCode;

use isolab_reports::lab::Lab;
use isolab_reports::lab::figures::Figures;
use isolab_reports::lab::record::{Boot, Kernel};
use isolab_scenarios::lab::calibrate::{self, Calibration};
use isolab_scenarios::lab::plan::plan;
use isolab_scenarios::lab::run;
use isolab_scenarios::lab::suite::Suite;

use super::super::{Failure, output};
use super::options::LabArguments;
use super::setup::Setup;

#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    lab: LabArguments,
    /// Boots in a set
    #[arg(long, value_name = "N", default_value_t = 8)]
    boots: usize,
    /// Unchanged sets, each compared with the next
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(2..))]
    sets: u64,
    /// Sets with the planted change
    #[arg(long, value_name = "N", default_value_t = 2)]
    planted_sets: u64,
    /// Size of the planted change, in percent of the metric's time on CPU
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0)]
    plant: f64,
    /// The metric that the planted change is sized for
    #[arg(long, value_name = "METRIC", default_value = "spawn/full")]
    metric: String,
    /// File for all boots, as a lab.json with the sets as kernels
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn calibrate(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let setup = Setup::begin(&arguments.lab, Vec::new())?;
    if setup.guests.len() != 1 {
        return Err(Failure::Input("calibrate one kernel at a time".into()));
    }
    let size = arguments.boots as u64;
    let suite =
        Suite::for_metric(&arguments.metric, arguments.lab.launcher.clone()).map_err(Failure::Input)?;
    let unchanged: Vec<u64> = (1..=arguments.sets * size).collect();
    let boots = boot(&setup, &suite, &unchanged)?;
    let sets = calibrate::sets(&setup.lab, &boots, arguments.boots, "unchanged");
    let figures = Figures::of(&with(&setup.lab, &sets));
    let Some(whole) = calibrate::on_cpu(&figures, &arguments.metric) else {
        return Err(Failure::Input(format!(
            "--metric {}: no boot measured its time on CPU",
            arguments.metric
        )));
    };
    let plant = (whole * arguments.plant / 100.0) as u64;
    let first = unchanged.len() as u64 + 1;
    let seeds: Vec<u64> = (first..first + arguments.planted_sets * size).collect();
    let changed = boot(&setup, &Suite { plant, ..suite.clone() }, &seeds)?;
    let replay = boot(&setup, &suite, &unchanged[..1])?;
    let all = [sets.clone(), calibrate::sets(&setup.lab, &changed, arguments.boots, "planted")].concat();
    let all = with(&setup.lab, &all);
    if let Some(file) = &arguments.save {
        all.write(file).map_err(Failure::input)?;
    }
    let calibration = Calibration {
        replay_is_exact: replay.first().is_some_and(|replay| {
            boots.iter().any(|boot| boot.layout == replay.layout && calibrate::is_replay(boot, replay))
        }),
        boots: arguments.boots,
        pairs: sets.len().saturating_sub(1),
        parts: calibrate::unchanged(&figures),
        planted: calibrate::planted(&Figures::of(&all), sets.len(), &arguments.metric, plant),
    };
    if arguments.json {
        output::print_json(&calibration)?;
    } else {
        output::print(&text(&calibration, arguments.plant))?;
    }
    let alarms = calibration.parts.iter().any(|part| !part.false_alarms.is_empty());
    let missed = calibration.planted.found < calibration.planted.comparisons;
    Ok(ExitCode::from(u8::from(alarms || missed)))
}

/// Boots with these seeds, in the order of the seeds.
fn boot(setup: &Setup, suite: &Suite, seeds: &[u64]) -> Result<Vec<Boot>, Failure> {
    let mut boots: Vec<Boot> = Vec::new();
    let planned = plan(1, seeds, false);
    let ran = run::run(planned, &setup.options(suite), &setup.bars, &setup.cancel, |_, boot| {
        boots.extend(boot);
        Ok(())
    });
    setup.end(ran)?;
    boots.sort_by_key(|boot| boot.layout.seed);
    Ok(boots)
}

fn with(lab: &Lab, kernels: &[Kernel]) -> Lab {
    Lab { kernels: kernels.to_vec(), baseline: kernels[0].name.clone(), ..lab.clone() }
}

fn text(calibration: &Calibration, plant: f64) -> String {
    let exact = if calibration.replay_is_exact { "equal to the nanosecond" } else { "NOT equal" };
    let mut text = format!("replay of an equal boot: {exact}\n");
    text.push_str(&format!(
        "unchanged, {} pairs of disjoint sets of {} boots:\n",
        calibration.pairs, calibration.boots
    ));
    for part in &calibration.parts {
        text.push_str(&format!(
            "  {:<8} {} false alarms in {} comparisons, in {} of {} pairs; largest difference {:+.2} % ({})\n",
            part.name,
            part.false_alarms.len(),
            part.comparisons,
            part.pairs_with_alarm,
            calibration.pairs,
            part.largest.0,
            part.largest.1,
        ));
        text.extend(part.false_alarms.iter().map(|alarm| format!("    {alarm}\n")));
    }
    let planted = &calibration.planted;
    let percent: Vec<String> = planted.percent.iter().map(|percent| format!("{percent:+.2} %")).collect();
    text.push_str(&format!(
        "planted, {plant} % of {} ({} ns a launch): found {} of {} times: {}\n",
        planted.metric,
        planted.nanoseconds,
        planted.found,
        planted.comparisons,
        percent.join(", ")
    ));
    text
}
