//! Launchers: what starts a container from a bundle.
//!
//! All of them get the same bundle. One that has no such feature says so, and is not judged by it.

pub mod bwrap;
pub mod core;
pub mod oci;
mod process;
pub mod unshare;

pub use process::become_with_terminal;

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_core::launch::Exit;
use isolab_core::plan::Mutation;
use isolab_reports::record;

use crate::bundle::Bundle;

/// How long a launcher may take to start a container, and a container to end: more is a hang, which is a result. It is
/// the limit of core's own launches too.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Whether a launcher has a feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// It has.
    Offered,
    /// It has not, by design or in this version.
    NotOffered {
        /// In what way.
        reason: String,
    },
}

/// What a container's first three descriptors are. Standard error is a file of the bundle.
#[derive(Debug)]
pub struct Stdio {
    /// 0.
    pub stdin: OwnedFd,
    /// 1.
    pub stdout: OwnedFd,
    /// Set when `stdin` is a terminal that is to be the controlling one of the launcher, which must be a process of its own: the
    /// `isolab` program, which makes it that.
    pub caller_terminal: Option<PathBuf>,
}

impl Stdio {
    /// With no terminal.
    #[must_use]
    pub fn plain(stdin: OwnedFd, stdout: OwnedFd) -> Stdio {
        Stdio { stdin, stdout, caller_terminal: None }
    }
}

/// Why a container did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The launcher refused or failed; its own last line of error.
    #[error("{0}")]
    Refused(String),
    /// The config asks for what the launcher does not do.
    #[error("{0}")]
    NotOffered(String),
    /// It did not start the container within [`LIMIT`].
    #[error("hang: not started within {} s", LIMIT.as_secs())]
    Hang,
    /// The operating system refused us something.
    #[error("{operation}: {source}")]
    System {
        /// What was attempted.
        operation: &'static str,
        /// The system's error.
        source: io::Error,
    },
}

/// The command that runs a container and ends with it, for whoever starts it in a way of their own.
#[derive(Debug)]
pub struct RunCommand {
    /// The launcher with its arguments.
    pub command: Command,
    /// What it inherits: open until it has started.
    pub inherits: Vec<File>,
}

/// Something that starts containers.
pub trait Launcher: Send + Sync {
    /// `core`, `runc`, `crun`, `bwrap`, or the name of a binary.
    fn name(&self) -> &str;

    /// Where it is, when it is an OCI runtime.
    fn runtime(&self) -> Option<&Path> {
        None
    }

    /// For the record.
    fn describe(&self) -> record::Launcher;

    /// Whether it has a feature, named as in scenario files: a primitive, or one of their `uses`.
    fn offers(&self, feature: &str) -> Offer;

    /// Starts a container and returns when its first process runs. The bundle has been written.
    ///
    /// # Errors
    /// When it does not start; nothing is left then.
    fn start(&self, bundle: &Bundle, id: &str, stdio: Stdio) -> Result<Box<dyn Running>, StartError>;

    /// Starts a container, waits until it has ended with 0, and removes it, with `/dev/null` as its input and output: the
    /// whole way without a look at it on the way, to be timed. The bundle has been written.
    ///
    /// # Errors
    /// When it does not start, or ends otherwise.
    fn run(&self, bundle: &Bundle, id: &str) -> Result<(), StartError>;

    /// What [`Launcher::run`] executes; `None` when the launcher is no program of its own. What it reads and writes beside the
    /// bundle is in `notes`, a directory.
    ///
    /// # Errors
    /// When the config asks for what it does not do, or a file for it cannot be made.
    fn run_command(
        &self,
        _bundle: &Bundle,
        _id: &str,
        _notes: &Path,
    ) -> Result<Option<RunCommand>, StartError> {
        Ok(None)
    }

    /// The OCI command line that it has or stands for, for what takes more than one command.
    fn lifecycle(&self) -> Option<&oci::Oci> {
        None
    }

    /// That command line up to its command, for containers of this bundle.
    fn command(&self, bundle: &Bundle) -> Option<Command> {
        self.lifecycle().map(|oci| oci.command_of(bundle))
    }

    /// The same launcher with mistakes in its plans; `None` when it has none that could be changed.
    fn mutant(&self, _mutations: &[Mutation]) -> Option<Box<dyn Launcher>> {
        None
    }

    /// What would help, for an error that this launcher is known for.
    fn remedy(&self, _error: &str) -> Option<&'static str> {
        None
    }
}

/// A container that was started. Dropping it ends it.
pub trait Running {
    /// Its first process, in our pid namespace.
    fn pid(&self) -> i32;

    /// Whether [`wait`](Running::wait) knows how it ended, and not only that it did.
    fn has_exit(&self) -> bool {
        true
    }

    /// Waits for its end; `None` when it still runs after `timeout`.
    ///
    /// # Errors
    /// Of the operating system.
    fn wait(&mut self, timeout: Duration) -> io::Result<Option<Exit>>;

    /// Ends its first process with `SIGKILL`.
    ///
    /// # Errors
    /// Of the operating system; a process that has ended already is fine.
    fn kill(&mut self) -> io::Result<()>;

