//! Sweeps over `core`: every system call of a launch, in process.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use isolab_core::host::Host;
use isolab_core::snapshot::{HostSnapshot, Settled, settle};
use isolab_core::sys::process;
use isolab_reports::record::{Sweep, SweepKind};
use serde::de::DeserializeOwned;

use super::ground::{self, Ground, ID};
use super::sweep::Plan;
use super::worker::{Call, Fault, Hello, Job, Planted, Request};
use super::{LIMIT, Outcome, SETTLE, Trial, errno};
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::Error;
use crate::workload::exit;

/// What to sweep.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// The statically linked `isolab`.
    pub program: &'o Path,
    /// Of the sample.
    pub seed: u64,
    /// How many injections; `None` for all.
    pub sample: Option<usize>,
    /// What the launcher is to do wrong, so that the sweep can be seen to find it.
    pub planted: Option<Planted>,
}

impl<'o> Options<'o> {
    pub(super) fn plan(self, kind: SweepKind, progress: &'o dyn Progress, cancel: &'o Cancel) -> Plan<'o> {
        Plan { kind, launcher: "core", seed: self.seed, sample: self.sample, progress, cancel }
    }
}

/// Lets every system call of a launch fail, one in each launch, with each error that is plausible of it; or kills the launcher
/// at each of its system calls, and the container's first process at each of its own.
///
/// # Errors
/// When a launch without a fault does not work, or the run is to stop.
pub fn sweep(
    kind: SweepKind,
    options: Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Sweep, Error> {
    let mut stages = Vec::new();
    for (index, variant) in ground::variants().into_iter().enumerate() {
        stages.push(Stage::new(options, host, index, variant.name, exit::PATH)?);
    }
    let mut all: Vec<(usize, Call, &str)> = Vec::new();
    for (index, stage) in stages.iter().enumerate() {
        for call in &stage.worker.hello.calls {
            let acts = if kind == SweepKind::Kill { &["SIGKILL"] } else { errno::plausible(&call.name) };
            all.extend(acts.iter().map(|act| (index, call.clone(), *act)));
        }
    }
    let names: Vec<String> = stages.iter().map(|stage| stage.name.clone()).collect();
    let label = |(stage, call, act): &(usize, Call, &str)| {
        format!("{}: {}#{}@{}={act}", names[*stage], call.name, call.nth, call.site)
    };
    options.plan(kind, progress, cancel).sweep(&all, label, |(stage, call, act), label, tally| {
        let stage = &mut stages[*stage];
        let fault = Fault { site: call.site.clone(), nth: call.nth, act: (*act).into() };
        let trial = stage.trial(&Request::Fault(fault), host)?;
        if tally.add(label, &trial) { Ok(()) } else { stage.begin_anew() }
    })
}

/// A variant of the config with the process that launches it.
pub(super) struct Stage<'o> {
    name: String,
    program: &'o Path,
    worker: Worker,
    pub(super) ground: Ground,
    before: HostSnapshot,
    planted: Option<Planted>,
}

impl<'o> Stage<'o> {
    pub(super) fn new(
        options: Options<'o>,
        host: &Host,
        variant: usize,
        name: String,
        workload: &str,
    ) -> Result<Stage<'o>, Error> {
        let Options { program, planted, .. } = options;
        let ground = Ground::new(program, host, Some(variant), workload)?;
        let before = HostSnapshot::take(&ground.scope, host);
        Ok(Stage {
            name,
            program,
            worker: Worker::start(&ground, program, planted)?,
            ground,
            before,
            planted,
        })
    }

    pub(super) fn trial(&mut self, request: &Request, host: &Host) -> Result<Trial, Error> {
        let mut trial = self.worker.ask(request)?;
        if matches!(trial.outcome, Outcome::Killed | Outcome::Hang) {
            // The next start: what the dead one has left is its to remove.
            let left = left(&self.ground, host, &self.before);
            self.worker = Worker::start(&self.ground, self.program, self.planted)?;
            trial.left = self::left(&self.ground, host, &self.before);
            trial.recovered = left.into_iter().filter(|line| !trial.left.contains(line)).collect();
        }
        Ok(trial)
    }

    /// As if there had been nothing.
    pub(super) fn begin_anew(&mut self) -> Result<(), Error> {
        self.worker.end();
        self.ground.clean().map_err(Error::io("clean up after a fault"))?;
        self.worker = Worker::start(&self.ground, self.program, self.planted)?;
        Ok(())
    }
}

