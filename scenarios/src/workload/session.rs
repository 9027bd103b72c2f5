//! A workload in a container of core's, driven from outside by the protocol of [`super`].

use std::fs;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::launch::Container;
use serde_json::{Value, json};

use super::{Reply, Request};
use crate::cancel::Cancel;
use crate::group;
use crate::probe::PROGRAM;
use crate::ready::{self, Error, LIMIT, Ready};

/// How often a wait looks whether the run was asked to stop.
const TICK: Duration = Duration::from_millis(50);

/// A container with a workload that is ready to start. Dropping it removes the container.
pub struct Session {
    what: String,
    container: Container,
    /// Kept open while the workload may run.
    stdin: Option<PipeWriter>,
    /// Lines of its stdout and stderr, which share a pipe.
    lines: Receiver<String>,
    enforced: String,
    /// Where its group's CPU counts are, where it has a group of its own.
    cpu_stat: Option<PathBuf>,
}

impl Session {
    /// Launches `request` as the process of `config`, waits until it is ready, and compares asked with got.
    ///
    /// # Errors
    /// When the config, the launch or the workload fails, the container is not what was asked for, or the run is to stop.
    pub fn launch(
        what: &str,
        config: &Value,
        request: &Request,
        (bundle, id, host): (&Path, &str, &Host),
        cancel: &Cancel,
    ) -> Result<Session, Error> {
        let mut config = config.clone();
        config["process"]["args"] = arguments(request);
        let ready = Ready::new(&config, bundle, id, host)?;
        let (stdin_read, stdin) = std::io::pipe().map_err(Error::io("make a pipe"))?;
        let (output, output_write) = std::io::pipe().map_err(Error::io("make a pipe"))?;
        let container =
            ready.launch([stdin_read.as_fd(), output_write.as_fd(), output_write.as_fd()], false)?;
        let mut session = Session {
            what: what.into(),
            container,
            stdin: Some(stdin),
            lines: lines(output),
            enforced: String::new(),
            cpu_stat: None,
        };
        // The workload has the other ends now; with ours open its death would not end the pipe.
        drop((stdin_read, output_write));
        session.hears("here", cancel)?;
        let (enforced, seen) = ready.seen(&session.container)?;
        session.enforced = ready::enforced_or_not(enforced)?;
        session.cpu_stat =
            group::directory(&host.cgroups, &seen.cgroups, "cpu").map(|dir| dir.join("cpu.stat"));
        session.go()?;
        session.hears("ready", cancel)?;
        Ok(session)
    }

    /// Waits for a word of the protocol.
    fn hears(&mut self, word: &str, cancel: &Cancel) -> Result<(), Error> {
        let line = self.line(word, LIMIT, cancel)?;
        if line == word {
            return Ok(());
        }
        Err(Error::Ended { what: self.what.clone(), how: format!("the words: {line}") })
    }

    /// Asked against got, in words.
    #[must_use]
    pub fn enforced(&self) -> &str {
        &self.enforced
    }

