//! `isolab compare`: a verdict where there may be one, and the reason where there may be none.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use isolab_reports::Style;
use isolab_reports::compare::{Change, Comparison, Error, Options, Side, Which, Why, junit, markdown, text};
use isolab_reports::run::{Figure, Place, Run};
use isolab_reports::verdict::{Rule, Verdict};

const SERIES: &str = "spawn/core/launch";

fn figure(median: f64) -> Figure {
    Figure { samples: 40, median, against: None }
}

fn run(started: u64, figures: &[(&str, Figure)]) -> Run {
    Run {
        revision: None,
        started,
        command: "bench".into(),
        place: Place { machine: "a CPU, 2 CPUs, 8 GiB, x86_64".into(), kernel: "6.12".into() },
        busy: Vec::new(),
        figures: figures.iter().map(|(name, figure)| ((*name).to_owned(), *figure)).collect(),
        guarantees: BTreeMap::new(),
    }
}

fn side(name: &str, runs: Vec<Run>) -> Side {
    Side { name: name.into(), runs, writers: vec!["isolab 0.1.0, format 2".into()] }
}

/// Runs of one series, all of them different.
fn of(name: &str, from: u64, medians: &[f64]) -> Side {
    let runs = medians.iter().enumerate();
    side(name, runs.map(|(n, median)| run(from + n as u64, &[(SERIES, figure(*median))])).collect())
}

fn compared(base: &Side, new: &Side, past: &[Run]) -> Comparison {
    Comparison::of(base, new, past, Options::default()).unwrap()
}

/// The verdict of the only series, and why.
fn said(comparison: &Comparison) -> (Option<Verdict>, Option<Why>) {
    assert_eq!(comparison.rows.len(), 1, "{comparison:?}");
    (comparison.rows[0].verdict, comparison.rows[0].why)
}

const QUIET: [f64; 6] = [1000.0, 1003.0, 998.0, 1001.0, 999.0, 1002.0];

fn times(by: f64) -> Vec<f64> {
    QUIET.iter().map(|median| median * by).collect()
}

#[test]
fn runs_enough_are_compared_by_ranks() {
    let base = of("old", 100, &QUIET);
    for (by, verdict) in [
        (1.05, Verdict::Slower),
        (0.9, Verdict::Faster),
        (1.0001, Verdict::Equal),
        (1.009, Verdict::Inconclusive),
    ] {
        let comparison = compared(&base, &of("new", 200, &times(by)), &[]);
        assert_eq!(said(&comparison).0, Some(verdict), "{by}: {comparison:?}");
        let row = &comparison.rows[0];
        let interval = row.interval.unwrap();
        assert!(interval.low <= by && by <= interval.high, "{by}: {row:?}");
        assert_eq!(comparison.is_worse(), verdict == Verdict::Slower);
        assert_eq!(comparison.is_undecided(), verdict == Verdict::Inconclusive);
        // Names of the sides turned round turn the verdict round.
        let turned = compared(&of("new", 200, &times(by)), &base, &[]);
        let expected = match verdict {
            Verdict::Slower => Verdict::Faster,
            Verdict::Faster => Verdict::Slower,
            other => other,
        };
        assert_eq!(said(&turned).0, Some(expected), "{by}");
    }
}

#[test]
fn few_runs_without_a_history_have_no_verdict() {
    let comparison = compared(&of("old", 1, &[1000.0]), &of("new", 2, &[3000.0]), &[]);
    assert_eq!(said(&comparison), (Some(Verdict::Inconclusive), Some(Why::FewRuns { needs: 5 })));
    assert_eq!(comparison.rows[0].ratio, Some(3.0));
    assert!(!comparison.is_worse() && comparison.is_undecided());
    // Five of a side do not help where there is one of the other, but they show how far the runs spread.
    let comparison = compared(&of("old", 1, &QUIET), &of("new", 200, &[3000.0]), &[]);
    assert!(comparison.rows[0].interval.is_some(), "{comparison:?}");
}

