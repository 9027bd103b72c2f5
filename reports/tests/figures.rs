//! What the figures conclude, on numbers that can be worked out by hand.

mod sample;

use isolab_reports::figures::Figures;
use isolab_reports::figures::answers::Tone;
use isolab_reports::figures::costs::Comparison;
use isolab_reports::figures::verdict::Verdict;
use isolab_reports::record::{Cell, Outcome, Record, Series};

fn cell(aggressor: Option<&str>, protection: Option<&str>, samples: Vec<u64>, work: &[f64]) -> Cell {
    let rounds = (0..6).map(|round| round * samples.len() / 6).collect();
    Cell {
        victim: "timer".into(),
        measures: "delay".into(),
        aggressor: aggressor.map(Into::into),
        protection: protection.map(Into::into),
        samples,
        rounds,
        aggressor_work: work.to_vec(),
        enforced: "enforced".into(),
        ..Cell::default()
    }
}

#[test]
fn slowdowns_are_paired_by_round() {
    // Round r of the victim alone takes r + 1 µs throughout; beside the hog it takes three times that.
    let latency =
        |factor: u64| (0..6).flat_map(move |round| vec![factor * (round + 1) * 1000; 100]).collect();
    let record = Record {
        interference: vec![
            cell(Some("hog"), Some("cpu.max"), latency(2), &[40.0; 6]),
            cell(Some("hog"), None, latency(3), &[100.0; 6]),
            cell(None, None, latency(1), &[]),
        ],
        ..sample::bare()
    };
    let victim = &Figures::of(&record).interference.victims[0];
    let [unprotected, limited] = &victim.aggressors[0].conditions[..] else { panic!("{victim:?}") };
    assert!(unprotected.is_unprotected());
    // The spread over rounds is a factor of six; the pairs know nothing of it.
    let [p50, p99, p999] = unprotected.slowdowns();
    assert_eq!(p999, None, "600 samples have no p99.9");
    for slowdown in [p50, p99] {
        let slowdown = slowdown.unwrap();
        assert_eq!((slowdown.median, slowdown.low, slowdown.high, slowdown.pairs), (3.0, 3.0, 3.0, 6));
    }
    assert_eq!(limited.p99.unwrap().median, 2.0);
    assert_eq!(limited.price.unwrap().median, 0.4);
    assert_eq!(unprotected.price, None);
}

#[test]
fn rounds_too_short_for_a_percentile_are_pooled_or_silent() {
    let record = |n: u64| Record {
        interference: vec![
            cell(None, None, (0..n).map(|i| 1000 + i % 2).collect(), &[]),
            cell(Some("hog"), None, (0..n).map(|i| 2000 + i % 2).collect(), &[1.0; 6]),
        ],
        ..sample::bare()
    };
    let p99 = |n| Figures::of(&record(n)).interference.victims[0].aggressors[0].conditions[0].p99;
    assert_eq!(p99(600).unwrap().pairs, 6);
    // No round has a p99 of its own; all together have one, and its interval is by drawing rounds again.
    let pooled = p99(594).unwrap();
    assert_eq!((pooled.pairs, pooled.coverage), (6, Some(0.95)));
    assert!((1.99..2.01).contains(&pooled.median), "{pooled:?}");
    assert_eq!(p99(96), None);
}

#[test]
fn increments_are_against_the_named_variant_round_by_round() {
    let record = sample::record();
    let figures = Figures::of(&record);
    let ladder = &figures.ladders[0];
    let mut by_hand: Vec<i64> = {
        let [before, after] = [4, 5].map(|rung: usize| &record.costs[0].series[rung].samples);
        after
            .iter()
            .zip(before)
            .map(|(a, b)| i64::try_from(*a).unwrap() - i64::try_from(*b).unwrap())
            .collect()
    };
    by_hand.sort_unstable();
    let increment = ladder.rungs[5].increment.unwrap();
    assert_eq!(increment.median, (by_hand[19] + by_hand[20]) as f64 / 2.0);
    // n = 40: order statistics 14 and 27 cover with 96.2 %.
    assert_eq!((increment.low, increment.high), (by_hand[13] as f64, by_hand[26] as f64));
    assert_eq!(ladder.rungs[0].increment, None);
    assert_eq!(ladder.dearest().unwrap().0.name, "+ pivot_root, proc, devices");
    assert!(ladder.rungs[7].within_noise(), "0.6 µs cannot be told from noise of 24 µs");
}

