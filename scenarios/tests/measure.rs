//! The measurements end to end, with real containers. Short: they show that the experiments work, not what things cost.

use std::path::Path;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::need;
use isolab_reports::record::NotTested;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::ladder::{self, Ladder};
use isolab_scenarios::cost::{network, overlay, spawn};
use isolab_scenarios::interference::catalog;
use isolab_scenarios::interference::declaration::Matrix;
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::ready::Error;
use isolab_scenarios::workload::files::Operation;
use isolab_scenarios::{interference, launcher, schema};

mod common;

use common::{alone, left, options};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_isolab"))
}

fn first_ladder() -> Ladder {
    schema::parse("ladder.toml", ladder::FIRST).expect("the ladder that comes with isolab")
}

#[test]
fn every_rung_is_enforced_for_root() {
    if !need::met(&["root"]) {
        return;
    }
    let _alone = alone();
    let (host, ladder) = (Host::probe(), first_ladder());
    let (costs, not_tested) = ladder::run(&ladder, &options(), &host, &Quiet, &Cancel::new()).unwrap();
    let names: Vec<&str> = costs[0].series.iter().map(|series| series.name.as_str()).collect();
    // Before Linux 6.12 there is one rung less.
    let here = |name: &&str| *name != "+ time namespace" || host.has("time-namespace");
    let declared: Vec<&str> = ladder.rung.iter().map(|rung| rung.name.as_str()).filter(here).collect();
    assert_eq!(names, declared);
    assert_eq!(not_tested.len(), ladder.rung.len() - declared.len(), "{not_tested:#?}");
    for (index, series) in costs[0].series.iter().enumerate() {
        assert_eq!(series.enforced.as_deref(), Some("enforced"), "{}", series.name);
        assert_eq!(series.against.as_deref(), index.checked_sub(1).map(|below| names[below]));
        assert_eq!(series.samples.len(), 2);
        let critical =
            series.steps.iter().filter(|step| step.primitive != "user namespace" || step.side == "child");
        let sum: u64 = critical.filter_map(|step| step.duration.first()).sum();
        let sample = series.samples[0];
        // Nothing is counted twice, and steps are most of it, or else the rest is what a busy host takes.
        let most = sum >= sample / 2 || sample - sum < 5_000_000;
        assert!(sum <= sample && most, "{}: steps {sum}, launch {sample}", series.name);
    }
    assert_eq!(left(&host), Vec::<String>::new());
}

#[test]
fn a_rung_that_cannot_be_had_is_said_and_stepped_over() {
    if !need::met(&["root"]) {
        return;
    }
    let _alone = alone();
    let mut ladder = first_ladder();
    ladder.rung.truncate(3);
    let impossible = "name = '+ nothing'\nedits = [{ append = 'mounts', value = \
        { destination = '/mnt', type = 'bind', source = '/nonexistent', options = ['bind'] } }]";
    ladder.rung.insert(2, schema::parse("rung", impossible).unwrap());
    let host = Host::probe();
    let (costs, not_tested) = ladder::run(&ladder, &options(), &host, &Quiet, &Cancel::new()).unwrap();
    assert_eq!(costs[0].series.len(), 3);
    assert_eq!(costs[0].series[2].against.as_deref(), Some("+ mount namespace, pivot_root"));
    assert!(
        not_tested[0].what.ends_with("+ nothing") && not_tested[0].reason.contains("/nonexistent"),
        "{not_tested:?}"
    );
    assert_eq!(left(&host), Vec::<String>::new());
}

#[test]
fn network_paths_take_turns() {
    if !need::met(&["root"]) {
        return;
    }
    let _alone = alone();
    let host = Host::probe();
    let (costs, not_tested) = network::run(&options(), &host, &Quiet, &Cancel::new()).unwrap();
    if not_tested.iter().any(|missing| missing.reason.contains("load the modules bridge and veth")) {
        assert!(!need::met(&["bridge and veth"]), "{not_tested:?}");
        return;
    }
    assert!(not_tested.is_empty(), "{not_tested:?}");
    assert_eq!(costs.len(), 3);
    for series in costs.iter().flat_map(|cost| &cost.series) {
        assert_eq!(series.samples.len(), 2, "{}", series.name);
        assert!(series.samples.iter().all(|sample| *sample > 1000), "{series:?}");
        assert_eq!(series.enforced.as_deref(), Some("enforced"), "{}", series.name);
    }
    assert_eq!(left(&host), Vec::<String>::new());
}