#[test]
fn the_history_says_how_far_runs_spread() {
    let steady: Vec<f64> = (0..31).map(|n| 1000.0 + f64::from(n * 7 % 5)).collect();
    let wild: Vec<f64> = (0..31).map(|n| 1000.0 + f64::from(n * 7 % 5) * 100.0).collect();
    let (base, new) = (of("old", 500, &[1001.0]), of("new", 501, &[1080.0]));
    let past = |medians: &[f64]| of("past", 100, medians).runs;
    assert_eq!(said(&compared(&base, &new, &past(&steady))).0, Some(Verdict::Slower));
    assert_eq!(said(&compared(&base, &new, &past(&wild))).0, Some(Verdict::Inconclusive));
    // A step in the history is one difference of many, not a spread.
    let step: Vec<f64> =
        steady.iter().enumerate().map(|(n, median)| if n < 15 { median / 2.0 } else { *median }).collect();
    assert_eq!(said(&compared(&base, &new, &past(&step))).0, Some(Verdict::Slower));
    // Of another machine, or of busy hosts, it says nothing.
    let elsewhere = past(&steady).into_iter().map(|mut run| {
        run.place.machine = "another".into();
        run
    });
    let (verdict, why) = said(&compared(&base, &new, &elsewhere.collect::<Vec<_>>()));
    assert_eq!((verdict, why), (Some(Verdict::Inconclusive), Some(Why::FewRuns { needs: 5 })));
    let busy = past(&steady).into_iter().map(|mut run| {
        run.busy = vec!["load 3".into()];
        run
    });
    assert_eq!(said(&compared(&base, &new, &busy.collect::<Vec<_>>())).0, Some(Verdict::Inconclusive));
    // Where all runs are equal, nothing is known of their spread.
    let (verdict, why) = said(&compared(&base, &new, &past(&[1000.0; 31])));
    assert_eq!((verdict, why), (Some(Verdict::Inconclusive), Some(Why::NoSpread)));
    // What is compared does not say itself how far runs spread.
    let with_itself = [past(&steady), base.runs.clone(), new.runs.clone()].concat();
    let (alone, both) = (compared(&base, &new, &past(&steady)), compared(&base, &new, &with_itself));
    assert_eq!(alone, both);
}

#[test]
fn intervals_of_few_runs_are_wrong_as_seldom_as_they_say() {
    // Normal runs by twelve uniform ones each, from a fixed generator.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut normal = || 1000.0 * (0.02 * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0)).exp();
    let rule = Rule { margin: 0.0001, error: 0.01 };
    for (count, past) in [(1, 9), (1, 30), (3, 20)] {
        let mut wrong = 0;
        for _ in 0..2000 {
            let mut some = |from, count| of("a", from, &(0..count).map(|_| normal()).collect::<Vec<_>>());
            let (past, base, new) = (some(0, past), some(100, count), some(200, count));
            let options = Options { rule, across_hosts: false };
            let comparison = Comparison::of(&base, &new, &past.runs, options).unwrap();
            let interval = comparison.rows[0].interval.unwrap();
            wrong += usize::from(interval.low > 1.0 || interval.high < 1.0);
        }
        // 1 % are 20 of 2000, with a deviation of 4.5.
        assert!(wrong <= 33, "{wrong} of 2000 with {count} runs a side and {past} before");
    }
}

#[test]
fn a_busy_host_a_handful_of_samples_and_a_time_of_0_have_no_verdict() {
    let (base, new) = (of("old", 100, &QUIET), of("new", 200, &times(1.5)));
    let busy = |side: &Side, count: usize| {
        let mut side = side.clone();
        side.runs[..count].iter_mut().for_each(|run| run.busy = vec!["load 1.80 on 2 CPUs".into()]);
        side
    };
    for (base, new, side) in [(&busy(&base, 6), &new, Which::Base), (&base, &busy(&new, 6), Which::New)] {
        let comparison = compared(base, new, &[]);
        assert_eq!(said(&comparison), (Some(Verdict::Inconclusive), Some(Why::Busy { side })));
        assert!(comparison.rows[0].ratio.is_some(), "what was measured is shown");
        assert!(comparison.notes[0].contains("6 of 6 runs") && comparison.notes[0].contains("load 1.80"));
    }
    // The others count.
    let comparison = compared(&busy(&base, 1), &new, &[]);
    assert_eq!(comparison.rows[0].base.unwrap().runs, 5);
    assert_eq!(said(&comparison).0, Some(Verdict::Slower));
    let few = |side: &Side| {
        let mut side = side.clone();
        side.runs.iter_mut().for_each(|run| run.figures.get_mut(SERIES).unwrap().samples = 9);
        side
    };
    let why = said(&compared(&base, &few(&new), &[])).1;
    assert_eq!(why, Some(Why::FewSamples { side: Which::New, most: 9 }));
    let why = said(&compared(&of("old", 1, &[0.0; 6]), &new, &[])).1;
    assert_eq!(why, Some(Why::NoRatio));
}

#[test]
fn a_run_that_is_handed_in_five_times_is_one_run() {
    let many = |name: &str, median: f64| side(name, vec![run(1, &[(SERIES, figure(median))]); 5]);
    let comparison = compared(&many("old", 1000.0), &many("new", 2000.0), &[]);
    assert_eq!(said(&comparison), (Some(Verdict::Inconclusive), Some(Why::FewRuns { needs: 5 })));
    assert_eq!(comparison.new.runs, 1);
    let same = compared(&of("a", 1, &QUIET), &of("b", 1, &QUIET), &[]);
    assert!(same.notes.iter().any(|note| note == "on both sides: 6 runs"), "{:?}", same.notes);
}

