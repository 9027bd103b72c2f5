//! What the lab's figures conclude, on kernels of which the truth is known.

mod sample;
#[path = "sample/lab.rs"]
mod sample_lab;

use isolab_reports::figures::answers::Tone;
use isolab_reports::figures::verdict::Verdict;
use isolab_reports::lab::figures::Figures;
use isolab_reports::lab::figures::changes::{Change, InFull, Judgement};
use isolab_reports::lab::figures::columns::State;
use isolab_reports::lab::figures::features::Offer;
use isolab_reports::lab::figures::worse::Worse;
use isolab_reports::lab::record::{Outcome, Purpose};

/// A metric's change on a kernel.
fn change<'a>(figures: &'a Figures, metric: &str, kernel: &str) -> &'a Change {
    let place =
        figures.columns.iter().position(|column| column.name == kernel).expect("a kernel of the sample");
    let metric = figures.metric(metric).expect("a metric of the sample");
    metric.changes[place].as_ref().expect("measured on both")
}

#[test]
fn a_change_on_cpu_is_found_in_its_size_and_survives_the_full_launch() {
    let figures = Figures::of(&sample_lab::lab(8));
    let netns = change(&figures, "spawn/netns", "6.12");
    let on_cpu = netns.on_cpu.unwrap();
    let ratio = on_cpu.ratio.unwrap();
    assert!(on_cpu.differs() && (ratio.median - 1.03).abs() < 0.001 && ratio.low > 1.028, "{ratio:?}");
    // 3 % of 600 µs, all of it in the steps of the net namespace.
    assert!((on_cpu.difference.median - 18_000.0).abs() < 600.0, "{on_cpu:?}");
    assert_eq!((netns.nature(), netns.in_full), ("on CPU", Some(InFull::Survives)));
    let steps: Vec<&str> = netns.steps.iter().map(|step| step.primitive.as_str()).collect();
    assert_eq!(steps, ["net namespace"]);
    assert!((netns.steps[0].difference.median - 18_000.0).abs() < 600.0);
}

#[test]
fn a_change_of_waiting_is_told_apart_and_may_not_survive_the_full_launch() {
    let figures = Figures::of(&sample_lab::lab(8));
    let netns = change(&figures, "spawn/netns", "7.2");
    assert_eq!((netns.nature(), netns.in_full), ("waiting", Some(InFull::Gone)));
    assert_eq!(netns.on_cpu.unwrap().judgement, Judgement::Within);
    let waiting = netns.waiting.unwrap().ratio.unwrap();
    assert!((waiting.median - 1.6).abs() < 0.04 && waiting.excludes(1.0), "{waiting:?}");
    assert!(!change(&figures, "spawn/full", "7.2").differs());
}

#[test]
fn kernels_that_are_alike_do_not_differ() {
    let figures = Figures::of(&sample_lab::lab(8));
    for metric in &figures.metrics {
        assert!(!change(&figures, &metric.id, "6.1").differs(), "{}", metric.id);
    }
    let changed: Vec<&str> = figures.changed().map(|metric| metric.id.as_str()).collect();
    assert_eq!(changed, ["spawn/netns", "spawn/full"], "what changed most comes first, and nothing else");
}

#[test]
fn too_small_a_change_on_cpu_is_none_however_sure_it_is() {
    let mut lab = sample_lab::lab(8);
    let other = lab.kernels[0].boots.clone();
    for boot in &mut lab.kernels[1].boots {
        let Outcome::Done { record } = &mut boot.outcome else { continue };
        for series in record.costs.iter_mut().flat_map(|cost| &mut cost.series) {
            series.on_cpu.iter_mut().for_each(|sample| *sample += *sample * 4 / 1000);
        }
    }
    let figures = Figures::of(&lab);
    let small = change(&figures, "spawn/bare", "6.1").on_cpu.unwrap();
    assert!(small.ratio.unwrap().excludes(1.0), "{small:?}");
    assert_eq!(small.judgement, Judgement::Within);
    // With the same boots on both sides nothing differs at all.
    lab.kernels[1].boots = other;
    let alike = Figures::of(&lab);
    assert_eq!(change(&alike, "spawn/bare", "6.1").total.difference.median, 0.0);
}

#[test]
fn too_few_boots_decide_nothing() {
    let figures = Figures::of(&sample_lab::lab(4));
    assert_eq!(figures.changed().count(), 0);
    assert_eq!(change(&figures, "spawn/netns", "6.12").judgement(), Judgement::Unclear);
    assert_eq!(figures.answers[1].short, "Too few boots to say");
    let five = Figures::of(&sample_lab::lab(5));
    assert!(change(&five, "spawn/netns", "6.12").differs());
}

