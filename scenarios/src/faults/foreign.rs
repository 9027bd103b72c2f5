//! Launches by a program, with a fault: how it ends, what the container is, what is left.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::observe::Observation;
use isolab_core::snapshot::{HostSnapshot, How, Kind, Settled, settle};

use super::ground::{Ground, ID};
use super::{LIMIT, Outcome, SETTLE, Trial};
use crate::launcher::{Launcher, RunCommand};
use crate::posture::Posture;
use crate::ready::{Error, own_observation};
use crate::scratch::{Scratch, remove_tree};
use crate::workload::exit;

/// How often one looks.
const TICK: Duration = Duration::from_millis(2);

/// What stays the same over all launches of a sweep.
pub(super) struct Foreign<'l> {
    launcher: &'l dyn Launcher,
    pub(super) ground: Ground,
    /// Where the launcher's standard error and the like go, outside of what is looked at.
    pub(super) notes: Scratch,
    host: Host,
    config: Config,
    posture: Posture,
    before: HostSnapshot,
}

/// What a launcher came to in one launch.
pub(super) struct Attempt {
    /// `None` when it hangs.
    pub(super) status: Option<ExitStatus>,
    /// Its standard error.
    pub(super) said: String,
    /// What was seen of the container, if it came to its program.
    seen: Option<Observation>,
}

