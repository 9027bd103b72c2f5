//! The summary for people at a terminal: what is broken first, every number with its spread and count.
//!
//! Pure: the caller prints the text. Without colour it holds no escape sequence, whatever the record holds.

mod beside;
mod faults;
mod mutants;
mod numbers;
mod page;
pub(crate) mod sections;
mod style;

use std::path::Path;

pub(crate) use page::{Page, Text};
pub(crate) use style::Paint;
pub use style::Style;

use crate::figures::Figures;
use crate::record::Record;

/// Renders the record for `width` columns. `html_path` is named at the end for those who want to see more.
pub fn render(record: &Record, style: &Style, width: usize, html_path: Option<&Path>) -> String {
    let figures = Figures::of(record);
    let mut page = Page::new(style, width);
    sections::head(&mut page, &figures);
    sections::trouble(&mut page, &figures);
    sections::guarantees(&mut page, &figures);
    numbers::costs(&mut page, &figures);
    beside::beside(&mut page, &figures);
    numbers::interference(&mut page, &figures);
    faults::faults(&mut page, &figures);
    mutants::mutants(&mut page, &figures);
    let numbers = !(figures.ladders.is_empty()
        && figures.comparisons.is_empty()
        && figures.interference.victims.is_empty());
    if numbers || (figures.faults.is_empty() && figures.mutants.is_empty()) {
        sections::trust(&mut page, &figures);
    }
    sections::gaps(&mut page, &figures);
    page.finish(html_path)
}