#[test]
fn overlay_and_plain_directory_take_turns() {
    if !need::met(&["root", "overlay"]) {
        return;
    }
    let _alone = alone();
    let host = Host::probe();
    let (costs, not_tested) = overlay::run(&options(), &host, &Quiet, &Cancel::new()).unwrap();
    assert!(not_tested.is_empty(), "{not_tested:#?}");
    for series in &costs[0].series {
        let files = if series.name.starts_with("copy-up") { 64 } else { 256 };
        assert_eq!(series.samples.len(), 2 * files, "{}", series.name);
        assert_eq!(series.enforced.as_deref(), Some("enforced"), "{}", series.name);
    }
    // A copy of 64 KiB cannot be as cheap as an open: the overlay was really there.
    let median = |name: &str| {
        let series = costs[0].series.iter().find(|series| series.name == name).unwrap();
        let mut sorted = series.samples.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    };
    assert!(median("copy-up, overlay") > 2 * median("copy-up, plain directory"));
    assert_eq!(left(&host), Vec::<String>::new());
}

#[test]
fn every_launcher_spawns_the_same_bundle() {
    if !need::met(&["root"]) {
        return;
    }
    let _alone = alone();
    let host = Host::probe();
    let found = launcher::find(&host);
    let (costs, not_tested) = spawn::run(&found.here, &options(), &host, &Quiet, &Cancel::new()).unwrap();
    assert_eq!(costs[0].series.len() + not_tested.len(), found.here.len(), "{not_tested:#?}");
    let core = costs[0].series.iter().find(|series| series.name == "core").unwrap();
    assert_eq!((core.samples.len(), core.enforced.as_deref()), (2, Some("enforced")));
    assert_eq!(left(&host), Vec::<String>::new());
}

/// The timer victim and the CPU hog of the first matrix, with `cpu.max`.
fn small_matrix() -> Matrix {
    let mut matrix = catalog::find("first").expect("the matrix that comes with isolab");
    matrix.victim.truncate(1);
    matrix.aggressor.truncate(1);
    matrix.protection.retain(|protection| protection.name == "cpu.max");
    (matrix.rounds, matrix.seconds) = (2, 0.3);
    matrix
}

fn matrix_options() -> interference::Options<'static> {
    let time = Duration::from_secs(60);
    interference::Options { rounds: None, seconds: None, time, seed: 1, program: program(), journal: None }
}

#[test]
fn a_protection_has_its_price() {
    if !need::met(&["root", "cgroup cpu", "cgroup memory"]) {
        return;
    }
    let _alone = alone();
    let host = Host::probe();
    let run = interference::run(&small_matrix(), &matrix_options(), &host, &Quiet, &Cancel::new());
    let interference::Findings { cells, not_tested, instrument, .. } = run.unwrap();
    // What a small machine cannot show is no cell that is missing.
    let missing = |one: &&NotTested| !one.what.ends_with("CPUs of their own");
    assert_eq!(not_tested.iter().filter(missing).count(), 0, "{not_tested:#?}");
    let instrument = instrument.expect("containers can be had");
    assert!(!instrument.inside.is_empty() && !instrument.outside.is_empty(), "{instrument:?}");
    assert_eq!(cells.len(), 3);
    for cell in &cells {
        assert_eq!(cell.usage.len(), 2);
        assert!(
            cell.usage.iter().all(|usage| usage.cpu > 0 && usage.served + usage.unserved == 300),
            "{cell:?}"
        );
        assert_eq!((cell.samples.len(), cell.rounds.as_slice()), (600, [0, 300].as_slice()), "{cell:?}");
        assert_eq!(cell.aggressor_work.len(), if cell.aggressor.is_some() { 2 } else { 0 });
        assert!(
            !cell.enforced.contains("partial") && cell.enforced.contains("enforced"),
            "{}",
            cell.enforced
        );
    }
    let work = |at: usize| cells[at].aggressor_work.iter().sum::<f64>();
    // A quarter of one CPU against all CPUs, on a host that may be busy.
    assert!(work(2) < 0.8 * work(1), "cpu.max took nothing from the hog: {} of {}", work(2), work(1));
    assert_eq!(left(&host), Vec::<String>::new());
}

