//! `isolab faults`: launches in which something fails.

use std::process::ExitCode;

use isolab_reports::record::{NotTested, Sweep, SweepKind};
use isolab_scenarios::faults::{self, core, inputs, traced};
use isolab_scenarios::launcher::Launcher;
use isolab_scenarios::ready::Error;

use super::session::{self, Session};
use super::{Common, Failure};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Each system call fails, with each error that is plausible of it
    #[arg(long)]
    errno: bool,
    /// SIGKILL at each system call of the launcher and of the container's first process
    #[arg(long)]
    kill: bool,
    /// Each value of the config is wrong, in each way
    #[arg(long)]
    inputs: bool,
    /// Only so many injections of each kind, drawn by the seed [default: all on core, 200 on other launchers]
    #[arg(long, value_name = "N", conflicts_with = "all", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// All injections on every launcher: hours on a slow one
    #[arg(long)]
    all: bool,
    /// Of the sample
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    common: Common,
}

/// Injections of each kind on launchers that take a tenth of a second and more for each.
const SAMPLE: usize = 200;

impl Arguments {
    /// What is to fail: what was asked for, or everything.
    fn kinds(&self) -> Vec<SweepKind> {
        let asked =
            [(self.errno, SweepKind::Errno), (self.kill, SweepKind::Kill), (self.inputs, SweepKind::Inputs)];
        let any = asked.iter().any(|(asked, _)| *asked);
        asked.iter().filter(|(asked, _)| *asked || !any).map(|(_, kind)| *kind).collect()
    }

    fn sample(&self, default: Option<usize>) -> Option<usize> {
        match self.sample {
            _ if self.all => None,
            Some(sample) => Some(sample as usize),
            None => default,
        }
    }
}

pub(super) fn faults(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut session = Session::begin("faults", &arguments.common)?;
    if session.host.uid != 0 {
        return Err(Failure::Input(
            "faults: run it as root; what a launch can leave is root's to see".into(),
        ));
    }
    for index in 0..session.launchers.len() {
        for kind in arguments.kinds() {
            let sweep = sweep(&session, arguments, session.launchers[index].as_ref(), kind);
            session.add_sweep(session::stage(sweep, &session.cancel)?);
        }
    }
    session.end(&arguments.common)
}

fn sweep(
    session: &Session,
    arguments: &Arguments,
    launcher: &dyn Launcher,
    kind: SweepKind,
) -> Result<Result<Sweep, NotTested>, Error> {
    let Session { host, bars, cancel, program, .. } = session;
    let what = format!("{}: {}", launcher.name(), faults::title(kind));
    let swept = if launcher.name() == "core" {
        let options =
            core::Options { program, seed: arguments.seed, sample: arguments.sample(None), planted: None };
        match kind {
            SweepKind::Inputs => inputs::core(options, host, bars, cancel),
            _ => core::sweep(kind, options, host, bars, cancel),
        }
    } else if let Some(runtime) = launcher.runtime() {
        let options = traced::Options {
            name: launcher.name(),
            runtime,
            program,
            seed: arguments.seed,
            sample: arguments.sample(Some(SAMPLE)),
        };
        match kind {
            SweepKind::Inputs => inputs::foreign(options, host, bars, cancel),
            _ => traced::sweep(kind, options, host, bars, cancel),
        }
    } else {
        let (reason, remedy) = ("it is no OCI runtime", "name core or an OCI runtime with --launcher");
        return Ok(Err(NotTested { what, reason: reason.into(), remedy: remedy.into() }));
    };
    match swept {
        Ok(sweep) => Ok(Ok(sweep)),
        Err(error) => error.into_not_tested(&what).map(Err),
    }
}
