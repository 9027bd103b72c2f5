//! Two things, measured in pairs that take turns, until there is a verdict.
//!
//! What the verdicts mean, and how often they are wrong, is in `reports/verdicts.md`. A run is what a script that calls the thing
//! waits for: of a launcher, from its start until the container is gone; of a program, from its start to its end.

pub mod launched;
pub mod program;
pub mod revision;

use std::thread;
use std::time::{Duration, Instant};

use isolab_reports::record::{Cost, Series};
use isolab_reports::stats::Sorted;
use isolab_reports::verdict::{Calibration, Conclusion, Pair, Rule, Verdict, Watch};
use serde::Serialize;

use crate::cancel::Cancel;
use crate::cost::Timed;
use crate::progress::Progress;
use crate::ready::Error;
use crate::schedule::Schedule;

/// Id of the cost in a record.
pub const ID: &str = "ab";

/// One of the two.
pub trait Subject {
    /// What it is, for people.
    fn name(&self) -> &str;

    /// Runs it once.
    ///
    /// # Errors
    /// When it cannot be run, or fails.
    fn take(&mut self) -> Result<Timed, Error>;
}

/// Which of a run's times is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// From begin to end.
    Time,
    /// Time on a CPU, of this process and of all that it waits for.
    Cpu,
}

/// How to compare.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// What is relevant, and how often a verdict may be wrong.
    pub rule: Rule,
    /// What decides when it is over.
    pub metric: Metric,
    /// No pair begins after this time.
    pub time: Duration,
    /// Of the order of the runs.
    pub seed: u64,
    /// Before each run.
    pub rest: Duration,
    /// Whether it ends with the first verdict, or goes on to the end of its time.
    pub until_decided: bool,
}

/// What was measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// A's and B's run of each pair.
    pub pairs: Vec<[Timed; 2]>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl Metric {
    /// Its name in records and on the terminal.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Metric::Time => "time",
            Metric::Cpu => "CPU time",
        }
    }

    /// What a pair of runs says; its time is that which they took, whatever is judged.
    fn pair(self, runs: &[Timed; 2]) -> Pair {
        let seconds = runs.iter().map(|run| run.total).sum::<u64>() as f64 / 1e9;
        Pair { seconds, ..Pair::of([self.of(&runs[0]), self.of(&runs[1])]) }
    }

    fn of(self, timed: &Timed) -> u64 {
        match self {
            Metric::Time => timed.total,
            Metric::Cpu => timed.on_cpu,
        }
    }
}