impl<'l> Foreign<'l> {
    /// Launches some times without a fault, to know what is right. `wrap` is what the launcher will be started by.
    ///
    /// # Errors
    /// When it does not launch then.
    pub(super) fn new(
        launcher: &'l dyn Launcher,
        program: &Path,
        host: &Host,
        wrap: &[String],
    ) -> Result<Foreign<'l>, Error> {
        let name = launcher.name();
        // What is no OCI runtime takes the least: a config that it cannot have is none of its faults.
        let ground = Ground::new(program, host, launcher.runtime().map(|_| 0), exit::HOLD)?;
        let config = ground.bundle.load(ID).map_err(|error| refused(name, &error.to_string()))?;
        let mut foreign = Foreign {
            launcher,
            ground,
            notes: Scratch::new().map_err(Error::io("make a scratch directory"))?,
            host: host.clone(),
            config,
            posture: Posture::default(),
            before: HostSnapshot::default(),
        };
        let mut seen = Vec::new();
        for _ in 0..3 {
            let attempt = foreign.attempt(wrap, true)?;
            match (attempt.status, attempt.seen) {
                (Some(status), Some(one)) if status.success() => seen.push(one),
                _ => {
                    return Err(refused(
                        name,
                        &format!("a launch without a fault: {}", last_line(&attempt.said)),
                    ));
                }
            }
        }
        foreign.posture = Posture::common(&seen, &own_observation(host)?);
        foreign.look_anew();
        Ok(foreign)
    }

    /// What is there now is what there is before the next launch.
    pub(super) fn look_anew(&mut self) {
        self.before = self.look();
    }

    fn look(&self) -> HostSnapshot {
        HostSnapshot::take(&self.ground.scope, &self.host)
    }

    /// One launch. With `hold` the container's program runs until it has been looked at, otherwise it ends at once.
    pub(super) fn attempt(&self, wrap: &[String], hold: bool) -> Result<Attempt, Error> {
        let stderr = self.notes.path().join("stderr");
        let mut launcher = self.start(wrap, &stderr, hold)?;
        let begun = Instant::now();
        let mut seen = None;
        let status = loop {
            if let Some(status) = launcher.try_wait().map_err(Error::io("wait for the launcher"))? {
                break Some(status);
            }
            if seen.is_none() && hold {
                seen = self.ground.program().and_then(|pid| self.observe(pid));
                if seen.is_some() {
                    // Its end is the program's end.
                    launcher.stdin = None;
                }
            }
            if begun.elapsed() > LIMIT {
                self.end(&mut launcher)?;
                break None;
            }
            thread::sleep(TICK);
        };
        let said = String::from_utf8_lossy(&fs::read(&stderr).unwrap_or_default()).into_owned();
        Ok(Attempt { status, said, seen })
    }

    fn start(&self, wrap: &[String], stderr: &Path, hold: bool) -> Result<Child, Error> {
        let stderr = File::create(stderr).map_err(Error::io("make the file for standard error"))?;
        let name = self.launcher.name();
        // What it inherits is open until it has been started.
        let RunCommand { command, inherits: _open } = self
            .launcher
            .run_command(&self.ground.bundle, ID, self.notes.path())
            .map_err(|error| refused(name, &error.to_string()))?
            .ok_or_else(|| refused(name, "it is no program of its own"))?;
        let mut command = wrapped(wrap, &command);
        let (token, value) = (isolab_core::snapshot::VARIABLE, &self.ground.scope.token);
        command.env(token, value).stdin(if hold { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::null()).stderr(stderr);
        command.spawn().map_err(|error| {
            let by = command.get_program().display();
            Error::Launcher {
                launcher: name.into(),
                problem: format!("start it by {by}: {error}"),
                remedy: format!("install {by}; into guests of the kernel lab it is carried by --with"),
            }
        })
    }

    /// Where the launcher keeps its state, if it has one.
    pub(super) fn state(&self) -> Option<PathBuf> {
        self.launcher.lifecycle().map(|oci| oci.state(&self.ground.bundle))
    }

    fn observe(&self, pid: i32) -> Option<Observation> {
        let mut seen = Observation::of(pid, &self.host.cgroups).ok()?;
        seen.read_sysctls(pid, &self.config);
        // What a launcher ended meanwhile, being about to refuse, was seen in parts.
        (self.ground.program() == Some(pid)).then_some(seen)
    }

    /// Ends what hangs, with all that it has started.
    fn end(&self, launcher: &mut Child) -> Result<(), Error> {
        launcher.kill().map_err(Error::io("end the launcher"))?;
        self.ground.clean().map_err(Error::io("clean up after a launch that hangs"))?;
        launcher.wait().map(drop).map_err(Error::io("end the launcher"))
    }

    /// What came of a launch, and what it left. `killed` when its launcher was: that may leave what recovery removes.
    /// Afterwards all is as before it.
    pub(super) fn judge(&self, attempt: &Attempt, killed: bool) -> Result<Trial, Error> {
        let mut trial = Trial::of(self.outcome(attempt, killed));
        let first = match self.settled() {
            Settled::Nothing => return Ok(trial),
            Settled::Late(_) => return Ok(Trial { late: true, ..trial }),
            Settled::Left(left) => left,
        };
        let lines =
            |left: &[isolab_core::snapshot::Left]| left.iter().map(ToString::to_string).collect::<Vec<_>>();
        trial.left = lines(&first);
        if killed {
            self.recover();
            let left = match self.settled() {
                Settled::Left(left) => lines(&left),
                Settled::Nothing | Settled::Late(_) => Vec::new(),
            };
            trial.recovered = trial.left.iter().filter(|line| !left.contains(line)).cloned().collect();
            trial.left = left;
        }
        self.clean()?;
        Ok(trial)
    }

    fn outcome(&self, attempt: &Attempt, killed: bool) -> Outcome {
        let Some(status) = attempt.status else { return Outcome::Hang };
        let differences = attempt.seen.as_ref().map(|seen| self.posture.differences(seen));
        match differences {
            Some(differences) if !differences.is_empty() => Outcome::Launched(differences),
            _ if killed => Outcome::Killed,
            Some(same) if status.success() => Outcome::Launched(same),
            None if status.success() => Outcome::Nothing,
            _ => Outcome::Refused(last_line(&attempt.said)),
        }
    }

    fn settled(&self) -> Settled {
        settle(&self.ground.scope, &self.host, &self.before, SETTLE)
    }

    /// What a launcher has for its own leftovers.
    fn recover(&self) {
        // Without a state there is nothing that it could know of.
        let Some(mut command) = self.launcher.command(&self.ground.bundle) else { return };
        let is_isolab = self.launcher.name() == "isolab-runtime";
        let words: &[&str] = if is_isolab { &["recover"] } else { &["delete", "--force", ID] };
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
        // How it went shows by what is left then.
        drop(command.stderr(Stdio::null()).status());
    }

    /// As if it had never been launched.
    fn clean(&self) -> Result<(), Error> {
        self.recover();
        self.ground.clean().map_err(Error::io("clean up after a fault"))?;
        for left in self.before.diff(&self.look()) {
            // What is in a directory that was removed is gone with it.
            if left.kind == Kind::Files && matches!(left.how, How::Appeared { .. }) {
                let path = Path::new(&left.what);
                let removed = if path.is_dir() && !path.is_symlink() {
                    remove_tree(path)
                } else {
                    fs::remove_file(path).or_else(|error| match error.kind() {
                        io::ErrorKind::NotFound => Ok(()),
                        _ => Err(error),
                    })
                };
                removed.map_err(Error::io(format!("remove {}", path.display())))?;
            }
        }
        match self.before.diff(&self.look()).first() {
            None => Ok(()),
            Some(left) => Err(Error::io("clean up after a fault")(io::Error::other(left.to_string()))),
        }
    }
}

/// The command as the last words of another one, without the caller's environment: what some launchers hand on would be in the
/// record.
fn wrapped(wrap: &[String], command: &Command) -> Command {
    let words = wrap.iter().map(OsStr::new).chain([command.get_program()]).chain(command.get_args());
    let words: Vec<&OsStr> = words.collect();
    let mut wrapped = Command::new(words[0]);
    wrapped.args(&words[1..]).env_clear();
    wrapped.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    wrapped.envs(command.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
    wrapped
}

fn refused(launcher: &str, problem: &str) -> Error {
    let remedy = format!(
        "see what {launcher} says of a plain config on this host: isolab check --quick --launcher {launcher}"
    );
    Error::Launcher { launcher: launcher.into(), problem: problem.into(), remedy }
}

fn last_line(said: &str) -> String {
    said.lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or_default()
        .chars()
        .take(1000)
        .collect()
}
