//! Any OCI runtime with runc's command line: `run --bundle DIR --pid-file FILE ID`.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio as ProcessStdio};
use std::time::Duration;

use isolab_core::launch::Exit;
use isolab_core::sys::process as sys_process;
use isolab_reports::record;
use serde_json::Value;

use super::process::{self, Foreground};
use super::{Launcher, Offer, RunCommand, Running, StartError, Stdio, version};
use crate::bundle::Bundle;

/// An OCI runtime's binary.
#[derive(Debug, Clone)]
pub struct Oci {
    name: String,
    path: PathBuf,
    version: Option<String>,
    /// What `features` prints (runtime-spec, features.md), for runtimes that have it.
    features: Option<Value>,
}

impl Oci {
    /// Asks the binary for its version and features.
    #[must_use]
    pub fn new(name: &str, path: PathBuf) -> Oci {
        let version = version(&path);
        let features = features(&path);
        Oci { name: name.into(), path, version, features }
    }
}

impl Oci {
    /// The command up to the container's id, and what removes the container.
    fn command(&self, bundle: &Bundle, id: &str) -> Result<(Command, Delete), StartError> {
        super::require_mount_namespace(bundle)?;
        let mut command = self.command_of(bundle);
        command.args(["run", "--bundle"]).arg(bundle.dir());
        Ok((command, self.delete(bundle, id)))
    }

    /// The command line with its state's directory, which is the bundle's own: what another one has left there is none of
    /// its business.
    pub(super) fn command_of(&self, bundle: &Bundle) -> Command {
        let mut command = Command::new(&self.path);
        command.arg("--root").arg(self.state(bundle));
        command
    }

    pub(crate) fn state(&self, bundle: &Bundle) -> PathBuf {
        bundle.dir().join(format!("state-{}", self.name))
    }

    fn delete(&self, bundle: &Bundle, id: &str) -> Delete {
        Delete { runtime: self.path.clone(), state: self.state(bundle), id: id.into() }
    }

    /// Creates a container that waits for the command `start`. With a console socket, its terminal is sent there.
    ///
    /// # Errors
    /// As [`Launcher::start`].
    pub fn create(
        &self,
        bundle: &Bundle,
        id: &str,
        stdio: Stdio,
        console: Option<&Path>,
    ) -> Result<Box<dyn Running>, StartError> {
        let system = |operation| move |source| StartError::System { operation, source };
        super::require_mount_namespace(bundle)?;
        let pid_file = bundle.dir().join("pid");
        let mut command = self.command_of(bundle);
        command.args(["create", "--bundle"]).arg(bundle.dir()).arg("--pid-file").arg(&pid_file);
        if let Some(console) = console {
            command.arg("--console-socket").arg(console);
        }
        command.arg(id);
        let delete = self.delete(bundle, id);
        if let Err(error) = process::finish(command, bundle, stdio) {
            delete.run().map_err(system("clean up after a failed create"))?;
            return Err(error);
        }
        let pid = fs::read_to_string(&pid_file).ok().and_then(|text| text.trim().parse().ok());
        let Some(pid) = pid else {
            delete.run().map_err(system("clean up after a failed create"))?;
            return Err(StartError::Refused("create has written no pid file".into()));
        };
        let init = isolab_core::sys::process::pidfd_open(pid);
        let init = init.map_err(|errno| io::Error::from_raw_os_error(errno.into_raw()));
        Ok(Box::new(Created { pid, init: init.map_err(system("find the created process"))?, delete }))
    }
}

