//! The catalogue on the launchers of this machine: all hold on core, and every control turns its guarantee red.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use isolab_core::host::Host;
use isolab_core::need;
use isolab_reports::record::{self, MutantIs, Outcome};
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

/// Core, as root: nothing may be excused but for what the host itself lacks. That each check can fail is shown by its mutants,
/// all of them by `isolab check --mutants`.
#[test]
fn every_guarantee_holds_on_core() {
    if !need::met(&["root"]) {
        return;
    }
    let guarantees = catalog::guarantees().unwrap();
    let found = check(&["core"], &guarantees, false);
    assert_eq!(found.not_tested, []);
    assert_eq!(found.guarantees.len(), guarantees.len());
    let excused = |result: &&record::Guarantee| match &result.outcome {
        Outcome::Holds => true,
        Outcome::NotTestable { reason, .. } => !reason.contains("its control"),
        Outcome::NotOffered { .. } => result.id == "pidns-zombies-reaped",
        Outcome::Broken => false,
    };
    let wrong: Vec<_> = found.guarantees.iter().filter(|one| !excused(one)).collect();
    assert!(wrong.is_empty(), "{}", lines(&wrong));
    let holds = found.guarantees.iter().filter(|one| one.outcome == Outcome::Holds).count();
    assert!(holds >= 100, "{holds} hold");
}

fn mutants_of(guarantees: &[Guarantee]) -> Vec<record::Mutant> {
    let host = Host::probe();
    let launchers = [launcher::named("core", &host).unwrap()];
    let options = Options { launchers: &launchers, guarantees, controls: true, program: Path::new(PROGRAM) };
    check::mutants::run(&options, &host, &Quiet, &Cancel::new()).unwrap()
}

#[test]
fn mutants_of_all_kinds_turn_red_and_leave_others_green() {
    if !need::met(&["root"]) {
        return;
    }
    // By a step of the plan, by a config, by an act; and those that the plain launch answers for beside them.
    let ids = [
        "caps-bounding-drop-absolute",
        "masked-file-empty",
        "umask-exact",
        "pidfile-atomic",
        "rootfs-readonly",
    ];
    let mut guarantees = catalog::guarantees().unwrap();
    guarantees.retain(|one| ids.contains(&one.id.as_str()));
    let found = mutants_of(&guarantees);
    assert!(found.len() >= 8);
    for mutant in found {
        assert_eq!((&mutant.is, mutant.others.as_slice()), (&MutantIs::Red, [].as_slice()), "{mutant:?}");
    }
}

/// A check that cannot see its mutant, one without any, and one whose mutant breaks what has nothing to do with it.
#[test]
fn a_blind_check_is_found() {
    if !need::met(&["root"]) {
        return;
    }
    let head = "kind = 'guarantee'\npromise = 'p'\nprimitive = 'uts namespace'\nsource = 's'\n";
    let ask = "[ask]\nname = { hostname = {} }\n";
    let parse =
        |id: &str, rest: &str| Guarantee::parse("t.toml", &format!("{head}id = '{id}'\n{rest}")).unwrap();
    let blind = parse(
        "blind",
        &format!(
            "{ask}[expect]\n'inside.name' = {{ exists = true }}\n[[control]]\nwithout = 'a name'\n[[control.config]]\n\
                  set = 'hostname'\nto = 'other'\n"
        ),
    );
    let none = parse("none", &format!("{ask}[expect]\n'inside.name' = {{ is = 'isolab' }}\n"));
    let found = mutants_of(&[blind, none]);
    assert_eq!((&found[0].is, &found[1].is), (&MutantIs::Green, &MutantIs::Absent));
    assert_eq!(found[0].others, ["none"]);
}

/// What Debian 12's launchers are known for; a catalogue that stays green on them is not looking.
const KNOWN: [(&str, &str, &[&str]); 3] = [
    (
        "runc",
        "1.1.5",
        &[
            "cgroup-preexisting-refused",
            "config-violations-refused",
            "console-link-confined",
            "devices-default-deny",
            "exec-user-matrix",
            "hook-env-clean",
            "idmap-mount-ids",
            "pids-limit-holds",
            "tmpfs-size-mode",
            "utsns-name-limits",
        ],
    ),
    (
        "crun",
        "1.8.1",
        &[
            "annotation-inert",
            "caps-unknown-name",
            "cgroup-preexisting-refused",
            "config-violations-refused",
            "devices-default-deny",
            "exec-user-matrix",
            "fd-internal-none-host",
            "hook-env-clean",
            "id-validated",
            "mount-flags-exact",
            "pidfile-atomic",
            "pids-limit-holds",
            "prop-host-to-container",
            "seccomp-unknown-nr-enosys",
            "timens-offsets",
            "utsns-name-limits",
        ],
    ),
    ("unshare", "util-linux 2.38", &["chroot-dotdot-escape", "env-exact"]),
];

#[test]
fn known_weaknesses_of_other_launchers_are_found() {
    if !need::met(&["root", "runc", "crun"]) {
        return;
    }
    for (launcher, version, ids) in KNOWN {
        let found = launcher::named(launcher, &Host::probe()).unwrap().describe().version.unwrap_or_default();
        if !found.contains(version) {
            println!("skipped: this is known of {launcher} {version}, and this is {found}");
            continue;
        }
        let mut guarantees = catalog::guarantees().unwrap();
        guarantees.retain(|one| ids.contains(&one.id.as_str()) || one.id == "pidns-no-host-pids");
        let found = check(&[launcher], &guarantees, false);
        for result in &found.guarantees {
            let wanted = if result.id == "pidns-no-host-pids" { Outcome::Holds } else { Outcome::Broken };
            assert_eq!(result.outcome, wanted, "{launcher}: {}", result.id);
            assert_eq!(result.again.is_some(), wanted == Outcome::Broken);
        }
        assert_eq!(found.guarantees.len(), ids.len() + 1, "{launcher}: {:?}", found.not_tested);
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
    // On cgroup v1 its /sys/fs/cgroup is writable, which this one tells.
    let basic =
        |one: &Guarantee| one.is_plain() && one.config.is_empty() && one.id != "mntns-expected-mount-set";
    guarantees.retain(basic);
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
