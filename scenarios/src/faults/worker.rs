//! `core` launches in a process of its own, so that it can hang or be killed without the sweep that wants to know.
//!
//! It is given its [`Job`] as an argument, says [`Hello`] in a line of JSON once it is ready, and then answers each
//! [`Request`], a line, with a [`Trial`], a line.

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::launch::{Container, start_watcher};
use isolab_core::observe::{Enforced, stat_of};
use isolab_core::snapshot::{HostSnapshot, Scope, Settled, settle};
use isolab_core::sys::fault::{self, Act, Point};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{LIMIT, Outcome, SETTLE, Trial};
use crate::posture::Posture;
use crate::progress::say;
use crate::ready::{Error, Ready, expect_success, own_observation};

/// What it is to launch, and what belongs to that.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// The config.
    pub config: Value,
    /// The bundle's directory.
    pub bundle: PathBuf,
    /// The container.
    pub id: String,
    /// Of the scope.
    pub token: String,
    /// Of the scope.
    pub groups: Vec<PathBuf>,
    /// Of the scope.
    pub directories: Vec<PathBuf>,
    /// What it is to do wrong.
    pub planted: Option<Planted>,
}

/// What a launcher can do wrong when something fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Planted {
    /// It forgets the group that it has made.
    Left,
    /// It goes on without what it could not have: here, the seccomp filter.
    Weaker,
    /// It waits for what will not come.
    Hang,
    /// It fails without a word.
    Silent,
}

/// What it says first.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hello {
    /// The calls of a launch, from its beginning to the container's removal.
    pub calls: Vec<Call>,
}

/// One call of a launch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Call {
    /// `openat`.
    pub name: String,
    /// Where in the source: `fs.rs:16`.
    pub site: String,
    /// Which of those made there, from 1.
    pub nth: u32,
    /// Whether the launcher makes it, and not a process that it started.
    pub own: bool,
}

/// What it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// A launch in which something fails.
    Fault(Fault),
    /// A launch of what the bundle's `config.json` is now.
    Config,
}

/// What is to happen to a launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// As in [`Call`].
    pub site: String,
    /// As in [`Call`].
    pub nth: u32,
    /// The name of an errno, or `SIGKILL`.
    pub act: String,
}

