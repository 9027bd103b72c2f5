//! How far the lab can be trusted: equal boots, boots of other seeds, and a change made on purpose.
//!
//! Boots of one kernel are parted into sets of disjoint seeds, and the sets are compared as if they were kernels. What is found
//! to differ between unchanged sets is a false alarm; what is not found of a planted change was missed. Equal boots show
//! only that the clock is exact.

use isolab_reports::lab::Lab;
use isolab_reports::lab::figures::Figures;
use isolab_reports::lab::record::{Boot, Kernel, Outcome};
use serde::Serialize;

/// What came of comparing sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Whether a boot and its replay have equal samples.
    pub replay_is_exact: bool,
    /// Boots in each set.
    pub boots: usize,
    /// Pairs of unchanged sets that were compared.
    pub pairs: usize,
    /// By part: time on CPU, waiting, total.
    pub parts: Vec<Part>,
    /// The change made on purpose.
    pub planted: Planted,
}

/// How steady one part of the metrics is between unchanged sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// `on CPU`, `waiting`, `total`.
    pub name: &'static str,
    /// Comparisons: metrics × pairs.
    pub comparisons: usize,
    /// Which of them were taken for changes, each with the pair and the change.
    pub false_alarms: Vec<String>,
    /// Pairs with a false alarm of any metric.
    pub pairs_with_alarm: usize,
    /// Largest difference between two sets, in percent, and where.
    pub largest: (f64, String),
}

/// How often a change that was made on purpose was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planted {
    /// The metric that it was sized for.
    pub metric: String,
    /// Nanoseconds of CPU time in each launch.
    pub nanoseconds: u64,
    /// Comparisons of a set with it and a set without.
    pub comparisons: usize,
    /// In how many of them it was found, as time on CPU.
    pub found: usize,
    /// What was found each time, in percent.
    pub percent: Vec<f64>,
}

/// Sets of boots as if they were kernels: `set 1`, `set 2`, …; what is left over is left out.
#[must_use]
pub fn sets(lab: &Lab, boots: &[Boot], size: usize, name: &str) -> Vec<Kernel> {
    let kernel = |(number, boots): (usize, &[Boot])| Kernel {
        name: format!("{name} {}", number + 1),
        source: lab.kernels[0].source.clone(),
        config: lab.kernels[0].config.clone(),
        boots: boots.to_vec(),
    };
    boots.chunks_exact(size.max(1)).enumerate().map(kernel).collect()
}

/// Whether two boots measured the same, to the nanosecond.
#[must_use]
pub fn is_replay(one: &Boot, other: &Boot) -> bool {
    match (&one.outcome, &other.outcome) {
        (Outcome::Done { record: one }, Outcome::Done { record: other }) => {
            one.costs == other.costs && one.interference == other.interference
        }
        _ => false,
    }
}

/// Median of a metric's time on CPU in the first set.
#[must_use]
pub fn on_cpu(figures: &Figures, metric: &str) -> Option<f64> {
    let figure = figures.metric(metric)?.figures.first()?.as_ref()?;
    Some(figure.on_cpu.as_ref()?.summary.median)
}

/// Compares each set with the next, metric by metric.
#[must_use]
pub fn unchanged(figures: &Figures) -> Vec<Part> {
    let names: Vec<&str> = figures.columns.iter().map(|column| column.name.as_str()).collect();
    let mut parts: Vec<Part> = ["total", "on CPU", "waiting"].map(Part::new).into();
    for pair in names.windows(2) {
        let mut alarmed = [false; 3];
        for metric in &figures.metrics {
            let Some(compared) = figures.compare(&metric.id, pair[0], pair[1]) else { continue };
            for (at, delta) in compared.change.parts().into_iter().enumerate() {
                let Some(delta) = delta else { continue };
                let said = format!("{}: {} and {}: {}", metric.id, pair[0], pair[1], delta.value());
                parts[at].add(delta.ratio.map(|ratio| (ratio.median - 1.0) * 100.0), delta.differs(), said);
                alarmed[at] |= delta.differs();
            }
        }
        for (part, alarmed) in parts.iter_mut().zip(alarmed) {
            part.pairs_with_alarm += usize::from(alarmed);
        }
    }
    parts
}

