//! One launch with questions, and the facts that come of it.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::launch::Exit;
use isolab_core::observe::Observation;
use serde_json::{Value, json};

use super::{asked, outside};
use crate::bundle::{Bundle, base_config};
use crate::canary::Canary;
use crate::cancel::{Cancel, Cancelled};
use crate::edit::{self, Edit};
use crate::facts;
use crate::group::Groups;
use crate::launcher::{LIMIT, Launcher, Running, StartError, Stdio};
use crate::probe::{Answers, PROGRAM, Questions};
use crate::schema::{Control, Guarantee, Make};
use crate::scratch::Scratch;
use crate::template;

/// Questions of one guarantee, placeholders and all.
pub(super) type Asked = BTreeMap<String, Value>;

/// Where launches happen: everything that a run of checks owns.
pub(super) struct Site<'h> {
    host: &'h Host,
    program: &'h Path,
    scratch: Scratch,
    groups: Groups,
    canary: Canary,
    /// What the host's own process looks like, for comparison.
    own: Value,
    launches: usize,
}

/// What to launch, and what to ask.
pub(super) struct Session<'g> {
    make: &'g [Make],
    /// What the guarantees ask of the config.
    config: &'g [Edit],
    /// What a control takes away again.
    fault: &'g [Edit],
    asked: BTreeMap<&'g str, Asked>,
}

/// What was seen in a session.
pub(super) struct Facts {
    inside: Answers,
    rest: Value,
}

/// Why a session has no facts.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The launcher does not do this.
    #[error("{0}")]
    NotOffered(String),
    /// The scenario does not fit.
    #[error("{0}")]
    Scenario(String),
    #[error("{0}")]
    Start(StartError),
    #[error("hang: no answer within {} s", LIMIT.as_secs())]
    Hang,
    #[error("the container ended before it answered ({exit}): {line}")]
    Silent { exit: String, line: String },
    #[error("{0}")]
    System(#[from] io::Error),
}

impl<'g> Session<'g> {
    /// For guarantees with equal edits and files, of which there is at least one.
    pub(super) fn of(guarantees: &[&'g Guarantee]) -> Session<'g> {
        let asked = guarantees.iter().map(|guarantee| (guarantee.id.as_str(), asked(guarantee))).collect();
        Session { make: &guarantees[0].make, config: &guarantees[0].config, fault: &[], asked }
    }

    /// For a guarantee with a protection missing.
    pub(super) fn control(guarantee: &'g Guarantee, control: &'g Control) -> Session<'g> {
        let mut questions = asked(guarantee);
        questions.extend(control.ask.clone());
        let asked = BTreeMap::from([(guarantee.id.as_str(), questions)]);
        Session { make: &guarantee.make, config: &guarantee.config, fault: &control.config, asked }
    }
}

impl Facts {
    /// The tree that the expectations of one guarantee look into.
    pub(super) fn of(&self, guarantee: &str) -> Value {
        let mut tree = self.rest.clone();
        tree["inside"] = json!(self.inside.get(guarantee));
        tree
    }
}

impl<'h> Site<'h> {
    pub(super) fn new(host: &'h Host, program: &'h Path) -> io::Result<Site<'h>> {
        let scratch = Scratch::new()?;
        let canary = Canary::plant(&scratch, program)?;
        let own =
            Observation::of(std::process::id().cast_signed(), &host.cgroups).map_err(io::Error::other)?;
        let groups = Groups::new(scratch.name(), host);
        Ok(Site { host, program, scratch, groups, canary, own: facts::tree(&own), launches: 0 })
    }

