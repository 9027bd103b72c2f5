//! `isolab faults`: launches in which something fails.

use std::process::ExitCode;

use isolab_reports::record::{NotTested, Sweep, SweepKind};
use isolab_scenarios::faults::{collide, core, inputs, resources, soak, traced};
use isolab_scenarios::launcher::{self, Launcher};
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
    /// Descriptors, memory, tasks, disk space and others run out, at each value (core: by isolab-runtime)
    #[arg(long)]
    resources: bool,
    /// Each value of the config is wrong, in each way
    #[arg(long)]
    inputs: bool,
    /// So many launches by core, and as many by hand: what grows with them
    #[arg(long, value_name = "LAUNCHES", num_args = 0..=1, default_missing_value = "10000", value_parser = clap::value_parser!(u32).range(5..))]
    soak: Option<u32>,
    /// 100 starts at once under five names, then 100 deletes (core: by isolab-runtime)
    #[arg(long)]
    parallel: bool,
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
        let asked = [
            (self.errno, SweepKind::Errno),
            (self.kill, SweepKind::Kill),
            (self.resources, SweepKind::Resources),
            (self.inputs, SweepKind::Inputs),
            (self.soak.is_some(), SweepKind::Soak),
            (self.parallel, SweepKind::Parallel),
        ];
        let any = asked.iter().any(|(asked, _)| *asked);
        asked.iter().filter(|(asked, _)| *asked || !any).map(|(_, kind)| *kind).collect()
    }

    /// How many launches a soak has. That of a run of everything is short.
    fn launches(&self) -> usize {
        self.soak.map_or(1000, |launches| launches as usize)
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
    let cancel = session.cancel.clone();
    for index in 0..session.launchers.len() {
        for kind in arguments.kinds().into_iter().filter(|_| !cancel.is_cancelled()) {
            let launcher = session.launchers[index].as_ref();
            let swept = match (launcher.name(), kind) {
                // What runs out, runs out for a process.
                ("core", SweepKind::Resources | SweepKind::Parallel) => {
                    match launcher::named("isolab-runtime", &session.host) {
                        Ok(runtime) => sweep(&session, arguments, runtime.as_ref(), kind),
                        Err(reason) => Ok(Err(no_runtime(&reason))),
                    }
                }
                _ => sweep(&session, arguments, launcher, kind),
            };
            match session::stage(swept, &session.cancel) {
                Ok(swept) => session.add_sweep(swept),
                // What was swept before is kept.
                Err(Failure::Interrupted) => break,
                Err(failure) => return Err(failure),
            }
        }
    }
    session.end(&arguments.common)
}

fn no_runtime(reason: &str) -> NotTested {
    let remedy = "cargo build --release makes it beside isolab";
    let what = "core: what runs out, and many commands at once".to_owned();
    NotTested { what, reason: reason.into(), remedy: remedy.into() }
}

fn sweep(
    session: &Session,
    arguments: &Arguments,
    launcher: &dyn Launcher,
    kind: SweepKind,
) -> Result<Result<Sweep, NotTested>, Error> {
    let Session { host, bars, cancel, program, .. } = session;
    let what = format!("{}: {}", launcher.name(), kind.title());
    let swept = if launcher.name() == "core" {
        let options =
            core::Options { program, seed: arguments.seed, sample: arguments.sample(None), planted: None };
        match kind {
            SweepKind::Inputs => inputs::core(options, host, bars, cancel),
            SweepKind::Soak => soak::run(arguments.launches(), program, host, bars, cancel),
            _ => core::sweep(kind, options, host, bars, cancel),
        }
    } else if launcher.runtime().is_none() && matches!(kind, SweepKind::Inputs | SweepKind::Parallel) {
        let (reason, remedy) = (
            "it reads no config, and its containers have no names",
            "name core or an OCI runtime with --launcher",
        );
        return Ok(Err(NotTested { what, reason: reason.into(), remedy: remedy.into() }));
    } else {
        let options = traced::Options {
            launcher,
            program,
            seed: arguments.seed,
            sample: arguments.sample(Some(SAMPLE)),
        };
        match kind {
            SweepKind::Inputs => inputs::foreign(options, host, bars, cancel),
            SweepKind::Resources => resources::sweep(options, host, bars, cancel),
            SweepKind::Parallel => collide::sweep(options, host, bars, cancel),
            SweepKind::Soak => {
                let (reason, remedy) = ("only core is soaked, in process", "--launcher core");
                return Ok(Err(NotTested { what, reason: reason.into(), remedy: remedy.into() }));
            }
            _ => traced::sweep(kind, options, host, bars, cancel),
        }
    };
    match swept {
        Ok(sweep) => Ok(Ok(sweep)),
        Err(error) => error.into_not_tested(&what).map(Err),
    }
}
