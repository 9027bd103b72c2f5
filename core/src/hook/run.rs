//! Running the hooks that run outside the container.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use super::{Hook, Point};
use crate::sys::{self, process};

/// Why a hook failed.
#[derive(Debug, thiserror::Error)]
#[error("hook {point} {}: {problem}", path.display())]
pub struct Error {
    /// When it was to run.
    pub point: Point,
    /// The program.
    pub path: PathBuf,
    /// What went wrong, with the end of what it said.
    pub problem: String,
}

/// The most that is kept of what a hook says.
const KEPT: u64 = 4096;

/// Runs one hook to its end, in `directory` if that exists, with a container's state as JSON on its standard input.
///
/// A hook that takes longer than its timeout is killed, with all of its process group.
///
/// # Errors
/// When it cannot be executed, ends with another status than 0, or takes too long.
pub fn run(point: Point, hook: &Hook, state: &[u8], directory: &Path) -> Result<(), Error> {
    let failed = |problem: String| Error { point, path: hook.path.clone(), problem };
    let system = |error: std::io::Error| failed(error.to_string());
    // Files, not pipes: a hook that reads nothing cannot block this process, and one that leaves a process behind that
    // keeps its standard error open cannot either.
    let mut input = memory().map_err(system)?;
    input.write_all(state).and_then(|()| input.rewind()).map_err(system)?;
    let output = memory().map_err(system)?;
    let mut command = Command::new(&hook.path);
    command.arg0(&hook.args[0]).args(&hook.args[1..]).env_clear().process_group(0);
    command.envs(hook.env.iter().filter_map(|entry| entry.split_once('=')));
    command.stdin(input).stdout(output.try_clone().map_err(system)?);
    command.stderr(output.try_clone().map_err(system)?);
    if directory.is_dir() {
        command.current_dir(directory);
    }
    let child = command.spawn().map_err(system)?;
    let timeout = hook.timeout.map(|seconds| Duration::from_secs(seconds.into()));
    match end(child, timeout).map_err(system)? {
        None => Err(failed(format!("killed after {} s{}", hook.timeout.unwrap_or(0), said(output)))),
        Some(status) if status.success() => Ok(()),
        Some(status) => {
            let ended = match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit status {code}"),
                (None, Some(signal)) => format!("ended by signal {signal}"),
                (None, None) => "ended".to_owned(),
            };
            Err(failed(ended + &said(output)))
        }
    }
}

fn memory() -> std::io::Result<File> {
    let file = sys::fs::memory_file(c"hook").map_err(|errno| from_raw(errno.into_raw()))?;
    Ok(File::from(file))
}

fn from_raw(errno: i32) -> std::io::Error {
    std::io::Error::from_raw_os_error(errno)
}

/// How it ended; `None` when it had to be killed.
fn end(mut child: Child, timeout: Option<Duration>) -> std::io::Result<Option<ExitStatus>> {
    let pid = child.id().cast_signed();
    let ended = process::pidfd_open(pid).and_then(|pidfd| process::poll(&[pidfd.as_fd()], timeout));
    match ended {
        Ok(Some(_)) => child.wait().map(Some),
        Ok(None) => {
            // The negative number is its process group (kill(2)). It is not reaped yet, so the number is its own.
            process::kill(-pid).map_err(|errno| from_raw(errno.into_raw()))?;
            child.wait().map(|_| None)
        }
        Err(errno) => {
            child.kill()?;
            child.wait()?;
            Err(from_raw(errno.into_raw()))
        }
    }
}

/// The end of what it wrote, as a part of a sentence.
fn said(mut output: File) -> String {
    let length = output.stream_position().unwrap_or(0);
    let mut text = Vec::new();
    let read = output
        .seek(std::io::SeekFrom::Start(length.saturating_sub(KEPT)))
        .and_then(|_| output.read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    match (read, text.trim()) {
        (Err(_), _) | (_, "") => String::new(),
        (Ok(_), text) => format!("; it said: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Option<u32>) -> Result<(), Error> {
        let hook = Hook {
            path: "/bin/sh".into(),
            args: vec!["sh".into(), "-c".into(), script.into()],
            env: vec!["A=b=c".into()],
            timeout,
        };
        run(Point::Poststop, &hook, b"{\"id\":\"c1\"}", Path::new("/tmp"))
    }

    fn problem(script: &str, timeout: Option<u32>) -> String {
        shell(script, timeout).unwrap_err().to_string()
    }

    #[test]
    fn it_is_given_state_environment_and_directory() {
        let script =
            r#"test "$(cat)" = '{"id":"c1"}' && test "$A" = b=c && test -z "$CARGO" && test "$PWD" = /tmp"#;
        shell(script, None).unwrap();
        assert_eq!(problem("test \"$A\" = other", None), "hook poststop /bin/sh: exit status 1");
    }

    #[test]
    fn what_it_says_is_part_of_the_error() {
        let said = problem("echo one; echo two >&2; exit 3", None);
        assert_eq!(said, "hook poststop /bin/sh: exit status 3; it said: one\ntwo");
        assert_eq!(problem("kill -9 $$", None), "hook poststop /bin/sh: ended by signal 9");
    }

    #[test]
    fn a_large_state_that_nobody_reads_blocks_nobody() {
        let hook =
            Hook { path: "/bin/true".into(), args: vec!["true".into()], env: Vec::new(), timeout: None };
        run(Point::Poststart, &hook, &vec![b' '; 1 << 20], Path::new("/")).unwrap();
    }

    /// A file for the number of a process that a hook starts.
    fn sleeper(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("isolab-hook-{name}-{}", std::process::id()))
    }

    fn stat(file: &Path) -> (i32, String) {
        let pid = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        std::fs::remove_file(file).unwrap();
        (pid, std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default())
    }

    #[test]
    fn one_that_takes_too_long_is_killed_with_what_it_started() {
        let file = sleeper("long");
        let said = problem(&format!("sleep 100 & echo $! > {}; wait", file.display()), Some(1));
        assert!(said.contains("killed after 1 s"), "{said}");
        let (pid, _) = stat(&file);
        // A signal takes its time to arrive. Then it is gone, or waits to be reaped by whoever inherits it.
        let left = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while !left().is_empty() && !left().contains(") Z") {
            assert!(std::time::Instant::now() < deadline, "{}", left());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn what_it_leaves_running_does_not_hold_the_launcher() {
        let file = sleeper("left");
        shell(&format!("sleep 100 & echo $! > {}", file.display()), None).unwrap();
        let (pid, stat) = stat(&file);
        process::kill(pid).unwrap();
        assert!(!stat.is_empty() && !stat.contains(") Z"), "{stat}");
    }
}
