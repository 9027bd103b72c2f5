//! `isolab compare`: records of different times, with verdicts.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use isolab_reports::Style;
use isolab_reports::compare::junit::{self, Asked};
use isolab_reports::compare::{Comparison, Error, Options, Side, markdown, text};
use isolab_reports::run::{Place, Run};
use isolab_reports::runs;

use super::rule::RuleArguments;
use super::{Failure, output};

const SIDES: &str = "BASE and NEW are each
  a record.json, packed with gzip or not: one run
  a directory, searched for records: a run each. Records side by side (DIR/*/record.json, as benches write them), of one host and
    revision, begun within a day and without a series in common, are one run together
  criterion's directory (target/criterion): the last run of its benches. A directory of several such is as many runs

A series has a verdict when each side has five runs, or when four earlier runs of the host show how far its runs spread.

Exit status:
  0  nothing is worse: faster, equal, or inconclusive
  1  a series is slower, or a guarantee is broken that held
  2  wrong usage or input, or nothing in common
  3  a series is inconclusive, and --strict was given
  4  something is on one side only, or not tested on both, and --must-run was given
  5  isolab itself failed";

#[derive(clap::Args)]
#[command(after_help = SIDES)]
pub(super) struct Arguments {
    /// What was there before
    base: String,
    /// What is judged
    new: String,
    #[command(flatten)]
    rule: RuleArguments,
    /// Compares runs of different hosts, and says so
    #[arg(long)]
    across_hosts: bool,
    /// Fails with status 3 when a series is inconclusive
    #[arg(long)]
    strict: bool,
    /// Fails with status 4 when something is on one side only, or was not tested on both
    #[arg(long)]
    must_run: bool,
    /// The comparison as JSON instead of text
    #[arg(long)]
    json: bool,
    /// Writes Markdown, for a pull request or a job summary
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Writes JUnit XML, for CI systems
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// What is known of runs besides the files that are named.
pub(super) trait History {
    /// The runs of a name, where there is such a name.
    fn named(&self, name: &str) -> Result<Option<Side>, Failure>;

    /// All runs of these places, by time.
    fn of(&self, places: &[&Place]) -> Result<Vec<Run>, Failure>;
}

/// Nothing is known.
pub(super) struct NoHistory;

impl History for NoHistory {
    fn named(&self, _: &str) -> Result<Option<Side>, Failure> {
        Ok(None)
    }

    fn of(&self, _: &[&Place]) -> Result<Vec<Run>, Failure> {
        Ok(Vec::new())
    }
}

pub(super) fn compare(arguments: &Arguments, history: &impl History) -> Result<ExitCode, Failure> {
    let (base, new) = (side(&arguments.base, history)?, side(&arguments.new, history)?);
    let places: Vec<&Place> = base.runs.iter().chain(&new.runs).map(|run| &run.place).collect();
    let past = history.of(&places)?;
    let options = Options { rule: arguments.rule.rule(), across_hosts: arguments.across_hosts };
    let compared: Result<Comparison, Error> = Comparison::of(&base, &new, &past, options);
    let comparison = compared.map_err(Failure::input)?;
    let asked = Asked { strict: arguments.strict, must_run: arguments.must_run };
    if let Some(file) = &arguments.markdown {
        output::write_file(file, &markdown::render(&comparison))?;
    }
    if let Some(file) = &arguments.junit {
        output::write_file(file, &junit::render(&comparison, asked).map_err(Failure::internal)?)?;
    }
    if arguments.json {
        output::print_json(&comparison)?;
    } else {
        output::print(&text::render(&comparison, &Style::detect(&io::stdout()), output::WIDTH))?;
    }
    Ok(status(&comparison, asked))
}

/// The runs of a path, or of a name where there is no such path.
fn side(name: &str, history: &impl History) -> Result<Side, Failure> {
    let path = Path::new(name);
    if !path.exists()
        && let Some(side) = history.named(name)?
    {
        return Ok(side);
    }
    runs::read(path).map_err(Failure::input)
}

fn status(comparison: &Comparison, asked: Asked) -> ExitCode {
    if comparison.is_worse() {
        ExitCode::from(1)
    } else if asked.must_run && comparison.is_untested() {
        ExitCode::from(4)
    } else if asked.strict && comparison.is_undecided() {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    }
}