    /// Ends it if it runs, and removes what the launcher made for it.
    ///
    /// # Errors
    /// When something is left.
    fn remove(self: Box<Self>) -> io::Result<()>;
}

/// The launchers of this host, and those that are absent.
#[derive(Default)]
pub struct Found {
    /// Those that are here, `core` first.
    pub here: Vec<Box<dyn Launcher>>,
    /// Those that are not, with how to get them.
    pub absent: Vec<record::NotTested>,
}

/// The OCI runtimes and others that are looked for, and the Debian packages that have them.
const KNOWN: [(&str, &str); 3] = [("runc", "runc"), ("crun", "crun"), ("bwrap", "bubblewrap")];
/// Those that Debian has no package of, and how to get them.
const OTHERS: [(&str, &str); 3] = [
    ("runsc", "see gvisor.dev/docs/user_guide/install"),
    ("youki", "cargo install youki"),
    ("isolab-runtime", "cargo build --release makes it beside isolab"),
];

/// Looks for all known launchers.
#[must_use]
pub fn find(host: &Host) -> Found {
    let mut found = Found::default();
    found.here.push(Box::new(core::Core::new(host)));
    for (name, package) in KNOWN {
        match in_path(name) {
            Some(path) if name == "bwrap" => found.here.push(Box::new(bwrap::Bwrap::new(path, host))),
            Some(path) => found.here.push(Box::new(oci::Oci::new(name, path))),
            None => found.absent.push(record::NotTested {
                what: format!("launcher {name}"),
                reason: "not in PATH".into(),
                remedy: format!("apt-get install {package}"),
            }),
        }
    }
    found
}

/// A launcher by name (`core`, `bwrap`, an OCI runtime in PATH) or by the path of an OCI runtime.
///
/// # Errors
/// One line, when there is no such binary.
pub fn named(name: &str, host: &Host) -> Result<Box<dyn Launcher>, String> {
    if name == "core" {
        return Ok(Box::new(core::Core::new(host)));
    }
    if name.contains('/') && !is_program(Path::new(name)) {
        return Err(format!("launcher `{name}` is not an executable file"));
    }
    let path = if name.contains('/') { Some(PathBuf::from(name)) } else { in_path(name) };
    let Some(path) = path else {
        let package = KNOWN.iter().find(|(known, _)| *known == name);
        let other = OTHERS.iter().find(|(known, _)| *known == name).map(|(_, remedy)| format!("; {remedy}"));
        let remedy = package.map(|(_, package)| format!("; apt-get install {package}")).or(other);
        let remedy = remedy.unwrap_or_default();
        return Err(format!("launcher `{name}` is not in PATH{remedy}"));
    };
    if name == "unshare" {
        return Ok(Box::new(unshare::Unshare::new(path, host)));
    }
    let short =
        path.file_name().map_or_else(|| name.to_owned(), |short| short.to_string_lossy().into_owned());
    if short == "bwrap" {
        Ok(Box::new(bwrap::Bwrap::new(path, host)))
    } else {
        Ok(Box::new(oci::Oci::new(&short, path)))
    }
}

/// Where a program is. Runtimes live in sbin, which an unprivileged user's PATH may lack; isolab's own beside isolab.
fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<_> = std::env::split_paths(&path).collect();
    let own = std::env::current_exe().ok().and_then(|own| own.parent().map(Path::to_owned));
    // Tests lie one folder below the programs that were built with them.
    let above =
        own.clone().filter(|own| own.ends_with("deps")).and_then(|own| own.parent().map(Path::to_owned));
    dirs.extend(own.into_iter().chain(above));
    dirs.extend(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from));
    dirs.into_iter().map(|dir| dir.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The first line that `PROGRAM --version` prints.
fn version(path: &Path) -> Option<String> {
    let output = std::process::Command::new(path).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}

/// Of a launcher whose workload is the first process itself.
fn no_init() -> Offer {
    Offer::NotOffered { reason: "the workload is the first process, and reaps for itself".into() }
}

/// Refuses to hand a config without a mount namespace to a program: runc mounts on the host then and leaves it there, and
/// bubblewrap cannot go without one.
fn require_mount_namespace(bundle: &Bundle) -> Result<(), StartError> {
    let namespaces = bundle.config()["linux"]["namespaces"].as_array().into_iter().flatten();
    if namespaces.into_iter().any(|namespace| namespace["type"] == "mount") {
        return Ok(());
    }
    Err(StartError::NotOffered(
        "without a mount namespace it is not launched: it would mount on the host, or has no such option"
            .into(),
    ))
}

/// The last line of a launcher's standard error, shortened: most print the cause last.
fn last_line(bundle: &Bundle) -> String {
    let text = fs::read_to_string(bundle.stderr()).unwrap_or_default();
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no error message");
    // runc logs `time="…" level=error msg="…"`.
    let line = line.split_once("msg=\"").map_or(line, |(_, message)| message.trim_end_matches('"'));
    line.chars().take(300).collect()
}