#[test]
fn steps_begin_in_order_and_add_up() {
    let figures = Figures::of(&sample::record());
    let waterfall = figures.ladders[0].waterfall.as_ref().unwrap();
    let split = waterfall.split.unwrap();
    let parts = split.on_cpu.median + split.waiting.median;
    assert!((parts - waterfall.total.median).abs() < 1.0 && split.waiting.median < parts / 3.9);
    assert!(figures.ladders[0].is_split() && !figures.comparisons.iter().any(Comparison::is_split));
    assert!(waterfall.steps.windows(2).all(|pair| pair[0].start <= pair[1].start));
    let durations: f64 = waterfall.steps.iter().map(|step| step.duration.median).sum();
    assert!((waterfall.attributed() - durations).abs() < 1.0);
    assert!((waterfall.attributed() + waterfall.rest() - waterfall.total.median).abs() < 1.0);
}

#[test]
fn a_check_whose_control_stays_green_proves_nothing() {
    let mut record = Record { guarantees: sample::record().guarantees, ..sample::bare() };
    record
        .guarantees
        .retain(|guarantee| guarantee.outcome == Outcome::Holds && guarantee.control_red == Some(true));
    let before = Figures::of(&record);
    assert_eq!(before.answers[0].tone, Tone::Good);
    record.guarantees[0].control_red = Some(false);
    let after = Figures::of(&record);
    assert_eq!(after.guarantees.count(Verdict::Holds), before.guarantees.count(Verdict::Holds) - 1);
    assert_eq!(after.guarantees.count(Verdict::Unproven), 1);
    assert_eq!(after.answers[0].tone, Tone::Wary);
}

#[test]
fn what_is_not_offered_or_not_testable_never_holds() {
    let figures = Figures::of(&sample::record());
    let bwrap = figures.guarantees.launchers.iter().find(|launcher| launcher.name == "bwrap").unwrap();
    let counts = Verdict::ALL.map(|verdict| bwrap.count(verdict));
    assert_eq!((counts, bwrap.total()), ([1, 0, 0, 6, 15], 22));
    assert_eq!(figures.guarantees.count(Verdict::NotTestable), 3);
    assert_eq!((figures.answers[0].short.as_str(), figures.answers[0].tone), ("No: 2 broken", Tone::Bad));
}

#[test]
fn broken_comes_first() {
    let figures = Figures::of(&sample::record());
    let verdicts: Vec<Verdict> =
        figures.guarantees.trouble().iter().map(|(_, finding)| finding.verdict).collect();
    assert_eq!(verdicts, [Verdict::Broken, Verdict::Broken, Verdict::Unproven]);
    let worst: Vec<Verdict> = figures.guarantees.groups.iter().map(|group| group.checks[0].worst()).collect();
    assert_eq!(worst[..2], [Verdict::Broken, Verdict::Unproven]);
    assert!(worst[2..].iter().all(|verdict| *verdict > Verdict::Unproven), "{worst:?}");
    let (_, finding) = figures.guarantees.trouble()[0];
    assert!(!finding.evidence[0].agrees, "the fact that decides stands first");
}

#[test]
fn a_check_run_twice_is_as_good_as_its_worse_run() {
    let mut record = sample::record();
    let twice = record.guarantees[0].clone();
    record.guarantees.push(isolab_reports::record::Guarantee { outcome: Outcome::Broken, ..twice });
    let matrix = Figures::of(&record).guarantees;
    assert_eq!((matrix.checks(), matrix.count(Verdict::Broken)), (22, 3));
}

#[test]
fn gaps_of_one_reason_are_one_entry() {
    let figures = Figures::of(&sample::record());
    let quota = figures.gaps.iter().find(|gap| gap.reason.contains("cfs_quota_us")).unwrap();
    assert_eq!(quota.what, ["cgroup-cpu-max (core)", "cgroup-cpu-max (runc)", "cgroup-cpu-max (crun)"]);
    assert_eq!(figures.gaps.len(), 3);
}

#[test]
fn a_busy_host_is_said() {
    let mut record = sample::bare();
    assert!(Figures::of(&record).trust.busy.is_empty());
    record.noise.load = [1.2, 1.0];
    record.noise.stolen = 0.04;
    let figures = Figures::of(&record);
    assert_eq!(figures.trust.busy.len(), 2);
    assert_eq!((figures.answers[3].short.as_str(), figures.answers[3].tone), ("Busy host", Tone::Wary));
}

#[test]
fn a_run_that_measured_nothing_says_so() {
    let figures = Figures::of(&sample::bare());
    let shorts: Vec<&str> = figures.answers.iter().map(|answer| answer.short.as_str()).collect();
    assert_eq!(shorts, ["Nothing was tested", "Not measured", "Not measured", "Quiet host"]);
}

#[test]
fn a_variant_without_samples_is_not_measured() {
    let mut record = sample::record();
    for series in &mut record.costs[0].series {
        *series = Series { samples: Vec::new(), steps: Vec::new(), ..series.clone() };
    }
    let figures = Figures::of(&record);
    assert!(figures.ladders[0].rungs.iter().all(|rung| rung.total.is_none() && rung.increment.is_none()));
    assert_eq!(figures.answers[1].short, "Not measured");
}
