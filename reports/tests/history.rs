//! The history: what is added is read, also by several at once, and what is no history is refused by name.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

// The other pages use all of it.
#[allow(dead_code)]
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;

use isolab_reports::Style;
use isolab_reports::history::{HistoryError, Scope, Store, Trend, html, text};
use isolab_reports::run::{Figure, Place, Run};
use isolab_reports::stats::rate::Rate;
use isolab_reports::verdict::{Calibration, Power, Rule, Verdict};

const SERIES: &str = "spawn/core/true";
const OLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/history/schema-1.sqlite");

/// A directory of one test, removed when it ends.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("isolab-history-{}-{name}", std::process::id()));
        fs::create_dir(&path).expect("the temporary directory can be written");
        Dir(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("history.sqlite")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("nobody else removes it");
    }
}

fn run(started: u64, revision: &str, median: f64) -> Run {
    let figure = Figure { samples: 40, median, against: None };
    Run {
        revision: Some(revision.into()),
        started,
        command: "bench".into(),
        place: Place { machine: "a machine".into(), kernel: "6.1.0".into() },
        busy: Vec::new(),
        figures: BTreeMap::from([(SERIES.into(), figure)]),
        guarantees: BTreeMap::from([("pidns-init-is-1/core".into(), "holds".into())]),
    }
}

/// Runs of which the level changes at the 20th of 40.
fn changed() -> Vec<Run> {
    let noise = |n: u64| 1.0 + (n * 37 % 101) as f64 / 20_000.0;
    let median = |n: u64| if n < 20 { 6e6 } else { 6.6e6 } * noise(n);
    (0..40).map(|n| run(1_767_323_040 + n * 3600, &format!("{n:04}cafe"), median(n))).collect()
}

fn store(dir: &Dir, runs: &[Run]) -> Store {
    let store = Store::open(&dir.file()).unwrap();
    store.add(runs).unwrap();
    store
}

fn trend(runs: &[Run]) -> Trend {
    let dir = Dir::new(&format!("trend-{:?}", std::thread::current().id()));
    Trend::all(&store(&dir, runs).runs().unwrap(), Rule::default()).remove(0)
}

#[test]
fn what_is_added_is_read() {
    let dir = Dir::new("round-trip");
    let mut second = run(1_767_323_041, "0123abcd+", 0.1 + 0.2);
    second.revision = None;
    second.busy = vec!["load 3.0".into(), "2 % stolen".into()];
    second.figures.insert("a/b/c".into(), Figure { samples: 1, median: f64::MAX, against: Some(1.0 / 3.0) });
    let first = run(1_767_323_040, "0123abcd", 6e6);
    let store = store(&dir, &[second.clone(), first.clone()]);
    let read: Vec<Run> = store.runs().unwrap().into_iter().map(|kept| kept.run).collect();
    assert_eq!(read, [first, second], "by time, every number to its last bit");
    let series = store.series("a machine", SERIES).unwrap();
    assert_eq!(series.iter().map(|(_, figure)| figure.median).collect::<Vec<_>>(), [6e6, 0.1 + 0.2]);
    assert_eq!(store.of_machine("another").unwrap(), []);
}

#[test]
fn a_run_is_kept_once() {
    let dir = Dir::new("once");
    let one = run(1, "0123abcd", 6e6);
    let store = store(&dir, std::slice::from_ref(&one));
    assert_eq!(
        store.add(&[one.clone(), run(2, "0123abcd", 6e6), one.clone()]).unwrap(),
        [(1, false), (2, true), (1, false)],
        "in the order that they were handed in"
    );
    let other_place = Place { kernel: "6.12".into(), ..one.place.clone() };
    assert!(store.add(&[Run { place: other_place, ..one.clone() }]).unwrap()[0].1);
    assert!(store.add(&[run(1, "0123abcd", 6.000_001e6)]).unwrap()[0].1, "other figures are another run");
    assert!(store.remove(1).unwrap() && !store.remove(1).unwrap());
    assert_eq!(store.series("a machine", SERIES).unwrap().len(), 3, "its figures went with it");
    let id = store.add(&[one]).unwrap()[0].0;
    assert_eq!(id, 5, "{id}: a number is not given again");
}