#[test]
fn without_root_the_matrix_says_what_it_lacks() {
    let host = Host::probe();
    if host.is_root() {
        eprintln!("skipped: needs to be another user than root; run the tests as one");
        return;
    }
    if !need::met(&["user-namespace"]) {
        return;
    }
    let _alone = alone();
    let run = interference::run(&small_matrix(), &matrix_options(), &host, &Quiet, &Cancel::new());
    let interference::Findings { cells, not_tested, .. } = run.unwrap();
    assert!(
        cells.len() == 3 || not_tested.iter().any(|one| one.reason.contains("groups")),
        "{not_tested:#?}"
    );
    assert!(cells.len() >= 2, "alone and unprotected need no groups: {not_tested:#?}");
    assert_eq!(left(&host), Vec::<String>::new());
}

#[test]
fn an_interrupted_matrix_ends_at_once_and_leaves_nothing() {
    if !need::met(&["root"]) {
        return;
    }
    let _alone = alone();
    let (host, cancel) = (Host::probe(), Cancel::new());
    let mut matrix = small_matrix();
    matrix.seconds = 5.0;
    let (cancel_later, begun) = (cancel.clone(), Instant::now());
    let ctrl_c = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        cancel_later.cancel();
    });
    let run = interference::run(&matrix, &matrix_options(), &host, &Quiet, &cancel);
    let took = begun.elapsed();
    ctrl_c.join().unwrap();
    assert!(matches!(run, Err(Error::Cancelled(_))), "{run:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(left(&host), Vec::<String>::new());
}

#[test]
fn every_axis_of_the_overlay_is_measured_on_all_operations() {
    if !need::met(&["root", "overlay", "mkfs.ext4"]) {
        return;
    }
    let _alone = alone();
    let host = Host::probe();
    let (costs, not_tested) = overlay::axes::run(&options(), &host, &Quiet, &Cancel::new()).unwrap();
    let names: Vec<&str> = costs[0].series.iter().map(|series| series.name.as_str()).collect();
    // What is not measured is said. Layers are idmapped since Linux 5.19.
    assert_eq!(names.len() + not_tested.len(), 14, "{names:?} {not_tested:#?}");
    for name in ["overlay", "128 layers", "metacopy", "volatile", "plain"] {
        assert!(names.contains(&name), "{name}: {not_tested:#?}");
    }
    for (cost, operation) in costs.iter().zip(Operation::ALL) {
        for series in &cost.series {
            let what = format!("{}, {}", cost.id, series.name);
            assert_eq!(series.samples.len(), 2 * operation.shape().files as usize, "{what}");
            assert_eq!(series.enforced.as_deref(), Some("enforced"), "{what}");
            assert_eq!(series.against.is_none(), series.name.starts_with("plain"), "{what}");
        }
    }
    // That the options are in force shows in what they save: metacopy the copy of 1 MiB, redirect_dir the move file by file.
    let median = |directory: &str, name: &str| {
        let cost = costs.iter().find(|cost| cost.id == format!("overlay-{directory}")).unwrap();
        let mut sorted = cost.series.iter().find(|series| series.name == name).unwrap().samples.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    };
    assert!(2 * median("chmod", "metacopy") < median("chmod", "overlay"));
    assert!(2 * median("move", "redirect_dir") < median("move", "overlay"));
    assert_eq!(left(&host), Vec::<String>::new());
}
