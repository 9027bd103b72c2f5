//! Faults injected into launches: nothing is left, nothing is weaker, nothing hangs, and a planted fault is found.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::path::{Path, PathBuf};
use std::process::Command;

use isolab_core::host::Host;
use isolab_core::need;
use isolab_reports::Record;
use isolab_reports::record::{Problem, Sweep, SweepKind};
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::faults::core::{self, Options};
use isolab_scenarios::faults::worker::Planted;
use isolab_scenarios::faults::{collide, inputs, resources, traced};
use isolab_scenarios::launcher::Launcher;
use isolab_scenarios::launcher::oci::Oci;
use isolab_scenarios::progress::Quiet;

/// The program under test; in a guest it is the init.
fn isolab() -> &'static Path {
    let built = Path::new(env!("CARGO_BIN_EXE_isolab"));
    if built.exists() { built } else { Path::new("/isolab") }
}

/// Isolab's own runtime, which is built beside it, and carried into guests from there.
fn runtime() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_isolab")).with_file_name("isolab-runtime")
}

fn report(sweep: &Sweep) {
    println!(
        "{:?} on {}: {} possible, {} tried, {} reached, {} refused, {} same, {} late, {} recovered in {:.1} s, seed {}",
        sweep.kind,
        sweep.launcher,
        sweep.possible,
        sweep.tried,
        sweep.reached,
        sweep.refused,
        sweep.same,
        sweep.late,
        sweep.recovered,
        sweep.seconds,
        sweep.seed
    );
    for finding in &sweep.findings {
        println!("  {:?} {}: {}", finding.problem, finding.injection, finding.evidence.join("; "));
    }
    sweep.notes.iter().for_each(|note| println!("  {note}"));
    println!("  not reached: {:?}", sweep.not_reached);
}

fn sample() -> Option<usize> {
    std::env::var("ISOLAB_FAULTS").ok().map_or(Some(400), |asked| asked.parse().ok())
}

/// The same sample each time, unless another is asked for: a commit is not to fail for what another one left to be found.
fn options() -> Options<'static> {
    let seed = std::env::var("ISOLAB_FAULTS_SEED").ok().map_or(1, |asked| asked.parse().unwrap());
    Options { program: isolab(), seed, sample: sample(), planted: None }
}

#[test]
fn no_system_call_of_core_fails_without_an_error_or_with_leftovers() {
    if !need::met(&["root"]) {
        return;
    }
    let sweep = core::sweep(SweepKind::Errno, options(), &Host::probe(), &Quiet, &Cancel::new()).unwrap();
    report(&sweep);
    assert!(sweep.findings.is_empty() && sweep.possible >= 2000, "{:?}", sweep.findings);
}

#[test]
fn core_can_be_killed_at_each_of_its_system_calls() {
    if !need::met(&["root"]) {
        return;
    }
    let sweep = core::sweep(SweepKind::Kill, options(), &Host::probe(), &Quiet, &Cancel::new()).unwrap();
    report(&sweep);
    assert!(sweep.findings.is_empty(), "{:?}", sweep.findings);
    assert!(sweep.refused < sweep.reached, "the launcher itself was killed, too");
}

#[test]
fn core_refuses_every_wrong_config_by_name_and_leaves_nothing() {
    if !need::met(&["root"]) {
        return;
    }
    let sweep = inputs::core(options(), &Host::probe(), &Quiet, &Cancel::new()).unwrap();
    report(&sweep);
    assert!(sweep.findings.is_empty() && sweep.possible >= 1500, "{:?}", sweep.findings);
    // Much of what is wrong is wrong for a reader alone; what a launcher takes must not be all.
    assert!(sweep.refused > sweep.same);
}

#[test]
fn what_a_launcher_does_wrong_is_found() {
    if !need::met(&["root"]) {
        return;
    }
    let expected = [
        (Planted::Left, Problem::Left, 5),
        (Planted::Weaker, Problem::Weaker, 20),
        (Planted::Silent, Problem::Silent, 20),
        (Planted::Hang, Problem::Hang, 1),
    ];
    for (planted, problem, sample) in expected {
        let options = Options { planted: Some(planted), sample: Some(sample), ..options() };
        let sweep = core::sweep(SweepKind::Errno, options, &Host::probe(), &Quiet, &Cancel::new()).unwrap();
        report(&sweep);
        // Some faults are survived, and are no occasion to do it wrong.
        let found = sweep.findings.iter().filter(|finding| finding.problem == problem).count();
        assert!(found * 2 > sample, "{planted:?}: {:?}", sweep.findings);
    }
}

