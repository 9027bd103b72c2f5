//! The sections of numbers: costs and interference.

use super::style::Paint;
use super::{Page, Text};
use crate::figures::Figures;
use crate::figures::costs::{Comparison, Ladder, Row, Waterfall};
use crate::figures::interference::{Condition, Victim};
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

/// The matrix, one victim after another.
pub(super) fn interference(page: &mut Page, figures: &Figures) {
    for victim in &figures.victims {
        page.title(&format!("Interference: {}", victim.name));
        page.paragraph(2, Paint::Quiet, &format!("{}; slowdown against the victim alone", victim.measures));
        if let Some(alone) = &victim.alone {
            page.labelled(
                2,
                "alone",
                Paint::Plain,
                &format!("{}, {} rounds", alone.tail.line(), alone.rounds),
            );
        }
        cells(page, victim);
    }
}

fn cells(page: &mut Page, victim: &Victim) {
    const COLUMNS: [usize; 3] = [18, 18, 20];
    let head = [Text::left("p50"), Text::left("p99"), Text::left("price")];
    page.row("", Paint::Plain, &head.map(|cell| cell.painted(Paint::Quiet)), &COLUMNS);
    for aggressor in &victim.aggressors {
        page.paragraph(2, Paint::Plain, &format!("beside {}", aggressor.name));
        for condition in &aggressor.conditions {
            let price = condition.price.as_ref();
            let price =
                price.map_or(String::new(), |p| format!("{} {}", p.change_value(), p.change_bounds()));
            let row = [
                slowdown(condition.p50.as_ref(), condition),
                slowdown(condition.p99.as_ref(), condition),
                Text::left(price),
            ];
            page.row(&format!("\u{a0}\u{a0}{}", condition.name), Paint::Plain, &row, &COLUMNS);
        }
    }
    if victim.beside().any(|(_, condition)| condition.price.is_some()) {
        let price = "price: what the protection takes from the neighbour's own work, median of the rounds";
        page.paragraph(2, Paint::Quiet, price);
    }
}

/// A slowdown with its bounds, which are over the rounds.
fn slowdown(paired: Option<&Paired>, condition: &Condition) -> Text {
    let Some(paired) = paired else {
        return Text::left("too few samples").painted(Paint::Quiet);
    };
    let pooled = paired.pairs == 1 && condition.rounds > 1;
    let bounds = if pooled { "pooled".to_string() } else { paired.ratio_bounds() };
    let paint = if paired.excludes(1.0) && paired.median > 1.5 { Paint::Wary } else { Paint::Plain };
    Text::left(format!("{} {bounds}", paired.ratio_value())).painted(paint)
}