    pub(super) fn host(&self) -> &'h Host {
        self.host
    }

    /// Launches the base bundle without questions, to see whether the launcher works here at all.
    pub(super) fn try_base(&mut self, launcher: &dyn Launcher, cancel: &Cancel) -> Result<(), Failure> {
        let plain = Session { make: &[], config: &[], fault: &[], asked: BTreeMap::new() };
        self.run(&plain, launcher, cancel).map(drop)
    }

    /// Removes what the run made; also done on drop, where errors can only be printed.
    pub(super) fn close(self) -> io::Result<()> {
        self.groups.remove()
    }

    /// Launches, asks, looks, ends.
    pub(super) fn run(
        &mut self,
        session: &Session<'_>,
        launcher: &dyn Launcher,
        cancel: &Cancel,
    ) -> Result<Facts, Failure> {
        self.launches += 1;
        let id = format!("{}-{}", launcher.name(), self.launches);
        let dir = self.scratch.path().join(&id);
        let cpu = self.host.cpus.first().map(ToString::to_string);
        let arch = format!("SCMP_ARCH_{}", self.host.machine.to_uppercase());
        let mut values =
            json!({"canary": self.canary.facts(), "dir": dir, "id": id, "cpu": cpu, "arch": arch});
        let promised = self.config(&id, session.config, &values).map_err(Failure::Scenario)?;
        let mut launched = promised.clone();
        let fault = fill(session.fault, &values).map_err(Failure::Scenario)?;
        edit::apply(&mut launched, &fault).map_err(|error| Failure::Scenario(error.to_string()))?;
        values["config"] = promised.clone();
        let questions = questions(&session.asked, &values).map_err(Failure::Scenario)?;
        launched["process"]["args"] = json!([PROGRAM, "inside", "probe", questions]);
        let bundle = Bundle::new(&self.scratch, self.program, &id, launched)?;
        make(bundle.dir(), session.make)?;
        bundle.write()?;
        self.canary.state()?;
        let (answers, mut seen) = self.launch(&bundle, &id, &promised, launcher, cancel)?;
        let made: Vec<String> = session.make.iter().map(|make| make.path.clone()).collect();
        seen["files"] = outside::files(bundle.dir(), &made)?;
        seen["canary"] = self.canary.state()?;
        let rest = json!({"outside": seen, "host": self.own, "canary": values["canary"], "config": promised});
        crate::scratch::remove_tree(bundle.dir())?;
        Ok(Facts { inside: answers, rest })
    }

    /// The base config with a guarantee's edits.
    fn config(&self, id: &str, edits: &[Edit], values: &Value) -> Result<Value, String> {
        let mut config = base_config(self.host);
        if self.host.uid == 0 {
            config["linux"]["cgroupsPath"] = json!(self.groups.path_of(id));
        }
        let edits = fill(edits, values)?;
        edit::apply(&mut config, &edits).map_err(|error| error.to_string())?;
        Ok(config)
    }

    fn launch(
        &self,
        bundle: &Bundle,
        id: &str,
        promised: &Value,
        launcher: &dyn Launcher,
        cancel: &Cancel,
    ) -> Result<(Answers, Value), Failure> {
        let (stdin, hold) = io::pipe()?;
        let (output, stdout) = io::pipe()?;
        let stdio = Stdio { stdin: OwnedFd::from(stdin), stdout: OwnedFd::from(stdout) };
        let container = launcher.start(bundle, id, stdio).map_err(|error| match error {
            StartError::NotOffered(reason) => Failure::NotOffered(reason),
            other => Failure::Start(other),
        });
        let mut container = container?;
        let looked = self.look(container.as_mut(), bundle, promised, hold, output, cancel);
        let removed = container.remove();
        let looked = looked?;
        removed?;
        Ok(looked)
    }

    /// Reads the answers, looks from outside, and lets the container end.
    fn look(
        &self,
        container: &mut dyn Running,
        bundle: &Bundle,
        promised: &Value,
        hold: PipeWriter,
        output: PipeReader,
        cancel: &Cancel,
    ) -> Result<(Answers, Value), Failure> {
        let Some(line) = await_line(&read_line(output), cancel)? else {
            let exit = exit_text(container.wait(LIMIT)?);
            let line = fs::read_to_string(bundle.stderr()).unwrap_or_default();
            let line = line.trim().lines().last().unwrap_or_default().to_owned();
            return Err(Failure::Silent { exit, line });
        };
        let answers: Answers = serde_json::from_str(&line).map_err(io::Error::from)?;
        let seen = Observation::of(container.pid(), &self.host.cgroups).map_err(io::Error::other)?;
        let mut seen = outside::alive(&seen, promised, &bundle.rootfs(), &self.host.cgroups);
        drop(hold);
        seen["exit"] = json!(exit_text(container.wait(LIMIT)?));
        Ok((answers, seen))
    }
}

fn exit_text(exit: Option<Exit>) -> String {
    match exit {
        Some(Exit::Code(code)) => format!("exit {code}"),
        Some(Exit::Signal(signal)) => format!("signal {signal}"),
        None => "hang".into(),
    }
}

/// Fills in the placeholders of edits.
fn fill(edits: &[Edit], values: &Value) -> Result<Vec<Edit>, String> {
    let value = |value: &Value| template::fill(value, values).map_err(|error| error.to_string());
    let filled = edits.iter().map(|edit| {
        Ok(match edit {
            Edit::Set { set, to } => Edit::Set { set: set.clone(), to: value(to)? },
            Edit::Append { append, value: item } => {
                Edit::Append { append: append.clone(), value: value(item)? }
            }
            Edit::Remove { remove } => Edit::Remove { remove: remove.clone() },
        })
    });
    filled.collect()
}

/// The questions as the probe's argument.
fn questions(asked: &BTreeMap<&str, Asked>, values: &Value) -> Result<String, String> {
    let filled = template::fill(&json!(asked), values).map_err(|error| error.to_string())?;
    // Read once here, so that a mistake is the scenario's and not a container that ends without a word.
    let questions: Questions = serde_json::from_value(filled).map_err(|error| error.to_string())?;
    serde_json::to_string(&questions).map_err(|error| error.to_string())
}

/// Makes a scenario's files; those of a mapped user must be able to write them.
fn make(dir: &Path, files: &[Make]) -> io::Result<()> {
    for file in files {
        let path = dir.join(&file.path);
        if file.path.ends_with('/') {
            fs::create_dir_all(&path)?;
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        OpenOptions::new().write(true).create_new(true).open(&path)?.write_all(file.text.as_bytes())?;
    }
    Ok(())
}

/// Reads the first line in the background; the thread ends with the pipe.
fn read_line(output: PipeReader) -> Receiver<io::Result<String>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line).map(|_| line);
        // Nobody waits any more when the run was cancelled.
        drop(sender.send(read));
    });
    receiver
}

/// The line, or `None` when the output ended without one.
fn await_line(receiver: &Receiver<io::Result<String>>, cancel: &Cancel) -> Result<Option<String>, Failure> {
    const TICK: Duration = Duration::from_millis(50);
    let begun = Instant::now();
    loop {
        cancel.check()?;
        match receiver.recv_timeout(TICK) {
            Ok(line) => return Ok(Some(line?).filter(|line| line.ends_with('\n'))),
            Err(RecvTimeoutError::Timeout) if begun.elapsed() < LIMIT => {}
            Err(RecvTimeoutError::Timeout) => return Err(Failure::Hang),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}