#[test]
fn several_add_at_once() {
    let dir = Dir::new("at-once");
    let (writers, each) = (8, 12);
    let start = Barrier::new(writers);
    std::thread::scope(|scope| {
        for writer in 0..writers as u64 {
            let (dir, start) = (&dir, &start);
            scope.spawn(move || {
                start.wait();
                // All make the file, its tables, and one run that is everybody's.
                let store = Store::open(&dir.file()).unwrap();
                for n in 0..each {
                    store
                        .add(&[run(writer * 1000 + n, "0123abcd", 6e6), run(99_999, "0123abcd", 6e6)])
                        .unwrap();
                }
            });
        }
    });
    let kept = Store::existing(&dir.file()).unwrap().runs().unwrap();
    assert_eq!(kept.len(), writers * each as usize + 1);
}

#[test]
fn an_older_schema_is_brought_up_to_date() {
    let dir = Dir::new("older");
    fs::copy(OLD, dir.file()).unwrap();
    let store = Store::existing(&dir.file()).unwrap();
    let kept = store.runs().unwrap();
    assert_eq!((kept[0].id, kept[0].run.figures[SERIES].median), (7, 6_000_000.5));
    assert_eq!(kept[0].run.busy, ["load 3.0 on 2 CPUs"]);
    store.add_calibration(&kept[0].run.place, &calibration("time", 3)).unwrap();
    drop(store);
    let again = Store::existing(&dir.file()).unwrap();
    assert!(again.calibration(&kept[0].run.place, "launcher core", "time").unwrap().is_some());
    assert_eq!(again.runs().unwrap(), kept);
}

fn calibration(metric: &str, hits: u64) -> Calibration {
    let power = |times, hits| Power { times, found: Rate { hits, of: 50 }, seconds: 3.25 };
    Calibration {
        subject: "launcher core".into(),
        metric: metric.into(),
        rule: Rule { margin: 0.02, error: 0.005 },
        seconds: 30.0,
        false_alarms: Rate { hits, of: 210 },
        equal: 190,
        power: vec![power(1.02, 41), power(1.03, 49)],
    }
}

#[test]
fn the_last_calibration_of_a_subject_counts() {
    let dir = Dir::new("calibrations");
    let store = Store::open(&dir.file()).unwrap();
    let here = Place { machine: "a machine".into(), kernel: "6.1.0".into() };
    for hits in [1, 2] {
        store.add_calibration(&here, &calibration("time", hits)).unwrap();
        store.add_calibration(&here, &calibration("CPU time", hits + 10)).unwrap();
    }
    let last =
        |place: &Place, subject: &str, metric: &str| store.calibration(place, subject, metric).unwrap();
    assert_eq!(last(&here, "launcher core", "time"), Some(calibration("time", 2)));
    assert_eq!(last(&here, "launcher core", "CPU time"), Some(calibration("CPU time", 12)));
    assert_eq!(last(&here, "launcher runc", "time"), None);
    assert_eq!(last(&Place { kernel: "6.12".into(), ..here.clone() }, "launcher core", "time"), None);
}

#[test]
fn names_mean_runs() {
    let dir = Dir::new("names");
    let runs = [
        run(10, "abcdef01", 1.0),
        run(20, "abcdef01+", 2.0),
        run(30, "abc90000", 3.0),
        run(40, "abcdef01", 4.0),
        run(50, "feed0000+", 5.0),
    ];
    let store = store(&dir, &runs);
    let means =
        |name: &str| -> Vec<u64> { store.resolve(name).unwrap().iter().map(|run| run.started).collect() };
    assert_eq!((means("latest"), means("latest~1"), means("latest~4")), (vec![50], vec![40], vec![10]));
    assert_eq!(
        (means("latest~5"), means("latest~x"), means("#2"), means("#99")),
        (vec![], vec![], vec![20], vec![])
    );
    assert_eq!(means("abcdef"), [10, 40], "without the tree that had other changes");
    assert_eq!(means("abcdef+"), [20]);
    assert_eq!(means("feed"), [50], "there is no other");
    assert_eq!((means("abc"), means("0000"), means("%%%%"), means("")), (vec![], vec![], vec![], vec![]));
    store.add(&[run(60, "abcd0000", 6.0)]).unwrap();
    let said = store.resolve("abcd").unwrap_err().to_string();
    assert!(said.contains("abcd is the beginning of") && said.contains("abcd0000, abcdef01"), "{said}");
}

