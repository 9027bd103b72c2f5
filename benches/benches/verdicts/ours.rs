//! The recording through our rule, in windows that do not overlap.

use isolab_reports::record::Cost;
use isolab_reports::verdict::{Conclusion, Rule, Tally, windows};

use super::recording::{LANES, pairs};

pub(crate) fn print(costs: &[Cost]) {
    println!("| A against | seconds | comparisons | slower | faster | equal | time of the median |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for lane in &LANES {
        let tally = Tally::of(&windows(Rule::default(), &pairs(costs, lane), lane.seconds, 1.0));
        println!("| {} | {} | {} |", lane.name, lane.seconds, tally.cells().join(" | "));
    }
    for lane in &LANES {
        let pairs = pairs(costs, lane);
        let whole = Conclusion::of(Rule::default(), &pairs).map_or_else(String::new, |it| it.line());
        println!("verdicts/{}: over all {} pairs: {whole}", lane.name, pairs.len());
    }
}
