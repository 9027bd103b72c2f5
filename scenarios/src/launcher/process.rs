//! A launcher that is a program of its own: it runs in the foreground beside the container and ends with it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio as ProcessStdio};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::launch::Exit;
use isolab_core::sys::process as sys_process;

use super::{LIMIT, Running, StartError, Stdio};
use crate::bundle::Bundle;
use crate::progress::say;

/// How often the launcher is looked at while one waits for it.
const TICK: Duration = Duration::from_millis(1);

/// errno(3)
const ESRCH: i32 = 3;

/// The launcher's process, and the container's first one.
#[derive(Debug)]
pub(super) struct Foreground {
    launcher: Child,
    pid: i32,
    init: OwnedFd,
    exit: Option<Exit>,
}

impl Foreground {
    /// Starts the launcher and waits until `pid` finds the container's first process, which may take the launcher's own number.
    pub(super) fn start(
        mut command: Command,
        bundle: &Bundle,
        stdio: Stdio,
        mut pid: impl FnMut(u32) -> Option<i32>,
    ) -> Result<Foreground, StartError> {
        let system = |operation| move |source| StartError::System { operation, source };
        let stderr = File::create(bundle.stderr()).map_err(system("make the file for standard error"))?;
        if let Some(program) = &stdio.caller_terminal {
            command = with_terminal(program, &command);
        }
        // The caller is sloppy on purpose: what it has in its environment must not reach the workload.
        command.env("ISOLAB_CANARY", "canary").stdin(stdio.stdin).stdout(stdio.stdout).stderr(stderr);
        let mut launcher = command.spawn().map_err(system("start the launcher"))?;
        // The command holds our ends of the pipes, which would keep them open.
        drop(command);
        let begun = Instant::now();
        loop {
            if let Some(pid) = pid(launcher.id()) {
                let init = sys_process::pidfd_open(pid);
                let init = init.map_err(|errno| io::Error::from_raw_os_error(errno.into_raw()));
                return match init {
                    Ok(init) => Ok(Foreground { launcher, pid, init, exit: None }),
                    // It has ended already, and its launcher is about to say why.
                    Err(source) if source.raw_os_error() == Some(ESRCH) && ends(&mut launcher) => {
                        Err(StartError::Refused(super::last_line(bundle)))
                    }
                    Err(source) => {
                        end(&mut launcher).map_err(system("end the launcher"))?;
                        Err(StartError::System { operation: "find the container's first process", source })
                    }
                };
            }
            match launcher.try_wait().map_err(system("wait for the launcher"))? {
                Some(_) => return Err(StartError::Refused(super::last_line(bundle))),
                None if begun.elapsed() > LIMIT => {
                    end(&mut launcher).map_err(system("end the launcher"))?;
                    return Err(StartError::Hang);
                }
                None => thread::sleep(TICK),
            }
        }
    }

    /// Ends the container and the launcher. The launcher gets its time to clean up, then is killed.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if self.exit.is_none() {
            self.kill()?;
            if self.wait(LIMIT)?.is_none() {
                end(&mut self.launcher)?;
            }
        }
        Ok(())
    }
}

impl Running for Foreground {
    fn pid(&self) -> i32 {
        self.pid
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<Option<Exit>> {
        let begun = Instant::now();
        while self.exit.is_none() {
            match self.launcher.try_wait()? {
                // A launcher reports its container's signal as 128 and its number, as shells do.
                Some(status) => {
                    let code = status
                        .code()
                        .map(|code| if code > 128 { Exit::Signal(code - 128) } else { Exit::Code(code) });
                    self.exit = code.or_else(|| status.signal().map(Exit::Signal));
                }
                None if begun.elapsed() >= timeout => return Ok(None),
                None => thread::sleep(TICK),
            }
        }
        Ok(self.exit)
    }

    fn kill(&mut self) -> io::Result<()> {
        kill(&self.init)
    }

    fn remove(mut self: Box<Self>) -> io::Result<()> {
        self.end()
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            say(&format!("isolab: cannot end the container of process {}: {error}", self.pid));
        }
    }
}