fn traced(launcher: &dyn Launcher, sample: usize) -> traced::Options<'_> {
    let core::Options { program, seed, .. } = options();
    let sample = if self::sample().is_some() { Some(sample) } else { None };
    traced::Options { launcher, program, seed, sample }
}

#[test]
fn isolab_runtime_survives_faults() {
    let runtime = runtime();
    if !need::met(&["root", "strace", "prlimit", "unshare", runtime.to_str().unwrap()]) {
        return;
    }
    let (host, cancel) = (Host::probe(), Cancel::new());
    let runtime = Oci::new("isolab-runtime", runtime);
    let of = |sample| traced(&runtime, sample);
    let sweeps = [
        traced::sweep(SweepKind::Errno, of(100), &host, &Quiet, &cancel).unwrap(),
        traced::sweep(SweepKind::Kill, of(40), &host, &Quiet, &cancel).unwrap(),
        resources::sweep(of(1000), &host, &Quiet, &cancel).unwrap(),
        inputs::foreign(of(60), &host, &Quiet, &cancel).unwrap(),
        collide::sweep(of(0), &host, &Quiet, &cancel).unwrap(),
    ];
    sweeps.iter().for_each(report);
    for sweep in sweeps {
        assert!(sweep.findings.is_empty() && sweep.reached > 0, "{:?}", sweep.findings);
    }
}

/// Mounts and namespaces are the host's: they run out where there is nobody else.
#[test]
fn what_is_the_hosts_runs_out_in_guests() {
    let runtime = runtime();
    if !need::met(&["guest", "prlimit", "unshare", "wc", runtime.to_str().unwrap()]) {
        return;
    }
    let runtime = Oci::new("isolab-runtime", runtime);
    let of = traced(&runtime, 1000);
    let sweep = resources::sweep(of, &Host::probe(), &Quiet, &Cancel::new()).unwrap();
    report(&sweep);
    assert!(sweep.findings.is_empty() && sweep.tried > 130, "{:?}", sweep.findings);
}

/// Debian's crun 1.8 leaves its groups in most runs in which it is killed: a sweep that does not find that looks at nothing.
#[test]
fn what_is_known_of_another_launcher_is_found() {
    let crun = Path::new("/usr/bin/crun");
    if !need::met(&["root", "strace", "crun"]) || !crun.exists() {
        return;
    }
    let sweep = traced::sweep(
        SweepKind::Kill,
        traced(&Oci::new("crun", crun.into()), 15),
        &Host::probe(),
        &Quiet,
        &Cancel::new(),
    );
    let sweep = sweep.unwrap();
    report(&sweep);
    let left = sweep.findings.iter().filter(|finding| finding.problem == Problem::Left).count();
    assert!(left as u64 + sweep.recovered > 0);
}

/// It has no config, no state and no groups, but system calls of its own.
#[test]
fn a_launcher_that_is_no_oci_runtime_is_swept_too() {
    if !need::met(&["root", "strace", "bwrap"]) {
        return;
    }
    let host = Host::probe();
    let bwrap = isolab_scenarios::launcher::named("bwrap", &host).unwrap();
    let of = |sample| traced::Options { sample: Some(sample), ..traced(bwrap.as_ref(), 0) };
    let errno = traced::sweep(SweepKind::Errno, of(20), &host, &Quiet, &Cancel::new()).unwrap();
    report(&errno);
    // It ends where what it needs fails, and says so.
    assert!(errno.reached >= 15 && errno.refused >= 10, "{errno:?}");
    let short = resources::sweep(of(20), &host, &Quiet, &Cancel::new()).unwrap();
    report(&short);
    let weaker = short.findings.iter().filter(|finding| finding.problem == Problem::Weaker);
    // What it inherits, having no options for it, is none of its faults.
    assert_eq!(weaker.count(), 0, "{short:?}");
}

#[test]
fn launches_leave_nothing_to_grow() {
    if !need::met(&["root", "cgroup memory", "cgroup pids", "cgroup cpu"]) {
        return;
    }
    // In a process of its own: this one's other threads have memory of their own.
    let mut soak = Command::new(isolab());
    let output = soak.args(["faults", "--launcher", "core", "--soak", "500", "--json"]).output().unwrap();
    let record: Record = serde_json::from_slice(&output.stdout).unwrap();
    record.sweeps.iter().for_each(report);
    assert_eq!(output.status.code(), Some(0), "{:?}", record.sweeps);
}
