//! The section of mutants: defects first, then a line for each.

use super::Page;
use super::style::Paint;
use crate::figures::Figures;
use crate::figures::answers::Tone;

pub(super) fn mutants(page: &mut Page, figures: &Figures) {
    if figures.mutants.is_empty() {
        return;
    }
    page.title("Mutants: each is a launch with one mistake, which its check must see");
    for row in &figures.mutants {
        let (sign, paint) = match row.tone {
            Tone::Good => ("✓", Paint::Good),
            Tone::Bad => ("✗", Paint::Bad),
            Tone::Wary | Tone::Plain => ("·", Paint::Wary),
        };
        let small = if row.subtle { " (small)" } else { "" };
        let launcher = if row.launcher.is_empty() { "" } else { " on " };
        let name =
            format!("{sign} {} without {}{small}{launcher}{}", row.guarantee, row.without, row.launcher);
        page.paragraph(2, paint, &format!("{name}: {}", row.verdict));
        page.paragraph(6, Paint::Quiet, &row.seen);
    }
    let count = |tone: Tone| figures.mutants.iter().filter(|row| row.tone == tone).count();
    let small = figures.mutants.iter().filter(|row| row.subtle).count();
    page.paragraph(
        2,
        Paint::Strong,
        &format!(
            "{} mutants, {small} of them small: {} seen, {} not seen, {} not testable here",
            figures.mutants.len(),
            count(Tone::Good),
            count(Tone::Bad),
            count(Tone::Wary)
        ),
    );
}