#[test]
fn a_guarantee_that_went_comes_first_with_both_sides() {
    let figures = Figures::of(&sample_lab::lab(8));
    let row = &figures.guarantees.rows[0];
    assert_eq!((row.id.as_str(), row.launcher.as_str(), row.differs), ("masked-paths-empty", "core", true));
    let [held, .., lost, _, failed] = &row.cells[..] else { panic!("{row:?}") };
    assert_eq!(held.as_ref().unwrap().verdict, Verdict::Holds);
    assert!(lost.as_ref().unwrap().against().count() > 0);
    assert_eq!(*failed, None, "a kernel that did not boot holds nothing and breaks nothing");
    assert_eq!(figures.guarantees.differing().count(), 1);
    assert_eq!((figures.answers[0].short.as_str(), figures.answers[0].tone), ("No: 1 lost", Tone::Bad));
    assert_eq!(figures.verdict("masked-paths-empty", "6.12"), Some(Verdict::Broken));
    assert_eq!(figures.verdict("masked-paths-empty", "next"), None);
}

#[test]
fn what_became_worse_is_what_an_exit_status_needs() {
    let figures = Figures::of(&sample_lab::lab(8));
    let said: Vec<String> = figures.worse(1.0).iter().map(ToString::to_string).collect();
    let begins = [
        "masked-paths-empty (core) is broken on 6.12",
        "spawn/netns on 6.12: +1.",
        "spawn/netns on 7.2: +2",
        "spawn/full on 6.12: on CPU +3.0 %",
    ];
    assert_eq!(said.len(), begins.len(), "{said:?}");
    assert!(said.iter().zip(begins).all(|(said, begin)| said.starts_with(begin)), "{said:?}");
    assert!(figures.worse(90.0).iter().all(|worse| matches!(worse, Worse::Guarantee { .. })));
}

#[test]
fn two_kernels_can_be_compared_without_the_baseline() {
    let figures = Figures::of(&sample_lab::lab(8));
    let compared = figures.compare("spawn/netns", "6.12", "6.1").unwrap();
    assert_eq!((compared.from.total.boots.len(), compared.to.total.boots.len()), (8, 8));
    assert!(compared.change.on_cpu.unwrap().difference.median < -17_000.0);
    assert_eq!(figures.compare("spawn/netns", "6.12", "next"), None);
    assert_eq!(figures.compare("spawn/nothing", "6.12", "6.1"), None);
}

#[test]
fn features_differ_by_errno_too() {
    let figures = Figures::of(&sample_lab::lab(8));
    let [landlock] = &figures.features.differing[..] else { panic!("{:?}", figures.features) };
    let reason = |place: usize| match &landlock.cells[place] {
        Some(Offer::Missing(reason)) => reason.as_str(),
        other => panic!("{other:?}"),
    };
    assert!(reason(0).contains("ENOSYS") && reason(1).contains("EOPNOTSUPP"));
    assert_eq!((&landlock.cells[3], &landlock.cells[4]), (&Some(Offer::Available), &None));
    assert_eq!(figures.features.everywhere.len(), 3);
}

#[test]
fn the_host_table_has_only_what_differs() {
    let figures = Figures::of(&sample_lab::lab(8));
    let labels: Vec<&str> = figures.host_rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["LSMs", "CONFIG_HZ", "CONFIG_PREEMPT_DYNAMIC"]);
}

#[test]
fn a_kernel_that_failed_and_a_run_that_was_cut_short_say_so() {
    let mut lab = sample_lab::lab(8);
    lab.kernels[1].boots.truncate(6);
    let figures = Figures::of(&lab);
    let states: Vec<State> = figures.columns.iter().map(|column| column.state).collect();
    assert_eq!(states, [State::Complete, State::Partial, State::Complete, State::Complete, State::Failed]);
    assert_eq!(figures.columns[1].status(), "5 of 8 boots so far");
    assert_eq!(figures.columns[4].status(), "failed: the kernel panicked: VFS: Unable to mount root fs");
    let [failure] = &figures.columns[4].failures[..] else { panic!("they all fail alike") };
    assert_eq!(
        (failure.boots.len(), failure.boots[0].as_str(), failure.boots[1].as_str()),
        (9, "check", "seed 1")
    );
    assert!(failure.tail.last().unwrap().contains("Kernel panic"));
    assert_eq!(figures.answers[3].tone, Tone::Bad);
    lab.kernels.pop();
    assert_eq!(Figures::of(&lab).answers[3].short, "Not all boots yet");
}

#[test]
fn only_measuring_boots_are_measured() {
    let mut lab = sample_lab::lab(8);
    for boot in lab.kernels.iter_mut().flat_map(|kernel| &mut kernel.boots) {
        boot.purpose = Purpose::Check;
    }
    let figures = Figures::of(&lab);
    assert!(figures.metrics.is_empty());
    assert_eq!(figures.answers[1].short, "Not compared");
}
