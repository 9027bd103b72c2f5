//! `isolab compare`: records of different times, with verdicts.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use isolab_reports::Style;
use isolab_reports::compare::junit::{self, Asked};
use isolab_reports::compare::{Comparison, Error, Options, Side, markdown, text};
use isolab_reports::history::{self, Store};
use isolab_reports::run::Run;
use isolab_reports::runs;

use super::rule::RuleArguments;
use super::{Failure, output};

const SIDES: &str = "BASE and NEW are each
  a record.json, packed with gzip or not: one run
  a directory, searched for records: a run each. Records side by side (DIR/*/record.json, as benches write them), of one host and
    revision, begun within a day and without a series in common, are one run together
  criterion's directory (target/criterion): the last run of its benches. A directory of several such is as many runs
  a name in the history, where there is no such path: latest, latest~3, #12, or the beginning of a revision

A series has a verdict when each side has five runs, or when four earlier runs of the host, by --history, show how far its runs spread.

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
    /// Judges few runs by how far earlier ones of their machine spread, as a history has them [default file: that of
    /// `isolab history`]
    #[arg(long, value_name = "FILE")]
    history: Option<Option<PathBuf>>,
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

pub(super) fn compare(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut history = History::of(arguments)?;
    let (base, new) = (history.side(&arguments.base)?, history.side(&arguments.new)?);
    let past = history.past([&base, &new])?;
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

/// The history, where it is asked for: by `--history`, or by a name that is no path. What is there otherwise has no say, so that the same
/// records give the same comparison anywhere.
struct History {
    file: PathBuf,
    open: Option<Store>,
}

impl History {
    fn of(arguments: &Arguments) -> Result<History, Failure> {
        let file = match &arguments.history {
            Some(Some(file)) => Ok(file.clone()),
            _ => history::location(|name| std::env::var_os(name)),
        };
        let mut history = History { file: file.map_err(Failure::input)?, open: None };
        if arguments.history.is_some() {
            history.store()?;
        }
        Ok(history)
    }

    fn store(&mut self) -> Result<&Store, Failure> {
        let store = match self.open.take() {
            Some(store) => store,
            None => Store::existing(&self.file).map_err(Failure::input)?,
        };
        Ok(self.open.insert(store))
    }

    /// The runs of a path, or of a name where there is no such path.
    fn side(&mut self, name: &str) -> Result<Side, Failure> {
        let path = Path::new(name);
        if path.exists() || !self.file.exists() {
            return runs::read(path).map_err(Failure::input);
        }
        let found = self.store()?.resolve(name).map_err(Failure::input)?;
        if found.is_empty() {
            let file = self.file.display();
            return Err(Failure::Input(format!("{name}: no such file, and no such run in {file}")));
        }
        Ok(Side { name: name.into(), runs: found, writers: Vec::new() })
    }

    /// All runs of the machines of both sides.
    fn past(&self, sides: [&Side; 2]) -> Result<Vec<Run>, Failure> {
        let Some(store) = &self.open else { return Ok(Vec::new()) };
        let runs = sides.into_iter().flat_map(|side| &side.runs);
        let machines: BTreeSet<&str> = runs.map(|run| run.place.machine.as_str()).collect();
        let mut past = Vec::new();
        for machine in machines {
            past.extend(store.of_machine(machine).map_err(Failure::input)?.into_iter().map(|kept| kept.run));
        }
        Ok(past)
    }
}