/// Compares each planted set with the unchanged set of its number.
#[must_use]
pub fn planted(figures: &Figures, unchanged: usize, metric: &str, nanoseconds: u64) -> Planted {
    let names: Vec<&str> = figures.columns.iter().map(|column| column.name.as_str()).collect();
    let (without, with) = names.split_at(unchanged.min(names.len()));
    let mut percent = Vec::new();
    let mut found = 0;
    for (number, with) in with.iter().enumerate() {
        let compared = figures.compare(metric, without[number % without.len()], with);
        let Some(delta) = compared.and_then(|compared| compared.change.on_cpu) else { continue };
        found += usize::from(delta.differs() && delta.difference.median > 0.0);
        percent.push(delta.ratio.map_or(f64::NAN, |ratio| (ratio.median - 1.0) * 100.0));
    }
    Planted { metric: metric.into(), nanoseconds, comparisons: percent.len(), found, percent }
}

impl Part {
    fn new(name: &'static str) -> Part {
        Part {
            name,
            comparisons: 0,
            false_alarms: Vec::new(),
            pairs_with_alarm: 0,
            largest: (0.0, String::new()),
        }
    }

    fn add(&mut self, percent: Option<f64>, differs: bool, said: String) {
        self.comparisons += 1;
        if let Some(percent) = percent
            && percent.abs() > self.largest.0.abs()
        {
            self.largest = (percent, said.clone());
        }
        if differs {
            self.false_alarms.push(said);
        }
    }
}

#[cfg(test)]
mod tests {
    use isolab_core::host::Host;
    use isolab_reports::lab::record::{Clock, FORMAT, Layout, Purpose};
    use isolab_reports::record::{Cost, Record, Series};

    use super::*;

    /// A boot whose one metric took so long on a CPU.
    fn boot(seed: u64, nanoseconds: u64) -> Boot {
        let samples = vec![nanoseconds + 1_000; 3];
        let series = Series {
            name: "full".into(),
            against: None,
            samples,
            on_cpu: vec![nanoseconds; 3],
            steps: Vec::new(),
            enforced: None,
        };
        let cost =
            Cost { id: "spawn".into(), title: String::new(), launcher: "core".into(), series: vec![series] };
        let record = Record { seconds: 1.0, costs: vec![cost], ..Record::new("bench", Host::example()) };
        Boot {
            purpose: Purpose::Measure,
            layout: Layout { seed, padding: 0, delay: 0 },
            seconds: 1.0,
            log: None,
            outcome: Outcome::Done { record: Box::new(record) },
        }
    }

    /// Sixteen unchanged boots that differ by some tenths of a percent, and eight that took `more`.
    fn figures(more: u64) -> Figures {
        let took = |seed: u64, more: u64| boot(seed, 1_000_000 + more + seed * 7_919 % 3_000);
        let unchanged: Vec<Boot> = (0..16).map(|seed| took(seed, 0)).collect();
        let changed: Vec<Boot> = (16..24).map(|seed| took(seed, more)).collect();
        let kernel = Kernel {
            name: "6.1".into(),
            source: String::new(),
            config: std::collections::BTreeMap::new(),
            boots: Vec::new(),
        };
        let mut lab = Lab {
            lab_format: FORMAT,
            isolab: String::new(),
            started: 0,
            seconds: 1.0,
            host: Host::example(),
            qemu: String::new(),
            clock: Clock::Counted,
            clock_reason: None,
            baseline: "unchanged 1".into(),
            seeds: Vec::new(),
            kernels: vec![kernel],
            not_tested: Vec::new(),
        };
        lab.kernels = [sets(&lab, &unchanged, 8, "unchanged"), sets(&lab, &changed, 8, "planted")].concat();
        assert_eq!(lab.kernels.len(), 3);
        Figures::of(&lab)
    }

    #[test]
    fn a_change_is_found_and_the_lack_of_one_is_not() {
        let found = |more: u64| planted(&figures(more), 2, "spawn/full", more);
        assert_eq!((found(10_000).found, found(10_000).comparisons), (1, 1));
        assert_eq!((found(0).found, found(0).comparisons), (0, 1));
    }

    #[test]
    fn a_difference_between_unchanged_sets_is_an_alarm() {
        let on_cpu = |more| unchanged(&figures(more)).into_iter().find(|part| part.name == "on CPU").unwrap();
        assert_eq!(on_cpu(0).false_alarms, Vec::<String>::new());
        // The planted set is the third, and taken for unchanged here.
        assert_eq!((on_cpu(10_000).false_alarms.len(), on_cpu(10_000).pairs_with_alarm), (1, 1));
        assert_eq!(on_cpu(10_000).comparisons, 2);
    }

    #[test]
    fn a_replay_is_equal_to_the_nanosecond() {
        assert!(is_replay(&boot(1, 1_000), &boot(2, 1_000)));
        assert!(!is_replay(&boot(1, 1_000), &boot(1, 1_001)));
    }
}
