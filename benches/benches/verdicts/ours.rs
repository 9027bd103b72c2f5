//! The recording through our rule, in windows that do not overlap.

use isolab_reports::record::Cost;
use isolab_reports::stats::rate::Rate;
use isolab_reports::verdict::{Conclusion, Ended, Rule, Verdict, windows};

use super::recording::{LANES, pairs};

/// Seconds that a comparison of each lane with A may take.
pub(crate) const SECONDS: [(&str, f64); 3] = [("A again", 30.0), ("+2 %", 120.0), ("+5 %", 30.0)];

pub(crate) fn print(cost: &Cost) {
    let rounds = cost.series.first().map_or(0, |series| series.samples.len());
    println!("verdicts: {rounds} rounds of {} launches", LANES.len());
    for (lane, seconds) in SECONDS {
        let pairs = pairs(cost, lane);
        let whole = Conclusion::of(Rule::default(), &pairs).map_or_else(String::new, |it| it.line());
        let ended = windows(Rule::default(), &pairs, seconds, 1.0);
        println!("verdicts/{lane}: over all: {whole}");
        println!("verdicts/{lane}: {} within {seconds} s each: {}", ended.len(), counts(&ended));
    }
}

/// What the windows ended with, and after how long.
fn counts(ended: &[Ended]) -> String {
    let mut seconds: Vec<f64> = ended.iter().map(|ended| ended.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let each = [Verdict::Slower, Verdict::Faster, Verdict::Equal, Verdict::Inconclusive].map(|verdict| {
        let hits = ended.iter().filter(|ended| ended.verdict == verdict).count() as u64;
        said(verdict.word(), Rate { hits, of: ended.len() as u64 })
    });
    let median = seconds.get(seconds.len() / 2).copied().unwrap_or_default();
    format!(
        "{}; {median:.2} s in the median, {:.2} s at most",
        each.join(", "),
        seconds.last().unwrap_or(&0.0)
    )
}

/// A rate with its interval.
pub(crate) fn said(word: &str, rate: Rate) -> String {
    let [low, high] = rate.interval().map(|share| share * 100.0);
    format!("{word} {} of {} ({low:.1} to {high:.1} %)", rate.hits, rate.of)
}
