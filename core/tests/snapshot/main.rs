//! Snapshots of the host: each kind of leftover is told while it is there, and no longer once it is gone.

#![allow(clippy::unwrap_used, reason = "this is test code")]

#[path = "../common/mod.rs"]
mod common;
mod kernel;
mod launches;
mod processes;
mod world;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_core::need;
use isolab_core::snapshot::{HostSnapshot, Scope, Settled, settle};

/// What a use of it would wait.
const PATIENCE: Duration = Duration::from_secs(2);

/// Set for the process that a test has for itself, with the test's name.
const APART: &str = "ISOLAB_TEST_APART";

/// Runs a test in a process of its own, that has no threads of other tests and may change what it likes of itself.
fn apart(name: &str, needs: &[&str], body: impl FnOnce()) {
    under(&[], name, needs, body);
}

/// As [`apart`], by a command that executes what follows it.
fn under(command: &[&str], name: &str, needs: &[&str], body: impl FnOnce()) {
    if std::env::var(APART).is_ok_and(|apart| apart == name) {
        return body();
    }
    if !need::met(needs) {
        return;
    }
    let this = std::env::current_exe().unwrap();
    let words: Vec<_> = command.iter().map(PathBuf::from).chain([this]).collect();
    let (program, rest) = words.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(rest).args(["--exact", name, "--nocapture"]).env(APART, name);
    let output = command.output().unwrap();
    let [said, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success() && said.contains("1 passed"), "{said}{errors}");
    print!("{said}");
}

/// Whether a line is as expected, where `*` stands for anything.
fn fits(line: &str, expected: &str) -> bool {
    let mut parts = expected.split('*');
    let start = parts.next().and_then(|start| line.strip_prefix(start));
    let after = |rest: Option<&str>, part| Some(rest?.split_once(part)?.1.to_owned());
    let rest = parts.fold(start.map(str::to_owned), |rest, part| after(rest.as_deref(), part));
    rest.is_some_and(|rest| rest.is_empty() || expected.ends_with('*'))
}

/// A scope with a directory of its own, and how the host was.
struct Stage {
    scope: Scope,
    host: Host,
    dir: PathBuf,
}

impl Stage {
    fn new(name: &str) -> Stage {
        let dir = std::env::temp_dir().join(format!("isolab-snapshot-{}-{name}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let dir = dir.canonicalize().unwrap();
        let mut scope = Scope::new();
        scope.directories.push(dir.clone());
        Stage { scope, host: Host::probe(), dir }
    }

    fn take(&self) -> HostSnapshot {
        HostSnapshot::take(&self.scope, &self.host)
    }

    fn left(&self, before: &HostSnapshot) -> Vec<String> {
        before.diff(&self.take()).iter().map(ToString::to_string).collect()
    }

    /// What is made is told, each thing by a line that is as expected, and nothing else; and after it is undone
    /// nothing is.
    fn tells<T>(
        &self,
        make: impl FnOnce() -> T,
        expected: impl FnOnce(&T) -> Vec<String>,
        undo: impl FnOnce(T),
    ) {
        let before = self.take();
        assert_eq!(self.left(&before), [""; 0], "before");
        let made = make();
        let (left, expected) = (self.left(&before), expected(&made));
        undo(made);
        for expected in &expected {
            assert!(left.iter().any(|line| fits(line, expected)), "{expected} not in {left:#?}");
        }
        let unexpected: Vec<_> =
            left.iter().filter(|line| !expected.iter().any(|expected| fits(line, expected))).collect();
        assert!(unexpected.is_empty(), "{unexpected:#?}");
        let settled = settle(&self.scope, &self.host, &before, PATIENCE);
        assert!(!matches!(settled, Settled::Left(_)), "{settled:#?}");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.dir).unwrap();
    }
}

#[test]
fn a_snapshot_is_plain_data() {
    let stage = Stage::new("data");
    let snapshot = stage.take();
    let text = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<HostSnapshot>(&text).unwrap(), snapshot);
}

/// Whoever runs out of descriptors sees less, and is told so.
#[test]
fn what_cannot_be_looked_at_is_told() {
    apart("what_cannot_be_looked_at_is_told", &[], || {
        let stage = Stage::new("blind");
        let before = stage.take();
        let mut held = Vec::new();
        isolab_core::sys::process::set_rlimit(libc::RLIMIT_NOFILE, 64, 64).unwrap();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            held.push(file);
        }
        let after = stage.take();
        drop(held);
        let left: Vec<String> = before.diff(&after).iter().map(ToString::to_string).collect();
        assert!(left.iter().any(|line| line.starts_with("cannot be looked at any more: /proc/")), "{left:?}");
    });
}
