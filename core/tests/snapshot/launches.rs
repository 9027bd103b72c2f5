//! Launches: they leave nothing, what is left by hand is told, others are not, and what a look costs.

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::launch::{Container, Exit, Options, launch, start_watcher};
use isolab_core::snapshot::{HostSnapshot, Kind, Scope, Settled, settle};
use serde_json::json;

use super::common::Bundle;
use super::{PATIENCE, apart};

const NEEDS: [&str; 4] = ["root", "cgroup memory", "cgroup cpu", "cgroup pids"];

fn null() -> OwnedFd {
    File::options().read(true).write(true).open("/dev/null").unwrap().into()
}

/// A bundle, and the scope of its launches.
fn bundle() -> (Bundle, Scope) {
    let mut bundle = Bundle::new();
    let mut scope = Scope::new();
    bundle.config["process"]["env"].as_array_mut().unwrap().push(json!(scope.variable()));
    scope.directories.push(bundle.dir.canonicalize().unwrap());
    let group = bundle.config["linux"]["cgroupsPath"].as_str().unwrap();
    scope.groups.push(Path::new(group).parent().unwrap().to_owned());
    (bundle, scope)
}

fn start(bundle: &Bundle, host: &Host) -> Container {
    let null = null();
    let mut options = Options::new([null.as_fd(); 3]);
    options.hold_at_exec = true;
    launch(&bundle.plan(host), &options).unwrap()
}

fn end(mut container: Container) {
    container.release().unwrap();
    assert_eq!(container.wait(Some(Duration::from_secs(10))).unwrap(), Some(Exit::Code(0)));
    container.remove().unwrap();
}

#[test]
fn a_container_is_told_while_it_runs_and_leaves_nothing() {
    apart("launches::a_container_is_told_while_it_runs_and_leaves_nothing", &NEEDS, || {
        let ((bundle, mut scope), host) = (bundle(), Host::probe());
        // The first one leaves a watcher, and threads' stacks.
        start_watcher().unwrap();
        for thorough in [false, true] {
            scope.thorough = thorough;
            let before = HostSnapshot::take(&scope, &host);
            let container = start(&bundle, &host);
            let left = before.diff(&HostSnapshot::take(&scope, &host));
            for kind in [Kind::Processes, Kind::Groups, Kind::Namespaces, Kind::Own] {
                assert!(left.iter().any(|left| left.kind == kind), "{kind:?} not in {left:#?}");
            }
            end(container);
            let settled = settle(&scope, &host, &before, PATIENCE);
            assert!(!matches!(settled, Settled::Left(_)), "{settled:#?}");
            println!("after a launch: {settled:?}");
        }
    });
}

#[test]
fn a_launch_that_fails_leaves_nothing() {
    apart("launches::a_launch_that_fails_leaves_nothing", &NEEDS, || {
        let ((mut bundle, scope), host) = (bundle(), Host::probe());
        start_watcher().unwrap();
        bundle.config["process"]["args"] = json!(["/nowhere"]);
        let before = HostSnapshot::take(&scope, &host);
        let null = null();
        let held = before.diff(&HostSnapshot::take(&scope, &host));
        assert!(held.len() == 1 && held[0].kind == Kind::Own, "{held:#?}");
        launch(&bundle.plan(&host), &Options::new([null.as_fd(); 3])).unwrap_err();
        drop(null);
        let settled = settle(&scope, &host, &before, PATIENCE);
        assert!(!matches!(settled, Settled::Left(_)), "{settled:#?}");
    });
}

#[test]
fn a_group_that_was_left_by_hand_is_told() {
    apart("launches::a_group_that_was_left_by_hand_is_told", &NEEDS, || {
        let ((bundle, scope), host) = (bundle(), Host::probe());
        start_watcher().unwrap();
        let before = HostSnapshot::take(&scope, &host);
        let container = start(&bundle, &host);
        let group = container.cgroups().last().unwrap().clone();
        end(container);
        fs::create_dir_all(&group).unwrap();
        let settled = settle(&scope, &host, &before, Duration::from_millis(100));
        let Settled::Left(left) = settled else { panic!("{settled:?}") };
        let told = left.iter().any(|left| {
            left.to_string().ends_with(&format!("{} is left, no process in it", group.display()))
        });
        fs::remove_dir(&group).unwrap();
        fs::remove_dir(group.parent().unwrap()).unwrap();
        assert!(told && left.iter().all(|left| left.kind == Kind::Groups), "{left:#?}");
        assert_eq!(settle(&scope, &host, &before, PATIENCE), Settled::Nothing);
    });
}

/// What goes away by itself is late, and what stays until the end is left.
#[test]
fn late_is_told_from_never() {
    apart("launches::late_is_told_from_never", &[], || {
        let ((bundle, mut scope), host) = (bundle(), Host::probe());
        scope.own = false;
        let before = HostSnapshot::take(&scope, &host);
        let file = bundle.dir.join("late");
        fs::write(&file, "").unwrap();
        let settled = settle(&scope, &host, &before, Duration::from_millis(20));
        assert!(matches!(settled, Settled::Left(left) if left.len() == 1));
        let remover = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            fs::remove_file(file).unwrap();
        });
        let settled = settle(&scope, &host, &before, Duration::from_secs(10));
        remover.join().unwrap();
        assert!(matches!(settled, Settled::Late(after) if after >= Duration::from_millis(10)), "{settled:?}");
        assert_eq!(settle(&scope, &host, &before, Duration::ZERO), Settled::Nothing);
    });
}

#[test]
fn the_launches_of_others_are_not_told() {
    apart("launches::the_launches_of_others_are_not_told", &NEEDS, || {
        let ((_bundle, mut scope), host) = (bundle(), Host::probe());
        (scope.own, scope.thorough) = (false, true);
        let stop = AtomicBool::new(false);
        thread::scope(|threads| {
            let others = [0, 1].map(|_| {
                threads.spawn(|| {
                    let ((bundle, _other), mut launches) = (bundle(), 0);
                    while !stop.load(Ordering::Relaxed) {
                        end(start(&bundle, &host));
                        launches += 1;
                    }
                    launches
                })
            });
            let before = HostSnapshot::take(&scope, &host);
            let differences: Vec<_> =
                (0..100).map(|_| before.diff(&HostSnapshot::take(&scope, &host))).collect();
            stop.store(true, Ordering::Relaxed);
            let launches = others.map(|other| other.join().unwrap());
            assert!(launches.iter().all(|launches| *launches > 0), "{launches:?}");
            assert!(differences.iter().all(Vec::is_empty), "{differences:#?}");
        });
    });
}

/// Printed, not judged: this machine may be busy.
#[test]
fn what_a_look_costs() {
    apart("launches::what_a_look_costs", &[], || {
        let ((_bundle, mut scope), host) = (bundle(), Host::probe());
        for (name, thorough, parameters, rounds) in
            [("cheap", false, false, 200), ("thorough", true, false, 50), ("with /proc/sys", true, true, 3)]
        {
            (scope.thorough, scope.parameters) = (thorough, parameters);
            let mut times: Vec<Duration> = (0..rounds)
                .map(|_| {
                    let start = Instant::now();
                    let snapshot = HostSnapshot::take(&scope, &host);
                    let time = start.elapsed();
                    assert!(snapshot.things.contains_key(&Kind::Settings));
                    time
                })
                .collect();
            times.sort();
            println!("a look, {name}: {:?}, at least {:?}", times[rounds / 2], times[0]);
        }
    });
}
