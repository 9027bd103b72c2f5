//! The recording through criterion's comparison with a saved baseline: criterion itself, fed with recorded times.
//!
//! As `cargo bench -- --save-baseline` and `--baseline` measure: three seconds of warm-up, some five seconds of the old code, and then
//! the same of the new. A process of its own does one comparison, and its verdict is read from what it prints.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use criterion::Criterion;
use isolab_reports::record::Cost;
use isolab_reports::stats::Sorted;
use isolab_reports::stats::rate::Rate;

use super::recording::{LANES, samples};

/// The argument that makes this program one leg of a comparison.
const LEG: &str = "criterion-leg";
/// criterion's defaults.
const WARM_UP: f64 = 3e9;
/// Samples of 1, 2, …, 100 launches, which is what criterion chooses for a launch of more than a millisecond and five seconds.
const LAUNCHES: usize = 5050;
/// What a faster launch would take of the recording.
const AT_MOST: usize = 4 * LAUNCHES;

/// One comparison: files of nanoseconds, one a line.
pub(crate) struct Leg {
    old: PathBuf,
    new: PathBuf,
}

impl Leg {
    pub(crate) fn of(arguments: &[String]) -> Option<Leg> {
        match arguments {
            [_, leg, old, new] if leg == LEG => Some(Leg { old: old.into(), new: new.into() }),
            _ => None,
        }
    }

    /// Saves the old as a baseline, and compares the new with it.
    pub(crate) fn run(&self) {
        feed(Criterion::default().without_plots().save_baseline("old".into()), &self.old);
        feed(Criterion::default().without_plots().retain_baseline("old".into(), true), &self.new);
    }
}

fn feed(criterion: Criterion, file: &PathBuf) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let nanos: Vec<u64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let (mut times, mut warm) = (nanos.iter().copied(), false);
    // It counts the real time of its warm-up, of which one launch is enough here: what was recorded meanwhile is left out.
    criterion.warm_up_time(Duration::from_nanos(1)).bench_function("spawn", |bencher| {
        bencher.iter_custom(|count| {
            if !std::mem::replace(&mut warm, true) {
                let typical = Sorted::nanos(&nanos).median().unwrap_or_default();
                std::thread::sleep(Duration::from_nanos(typical as u64));
                return Duration::from_nanos(typical as u64);
            }
            let taken: Vec<u64> = times.by_ref().take(usize::try_from(count).unwrap_or(usize::MAX)).collect();
            assert_eq!(taken.len() as u64, count, "the recording is too short for what criterion asks");
            Duration::from_nanos(taken.iter().sum())
        });
    });
}

/// What it said of one comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Regressed,
    Improved,
    Neither,
}

pub(crate) fn print(costs: &[Cost]) {
    println!("| criterion | comparisons | regressed | regressed or improved |");
    println!("| --- | --- | --- | --- |");
    for lane in &LANES {
        let [a, b] = samples(costs, lane);
        // What is alike: each stretch of a lane with the one after it, in both lanes.
        let all = match lane.slower > 0.0 {
            true => one_after_the_other(a, b),
            false => [a, b].iter().flat_map(|lane| one_after_the_other(lane, lane)).collect(),
        };
        tell(&format!("A, then {}", lane.name), &all);
    }
}

/// Compares a stretch of the old with the stretch of the new that was recorded after it, in windows that do not overlap.
fn one_after_the_other(old: &[u64], new: &[u64]) -> Vec<Said> {
    let (mut at, mut all) = (0, Vec::new());
    loop {
        let Some((first, between)) = stretch(old, at) else { return all };
        let Some((second, end)) = stretch(new, between) else { return all };
        all.push(compare(first, second));
        at = end;
    }
}

/// What a run of criterion takes from here on, after its warm-up, and where it ends. Others have turns in between, so a run is
/// spread over more time than it would have taken alone.
fn stretch(lane: &[u64], from: usize) -> Option<(&[u64], usize)> {
    let (mut begin, mut warm) = (from, 0.0);
    while warm < WARM_UP {
        warm += *lane.get(begin)? as f64;
        begin += 1;
    }
    let end = begin + LAUNCHES;
    (end <= lane.len()).then(|| (&lane[begin..lane.len().min(begin + AT_MOST)], end))
}

fn compare(old: &[u64], new: &[u64]) -> Said {
    let dir = std::env::temp_dir().join(format!("isolab-{}-criterion", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap_or_else(|error| panic!("make {}: {error}", dir.display()));
    let write = |name: &str, nanos: &[u64]| {
        let lines: Vec<String> = nanos.iter().map(u64::to_string).collect();
        let path = dir.join(name);
        std::fs::write(&path, lines.join("\n")).unwrap_or_else(|error| panic!("write {name}: {error}"));
        path
    };
    let (old, new) = (write("old", old), write("new", new));
    let output = Command::new(isolab_benches::program())
        .args([LEG.as_ref(), old.as_os_str(), new.as_os_str()])
        .env("CRITERION_HOME", &dir)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("run a leg: {error}"));
    drop(std::fs::remove_dir_all(&dir));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    match text {
        text if text.contains("Performance has regressed") => Said::Regressed,
        text if text.contains("Performance has improved") => Said::Improved,
        text => {
            let known = ["No change in performance", "within noise threshold"];
            assert!(known.iter().any(|line| text.contains(line)), "criterion says nothing known: {text}");
            Said::Neither
        }
    }
}

fn tell(what: &str, all: &[Said]) {
    let rate = |said: &[Said]| Rate {
        hits: all.iter().filter(|it| said.contains(it)).count() as u64,
        of: all.len() as u64,
    };
    let said = |said: &[Said]| {
        let (rate, [low, high]) = (rate(said), rate(said).interval().map(|share| share * 100.0));
        format!("{} ({low:.1} to {high:.1} %)", rate.hits)
    };
    println!(
        "| {what} | {} | {} | {} |",
        all.len(),
        said(&[Said::Regressed]),
        said(&[Said::Regressed, Said::Improved])
    );
}
