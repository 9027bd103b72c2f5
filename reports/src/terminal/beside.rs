//! The section of a container beside a guest: memory, then what is shared with the host.

use super::Page;
use super::style::Paint;
use crate::figures::Figures;
use crate::figures::answers::Tone;
use crate::figures::beside::{Beside, Seen};

pub(super) fn beside(page: &mut Page, figures: &Figures) {
    for beside in &figures.beside {
        page.title(&format!("Container beside a guest ({})", beside.guest));
        memory(page, beside);
        page.paragraph(2, Paint::Strong, "What each shares with the host");
        for row in &beside.rows {
            page.paragraph(2, Paint::Plain, &row.fact);
            if !row.host.is_empty() {
                page.labelled(4, "host     ", Paint::Quiet, &row.host);
            }
            for (label, seen) in [("container", &row.container), ("guest    ", &row.guest)] {
                page.labelled(4, label, paint(seen), &words(seen));
            }
        }
        page.paragraph(
            2,
            Paint::Quiet,
            "shared: the same value under the same boot id, which equal numbers of two kernels do not mean",
        );
    }
}

fn memory(page: &mut Page, beside: &Beside) {
    page.paragraph(2, Paint::Strong, "Memory of the host, while the workload waits");
    for memory in &beside.memory {
        let line = format!("container {}, guest {} {}", memory.container, memory.guest, memory.ratio);
        page.paragraph(2, Paint::Plain, &memory.what);
        page.paragraph(4, Paint::Plain, line.trim_end());
    }
}

fn words(seen: &Seen) -> String {
    if seen.found.is_empty() { seen.verdict.into() } else { format!("{}: {}", seen.verdict, seen.found) }
}

fn paint(seen: &Seen) -> Paint {
    match seen.tone {
        Tone::Good => Paint::Good,
        Tone::Bad => Paint::Bad,
        Tone::Wary => Paint::Wary,
        Tone::Plain => Paint::Quiet,
    }
}
