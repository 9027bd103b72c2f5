//! Sweeps over a launcher that is a program: strace lets its system calls fail, or kills it at them.
//!
//! Limits: strace counts the calls of each process by itself, so that one injection may hit several processes of a launch, each
//! at its n-th call. What it hits in the container's own program does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use isolab_core::host::Host;
use isolab_reports::record::{Sweep, SweepKind};

use super::foreign::{Attempt, Foreign};
use super::sweep::Plan;
use super::{Trial, errno};
use crate::cancel::Cancel;
use crate::launcher::Launcher;
use crate::progress::Progress;
use crate::ready::Error;
use crate::workload::exit;

/// What to sweep.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// A program of its own.
    pub launcher: &'o dyn Launcher,
    /// The statically linked `isolab`.
    pub program: &'o Path,
    /// Of the sample.
    pub seed: u64,
    /// How many injections; `None` for all.
    pub sample: Option<usize>,
}

impl<'o> Options<'o> {
    pub(super) fn plan(self, kind: SweepKind, progress: &'o dyn Progress, cancel: &'o Cancel) -> Plan<'o> {
        Plan { kind, launcher: self.launcher.name(), seed: self.seed, sample: self.sample, progress, cancel }
    }
}

/// One injection.
struct Injection {
    call: String,
    nth: u32,
    /// An error, or nothing for SIGKILL.
    errno: Option<&'static str>,
}

impl Injection {
    fn label(&self) -> String {
        format!("{}#{}={}", self.call, self.nth, self.errno.unwrap_or("SIGKILL"))
    }

    /// What strace takes: the first of the words that start the launcher.
    fn wrap(&self, log: &Path) -> Vec<String> {
        let Injection { call, nth, errno } = self;
        let how = errno.map_or("signal=KILL".into(), |errno| format!("error={errno}"));
        strace(log, &[&format!("trace=execve,execveat,{call}"), &format!("inject={call}:{how}:when={nth}")])
    }
}

fn strace(log: &Path, expressions: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = ["strace", "-f", "-qqq", "-o"].map(str::to_owned).into();
    words.push(log.display().to_string());
    words.extend(expressions.iter().flat_map(|expression| ["-e".to_owned(), (*expression).to_owned()]));
    words.push("--".into());
    words
}

