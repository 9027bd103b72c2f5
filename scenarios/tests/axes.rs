//! The axes of a launch end to end, with real containers. Short: they show that the experiments work, not what things cost.

use isolab_core::host::Host;
use isolab_core::need;
use isolab_reports::record::{Cost, NotTested};
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::{axes, crowded, groups, ladder, teardown};
use isolab_scenarios::progress::Quiet;

mod common;

use common::{alone, left, options};

fn all_measured((costs, not_tested): &(Vec<Cost>, Vec<NotTested>)) {
    assert!(!costs.is_empty());
    for series in costs.iter().flat_map(|cost| &cost.series) {
        assert_eq!(series.samples.len(), 2, "{}: {not_tested:#?}", series.name);
        assert!(series.on_cpu.is_empty() || series.on_cpu.len() == 2, "{}", series.name);
    }
}

#[test]
fn every_rung_of_every_axis_is_enforced_for_root() {
    if !need::met(&["root", "user-namespace", "time-namespace"]) {
        return;
    }
    let _alone = alone();
    let host = Host::probe();
    for name in axes::NAMES {
        let axis = axes::named(name).expect("a name of the list");
        let measured = ladder::run(&axis, &options(), &host, &Quiet, &Cancel::new()).unwrap();
        assert!(measured.1.is_empty(), "{name}: {:#?}", measured.1);
        all_measured(&measured);
        let series = &measured.0[0].series;
        assert_eq!(series.len(), axis.rung.len());
        assert!(series.iter().all(|series| series.enforced.as_deref() == Some("enforced")), "{name}");
        let against = |index: usize| (index > 0).then(|| series[0].name.clone());
        assert!((0..series.len()).all(|index| series[index].against == against(index)), "{name}");
    }
    assert_eq!(left(&host), Vec::<String>::new());
}

#[test]
fn groups_are_made_joined_and_removed_in_every_hierarchy() {
    if !need::met(&["root"]) {
        return;
    }
    let _alone = alone();
    let host = Host::probe();
    let measured = groups::run(&options(), &host, &Quiet, &Cancel::new()).unwrap();
    assert!(measured.1.is_empty(), "{:#?}", measured.1);
    all_measured(&measured);
    let ids: Vec<&str> = measured.0.iter().map(|cost| cost.id.as_str()).collect();
    assert_eq!(ids, ["group-make", "group-join", "group-join-write", "group-remove"]);
    // No group, and two ways into each hierarchy.
    assert_eq!(measured.0[1].series.len(), 1 + 2 * measured.0[0].series.len());
    assert_eq!(left(&host), Vec::<String>::new());
}

#[test]
fn a_teardown_is_seen_to_its_end() {
    if !need::met(&["root"]) {
        return;
    }
    let _alone = alone();
    let host = Host::probe();
    let measured = teardown::run(&options(), &host, &Quiet, &Cancel::new()).unwrap();
    assert!(measured.1.is_empty(), "{:#?}", measured.1);
    all_measured(&measured);
    let samples = |name: &str| {
        let series = measured.0[0].series.iter().find(|series| series.name == name);
        series.unwrap_or_else(|| panic!("no {name}")).samples.clone()
    };
    let order = ["first process has ended", "first process reaped", "groups removed", "everything"];
    for pair in order.windows(2) {
        let both = samples(pair[0]).into_iter().zip(samples(pair[1]));
        assert!(both.clone().all(|(first, then)| first <= then), "{pair:?}: {:?}", both.collect::<Vec<_>>());
    }
    assert_eq!(left(&host), Vec::<String>::new());
}

#[test]
fn launches_come_from_full_mount_namespaces() {
    if !need::met(&["root"]) {
        return;
    }
    let _alone = alone();
    let host = Host::probe();
    let measured = crowded::run(&options(), &host, &Quiet, &Cancel::new()).unwrap();
    assert!(measured.1.is_empty(), "{:#?}", measured.1);
    all_measured(&measured);
    let lengths: Vec<usize> = measured.0.iter().map(|cost| cost.series.len()).collect();
    assert_eq!(lengths, [crowded::MOUNTS.len(); 2]);
    assert_eq!(left(&host), Vec::<String>::new());
}