/// What is left after some time to go.
fn left(ground: &Ground, host: &Host, before: &HostSnapshot) -> Vec<String> {
    match settle(&ground.scope, host, before, SETTLE) {
        Settled::Nothing | Settled::Late(_) => Vec::new(),
        Settled::Left(left) => left.iter().map(ToString::to_string).collect(),
    }
}

/// A process that launches, see [`super::worker`].
struct Worker {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    hello: Hello,
}

impl Worker {
    fn start(ground: &Ground, program: &Path, planted: Option<Planted>) -> Result<Worker, Error> {
        let job = Job {
            config: ground.bundle.config().clone(),
            bundle: ground.bundle.dir().to_owned(),
            id: ID.into(),
            token: ground.scope.token.clone(),
            groups: ground.scope.groups.clone(),
            directories: ground.scope.directories.clone(),
            planted,
        };
        let job = serde_json::to_string(&job).unwrap_or_else(|error| unreachable!("a job is JSON: {error}"));
        let mut command = Command::new(program);
        command.args(["inside", "faults", &job]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(Error::io("start a process that launches"))?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            unreachable!("both are pipes")
        };
        let mut worker = Worker {
            process,
            requests,
            answers: BufReader::new(answers),
            hello: Hello { calls: Vec::new() },
        };
        match worker.hear(LIMIT)? {
            Heard::Said(hello) => worker.hello = hello,
            Heard::Gone | Heard::Nothing => {
                return Err(Error::Launcher {
                    launcher: "core".into(),
                    problem: "a launch without a fault came to nothing; its error is above".into(),
                    remedy: "see `isolab check --quick --launcher core`".into(),
                });
            }
        }
        Ok(worker)
    }

    /// One launch. The worker is of no use any more after one that was killed or hangs.
    fn ask(&mut self, request: &Request) -> Result<Trial, Error> {
        let mut line = serde_json::to_string(request).unwrap_or_else(|error| unreachable!("{error}"));
        line.push('\n');
        self.requests.write_all(line.as_bytes()).map_err(Error::io("ask for a launch"))?;
        Ok(match self.hear(LIMIT + SETTLE)? {
            Heard::Said(trial) => trial,
            Heard::Gone => Trial::of(Outcome::Killed),
            Heard::Nothing => {
                self.process.kill().map_err(Error::io("end a launch that hangs"))?;
                Trial::of(Outcome::Hang)
            }
        })
    }

    fn hear<T: DeserializeOwned>(&mut self, within: Duration) -> Result<Heard<T>, Error> {
        let mut line = String::new();
        // A line comes in one piece: nothing of it can be in the buffer already.
        let ready = process::poll(&[self.answers.get_ref().as_fd()], Some(within));
        let ready = ready.map_err(|errno| std::io::Error::from_raw_os_error(errno.into_raw()));
        if ready.map_err(Error::io("hear from a launch"))?.is_none() {
            return Ok(Heard::Nothing);
        }
        self.answers.read_line(&mut line).map_err(Error::io("hear from a launch"))?;
        match serde_json::from_str(&line) {
            Ok(said) => Ok(Heard::Said(said)),
            Err(_) => Ok(Heard::Gone),
        }
    }
}

enum Heard<T> {
    Said(T),
    /// It is dead.
    Gone,
    /// It has not said anything in time.
    Nothing,
}

impl Worker {
    fn end(&mut self) {
        // It may be dead already, and nobody else waits for it.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}
