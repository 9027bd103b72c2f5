//! The summary for people at a terminal: what is broken first, every number with its spread and count.
//!
//! Pure: the caller prints the text. Without colour it holds no escape sequence, whatever the record holds.

mod numbers;
mod sections;
mod style;

use std::path::Path;

pub use style::Style;

use crate::figures::Figures;
use crate::record::Record;
use crate::text::wrap;
use style::Paint;

/// Narrowest page: below it, lines wrap at the terminal's own edge.
const NARROWEST: usize = 40;
/// Widest page: longer lines are hard to read.
const WIDEST: usize = 120;

/// Renders the record for `width` columns. `html_path` is named at the end for those who want to see more.
pub fn render(record: &Record, style: &Style, width: usize, html_path: Option<&Path>) -> String {
    let figures = Figures::of(record);
    let mut page = Page { text: String::new(), width: width.clamp(NARROWEST, WIDEST), style: *style };
    sections::head(&mut page, &figures);
    sections::trouble(&mut page, &figures);
    sections::guarantees(&mut page, &figures);
    numbers::costs(&mut page, &figures);
    numbers::interference(&mut page, &figures);
    sections::trust(&mut page, &figures);
    sections::gaps(&mut page, &figures);
    if let Some(path) = html_path {
        page.blank();
        page.line(&format!("Report: {}", path.display()));
    }
    // Layout is over, and ordinary text is easier to search.
    page.text.replace('\u{a0}', " ").replace('\u{2060}', "")
}

/// The text so far, and how to lay out what comes.
struct Page {
    text: String,
    width: usize,
    style: Style,
}

impl Page {
    fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line as it is, possibly painted.
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn title(&mut self, title: &str) {
        self.blank();
        self.paragraph(0, Paint::Strong, title);
    }

    /// Wraps plain text below an indent.
    fn paragraph(&mut self, indent: usize, paint: Paint, text: &str) {
        for line in wrap(text, self.width.saturating_sub(indent)) {
            self.line(&format!("{:indent$}{}", "", self.style.paint(paint, &line)));
        }
    }

    /// `label` and then `text` wrapped in a column of its own; below the label where that column were too narrow.
    fn labelled(&mut self, indent: usize, label: &str, paint: Paint, text: &str) {
        let column = indent + label.chars().count() + 1;
        if column > self.width / 2 {
            self.paragraph(indent, Paint::Plain, label);
            self.paragraph(indent + 2, paint, text);
            return;
        }
        for (i, line) in wrap(text, self.width.saturating_sub(column)).iter().enumerate() {
            let left = if i == 0 { label } else { "" };
            let left = format!("{:indent$}{left:<1$} ", "", column - indent - 1);
            self.line(&format!("{left}{}", self.style.paint(paint, line)));
        }
    }

    /// Name on the left, cells in columns on the right; a name that is too long gets a line of its own.
    fn row(&mut self, name: &str, paint: Paint, cells: &[Text], columns: &[usize]) {
        let right: usize = columns.iter().map(|column| column + 2).sum();
        let left = self.width.saturating_sub(right + 2).max(8);
        let mut names = wrap(name, left);
        let last = names.pop().unwrap_or_default();
        for line in names {
            self.line(&format!("  {}", self.style.paint(paint, &line)));
        }
        let mut line = format!("  {}{}", self.style.paint(paint, &last), pad(&last, left));
        for (cell, &column) in cells.iter().zip(columns) {
            let padding = pad(&cell.text, column);
            let painted = self.style.paint(cell.paint, &cell.text);
            match cell.left {
                true => line.push_str(&format!("  {painted}{padding}")),
                false => line.push_str(&format!("  {padding}{painted}")),
            }
        }
        self.line(&line);
    }
}

fn pad(text: &str, column: usize) -> String {
    let shown = text.chars().filter(|c| *c != '\u{2060}').count();
    " ".repeat(column.saturating_sub(shown))
}

/// A cell of a row: right-aligned unless `left`.
struct Text {
    text: String,
    paint: Paint,
    left: bool,
}

impl Text {
    fn right(text: impl Into<String>) -> Text {
        Text { text: text.into(), paint: Paint::Plain, left: false }
    }

    fn left(text: impl Into<String>) -> Text {
        Text { text: text.into(), paint: Paint::Plain, left: true }
    }

    fn painted(self, paint: Paint) -> Text {
        Text { paint, ..self }
    }
}
