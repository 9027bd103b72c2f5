//! A config made ready to launch by core: validated and compiled once, launched many times.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use isolab_core::config::{Config, Violations};
use isolab_core::host::Host;
use isolab_core::launch::{self, Container, Exit, Timeline};
use isolab_core::observe::{self, Enforced, Observation};
use isolab_core::oci::{self, ReadError};
use isolab_core::plan::{Plan, PlanError};
use isolab_core::sys::{self, clock, process};
use isolab_reports::record::NotTested;
use serde_json::{Value, json};

use crate::cancel::Cancelled;
use crate::edit;
use crate::network;
use crate::template;

/// Every launch and every wait ends by then: a hang is a result, not a hang of the run.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Why something could not be launched, verified or measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The config is no OCI config.
    #[error("config: {0}")]
    Read(#[from] ReadError),
    /// The config is not valid.
    #[error("config: {0}")]
    Violations(#[from] Violations),
    /// A scenario file's edit does not fit its config.
    #[error(transparent)]
    Edit(#[from] edit::Error),
    /// A scenario file asks for something that is not known of this host.
    #[error("{0}")]
    Placeholder(String),
    /// This host cannot do what the config asks.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The launch, or something done to the container, failed.
    #[error(transparent)]
    Launch(#[from] launch::Error),
    /// A launcher did not do it.
    #[error("{launcher}: {problem}")]
    Launcher {
        /// Its name.
        launcher: String,
        /// What it says.
        problem: String,
        /// What would help.
        remedy: String,
    },
    /// The container could not be read.
    #[error(transparent)]
    Observe(#[from] observe::Error),
    /// A network for the containers could not be made.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// Something did not happen in time.
    #[error("{what} did not happen within {} s", limit.as_secs_f64())]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
    },
    /// The workload ended as it should not.
    #[error("{what} ended with {how}")]
    Ended {
        /// The workload.
        what: String,
        /// Its exit, and what it said last.
        how: String,
    },
    /// The container is not what was asked for, so its numbers do not count.
    #[error("asked is not got: {0}")]
    NotEnforced(String),
    /// A file of the run.
    #[error("{operation}: {source}")]
    Io {
        /// What was tried, with its object.
        operation: String,
        /// The system's error.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was tried.
    pub(crate) fn io(operation: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let operation = operation.into();
        move |source| Error::Io { operation, source }
    }

    /// This failure as an entry of a record; `Err` when it is no result but the end of the run.
    ///
    /// # Errors
    /// When the run was asked to stop.
    pub fn into_not_tested(self, what: &str) -> Result<NotTested, Error> {
        let remedy = match &self {
            Error::Cancelled(_) => return Err(self),
            Error::Plan(PlanError { path, problem, remedy }) => {
                let reason = format!("{path}: {problem}");
                return Ok(NotTested { what: what.into(), reason, remedy: remedy.clone() });
            }
            Error::Read(_) | Error::Violations(_) | Error::Edit(_) | Error::Placeholder(_) => {
                "correct the scenario file"
            }
            Error::Launch(_) | Error::NotEnforced(_) => {
                "`isolab host` says what this host lacks and how to get it; most of it comes with root"
            }
            Error::Launcher { remedy, .. } => remedy,
            Error::Network(_) => "run as root, on a kernel with the modules bridge and veth",
            Error::Observe(_) | Error::Late { .. } | Error::Ended { .. } => "repeat it on a quieter host",
            Error::Io { .. } => "point TMPDIR at a directory that can be written",
        };
        Ok(NotTested { what: what.into(), reason: self.to_string(), remedy: remedy.into() })
    }
}

/// A valid config and its plan for this host.
#[derive(Debug)]
pub struct Ready {
    config: Config,
    plan: Plan,
    host: Host,
    /// This process, from which the container must differ.
    own: Observation,
    null: File,
}

/// One launch from its beginning to the container's removal, in nanoseconds.
#[derive(Debug)]
pub struct Whole {
    /// The steps up to the workload's execve.
    pub timeline: Timeline,
    /// From the beginning to the return of the launch.
    pub launched: u64,
    /// From the beginning to the workload's end.
    pub ended: u64,
    /// From the beginning until everything was removed.
    pub removed: u64,
    /// CPU time of this process and of the workload's, from the beginning until everything was removed. What kernel
    /// threads do for them is not in it, nor what a container does after its first process is gone.
    pub on_cpu: u64,
}

impl Ready {
    /// Validates and compiles `config`, whose relative paths are relative to `bundle`.
    ///
    /// # Errors
    /// When the config is wrong, or this host cannot do it.
    pub fn new(config: &Value, bundle: &Path, id: &str, host: &Host) -> Result<Ready, Error> {
        Ready::read(config.to_string().as_bytes(), bundle, id, host)
    }

    /// The same of a document.
    ///
    /// # Errors
    /// As [`Ready::new`].
    pub(crate) fn read(document: &[u8], bundle: &Path, id: &str, host: &Host) -> Result<Ready, Error> {
        let spec = oci::parse(document)?;
        let config = Config::new(&spec, bundle, id)?;
        let plan = Plan::compile(&config, host)?;
        let null =
            File::options().read(true).write(true).open("/dev/null").map_err(Error::io("open /dev/null"))?;
        let own = own_observation(host)?;
        Ok(Ready { config, plan, host: host.clone(), own, null })
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Launches with the given descriptors as 0, 1 and 2.
    ///
    /// # Errors
    /// When a step fails.
    pub fn launch(&self, stdio: [BorrowedFd<'_>; 3], hold_at_exec: bool) -> Result<Container, Error> {
        let options = launch::Options { hold_at_exec, timeout: LIMIT, ..launch::Options::new(stdio) };
        Ok(launch::launch(&self.plan, &options)?)
    }

    /// Compares what was asked for with what a running container of this config got.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn enforced(&self, container: &Container) -> Result<Enforced, Error> {
        Ok(self.seen(container)?.0)
    }

    /// The same, with what was seen.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn seen(&self, container: &Container) -> Result<(Enforced, Observation), Error> {
        let mut seen = Observation::of(container.pid(), &self.host.cgroups)?;
        seen.read_sysctls(container.pid(), &self.config);
        Ok((observe::compare(&self.config, &self.host, &self.own, &seen), seen))
    }

    /// Launches a sibling that is held at its exec, reads it, and removes it.
    ///
    /// # Errors
    /// When it cannot be launched or read, or [`Error::NotEnforced`].
    pub fn verify(&self) -> Result<String, Error> {
        enforced_or_not(self.observe()?.0)
    }

    /// Launches a sibling that is held at its exec.
    ///
    /// # Errors
    /// When a step fails.
    pub(crate) fn held(&self) -> Result<Container, Error> {
        self.launch([self.null.as_fd(); 3], true)
    }

    /// Launches a sibling that is held at its exec, compares and returns what was seen of it, and removes it.
    ///
    /// # Errors
    /// When it cannot be launched or read.
    pub(crate) fn observe(&self) -> Result<(Enforced, Observation), Error> {
        let mut container = self.held()?;
        let seen = self.seen(&container)?;
        container.release()?;
        expect_success(&mut container)?;
        container.remove()?;
        Ok(seen)
    }

    /// Launches, waits for the workload's end, and removes: the whole way, with the time of each part. `planted` is CPU
    /// time, in nanoseconds, to waste on the way: a change that a comparison must find.
    ///
    /// # Errors
    /// When any of it fails, or the workload does not end with 0.
    pub fn whole(&self, planted: u64) -> Result<Whole, Error> {
        let null = self.null.as_fd();
        let (begun, own) = (Instant::now(), clock::process_cpu());
        let since = || u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        waste(planted);
        let mut container = self.launch([null; 3], false)?;
        let launched = since();
        let inside = cpu_at_end(&container)?;
        expect_success(&mut container)?;
        let ended = since();
        let timeline = container.timeline().clone();
        container.remove()?;
        let on_cpu = clock::process_cpu().saturating_sub(own) + inside;
        Ok(Whole { timeline, launched, ended, removed: since(), on_cpu })
    }
}

/// `config` with its placeholders filled in.
///
/// # Errors
/// When a placeholder leads nowhere.
pub(crate) fn filled(config: &Value, values: &Value) -> Result<Value, Error> {
    template::fill(config, values).map_err(|unknown| Error::Placeholder(unknown.to_string()))
}

/// What the kernel says of this process.
///
/// # Errors
/// When `/proc` is not there.
pub(crate) fn own_observation(host: &Host) -> Result<Observation, Error> {
    Ok(Observation::of(std::process::id().cast_signed(), &host.cgroups)?)
}

/// What scenario files can have filled in: `uid` and `gid` of this process, `architecture` in libseccomp's words, and
/// the CPUs of this process as lists, split into `cpus.first` and, when there are several, `cpus.others`.
#[must_use]
pub fn values(host: &Host) -> Value {
    let architecture = match host.machine.as_str() {
        "aarch64" => "SCMP_ARCH_AARCH64",
        _ => "SCMP_ARCH_X86_64",
    };
    let mut cpus = json!({});
    if let Some((first, others)) = host.cpus.split_first() {
        cpus["first"] = json!(first.to_string());
        if !others.is_empty() {
            let others: Vec<String> = others.iter().map(u32::to_string).collect();
            cpus["others"] = json!(others.join(","));
        }
    }
    json!({"uid": host.uid, "gid": host.gid, "architecture": architecture, "cpus": cpus})
}

/// The words for a container that is what was asked for.
///
/// # Errors
/// [`Error::NotEnforced`] when it is not.
pub(crate) fn enforced_or_not(enforced: Enforced) -> Result<String, Error> {
    match enforced {
        Enforced::Enforced => Ok(enforced.to_string()),
        Enforced::Partial { .. } | Enforced::NotEnforced { .. } => {
            Err(Error::NotEnforced(enforced.to_string()))
        }
    }
}

/// Waits for the end of the container's first process, and reads its CPU time before it is reaped.
fn cpu_at_end(container: &Container) -> Result<u64, Error> {
    let failed = |errno: sys::Errno| {
        Error::io("read the workload's CPU time")(std::io::Error::from_raw_os_error(errno.into_raw()))
    };
    if process::poll(&[container.pidfd()], Some(LIMIT)).map_err(failed)?.is_none() {
        return Err(Error::Late { what: "the workload's end".into(), limit: LIMIT });
    }
    clock::process_cpu_of(container.pid()).map_err(failed)
}

/// Uses up CPU time.
fn waste(nanoseconds: u64) {
    if nanoseconds > 0 {
        let until = clock::thread_cpu() + nanoseconds;
        while clock::thread_cpu() < until {}
    }
}

pub(crate) fn expect_success(container: &mut Container) -> Result<(), Error> {
    match container.wait(Some(LIMIT))? {
        Some(Exit::Code(0)) => Ok(()),
        Some(exit) => Err(Error::Ended { what: "the workload".into(), how: describe(&exit) }),
        None => Err(Error::Late { what: "the workload's end".into(), limit: LIMIT }),
    }
}

pub(crate) fn describe(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit status {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
    }
}