impl Oci {
    /// Starts what was created.
    ///
    /// # Errors
    /// With what the command says.
    pub fn begin(&self, bundle: &Bundle, id: &str) -> Result<(), StartError> {
        let mut command = self.command_of(bundle);
        command.arg("start").arg(id).stdin(ProcessStdio::null());
        let output = command.output();
        let output =
            output.map_err(|source| StartError::System { operation: "start the launcher", source })?;
        if output.status.success() {
            return Ok(());
        }
        Err(StartError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

fn features(path: &Path) -> Option<Value> {
    let output = Command::new(path).arg("features").stderr(ProcessStdio::null()).output().ok()?;
    if output.status.success() { serde_json::from_slice(&output.stdout).ok() } else { None }
}

impl Launcher for Oci {
    fn name(&self) -> &str {
        &self.name
    }

    fn lifecycle(&self) -> Option<&Oci> {
        Some(self)
    }

    fn runtime(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn describe(&self) -> record::Launcher {
        record::Launcher {
            name: self.name.clone(),
            version: self.version.clone(),
            path: Some(self.path.display().to_string()),
        }
    }

    fn offers(&self, feature: &str) -> Offer {
        if feature == "landlock" && self.name != "core" && self.name != "isolab-runtime" {
            return Offer::NotOffered { reason: "the runtime-spec has no word for Landlock".into() };
        }
        if feature == "init" {
            return super::no_init();
        }
        let listed = self.features.as_ref().and_then(|features| features["linux"]["namespaces"].as_array());
        match (feature.strip_suffix(" namespace"), listed) {
            (Some(kind), Some(listed)) if !listed.iter().any(|one| one == kind) => {
                Offer::NotOffered { reason: format!("`{} features` lists no {kind} namespace", self.name) }
            }
            _ => Offer::Offered,
        }
    }

    fn start(&self, bundle: &Bundle, id: &str, stdio: Stdio) -> Result<Box<dyn Running>, StartError> {
        let pid_file = bundle.dir().join("pid");
        // One that an earlier container of the bundle has left would be taken for this one's.
        match fs::remove_file(&pid_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StartError::System { operation: "remove the last pid file", source: error });
            }
            _ => {}
        }
        let (mut command, delete) = self.command(bundle, id)?;
        command.arg("--pid-file").arg(&pid_file).arg(id);
        // The file is renamed into place, or written in one go; half a number is not one that ends a line.
        let pid = move |_| fs::read_to_string(&pid_file).ok()?.trim().parse().ok();
        match Foreground::start(command, bundle, stdio, pid) {
            Ok(foreground) => Ok(Box::new(Container { foreground, delete })),
            Err(error) => {
                delete.run().map_err(|source| StartError::System {
                    operation: "clean up after a failed start",
                    source,
                })?;
                Err(error)
            }
        }
    }

    fn run(&self, bundle: &Bundle, id: &str) -> Result<(), StartError> {
        let (mut command, delete) = self.command(bundle, id)?;
        command.arg(id);
        let run = process::complete(command, bundle);
        // The runtime has removed the container when its command is done; only after a failure there is something to do.
        delete.run().map_err(|source| StartError::System { operation: "clean up after a run", source })?;
        run
    }

    fn run_command(&self, bundle: &Bundle, id: &str, notes: &Path) -> Result<Option<RunCommand>, StartError> {
        let (mut command, _delete) = self.command(bundle, id)?;
        command.arg("--pid-file").arg(notes.join("pid")).arg(id);
        Ok(Some(RunCommand { command, inherits: Vec::new() }))
    }

    fn remedy(&self, error: &str) -> Option<&'static str> {
        (self.name == "crun" && error.contains("hybrid")).then_some(
            "this crun refuses hosts with v1 groups whose v2 tree still has a controller, usually hugetlb: move it to v1, \
             mkdir /sys/fs/cgroup/hugetlb && mount -t cgroup -o hugetlb cgroup /sys/fs/cgroup/hugetlb",
        )
    }
}

struct Container {
    foreground: Foreground,
    delete: Delete,
}

impl Running for Container {
    fn pid(&self) -> i32 {
        self.foreground.pid()
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<Option<Exit>> {
        self.foreground.wait(timeout)
    }

    fn kill(&mut self) -> io::Result<()> {
        self.foreground.kill()
    }

    fn remove(mut self: Box<Self>) -> io::Result<()> {
        self.foreground.end()?;
        self.delete.run()
    }
}

/// A container whose launcher has ended.
struct Created {
    pid: i32,
    init: OwnedFd,
    delete: Delete,
}

impl Running for Created {
    fn pid(&self) -> i32 {
        self.pid
    }

    /// Its launcher was its parent.
    fn has_exit(&self) -> bool {
        false
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<Option<Exit>> {
        let ended = sys_process::poll(&[self.init.as_fd()], Some(timeout));
        let ended = ended.map_err(|errno| io::Error::from_raw_os_error(errno.into_raw()))?;
        Ok(ended.map(|_| Exit::Code(0)))
    }

    fn kill(&mut self) -> io::Result<()> {
        process::kill(&self.init)
    }

    fn remove(mut self: Box<Self>) -> io::Result<()> {
        self.kill()?;
        self.wait(super::LIMIT)?;
        self.delete.run()
    }
}

/// What the runtime keeps of a container.
struct Delete {
    runtime: PathBuf,
    state: PathBuf,
    id: String,
}

impl Delete {
    /// `delete --force`, unless the runtime has cleaned up by itself, as `run` does in the foreground.
    fn run(&self) -> io::Result<()> {
        if !self.state.join(&self.id).exists() {
            return Ok(());
        }
        let mut command = Command::new(&self.runtime);
        command.arg("--root").arg(&self.state).args(["delete", "--force", &self.id]);
        let output = command.stdin(ProcessStdio::null()).output()?;
        if output.status.success() || !self.state.join(&self.id).exists() {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "delete {}: {}",
            self.id,
            String::from_utf8_lossy(&output.stderr).trim()
        )))
    }
}