    /// The number of the workload's process.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.container.pid()
    }

    /// Nanoseconds for which a quota has kept its group from running; `None` where it has no quota.
    #[must_use]
    pub fn throttled(&self) -> Option<u64> {
        throttled(&fs::read_to_string(self.cpu_stat.as_ref()?).ok()?)
    }

    /// Sends the byte that the workload waits for: the one that starts it, once it is ready.
    ///
    /// # Errors
    /// When the workload is gone.
    pub fn go(&mut self) -> Result<(), Error> {
        let written = self.stdin.as_mut().map_or(Ok(()), |stdin| stdin.write_all(b"g"));
        written.map_err(Error::io(format!("start {}", self.what)))
    }

    /// Waits for `count` replies, within `limit` for each.
    ///
    /// # Errors
    /// When the workload ends or says something else first, takes longer, or the run is to stop.
    pub fn replies(&mut self, count: usize, limit: Duration, cancel: &Cancel) -> Result<Vec<Reply>, Error> {
        let mut reply = || {
            let line = self.line("reply", limit, cancel)?;
            let no_reply = |_| Error::Ended { what: self.what.clone(), how: format!("the words: {line}") };
            serde_json::from_str(&line).map_err(no_reply)
        };
        (0..count).map(|_| reply()).collect()
    }

    /// Takes the replies as [`Session::replies`], and removes the container.
    ///
    /// # Errors
    /// As [`Session::replies`], or when the container cannot be removed.
    pub fn finish(mut self, count: usize, limit: Duration, cancel: &Cancel) -> Result<Vec<Reply>, Error> {
        let replies = self.replies(count, limit, cancel)?;
        self.container.remove()?;
        Ok(replies)
    }

    /// Ends the workload's stdin, which ends an aggressor, and finishes.
    ///
    /// # Errors
    /// As [`Session::finish`].
    pub fn stop(mut self, count: usize, limit: Duration, cancel: &Cancel) -> Result<Vec<Reply>, Error> {
        self.stdin = None;
        self.finish(count, limit, cancel)
    }

    fn line(&mut self, awaited: &str, limit: Duration, cancel: &Cancel) -> Result<String, Error> {
        let begun = Instant::now();
        loop {
            cancel.check()?;
            let left = limit.saturating_sub(begun.elapsed());
            match self.lines.recv_timeout(TICK.min(left)) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    return Err(Error::Late { what: format!("the {awaited} of {}", self.what), limit });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
            }
        }
    }

    /// The workload closed its output before it was done: say how it ended.
    fn ended(&mut self) -> Error {
        match self.container.wait(Some(LIMIT)) {
            Ok(Some(exit)) => Error::Ended { what: self.what.clone(), how: ready::describe(&exit) },
            Ok(None) => Error::Late { what: format!("the end of {}", self.what), limit: LIMIT },
            Err(error) => error.into(),
        }
    }
}

/// `throttled_time` in nanoseconds on cgroup v1 (sched-bwc.rst), `throttled_usec` on v2 (cgroup-v2.rst), where anything was
/// ever throttled or could have been.
fn throttled(cpu_stat: &str) -> Option<u64> {
    let value = |name: &str| {
        let lines = cpu_stat.lines().filter_map(|line| line.split_once(' '));
        lines.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse::<u64>().ok())
    };
    value("nr_periods").filter(|&periods| periods > 0)?;
    value("throttled_time").or_else(|| value("throttled_usec").map(|micros| micros * 1000))
}

/// The command line of a workload.
fn arguments(request: &Request) -> Value {
    // A request is plain data with text keys, which always has a JSON form.
    json!([PROGRAM, "inside", "work", json!(request).to_string()])
}

/// The lines of a pipe. The thread ends with the pipe, so at the latest when the container is gone.
fn lines(pipe: PipeReader) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { break };
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_one_argument() {
        let text = r#"{"victim":{"seconds":0.5,"period":1000,"work":{"timer":{}}}}"#;
        let request: Request = serde_json::from_str(text).unwrap();
        let arguments = arguments(&request);
        assert_eq!(arguments.as_array().map(Vec::len), Some(4));
        let text = arguments[3].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Request>(text).unwrap(), request);
    }

    #[test]
    fn throttled_time_is_nanoseconds_on_both_versions() {
        assert_eq!(throttled("nr_periods 3\nnr_throttled 1\nthrottled_time 70\n"), Some(70));
        assert_eq!(throttled("usage_usec 9\nnr_periods 3\nthrottled_usec 70\n"), Some(70_000));
        assert_eq!(throttled("nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"), None);
    }

    #[test]
    fn lines_end_with_the_pipe() {
        let (output, mut input) = std::io::pipe().unwrap();
        let lines = lines(output);
        input.write_all(b"ready\nlast").unwrap();
        drop(input);
        assert_eq!(lines.iter().collect::<Vec<_>>(), ["ready", "last"]);
    }
}