#[test]
fn what_is_no_history_is_refused_by_name() {
    let dir = Dir::new("refused");
    let said = |bytes: &[u8]| {
        fs::write(dir.file(), bytes).unwrap();
        let error = Store::open(&dir.file()).and_then(|store| store.runs());
        assert_eq!(fs::read(dir.file()).unwrap(), bytes, "it is left as it was");
        let said = error.unwrap_err().to_string();
        assert!(said.contains("history.sqlite"), "{said}");
        said
    };
    assert!(said(br#"{"format": 2, "isolab": "0.1.0"}"#).contains("is not a history"));
    let whole = fs::read(OLD).unwrap();
    let mut other = whole.clone();
    other[68..72].copy_from_slice(&[0; 4]);
    assert!(said(&other).contains("another program's database"));
    let mut newer = whole.clone();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    assert!(said(&newer).contains("schema 99") && said(&newer).contains("this isolab is too old"));
}

#[test]
fn a_damaged_history_is_an_error() {
    let dir = Dir::new("damaged");
    drop(store(&dir, &changed()));
    let whole = fs::read(dir.file()).unwrap();
    // All pages but the first, which has the schema.
    let mut damaged = whole.clone();
    damaged[4096..].fill(0xa5);
    for bytes in [&damaged[..], &whole[..whole.len() / 2]] {
        fs::write(dir.file(), bytes).unwrap();
        let read = Store::existing(&dir.file()).and_then(|store| store.runs());
        let error = read.unwrap_err();
        assert!(matches!(error, HistoryError::Other { .. }), "{error:?}");
        assert!(error.to_string().contains("history.sqlite"), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_made_is_an_error_with_its_cause() {
    let dir = Dir::new("cannot");
    let said = |opened: Result<Store, HistoryError>| opened.map(drop).unwrap_err().to_string();
    let missing = dir.0.join("missing.sqlite");
    let refused = said(Store::existing(&missing));
    assert!(refused.contains("missing.sqlite: No such file"), "{refused}");
    assert!(!missing.exists(), "who only reads makes nothing");
    // Not even root makes a file there.
    let refused = said(Store::open(Path::new("/sys/history.sqlite")));
    assert!(
        refused.starts_with("open history /sys/history.sqlite: ") && refused.contains("os error"),
        "{refused}"
    );
    fs::write(dir.file(), "").unwrap();
    let refused = said(Store::open(&dir.file().join("below")));
    assert!(refused.contains("make the directory") && refused.contains("below: "), "{refused}");
}

#[test]
fn a_change_names_its_commits() {
    let trend = trend(&changed());
    assert_eq!((trend.points.len(), trend.shifts.len()), (40, 1), "{:?}", trend.shifts);
    let shift = &trend.shifts[0];
    assert_eq!((shift.at, shift.verdict, shift.is_regression()), (20, Verdict::Slower, true));
    assert_eq!(shift.range(), "last before 0019cafe, first after 0020cafe");
    assert_eq!(shift.cause(), "0020cafe");
    let said = text::show(&[&trend], &Style::PLAIN, 200);
    assert!(said.contains("▁") && said.contains("█") && said.contains("✗ slower: +10.0"), "{said}");
}

#[test]
fn a_kernel_that_came_with_a_change_is_named() {
    let mut runs = changed();
    runs[20..].iter_mut().for_each(|run| run.place.kernel = "6.12.3".into());
    let with_code = trend(&runs);
    assert_eq!(with_code.points.len(), 40, "a new kernel is no new series");
    assert_eq!(with_code.shifts[0].cause(), "0020cafe, Linux 6.12.3");
    runs.iter_mut().for_each(|run| run.revision = Some("0123abcd".into()));
    let alone = trend(&runs);
    assert_eq!(alone.shifts[0].cause(), "Linux 6.12.3");
    assert_eq!(alone.shifts[0].range(), "within revision 0123abcd; Linux 6.1.0 before, 6.12.3 after");
}

#[test]
fn machines_are_never_mixed() {
    let mut runs = changed();
    runs[20..].iter_mut().for_each(|run| run.place.machine = "a slower machine".into());
    let dir = Dir::new("machines");
    let trends = Trend::all(&store(&dir, &runs).runs().unwrap(), Rule::default());
    assert_eq!(trends.iter().map(|trend| trend.points.len()).collect::<Vec<_>>(), [20, 20]);
    assert!(trends.iter().all(|trend| trend.shifts.is_empty()), "{trends:?}");
}

#[test]
fn what_does_not_count_is_left_out_and_said() {
    let mut runs = changed();
    runs[20..].iter_mut().for_each(|run| run.busy = vec!["load 9.0 on 2 CPUs".into()]);
    runs[0].figures.values_mut().for_each(|figure| figure.samples = 9);
    let trend = trend(&runs);
    assert_eq!((trend.points.len(), trend.left_out, trend.shifts.len()), (19, 21, 0));
    assert!(text::show(&[&trend], &Style::PLAIN, 200).contains("19 runs, 21 left out"));
}

#[test]
fn ratios_are_shown_where_all_runs_have_them() {
    let mut runs = changed();
    for run in &mut runs {
        run.figures.values_mut().for_each(|figure| figure.against = Some(1.5));
    }
    let steady = trend(&runs);
    assert!(steady.is_ratio && steady.shifts.is_empty(), "a drift of the host does not move a ratio");
    assert!(text::show(&[&steady], &Style::PLAIN, 200).contains("×1.500"));
    runs[3].figures.values_mut().for_each(|figure| figure.against = None);
    assert!(!trend(&runs).is_ratio);
}

#[test]
fn a_scope_leaves_old_changes_out() {
    let runs = changed();
    let trend = trend(&runs);
    let within = |scope: Scope<'_>| trend.within(scope).count();
    assert_eq!((within(Scope::default()), within(Scope { last: Some(20), since: None })), (1, 1));
    assert_eq!(within(Scope { last: Some(19), since: None }), 0);
    assert_eq!(within(Scope { since: Some(&runs[19..20]), last: None }), 1);
    assert_eq!(within(Scope { since: Some(&runs[20..21]), last: None }), 0);
}

#[test]
fn the_page_is_one_file_and_says_what_changed() {
    let mut runs = changed();
    for run in &mut runs {
        run.figures.insert("steady".into(), Figure { samples: 40, median: 5.0, against: None });
    }
    let dir = Dir::new("page");
    let page = html::render(&Trend::all(&store(&dir, &runs).runs().unwrap(), Rule::default())).unwrap();
    page::assert_no_request(&page);
    assert_eq!(page::unbalanced(&page), None);
    assert!(page.contains("1 change point in 2 series; 1 slower on the newest level"));
    assert!(page.contains("last before 0019cafe, first after 0020cafe") && page.contains("<details"));
    assert!(html::render(&[]).unwrap().contains("0 change points in 0 series"));
}

#[test]
fn hostile_names_are_shown_as_they_are() {
    let mut runs = changed();
    for run in &mut runs {
        run.figures =
            run.figures.iter().map(|(name, figure)| (format!("{name}{}", page::HOSTILE), *figure)).collect();
        run.place.machine.push_str(page::HOSTILE);
        run.place.kernel.push_str(page::HOSTILE);
    }
    runs[20..].iter_mut().for_each(|run| run.revision = Some(page::HOSTILE.into()));
    let dir = Dir::new("hostile");
    let store = store(&dir, &runs);
    let trends = Trend::all(&store.runs().unwrap(), Rule::default());
    let trends: Vec<&Trend> = trends.iter().collect();
    let page = html::render(&[trends[0].clone()]).unwrap();
    assert_eq!(page::unbalanced(&page), None);
    assert!(!page.contains("<script") && !page.contains("<img"));
    for said in [
        page,
        text::show(&trends, &Style::PLAIN, 100),
        text::changes(&trends, Scope::default(), &Style::PLAIN, 100),
        text::list(&store.runs().unwrap(), &Style::PLAIN, 100),
    ] {
        assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}') && said.contains("u{1b}"), "{said}");
    }
}
