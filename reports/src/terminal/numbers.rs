//! The sections of numbers: costs and interference.

use super::style::Paint;
use super::{Page, Text};
use crate::figures::Figures;
use crate::figures::costs::{Comparison, Ladder, Row, Waterfall};
use crate::figures::interference::{Condition, Interference, Victim};
use crate::stats::Paired;
use crate::units;

/// Primitives named below the ladder.
const MOST_PRIMITIVES: usize = 5;

/// The ladder, where the time goes, and every other comparison.
pub(super) fn costs(page: &mut Page, figures: &Figures) {
    for ladder in &figures.ladders {
        page.title(&format!("Cost: the primitive ladder ({})", ladder.launcher));
        page.paragraph(2, Paint::Quiet, &ladder.title);
        rungs(page, ladder);
        if let Some(waterfall) = &ladder.waterfall {
            primitives(page, waterfall);
        }
    }
    for comparison in &figures.comparisons {
        compare(page, comparison);
    }
}

fn rungs(page: &mut Page, ladder: &Ladder) {
    head_of_rows(page, "adds");
    for rung in &ladder.rungs {
        let increment = rung.increment.as_ref().map(|i| (i, i.difference_value(), i.difference_bounds()));
        let noise = if rung.within_noise() { Paint::Quiet } else { Paint::Plain };
        compared(page, rung, increment, noise);
    }
    if ladder.rungs.iter().any(Row::within_noise) {
        page.paragraph(
            2,
            Paint::Quiet,
            "an interval that spans zero: the rung adds nothing that could be told from noise",
        );
    }
}

/// Median, count, comparison, bounds.
const COLUMNS: [usize; 4] = [15, 5, 9, 19];

fn head_of_rows(page: &mut Page, comparison: &str) {
    let head =
        [Text::right("median"), Text::right("n"), Text::right(comparison), Text::left("95 % interval")];
    page.row("", Paint::Plain, &head.map(|cell| cell.painted(Paint::Quiet)), &COLUMNS);
}

/// One variant, with what it is compared to.
fn compared(page: &mut Page, row: &Row, comparison: Option<(&Paired, String, String)>, paint: Paint) {
    let median = row.total.as_ref().map_or("not measured".to_string(), |total| {
        let spread = total.spread();
        format!("{} {}", total.value(), spread.split('\u{a0}').next().unwrap_or_default())
    });
    let n = row.total.map_or(0, |total| total.n);
    // Pairs are fewer than samples only when a run was cut short.
    let n = match &comparison {
        Some((paired, ..)) if paired.pairs != n => format!("{n}/{}", paired.pairs),
        _ => n.to_string(),
    };
    let (value, bounds) = comparison.map_or_else(Default::default, |(_, value, bounds)| (value, bounds));
    let cells = [
        Text::right(median),
        Text::right(n).painted(Paint::Quiet),
        Text::right(value).painted(paint),
        Text::left(bounds).painted(Paint::Quiet),
    ];
    page.row(&row.name, Paint::Plain, &cells, &COLUMNS);
}

fn primitives(page: &mut Page, waterfall: &Waterfall) {
    let share = |nanos: f64| units::percent(waterfall.share(nanos));
    let named = waterfall.primitives.iter().take(MOST_PRIMITIVES);
    let named: Vec<String> = named.map(|(p, nanos)| format!("{p} {}", share(*nanos))).collect();
    page.paragraph(
        2,
        Paint::Plain,
        &format!(
            "Time of the last rung by step: {}; between steps and waiting {}. {} steps, n {}.",
            named.join(", "),
            share(waterfall.rest()),
            waterfall.steps.len(),
            waterfall.total.n
        ),
    );
    if let Some(split) = &waterfall.split {
        page.paragraph(
            2,
            Paint::Plain,
            &format!(
                "Of its {} on CPU {}, by the launcher and the container; waiting {}: for the kernel's own work, a lock, or a CPU.",
                waterfall.total.value(),
                split.on_cpu.value(),
                split.waiting.value()
            ),
        );
    }
}