/// Ends a process; one that has ended already is fine.
pub(super) fn kill(process: &OwnedFd) -> io::Result<()> {
    /// signal(7)
    const SIGKILL: i32 = 9;
    match sys_process::signal(process, SIGKILL) {
        Ok(()) | Err(isolab_core::sys::Errno::ESRCH) => Ok(()),
        Err(errno) => Err(io::Error::from_raw_os_error(errno.into_raw())),
    }
}

/// The same command, as the leader of a session whose controlling terminal is its standard input.
fn with_terminal(isolab: &Path, command: &Command) -> Command {
    let mut wrapped = Command::new(isolab);
    wrapped.args(["inside", "terminal"]).arg(command.get_program()).args(command.get_args());
    wrapped
}

/// `isolab inside terminal PROGRAM ARGUMENTS`: becomes the program. Returns only when it cannot.
#[must_use]
pub fn become_with_terminal(arguments: &[String]) -> std::process::ExitCode {
    use std::os::unix::process::CommandExt;
    let ready = sys_process::setsid().and_then(|()| isolab_core::sys::terminal::control(io::stdin().as_fd()));
    match (ready, arguments.split_first()) {
        (Ok(()), Some((program, rest))) => {
            say(&format!("isolab: {program}: {}", Command::new(program).args(rest).exec()));
        }
        (Ok(()), None) => say("isolab: no program to become"),
        (Err(errno), _) => say(&format!("isolab: take a controlling terminal: {errno}")),
    }
    std::process::ExitCode::FAILURE
}

/// Runs a launcher's command that ends while its container goes on.
pub(super) fn finish(mut command: Command, bundle: &Bundle, stdio: Stdio) -> Result<(), StartError> {
    let system = |operation| move |source| StartError::System { operation, source };
    let stderr = File::create(bundle.stderr()).map_err(system("make the file for standard error"))?;
    command.stdin(stdio.stdin).stdout(stdio.stdout).stderr(stderr);
    await_success(command, bundle)
}

/// Runs the launcher to its own end, which is that of the container too, without looking at either on the way.
pub(super) fn complete(mut command: Command, bundle: &Bundle) -> Result<(), StartError> {
    let system = |operation| move |source| StartError::System { operation, source };
    let stderr = File::create(bundle.stderr()).map_err(system("make the file for standard error"))?;
    command.stdin(ProcessStdio::null()).stdout(ProcessStdio::null()).stderr(stderr);
    await_success(command, bundle)
}

fn await_success(mut command: Command, bundle: &Bundle) -> Result<(), StartError> {
    let system = |operation| move |source| StartError::System { operation, source };
    let mut launcher = command.spawn().map_err(system("start the launcher"))?;
    // It holds the container's ends of the pipes.
    drop(command);
    let waited = sys_process::pidfd_open(launcher.id().cast_signed())
        .and_then(|pidfd| sys_process::poll(&[pidfd.as_fd()], Some(LIMIT)))
        .map_err(|errno| io::Error::from_raw_os_error(errno.into_raw()));
    if !matches!(waited, Ok(Some(_))) {
        end(&mut launcher).map_err(system("end the launcher"))?;
    }
    if waited.map_err(system("wait for the launcher"))?.is_none() {
        return Err(StartError::Hang);
    }
    let status = launcher.wait().map_err(system("wait for the launcher"))?;
    if status.success() { Ok(()) } else { Err(StartError::Refused(super::last_line(bundle))) }
}

/// Whether it ends by itself in time.
fn ends(launcher: &mut Child) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        match launcher.try_wait() {
            Ok(Some(_)) => return true,
            Ok(None) => thread::sleep(TICK),
            Err(_) => return false,
        }
    }
    false
}

fn end(launcher: &mut Child) -> io::Result<()> {
    launcher.kill()?;
    launcher.wait().map(drop)
}