#[test]
fn what_took_turns_is_compared_by_its_ratios() {
    // The host became twice as slow, the launcher did not: its ratio to what it took turns with is the same.
    let with = |from: u64, by: f64, against: f64| {
        let runs = QUIET.iter().enumerate().map(|(n, median)| {
            let against = Some(against * median / 1000.0);
            run(from + n as u64, &[(SERIES, Figure { samples: 40, median: median * by, against })])
        });
        side("a", runs.collect())
    };
    let said = |new: &Side| said(&compared(&with(1, 1.0, 1.2), new, &[])).0;
    assert_eq!(said(&with(100, 2.0, 1.2)), Some(Verdict::Equal));
    assert_eq!(said(&with(100, 1.0, 1.3)), Some(Verdict::Slower));
}

#[test]
fn different_hosts_are_refused_unless_asked_for_and_then_said() {
    let base = of("old", 100, &QUIET);
    let mut new = of("new", 200, &times(1.5));
    new.runs.iter_mut().for_each(|run| run.place.kernel = "7.2".into());
    let comparison = compared(&base, &new, &[]);
    assert!(comparison.notes[0].contains("BASE on Linux 6.12; NEW on Linux 7.2"), "{:?}", comparison.notes);
    new.runs.iter_mut().for_each(|run| run.place.machine = "another CPU".into());
    let refused = Comparison::of(&base, &new, &[], Options::default()).unwrap_err();
    assert!(matches!(refused, Error::DifferentHosts { .. }));
    let said = refused.to_string();
    assert!(said.contains("another CPU") && said.contains("--across-hosts"), "{said}");
    let across = Options { across_hosts: true, ..Options::default() };
    let comparison = Comparison::of(&base, &new, &[], across).unwrap();
    let forms = [
        text::render(&comparison, &Style::PLAIN, 100),
        markdown::render(&comparison),
        junit::render(&comparison, junit::Asked::default()).unwrap(),
        serde_json::to_string(&comparison).unwrap(),
    ];
    for form in forms {
        assert!(form.contains("different hosts"), "{form}");
    }
}

#[test]
fn nothing_in_common_is_no_comparison() {
    let other = side("new", vec![run(1, &[("overlay-io/core/read", figure(5.0))])]);
    let refused = Comparison::of(&of("old", 1, &QUIET), &other, &[], Options::default()).unwrap_err();
    assert!(matches!(refused, Error::NothingInCommon { .. }), "{refused}");
    let none = Comparison::of(&side("old", Vec::new()), &other, &[], Options::default()).unwrap_err();
    assert_eq!(none.to_string(), "old has no runs");
}

#[test]
fn what_only_one_side_has_is_said_and_is_no_verdict() {
    let mut new = of("new", 200, &times(1.0));
    new.runs[0].figures.insert("new/core/series".into(), figure(7.0));
    let comparison = compared(&of("old", 100, &QUIET), &new, &[]);
    let alone = comparison.rows.iter().find(|row| row.verdict.is_none()).unwrap();
    assert_eq!(alone.why, Some(Why::OnlyIn { side: Which::New }));
    assert!(comparison.is_untested() && !comparison.is_undecided() && !comparison.is_worse());
}

#[test]
fn guarantees_break_are_repaired_or_were_not_tested() {
    let with = |name: &str, words: &[(&str, &str)]| {
        let mut run = run(1, &[]);
        let owned = |(name, word): &(&str, &str)| ((*name).to_owned(), (*word).to_owned());
        run.guarantees = words.iter().map(owned).collect();
        side(name, vec![run])
    };
    let base = with(
        "old",
        &[
            ("a", "holds"),
            ("b", "broken"),
            ("c", "holds"),
            ("d", "broken"),
            ("e", "holds"),
            ("f", "unproven"),
        ],
    );
    let new = with(
        "new",
        &[("a", "holds"), ("b", "holds"), ("c", "broken"), ("d", "broken"), ("f", "broken"), ("g", "broken")],
    );
    let comparison = compared(&base, &new, &[]);
    let changes: Vec<(&str, Change)> =
        comparison.guarantees.iter().map(|kept| (kept.name.as_str(), kept.change)).collect();
    let expected = [
        ("c", Change::Broke),
        ("d", Change::StillBroken),
        ("e", Change::Untested),
        ("f", Change::Untested),
        ("g", Change::Untested),
        ("b", Change::Repaired),
        ("a", Change::Holds),
    ];
    assert_eq!(changes, expected);
    assert!(comparison.is_worse() && comparison.is_untested());
    // What one of several runs found broken is broken.
    let twice =
        Side { runs: [base.runs.clone(), with("x", &[("a", "broken")]).runs].concat(), ..base.clone() };
    let repaired = compared(&twice, &new, &[]);
    assert!(repaired.guarantees_with(Change::Repaired).any(|kept| kept.name == "a"));
}

