//! Aggressor: a stressor of stress-ng, by name. A unit of work is one of its "bogo operations", which only compare with
//! those of the same stressor.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::sys::{Errno, process, signal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::workload::stop::Stop;
use crate::workload::victim::Usage;
use crate::workload::{Error, Reply, Start, io_error};

/// Where the container finds it: on the host's own `/usr`, bound.
const PROGRAM: &str = "/usr/bin/stress-ng";
/// How often it is looked whether it is to stop.
const TICK: Duration = Duration::from_millis(10);

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorStressNg")]
pub struct StressNg {
    /// The stressor's name, as its option is called: `cpu`, `vm`, `switch`, …
    pub stressor: String,
}

impl StressNg {
    pub(super) fn run(
        &self,
        (seconds, threads): (f64, usize),
        start: &mut Start<'_>,
        input: impl Read + Send + 'static,
    ) -> Result<Reply, Error> {
        let failed = |source| Error::Io { operation: format!("{PROGRAM} --{}", self.stressor), source };
        start()?;
        let (begun, stop) = (Instant::now(), Stop::new(seconds, input));
        let mut child = self.command(seconds, threads).spawn().map_err(failed)?;
        while !stop.reached() && child.try_wait().map_err(failed)?.is_none() {
            thread::sleep(TICK);
        }
        let text = end(child).map_err(failed)?;
        let work = bogo_operations(&text, &self.stressor)
            .ok_or_else(|| failed(io::Error::other(format!("it gave no metrics: {}", text.trim()))))?;
        let usage = Some(Usage::with_children());
        Ok(Reply { work, seconds: begun.elapsed().as_secs_f64(), usage, ..Reply::default() })
    }

    fn command(&self, seconds: f64, threads: usize) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg(format!("--{}", self.stressor)).arg(threads.to_string());
        command.arg("--timeout").arg(format!("{}s", seconds.ceil()));
        command.args(["--metrics-brief", "--temp-path", "/tmp"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Interrupts it, as Ctrl-C would, and returns what it says of its work.
fn end(mut child: Child) -> io::Result<String> {
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let pidfd = process::pidfd_open(pid).map_err(io_error)?;
    // It may have ended by itself by now.
    let told = process::signal(&pidfd, signal::INTERRUPT);
    if !matches!(told, Ok(()) | Err(Errno::ESRCH)) {
        told.map_err(io_error)?;
    }
    let mut text = String::new();
    if let Some(mut said) = child.stdout.take() {
        said.read_to_string(&mut text)?;
    }
    if let Some(mut said) = child.stderr.take() {
        said.read_to_string(&mut text)?;
    }
    child.wait()?;
    Ok(text)
}

/// The first number after the stressor's name, in the line of metrics.
fn bogo_operations(text: &str, stressor: &str) -> Option<u64> {
    let mut numbers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word != stressor);
        words.next()?;
        words.next()?.parse().ok()
    });
    numbers.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_as_it_writes_them() {
        let text = "stress-ng: info:  [1] dispatching hogs: 2 cpu\n\
            stress-ng: metrc: [1] stressor       bogo ops real time  usr time  sys time   bogo ops/s\n\
            stress-ng: metrc: [1]                           (secs)    (secs)    (secs)   (real time)\n\
            stress-ng: metrc: [1] cpu                 3261      1.00      1.99      0.00      3257.4\n";
        assert_eq!(bogo_operations(text, "cpu"), Some(3261));
        assert_eq!(bogo_operations(text, "vm"), None);
    }
}
