//! The OCI command line over isolab-core: for now `run`, and what helps to see what it does.

use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::launch::{Options, launch};
use isolab_core::oci;
use isolab_core::plan::{Plan, PlanError};
use isolab_core::sys::{process, signal};

/// Launches OCI bundles from kernel primitives.
///
/// Exit status of `run`: the workload's own; 128 and the signal's number when a signal ended it; 126 when the workload
/// could not be executed, 127 when it was not found; 1 when the launch failed otherwise; 2 for a wrong config or flag.
#[derive(Parser)]
#[command(name = "isolab-runtime", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a bundle to its end, in the foreground
    Run {
        /// Directory with config.json
        #[arg(short, long, default_value = ".")]
        bundle: PathBuf,
        /// Launches although this host cannot enforce all that the config asks for, and says what is missing
        #[arg(long)]
        allow_partial: bool,
        /// Name of the container
        id: String,
    },
    /// Prints the kernel operations that `run` would perform; needs no privileges
    Plan {
        /// Directory with config.json
        #[arg(short, long, default_value = ".")]
        bundle: PathBuf,
    },
}

/// What went wrong, and the exit status that says so.
struct Failure {
    message: String,
    status: u8,
}

impl Failure {
    fn input(error: impl std::fmt::Display) -> Failure {
        Failure { message: error.to_string(), status: 2 }
    }

    fn plan(error: PlanError) -> Failure {
        Failure { message: error.to_string(), status: 1 }
    }

    fn launch(error: &isolab_core::launch::Error) -> Failure {
        Failure { message: error.to_string(), status: error.exit_status() }
    }
}

fn main() -> ExitCode {
    if let Err(error) = isolab_core::launch::seal() {
        say(&error.to_string());
        return ExitCode::FAILURE;
    }
    let done = match Arguments::parse().command {
        Command::Run { bundle, allow_partial, id } => run(&bundle, allow_partial, &id),
        Command::Plan { bundle } => print_plan(&bundle),
    };
    done.unwrap_or_else(|failure| {
        say(&failure.message);
        ExitCode::from(failure.status)
    })
}

fn say(message: &str) {
    // Where standard error is closed there is nobody to tell; `eprintln!` would panic and lose the exit status.
    drop(writeln!(std::io::stderr(), "isolab-runtime: {message}"));
}

fn config(bundle: &Path, id: &str) -> Result<Config, Failure> {
    let spec = oci::read(&bundle.join("config.json")).map_err(Failure::input)?;
    Config::new(&spec, bundle, id).map_err(Failure::input)
}

fn print_plan(bundle: &Path) -> Result<ExitCode, Failure> {
    let plan = Plan::preview(&config(bundle, "example")?, &Host::probe()).map_err(Failure::plan)?;
    // A reader that stops reading, such as head, is no error.
    match write!(std::io::stdout(), "{plan}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::input(error)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Signals that are passed on to the workload.
const PASSED_ON: [i32; 7] =
    [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2, libc::SIGWINCH];

fn run(bundle: &Path, allow_partial: bool, id: &str) -> Result<ExitCode, Failure> {
    let plan = Plan::compile(&config(bundle, id)?, &Host::probe()).map_err(Failure::plan)?;
    if allow_partial {
        for gap in &plan.gaps {
            say(&format!("not enforced: {gap}"));
        }
    }
    let system = |errno| Failure { message: format!("signals: {errno}"), status: 1 };
    // Blocked from before the launch, so that none is lost; the workload starts with none blocked.
    signal::block(&PASSED_ON).map_err(system)?;
    let signals = signal::descriptor(&PASSED_ON).map_err(system)?;
    let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let mut options = Options::new([input.as_fd(), output.as_fd(), error.as_fd()]);
    options.accept_gaps = allow_partial;
    let mut container = launch(&plan, &options).map_err(|error| Failure::launch(&error))?;
    let exit = loop {
        match process::poll(&[container.pidfd(), signals.as_fd()], None).map_err(system)? {
            Some(1) => {
                let signal = signal::next(&signals).map_err(system)?;
                container.signal(signal).map_err(|error| Failure::launch(&error))?;
            }
            _ => {
                if let Some(exit) = container.wait(None).map_err(|error| Failure::launch(&error))? {
                    break exit;
                }
            }
        }
    };
    container.remove().map_err(|error| Failure::launch(&error))?;
    Ok(ExitCode::from(exit.status() as u8))
}