/// A side with so many series, of which some are as many times as slow.
fn many(name: &str, from: u64, series: usize, slower: impl Fn(usize) -> f64) -> Side {
    let one = |run: usize, series: usize| {
        let median = QUIET[(run + series) % 6] * slower(series);
        (format!("cost/core/series {series:05}"), figure(median))
    };
    let of_run = |n: usize| Run {
        figures: (0..series).map(|series| one(n, series)).collect(),
        ..run(from + n as u64, &[])
    };
    side(name, (0..6).map(of_run).collect())
}

#[test]
fn among_many_comparisons_a_change_must_be_surer() {
    // Six runs against six that are wholly apart come about by chance in 2 of 924 cases.
    let base = many("old", 1, 100, |_| 1.0);
    let one = compared(&base, &many("new", 100, 100, |series| if series == 7 { 1.1 } else { 1.0 }), &[]);
    assert_eq!(one.rows[0].why, Some(Why::ByChance { comparisons: 100 }));
    assert!(!one.is_worse());
    let ten = compared(&base, &many("new", 100, 100, |series| if series < 10 { 1.1 } else { 1.0 }), &[]);
    assert_eq!(ten.with(Verdict::Slower).count(), 10);
}

#[test]
fn the_same_runs_give_the_same_bytes_in_any_order_and_form() {
    let base = many("old", 1, 30, |_| 1.0);
    let new = many("new", 100, 30, |series| 0.8 + series as f64 / 50.0);
    let past = many("past", 50, 30, |_| 1.0).runs;
    let turned = |side: &Side| Side { runs: side.runs.iter().rev().cloned().collect(), ..side.clone() };
    let forms = |base: &Side, new: &Side, past: &[Run]| {
        let comparison = compared(base, new, past);
        [
            serde_json::to_string(&comparison).unwrap(),
            text::render(&comparison, &Style::PLAIN, 100),
            markdown::render(&comparison),
            junit::render(&comparison, junit::Asked::default()).unwrap(),
        ]
    };
    let past_turned: Vec<Run> = past.iter().rev().cloned().collect();
    assert_eq!(forms(&base, &new, &past), forms(&turned(&base), &turned(&new), &past_turned));
}

#[test]
fn the_worst_comes_first_and_each_that_differs_has_a_line() {
    let base = many("old", 1, 12, |_| 1.0);
    let new = many("new", 100, 12, |series| [1.2, 1.5, 0.7, 1.0][series % 4]);
    let comparison = compared(&base, &new, &[]);
    let text = text::render(&comparison, &Style::PLAIN, 100);
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(place("series 00001") < place("series 00000") && place("series 00000") < place("series 00002"));
    assert!(!text.contains("series 00003"), "what is equal is counted: {text}");
    let last = text.trim_end().lines().rev().take(2).collect::<Vec<_>>().join(" ");
    assert!(text.contains("6 series slower") && last.contains("3 equal within 1.0 %"), "{text}");
}

#[test]
fn markdown_stays_below_the_limit_and_says_what_it_left_out() {
    let base = many("old | `x` @me", 1, 12_000, |_| 1.0);
    let new = many("new", 100, 12_000, |series| if series % 2 == 0 { 1.3 } else { 1.0 });
    let text = markdown::render(&compared(&base, &new, &[]));
    assert!(text.len() < 1 << 20, "{}", text.len());
    assert!(text.contains("lines are left out"), "{} bytes", text.len());
    assert!(text.matches("<details>").count() == text.matches("</details>").count());
}

#[test]
fn junit_fails_what_the_exit_status_fails() {
    let base = many("old", 1, 8, |_| 1.0);
    let new = many("new", 100, 8, |series| [1.3, 1.0, 1.009, 0.7][series % 4]);
    let comparison = compared(&base, &new, &[]);
    let counts = |asked| {
        let xml = junit::render(&comparison, asked).unwrap();
        let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
        let suite = &report.test_suites[0];
        (suite.tests, suite.failures, xml.matches("<skipped").count())
    };
    assert_eq!(counts(junit::Asked::default()), (8, 2, 2));
    assert_eq!(counts(junit::Asked { strict: true, must_run: false }), (8, 4, 0));
}