/// Sweeps.
///
/// # Errors
/// When a launch without a fault does not work, or the run is to stop.
pub fn sweep(
    kind: SweepKind,
    options: Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Sweep, Error> {
    let plain = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=execve", "--"].map(str::to_owned);
    let foreign = Foreign::new(options.launcher, options.program, host, &plain)?;
    let log = foreign.notes.path().join("strace");
    foreign.attempt(&strace(&log, &[]), false)?;
    let all = injections(kind, &calls(&read(&log)?));
    options.plan(kind, progress, cancel).sweep(&all, Injection::label, |injection, label, tally| {
        let kill = injection.errno.is_none();
        let attempt = foreign.attempt(&injection.wrap(&log), !kill)?;
        let [launcher, program] = hit(&read(&log)?, kill);
        // A program that is hit may end before it has been looked at.
        let reached = launcher && (kill || !program);
        let trial = Trial { reached, ..foreign.judge(&attempt, kill && reached)? };
        tally.add(label, &only_if_reached(trial, &attempt));
        Ok(())
    })
}

/// A fault that did not happen, or in the container's program alone, says nothing of the launcher.
fn only_if_reached(trial: Trial, attempt: &Attempt) -> Trial {
    if trial.reached || attempt.status.is_none() {
        return trial;
    }
    Trial { reached: false, ..Trial::of(super::Outcome::Killed) }
}

fn read(log: &Path) -> Result<String, Error> {
    let bytes = fs::read(log).map_err(Error::io(format!("read {}", log.display())))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// How often each call is made, by the process that makes it most often.
fn calls(log: &str) -> BTreeMap<String, u32> {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for (pid, call) in of_launcher(log) {
        *counts.entry((pid, call)).or_default() += 1;
    }
    let mut most: BTreeMap<String, u32> = BTreeMap::new();
    for ((_, call), count) in counts {
        let known = most.entry(call.to_owned()).or_default();
        *known = count.max(*known);
    }
    most
}

/// Processes and the names of their calls, but those of the container's program.
fn of_launcher(log: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut inside: BTreeSet<&str> = BTreeSet::new();
    log.lines().filter_map(move |line| {
        let (pid, rest) = line.split_once(' ')?;
        let (call, given) = rest.trim_start().split_once('(')?;
        let is_name = call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name || inside.contains(pid) {
            return None;
        }
        if call.starts_with("execve") && given.contains(&format!("\"{}\"", exit::HOLD)) {
            inside.insert(pid);
        }
        Some((pid, call))
    })
}

/// Whom an injection has hit: the launcher, and the container's program.
fn hit(log: &str, kill: bool) -> [bool; 2] {
    let program = format!("\"{}\"", exit::HOLD);
    let (mut executing, mut inside) = (BTreeSet::<&str>::new(), BTreeSet::<&str>::new());
    let mut hit = [false; 2];
    for (pid, rest) in log.lines().filter_map(|line| line.split_once(' ')) {
        if rest.contains(if kill { "killed by SIGKILL" } else { "(INJECTED)" }) {
            hit[usize::from(inside.contains(pid))] = true;
        }
        // A call during which another process makes one is told in two lines.
        let resumed = rest.contains("resumed>") && executing.remove(pid);
        if rest.contains(&program) && rest.contains("<unfinished") {
            executing.insert(pid);
        } else if (resumed || rest.contains(&program)) && rest.contains("= 0") {
            inside.insert(pid);
        }
    }
    hit
}

fn injections(kind: SweepKind, calls: &BTreeMap<String, u32>) -> Vec<Injection> {
    let mut all = Vec::new();
    for (call, count) in calls.iter().filter(|(call, _)| !call.starts_with("exit")) {
        for nth in 1..=*count {
            let of = |errno| Injection { call: call.clone(), nth, errno };
            match kind {
                SweepKind::Kill => all.push(of(None)),
                _ => all.extend(errno::plausible(call).iter().map(|errno| of(Some(*errno)))),
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "10 execve(\"/usr/sbin/crun\", [\"crun\"], 0x1) = 0\n\
                       10 openat(AT_FDCWD, \"/x\", O_RDONLY) = 3\n\
                       11 openat(AT_FDCWD, \"/y\", O_RDONLY <unfinished ...>\n\
                       10 openat(AT_FDCWD, \"/z\", O_RDONLY) = 4\n\
                       11 <... openat resumed>) = 3\n\
                       11 execve(\"/hold\", [\"/hold\"], 0x2) = 0\n\
                       11 read(0, \"\", 1) = 0\n\
                       11 +++ exited with 0 +++\n";

    #[test]
    fn calls_of_the_launcher_are_counted_by_process() {
        let expected = [("execve", 1), ("openat", 2)].map(|(call, count)| (call.to_owned(), count));
        assert_eq!(calls(LOG), BTreeMap::from(expected));
        let labels = |kind| injections(kind, &calls(LOG)).iter().map(Injection::label).collect::<Vec<_>>();
        assert_eq!(labels(SweepKind::Kill), ["execve#1=SIGKILL", "openat#1=SIGKILL", "openat#2=SIGKILL"]);
        assert!(labels(SweepKind::Errno).contains(&"openat#2=EMFILE".to_owned()));
    }

    #[test]
    fn what_hits_the_program_in_the_container_does_not_count() {
        let with = |line: &str| format!("{LOG}{line}\n");
        let launcher = with("10 close(3) = -1 EIO (Input/output error) (INJECTED)");
        assert_eq!(hit(&launcher, false), [true, false]);
        let program = with("11 read(0, 1) = -1 EIO (Input/output error) (INJECTED)");
        assert_eq!(hit(&program, false), [false, true]);
        assert_eq!(hit(&with("10 +++ killed by SIGKILL +++"), true), [true, false]);
        let halves = "11 execve(\"/hold\", [\"/hold\"], 0x2 <unfinished ...>\n\
                      10 read(3, \"\", 9) = 0\n\
                      11 <... execve resumed>) = 0\n\
                      11 read(0, 1) = -1 EIO (Input/output error) (INJECTED)\n";
        assert_eq!(hit(halves, false), [false, true]);
        assert_eq!([hit(LOG, true), hit(LOG, false)], [[false; 2]; 2]);
    }
}
