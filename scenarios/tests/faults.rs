//! Faults injected into launches: nothing is left, nothing is weaker, nothing hangs, and a planted fault is found.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::path::Path;

use isolab_core::host::Host;
use isolab_core::need;
use isolab_reports::record::{Problem, Sweep, SweepKind};
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::faults::core::{self, Options};
use isolab_scenarios::faults::inputs;
use isolab_scenarios::faults::worker::Planted;
use isolab_scenarios::progress::Quiet;

const ISOLAB: &str = env!("CARGO_BIN_EXE_isolab");

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
    println!("  not reached: {:?}", sweep.not_reached);
}

fn sample() -> Option<usize> {
    std::env::var("ISOLAB_FAULTS").ok().map_or(Some(400), |asked| asked.parse().ok())
}

fn options() -> Options<'static> {
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    Options { program: Path::new(ISOLAB), seed, sample: sample(), planted: None }
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