/// Compares.
///
/// # Errors
/// When one of the two fails, or the run is to stop.
pub fn run(
    mut subjects: [&mut dyn Subject; 2],
    settings: &Settings,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Measured, Error> {
    // Once each, not counted: files are read into memory, and errors are said before a minute has passed.
    for subject in &mut subjects {
        subject.take()?;
    }
    let (mut measured, mut watch) = (Measured::default(), Watch::new(settings.rule));
    let mut schedule = Schedule::new(2, settings.seed);
    progress.begin("pairs", settings.time.as_secs());
    let begun = Instant::now();
    while begun.elapsed() < settings.time {
        cancel.check()?;
        let seconds = begun.elapsed().as_secs();
        let runs = pair(&mut subjects, schedule.shuffled_round(), settings.rest)?;
        measured.pairs.push(runs);
        if begun.elapsed().as_secs() > seconds {
            progress.step(&format!("{} pairs", measured.pairs.len()));
        }
        let verdict = watch.add(settings.metric.pair(&runs).log_ratio);
        if settings.until_decided && verdict != Verdict::Inconclusive {
            break;
        }
    }
    measured.seconds = begun.elapsed().as_secs_f64();
    progress.done();
    Ok(measured)
}

fn pair(subjects: &mut [&mut dyn Subject; 2], order: &[usize], rest: Duration) -> Result<[Timed; 2], Error> {
    let mut pair = [Timed::default(); 2];
    for &at in order {
        thread::sleep(rest);
        pair[at] = subjects[at].take()?;
    }
    Ok(pair)
}

impl Measured {
    fn pairs(&self, metric: Metric) -> Vec<Pair> {
        self.pairs.iter().map(|runs| metric.pair(runs)).collect()
    }

    /// What it says by a metric; `None` without a pair.
    #[must_use]
    pub fn conclude(&self, metric: Metric, rule: Rule) -> Option<Conclusion> {
        Conclusion::of(rule, &self.pairs(metric))
    }

    /// How often the rule would have been wrong, had both been the same thing, and what it would have found.
    #[must_use]
    pub fn calibrate(&self, subject: &str, metric: Metric, rule: Rule, seconds: f64) -> Calibration {
        Calibration::of(subject, metric.name(), rule, &self.pairs(metric), seconds)
    }

    /// The median of either, in nanoseconds.
    #[must_use]
    pub fn medians(&self, metric: Metric) -> [f64; 2] {
        [0, 1].map(|at| Sorted::nanos(&self.samples(metric, at)).median().unwrap_or_default())
    }

    /// All runs of A (0) or B (1), in nanoseconds.
    #[must_use]
    pub fn samples(&self, metric: Metric, at: usize) -> Vec<u64> {
        self.pairs.iter().map(|pair| metric.of(&pair[at])).collect()
    }

    /// As a cost of a record, under names that differ.
    #[must_use]
    pub fn cost(&self, names: [&str; 2]) -> Cost {
        let series = |at: usize| Series {
            on_cpu: self.samples(Metric::Cpu, at),
            ..Series::of(names[at], (at == 1).then_some(names[0]), self.samples(Metric::Time, at))
        };
        Cost {
            id: ID.into(),
            title: "A and B in pairs that take turns, from start to end".into(),
            launcher: "all".into(),
            series: vec![series(0), series(1)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Quiet;

    /// Takes as long as it says, without taking it.
    struct Clockwork {
        nanos: u64,
        turn: u64,
    }

    impl Subject for Clockwork {
        fn name(&self) -> &str {
            "clockwork"
        }

        fn take(&mut self) -> Result<Timed, Error> {
            self.turn += 1;
            let total = self.nanos + self.turn * 37 % 101 * self.nanos / 5000;
            Ok(Timed { total, on_cpu: 1000 })
        }
    }

    fn compare(nanos: [u64; 2], until_decided: bool) -> Measured {
        let [mut a, mut b] = nanos.map(|nanos| Clockwork { nanos, turn: nanos });
        let settings = Settings {
            rule: Rule::default(),
            metric: Metric::Time,
            time: Duration::from_millis(300),
            seed: 1,
            rest: Duration::ZERO,
            until_decided,
        };
        run([&mut a, &mut b], &settings, &Quiet, &Cancel::new()).unwrap()
    }

    #[test]
    fn it_ends_with_the_verdict() {
        let measured = compare([100_000, 110_000], true);
        let conclusion = measured.conclude(Metric::Time, Rule::default()).unwrap();
        assert_eq!(conclusion.verdict, Verdict::Slower, "{conclusion:?}");
        assert!(conclusion.pairs < 400 && measured.pairs.len() == conclusion.pairs, "{conclusion:?}");
        let alike = measured.conclude(Metric::Cpu, Rule::default()).unwrap();
        assert_eq!(alike.ratio, 1.0);
        let cost = measured.cost(["a", "b"]);
        assert_eq!(cost.series[1].against.as_deref(), Some("a"));
        assert_eq!(cost.series[0].samples.len(), measured.pairs.len());
    }

    #[test]
    fn or_goes_on_to_its_time() {
        let measured = compare([100_000, 110_000], false);
        assert!(measured.seconds >= 0.3 && measured.pairs.len() > 1000, "{}", measured.pairs.len());
        let calibration =
            compare([100_000, 100_000], false).calibrate("clockwork", Metric::Time, Rule::default(), 1.0);
        assert_eq!(calibration.false_alarms.hits, 0, "{calibration:?}");
    }
}