/// The process's life. Its status matters to nobody: what it has to say it says.
pub fn main(job: &str) -> ExitCode {
    match serde_json::from_str(job).map_err(|error| error.to_string()).and_then(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("isolab: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn work(job: Job) -> Result<(), String> {
    // First: it is not to take part in what is recorded.
    start_watcher().map_err(|error| error.to_string())?;
    let failed = |error: Error| error.to_string();
    let launcher = Launcher::new(job).map_err(failed)?;
    let (done, points) = fault::record(|| launcher.once()).map_err(|errno| errno.to_string())?;
    if done != Outcome::Launched(Vec::new()) {
        return Err(format!("a launch without a fault: {done:?}"));
    }
    answer(&Hello { calls: points.iter().map(call).collect() })?;
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let request: Request = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        answer(&launcher.trial(&points, &request)?)?;
    }
    Ok(())
}

fn answer(said: &impl Serialize) -> Result<(), String> {
    let mut line = serde_json::to_string(said).map_err(|error| error.to_string())?;
    line.push('\n');
    io::stdout().write_all(line.as_bytes()).map_err(|error| error.to_string())
}

fn call(point: &Point) -> Call {
    Call { name: point.call.name().into(), site: point.site.to_string(), nth: point.nth, own: point.own }
}

struct Launcher {
    bundle: PathBuf,
    id: String,
    ready: Ready,
    /// What it does wrong, with what it goes on with.
    planted: Option<(Planted, Ready)>,
    posture: Posture,
    scope: Scope,
    host: Host,
    before: HostSnapshot,
}

impl Launcher {
    fn new(job: Job) -> Result<Launcher, Error> {
        let host = Host::probe();
        let ready = Ready::new(&job.config, &job.bundle, &job.id, &host)?;
        let mut weaker = job.config;
        weaker["linux"]["seccomp"] = Value::Null;
        let weaker = |planted| Ready::new(&weaker, &job.bundle, &job.id, &host).map(|ready| (planted, ready));
        let planted = job.planted.map(weaker).transpose()?;
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(ready.observe()?.1);
        }
        let mut scope = Scope::new();
        (scope.token, scope.groups, scope.directories) = (job.token, job.groups, job.directories);
        let before = HostSnapshot::take(&scope, &host);
        Ok(Launcher {
            bundle: job.bundle,
            id: job.id,
            ready,
            planted,
            posture: Posture::common(&seen, &own_observation(&host)?),
            scope,
            host,
            before,
        })
    }

    /// A launch as it was asked for, and what it left.
    fn trial(&self, points: &[Point], request: &Request) -> Result<Trial, String> {
        // The config itself is among the files.
        let changed = (*request == Request::Config).then(|| HostSnapshot::take(&self.scope, &self.host));
        let before = changed.as_ref().unwrap_or(&self.before);
        let begun = Instant::now();
        let mut trial = match request {
            Request::Fault(fault) => self.with_fault(points, fault)?,
            Request::Config => Trial::of(self.of_config()),
        };
        trial.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match settle(&self.scope, &self.host, before, SETTLE) {
            Settled::Nothing => {}
            Settled::Late(_) => trial.late = true,
            Settled::Left(left) => trial.left = left.iter().map(ToString::to_string).collect(),
        }
        Ok(trial)
    }

    fn with_fault(&self, points: &[Point], request: &Fault) -> Result<Trial, String> {
        let act: Act = request.act.parse()?;
        let of = |point: &&Point| point.site.to_string() == request.site;
        let point = points.iter().find(of).ok_or_else(|| format!("no call is made at {}", request.site))?;
        let (outcome, reached) =
            fault::inject(point.site, request.nth, act, || self.once()).map_err(|errno| errno.to_string())?;
        Ok(Trial { reached, ..Trial::of(outcome) })
    }

    /// A launch of another config, whose program waits until it has been looked at.
    fn of_config(&self) -> Outcome {
        let document = match std::fs::read(self.bundle.join("config.json")) {
            Ok(document) => document,
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        match Ready::read(&document, &self.bundle, &self.id, &self.host)
            .and_then(|ready| self.waiting(&ready))
        {
            Ok(Enforced::Enforced) => Outcome::Launched(Vec::new()),
            Ok(other) => Outcome::Launched(vec![other.to_string()]),
            Err(error) => Outcome::Refused(error.to_string()),
        }
    }

    /// Not held at its exec: a tracer that is suspended meanwhile could not let a child end whose filter refuses everything.
    fn waiting(&self, ready: &Ready) -> Result<Enforced, Error> {
        let (input, _open) = io::pipe().map_err(Error::io("make a pipe"))?;
        let null =
            File::options().read(true).write(true).open("/dev/null").map_err(Error::io("open /dev/null"))?;
        let container = ready.launch([input.as_fd(), null.as_fd(), null.as_fd()], false)?;
        await_first_read(container.pid());
        let enforced = ready.enforced(&container)?;
        container.remove()?;
        Ok(enforced)
    }

    /// One launch, to the removal of the container.
    fn once(&self) -> Outcome {
        match (self.ready.held(), &self.planted) {
            (Ok(container), _) => self.through(container),
            (Err(error), None) => Outcome::Refused(error.to_string()),
            (Err(error), Some((planted, weaker))) => self.wrong(*planted, weaker, &error),
        }
    }

    /// What is planted, for the want of a launcher that errs.
    fn wrong(&self, planted: Planted, weaker: &Ready, error: &Error) -> Outcome {
        match planted {
            Planted::Left => {
                let directory = weaker.plan().directories.first().map(|directory| &directory.path);
                drop(directory.map(std::fs::create_dir));
            }
            Planted::Weaker => match fault::aside(|| weaker.held()) {
                Ok(container) => return self.through(container),
                Err(error) => return Outcome::Refused(error.to_string()),
            },
            Planted::Hang => std::thread::sleep(LIMIT * 10),
            Planted::Silent => return Outcome::Refused(String::new()),
        }
        Outcome::Refused(error.to_string())
    }

    /// A container's way from its exec to its removal.
    fn through(&self, mut container: Container) -> Outcome {
        let differences = fault::aside(|| self.look(&container));
        let ended = container.release().map_err(Error::from).and_then(|()| expect_success(&mut container));
        match ended.and(container.remove().map_err(Error::from)) {
            // What it is told of first is what it is.
            Err(error) if differences.is_empty() => Outcome::Refused(error.to_string()),
            _ => Outcome::Launched(differences),
        }
    }

    /// What the container is not that was asked for, or that it is otherwise.
    fn look(&self, container: &Container) -> Vec<String> {
        let seen = match self.ready.seen(container) {
            Ok((Enforced::Enforced, seen)) => seen,
            Ok((other, _)) => return vec![other.to_string()],
            Err(error) => return vec![error.to_string()],
        };
        self.posture.differences(&seen)
    }
}

/// Waits until a program does, whatever for, or has ended. A parent that vfork(2) has suspended goes on in the middle of the exec: the
/// old environment may still be there, and the time namespace is entered after that.
fn await_first_read(pid: i32) {
    let begun = Instant::now();
    while begun.elapsed() < SETTLE && stat_of(pid).is_some_and(|stat| !matches!(stat.state, 'S' | 'Z' | 'X'))
    {
        std::thread::sleep(Duration::from_micros(100));
    }
}
