//! `isolab history`: runs kept in one file, their series over time, and where those changed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use isolab_reports::history::{self, HistoryError, Scope, Store, Trend, text};
use isolab_reports::run::Run;
use isolab_reports::verdict::Rule;
use isolab_reports::{Style, runs, units};
use serde::Serialize;

use super::{Failure, output};

const HELP: &str = "The history is one SQLite file: --file, else $ISOLAB_HISTORY, else $XDG_STATE_HOME/isolab/history.sqlite, else
~/.local/state/isolab/history.sqlite.

Runs are named by latest, latest~3 (the third before it), #12 (by number), or the beginning of a revision.";

const STATUSES: &str = "Exit status:
  0  no series is slower on its newest level than on the one before
  1  one is, by more than the margin, and the change is within --since and --last
  2  wrong usage or input
  5  isolab itself failed";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    /// The history's file
    #[arg(long, value_name = "FILE", global = true)]
    file: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Adds records, directories of records, or criterion's directory; what is there already is not added again
    Add {
        /// A record.json, packed or not, or a directory
        #[arg(required = true)]
        records: Vec<PathBuf>,
        /// The runs' numbers, and whether they are new, as JSON
        #[arg(long)]
        json: bool,
    },
    /// The runs
    List {
        /// As JSON, with all their figures
        #[arg(long)]
        json: bool,
    },
    /// Series over time, with their change points
    Show {
        #[command(flatten)]
        which: Which,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// All change points: regressions first, then the newest first
    #[command(after_help = STATUSES)]
    Changes {
        #[command(flatten)]
        which: Which,
        /// Those after the last run of this name
        #[arg(long, value_name = "NAME")]
        since: Option<String>,
        /// Those among the last so many runs of a series
        #[arg(long, value_name = "RUNS")]
        last: Option<usize>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Writes one self-contained HTML file with a chart of each series
    Html {
        /// The page
        page: PathBuf,
        #[command(flatten)]
        which: Which,
    },
    /// Removes runs by number
    Remove {
        /// As `list` shows them
        #[arg(required = true, value_name = "NUMBER", value_parser = number)]
        runs: Vec<i64>,
    },
}

/// Which series, and what matters in them.
#[derive(clap::Args)]
struct Which {
    /// Part of the series' names [default: all]
    series: Option<String>,
    /// A change by less does not matter, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0, value_parser = super::rule::percent)]
    margin: f64,
}

pub(super) fn history(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let file = match &arguments.file {
        Some(file) => file.clone(),
        None => history::location(|name| std::env::var_os(name)).map_err(Failure::input)?,
    };
    match &arguments.command {
        Command::Add { records, json } => add(&file, records, *json)?,
        Command::List { json } => list(&file, *json)?,
        Command::Show { which, json } => {
            let trends = which.trends(&open(&file)?)?;
            let shown: Vec<&Trend> = trends.iter().collect();
            print(*json, &shown, |style| text::show(&shown, style, output::WIDTH))?;
        }
        Command::Changes { which, since, last, json } => {
            return changes(&open(&file)?, which, since.as_deref(), *last, *json);
        }
        Command::Html { page, which } => {
            let trends = which.trends(&open(&file)?)?;
            output::write_file(page, &history::html::render(&trends).map_err(Failure::internal)?)?;
        }
        Command::Remove { runs } => remove(&open(&file)?, runs)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn open(file: &Path) -> Result<Store, Failure> {
    Store::existing(file).map_err(Failure::input)
}

/// Reads everything before anything is written.
fn add(file: &Path, records: &[PathBuf], json: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Added {
        id: i64,
        new: bool,
    }
    let mut all: Vec<Run> = Vec::new();
    for path in records {
        all.extend(runs::read(path).map_err(Failure::input)?.runs);
    }
    let store = Store::open(file).map_err(Failure::input)?;
    let added = store.add(&all).map_err(Failure::input)?;
    if json {
        return output::print_json(&added.iter().map(|&(id, new)| Added { id, new }).collect::<Vec<_>>());
    }
    let new = added.iter().filter(|(_, new)| *new).count();
    let known = match added.len() - new {
        0 => String::new(),
        some => format!(", {some} there already"),
    };
    output::print(&format!("{}: {} added{known}\n", file.display(), units::counted(new, "run")))
}

fn list(file: &Path, json: bool) -> Result<(), Failure> {
    let runs = open(file)?.runs().map_err(Failure::input)?;
    print(json, &runs, |style| text::list(&runs, style, output::WIDTH))
}

fn changes(
    store: &Store,
    which: &Which,
    since: Option<&str>,
    last: Option<usize>,
    json: bool,
) -> Result<ExitCode, Failure> {
    let since = since.map(|name| named(store, name)).transpose()?;
    let scope = Scope { since: since.as_deref(), last };
    let mut trends = which.trends(store)?;
    let regressed = trends.iter().any(|trend| trend.within(scope).any(history::Shift::is_regression));
    if json {
        for trend in &mut trends {
            trend.shifts = trend.within(scope).cloned().collect();
        }
        trends.retain(|trend| !trend.shifts.is_empty());
    }
    let shown: Vec<&Trend> = trends.iter().collect();
    print(json, &shown, |style| text::changes(&shown, scope, style, output::WIDTH))?;
    Ok(ExitCode::from(u8::from(regressed)))
}

fn named(store: &Store, name: &str) -> Result<Vec<Run>, Failure> {
    let runs = store.resolve(name).map_err(Failure::input)?;
    if runs.is_empty() {
        return Err(Failure::Input(format!("--since {name}: no run in the history has this name")));
    }
    Ok(runs)
}

fn remove(store: &Store, runs: &[i64]) -> Result<(), Failure> {
    for id in runs {
        if !store.remove(*id).map_err(Failure::input)? {
            return Err(Failure::Input(format!("remove run #{id}: there is none in the history")));
        }
    }
    Ok(())
}

fn print(json: bool, value: &impl Serialize, text: impl Fn(&Style) -> String) -> Result<(), Failure> {
    if json { output::print_json(value) } else { output::print(&text(&Style::detect(&io::stdout()))) }
}

impl Which {
    fn trends(&self, store: &Store) -> Result<Vec<Trend>, Failure> {
        let runs = store.runs().map_err(|error: HistoryError| Failure::input(error))?;
        let rule = Rule { margin: self.margin / 100.0, ..Rule::default() };
        let mut trends = Trend::all(&runs, rule);
        if let Some(part) = &self.series {
            trends.retain(|trend| trend.series.contains(part.as_str()));
            if trends.is_empty() {
                return Err(Failure::Input(format!("{part}: no series in the history has this in its name")));
            }
        }
        Ok(trends)
    }
}

/// With or without the mark that `list` puts before it.
fn number(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    digits.parse().map_err(|_| "not the number of a run".to_owned())
}