fn compare(page: &mut Page, comparison: &Comparison) {
    page.title(&format!("Cost: {} ({})", comparison.id, comparison.launcher));
    page.paragraph(2, Paint::Quiet, &comparison.title);
    head_of_rows(page, "ratio");
    for row in &comparison.rows {
        let ratio = row.ratio.as_ref().map(|r| (r, r.ratio_value(), r.ratio_bounds()));
        compared(page, row, ratio, Paint::Plain);
    }
    page.paragraph(2, Paint::Quiet, &comparison.baseline());
    if comparison.is_split() {
        let split = |row: &Row| {
            let split = row.split?;
            Some(format!("{} {} + {}", row.name, split.on_cpu.value(), split.waiting.value()))
        };
        let rows: Vec<String> = comparison.rows.iter().filter_map(split).collect();
        page.paragraph(2, Paint::Plain, &format!("On CPU + waiting: {}", rows.join(", ")));
    }
}

/// Cells of which a terminal shows each; of more it shows what they say, and the page has them all.
const SHOWN: usize = 60;
/// Findings that a terminal shows.
const FINDINGS: usize = 12;

/// Questions, findings, and the matrix, one victim after another.
pub(super) fn interference(page: &mut Page, figures: &Figures) {
    let Interference { victims, findings, questions, heat } = &figures.interference;
    for question in questions {
        page.title(&question.asks);
        page.paragraph(2, if question.reaches { Paint::Wary } else { Paint::Good }, &question.answer);
        question.because.iter().for_each(|line| page.paragraph(4, Paint::Quiet, line));
    }
    if !findings.is_empty() {
        page.title("Interference: who reaches whom, and what helps");
        findings.iter().take(FINDINGS).for_each(|finding| page.paragraph(2, Paint::Plain, &finding.text));
        if let Some(more) = findings.len().checked_sub(FINDINGS).filter(|&more| more > 0) {
            page.paragraph(2, Paint::Quiet, &format!("and {more} more, in the report"));
        }
    }
    for map in heat {
        let (reached, of) = map.reached();
        let matrix = if map.matrix.is_empty() { String::new() } else { format!("{}, ", map.matrix) };
        let line = format!("{matrix}{}: {reached} of {of} pairs slowed down by half or more", map.protection);
        page.paragraph(2, Paint::Quiet, &line);
    }
    if victims.iter().map(|victim| 1 + victim.beside().count()).sum::<usize>() > SHOWN {
        page.paragraph(2, Paint::Quiet, "every cell is in the report (--out) and in the record (--json)");
        return;
    }
    victims.iter().for_each(|victim| one_victim(page, victim));
}

fn one_victim(page: &mut Page, victim: &Victim) {
    page.title(&format!("Interference: {}", victim.name));
    page.paragraph(2, Paint::Quiet, &format!("{}; slowdown against the victim alone", victim.measures));
    if let Some(alone) = &victim.alone {
        let line = format!("{}, {} rounds", alone.tail.line(), alone.rounds);
        page.labelled(2, "alone", Paint::Plain, &line);
    }
    cells(page, victim);
}

/// p99.9 has no place on a narrow terminal; the page shows it.
const CELLS: [usize; 3] = [18, 18, 20];

fn cell(page: &mut Page, condition: &Condition) {
    let price = condition.price.as_ref();
    let price =
        price.map_or(String::new(), |price| format!("{} {}", price.change_value(), price.change_bounds()));
    let row = [slowdown(condition.p50.as_ref()), slowdown(condition.p99.as_ref()), Text::left(price)];
    page.row(&format!("\u{a0}\u{a0}{}", condition.name), Paint::Plain, &row, &CELLS);
}

fn cells(page: &mut Page, victim: &Victim) {
    let head = [Text::left("p50"), Text::left("p99"), Text::left("price")];
    page.row("", Paint::Plain, &head.map(|cell| cell.painted(Paint::Quiet)), &CELLS);
    victim.alone_under.iter().for_each(|condition| cell(page, condition));
    for aggressor in &victim.aggressors {
        page.paragraph(2, Paint::Plain, &format!("beside {}", aggressor.name));
        aggressor.conditions.iter().for_each(|condition| cell(page, condition));
    }
    if victim.beside().any(|(_, condition)| condition.price.is_some()) {
        let price = "price: what the protection takes from the neighbour's own work, median of the rounds";
        page.paragraph(2, Paint::Quiet, price);
    }
}

/// A slowdown with its bounds, which are over the rounds.
fn slowdown(paired: Option<&Paired>) -> Text {
    let Some(paired) = paired else {
        return Text::left("too few samples").painted(Paint::Quiet);
    };
    let bounds = paired.ratio_bounds();
    let paint = if paired.excludes(1.0) && paired.median > 1.5 { Paint::Wary } else { Paint::Plain };
    Text::left(format!("{} {bounds}", paired.ratio_value())).painted(paint)
}
