//! The recording through our rule, in windows that do not overlap.

use isolab_reports::record::Cost;
use isolab_reports::verdict::{Conclusion, Rule, Tally, windows};

use super::recording::{LANES, pairs};

/// Seconds that a comparison of each lane with A may take.
pub(crate) const SECONDS: [(&str, f64); 3] = [("A again", 30.0), ("+2 %", 120.0), ("+5 %", 30.0)];

pub(crate) fn print(cost: &Cost) {
    let rounds = cost.series.first().map_or(0, |series| series.samples.len());
    println!("verdicts: {rounds} rounds of {} launches", LANES.len());
    println!("| A against | seconds | comparisons | slower | faster | equal | time of the median |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (lane, seconds) in SECONDS {
        let tally = Tally::of(&windows(Rule::default(), &pairs(cost, lane), seconds, 1.0));
        println!("| {lane} | {seconds} | {} |", tally.cells().join(" | "));
    }
    for (lane, _) in SECONDS {
        let whole =
            Conclusion::of(Rule::default(), &pairs(cost, lane)).map_or_else(String::new, |it| it.line());
        println!("verdicts/{lane}: over all: {whole}");
    }
}
