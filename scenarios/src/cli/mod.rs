//! The command line: arguments in, exit status out.

mod ab;
mod bars;
mod bench;
mod check;
mod compare;
mod diff;
mod faults;
mod from_fuzz;
mod history;
mod host;
mod image;
mod interrupt;
mod kernels;
mod matrix;
mod nightly;
mod output;
mod plan;
mod quick;
mod report;
mod rule;
mod run;
mod session;
mod shell;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use isolab_scenarios::progress::say;

/// A laboratory for Linux isolation: does it hold, what does it cost, how far does a neighbour reach.
///
/// Without a command it takes a quick look at this host, in about a minute, and writes a report.
#[derive(Parser)]
#[command(name = "isolab", version = VERSION, after_help = STATUSES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Folder for the quick look's record and report; it must not exist or be empty [default: target/isolab/TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// With the commit of a release build, and what is compiled in beside the usual.
const VERSION: &str = if cfg!(feature = "planted") {
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("ISOLAB_BUILD"), "; features: planted)")
} else {
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("ISOLAB_BUILD"), "; features: none)")
};

const STATUSES: &str = "Exit status:
  0  done, and nothing is broken or worse
  1  a guarantee is broken, or something is slower
  2  wrong usage or input
  3  a comparison is inconclusive, and --strict was given
  4  something could not be tested, and --must-run was given
  5  isolab itself failed
  130  interrupted";

#[derive(Subcommand)]
enum Command {
    /// What this host offers for isolation, and what is missing, why, and how to get it
    Host(host::Arguments),
    /// The kernel operations of a launch, explained; needs no privileges
    Plan {
        /// An OCI config.json
        config: PathBuf,
    },
    /// Which guarantees hold, by launcher
    Check(check::Arguments),
    /// What isolation costs, and how far a neighbour reaches
    Bench(bench::Arguments),
    /// Two launchers, programs, settings, revisions or kernels, in pairs that take turns: faster, slower or equal
    Ab(ab::Arguments),
    /// Records of different times: what became slower or faster, and which guarantees broke
    Compare(compare::Arguments),
    /// Keeps runs, shows their series over time, and finds what commit or kernel they changed with
    History(history::Arguments),
    /// One config, what each launcher makes of it, and what the spec says where they differ
    Diff(diff::Arguments),
    /// What a launch leaves when something in it fails: each system call, a kill at each, by launcher
    Faults(faults::Arguments),
    /// Runs scenario files, scenarios of the catalogue by id, or an input that a fuzzer has drawn
    Run(run::Arguments),
    /// Boots several kernels, runs the same scenarios in each, and shows what changed
    Kernels(Box<kernels::Arguments>),
    /// Everything, stage by stage, as a profile says: for every night, or for a pull request
    Nightly(nightly::Arguments),
    /// Unpacks images that docker save, skopeo, podman, buildah or umoci have written
    #[command(subcommand)]
    Image(image::Command),
    /// Prints what a shell needs to complete isolab's commands and options
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Prints the JSON Schema of scenario files, which lets an editor complete and check them
    Schema,
    /// Writes manual pages, isolab.1 and one for each command
    Man {
        /// The folder for them
        dir: PathBuf,
    },
    /// Prints a record, or renders it as a page
    Report {
        /// A record.json, or a lab.json of `isolab kernels`
        record: PathBuf,
        #[command(flatten)]
        forms: report::Forms,
    },
}

/// Options of every command that launches.
#[derive(Args)]
struct Common {
    /// Launchers, separated by commas: core, runc, crun, bwrap, or the path of an OCI runtime [default: those installed]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    launcher: Vec<String>,
    /// The record as JSON instead of a summary
    #[arg(long)]
    json: bool,
    /// Folder for a record and a report; it must not exist or be empty
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Fails with status 4 when something cannot be tested here
    #[arg(long)]
    must_run: bool,
}

/// Why a command ended without a result.
enum Failure {
    /// The user's input is wrong.
    Input(String),
    /// Interrupted; everything that was started has ended.
    Interrupted,
    /// isolab itself failed.
    Internal(String),
}

impl Failure {
    fn input(error: impl std::fmt::Display) -> Failure {
        Failure::Input(error.to_string())
    }

    fn internal(error: impl std::fmt::Display) -> Failure {
        Failure::Internal(error.to_string())
    }
}

pub(crate) fn main() -> ExitCode {
    let Arguments { command, out } = Arguments::parse();
    let done = match command {
        None => quick::quick(out),
        Some(Command::Host(arguments)) => host::host(&arguments),
        Some(Command::Plan { config }) => plan::plan(&config),
        Some(Command::Check(arguments)) => check::check(&arguments),
        Some(Command::Bench(arguments)) => bench::bench(&arguments),
        Some(Command::Ab(arguments)) => ab::ab(&arguments),
        Some(Command::Compare(arguments)) => compare::compare(&arguments),
        Some(Command::History(arguments)) => history::history(&arguments),
        Some(Command::Diff(arguments)) => diff::diff(&arguments),
        Some(Command::Faults(arguments)) => faults::faults(&arguments),
        Some(Command::Run(arguments)) => run::run(&arguments),
        Some(Command::Kernels(arguments)) => kernels::kernels(&arguments),
        Some(Command::Nightly(arguments)) => nightly::nightly(&arguments),
        Some(Command::Image(command)) => image::image(&command),
        Some(Command::Completions { shell }) => shell::completions(shell),
        Some(Command::Schema) => shell::schema(),
        Some(Command::Man { dir }) => shell::man(&dir),
        Some(Command::Report { record, forms }) => report::report(&record, &forms),
    };
    let (message, status) = match done {
        Ok(status) => return status,
        Err(Failure::Input(message)) => (message, 2),
        // Said when the signal came.
        Err(Failure::Interrupted) => return ExitCode::from(130),
        Err(Failure::Internal(message)) => (message, 5),
    };
    say(&format!("isolab: {message}"));
    ExitCode::from(status)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    /// Release builds do not look, debug builds only at the command in use.
    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
