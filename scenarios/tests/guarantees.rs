//! The catalogue on the launchers of this machine: all hold on core, and every control turns its guarantee red.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use isolab_core::host::Host;
use isolab_core::need;
use isolab_reports::record::{self, Outcome};
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::catalog;
use isolab_scenarios::check::{self, Findings, Options};
use isolab_scenarios::launcher;
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::schema::Guarantee;

/// The binary under test is the probe.
const PROGRAM: &str = env!("CARGO_BIN_EXE_isolab");

fn check(launchers: &[&str], guarantees: &[Guarantee], controls: bool) -> Findings {
    let host = Host::probe();
    let launchers: Vec<_> = launchers.iter().map(|name| launcher::named(name, &host).unwrap()).collect();
    let options = Options { launchers: &launchers, guarantees, controls, program: Path::new(PROGRAM) };
    check::run(&options, &host, &Quiet, &Cancel::new()).unwrap()
}

/// Each result that is not as wanted, in a line.
fn lines(results: &[&record::Guarantee]) -> String {
    let line = |result: &&record::Guarantee| {
        let wrong: Vec<_> = result.evidence.iter().filter(|evidence| !evidence.agrees).collect();
        format!("{} on {}: {:?} {wrong:?}\n", result.id, result.launcher, result.outcome)
    };
    results.iter().map(line).collect()
}

/// Core, as root: nothing may be excused but for what the host itself lacks.
#[test]
fn every_guarantee_holds_on_core_and_every_control_turns_red() {
    if !need::met(&["root"]) {
        return;
    }
    let guarantees = catalog::guarantees().unwrap();
    let found = check(&["core"], &guarantees, true);
    assert_eq!(found.not_tested, []);
    assert_eq!(found.guarantees.len(), guarantees.len());
    let holds =
        |result: &&record::Guarantee| result.outcome == Outcome::Holds && result.control_red == Some(true);
    let excused = |result: &&record::Guarantee| match &result.outcome {
        Outcome::NotTestable { reason, .. } => !reason.contains("control"),
        Outcome::NotOffered { .. } | Outcome::Holds | Outcome::Broken => false,
    };
    let wrong: Vec<_> = found.guarantees.iter().filter(|one| !holds(one) && !excused(one)).collect();
    assert!(wrong.is_empty(), "{}", lines(&wrong));
}

/// What Debian 12's runtimes are known for; a catalogue that stays green on them is not looking.
#[test]
fn known_weaknesses_of_other_launchers_are_found() {
    if !need::met(&["root", "runc", "crun"]) {
        return;
    }
    for (launcher, version, id) in
        [("runc", "1.1.5", "tmpfs-size-mode"), ("crun", "1.8.1", "seccomp-unknown-nr-enosys")]
    {
        let found = launcher::named(launcher, &Host::probe()).unwrap().describe().version.unwrap_or_default();
        if !found.contains(version) {
            println!("skipped: this is known of {launcher} {version}, and this is {found}");
            continue;
        }
        let mut guarantees = catalog::guarantees().unwrap();
        guarantees.retain(|one| [id, "pidns-init-is-1"].contains(&one.id.as_str()));
        let found = check(&[launcher], &guarantees, false);
        let outcome =
            |id: &str| found.guarantees.iter().find(|result| result.id == id).map(|one| &one.outcome);
        assert_eq!(outcome("pidns-init-is-1"), Some(&Outcome::Holds), "{launcher}: {:?}", found.not_tested);
        assert_eq!(outcome(id), Some(&Outcome::Broken), "{launcher}");
    }
}

/// What a launcher does not promise is not offered, and never counts as holding.
#[test]
fn what_bubblewrap_does_not_promise_is_not_offered() {
    if !need::met(&["root", "bwrap"]) {
        return;
    }
    let mut guarantees = catalog::guarantees().unwrap();
    let ids = ["fds-only-stdio", "pidns-init-is-1", "memory-limit-oom"];
    guarantees.retain(|one| ids.contains(&one.id.as_str()));
    let found = check(&["bwrap"], &guarantees, false);
    let outcome = |id: &str| &found.guarantees.iter().find(|result| result.id == id).unwrap().outcome;
    assert_eq!(outcome("pidns-init-is-1"), &Outcome::Holds);
    assert!(matches!(outcome("fds-only-stdio"), Outcome::NotOffered { .. }));
    assert!(matches!(outcome("memory-limit-oom"), Outcome::NotOffered { .. }));
}

#[test]
fn runc_keeps_the_basic_guarantees() {
    if !need::met(&["root", "runc"]) {
        return;
    }
    let mut guarantees = catalog::guarantees().unwrap();
    guarantees.retain(|one| one.config.is_empty());
    let found = check(&["runc"], &guarantees, false);
    let wrong: Vec<_> = found.guarantees.iter().filter(|result| result.outcome != Outcome::Holds).collect();
    assert!(found.not_tested.is_empty() && wrong.is_empty(), "{}", lines(&wrong));
}

/// A launcher that starts nothing is not tested; it is not broken.
#[test]
fn a_launcher_that_starts_nothing_is_reported_once() {
    let guarantees = catalog::guarantees().unwrap();
    let found = check(&["/bin/false"], &guarantees[..3], false);
    assert!(found.guarantees.is_empty());
    assert_eq!(found.not_tested.len(), 1);
    assert_eq!(found.not_tested[0].what, "launcher false");
}

/// Nothing is left: no scratch directory, no control group, no process of ours.
#[test]
fn a_run_leaves_nothing_behind() {
    if !need::met(&["root"]) {
        return;
    }
    let host = Host::probe();
    let ours = format!("isolab-{}-", std::process::id());
    let guarantees = catalog::guarantees().unwrap();
    drop(check(&["core"], &guarantees[..2], false));
    // Other tests of this process have scratch directories of their own meanwhile, so only groups of ended runs count.
    let roots = host.cgroups.v1.iter().chain(&host.cgroups.v2).map(|hierarchy| hierarchy.mount.clone());
    for root in roots {
        let names = std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(&ours)).collect();
        let running = |name: &std::ffi::OsString| std::env::temp_dir().join(name).exists();
        assert!(left.iter().all(running), "{left:?}");
    }
}
