//! A page of text: paragraphs, labels and columns within a width.

use std::path::Path;

use super::style::{Paint, Style};
use crate::text::wrap;

/// Narrowest page: below it, lines wrap at the terminal's own edge.
const NARROWEST: usize = 40;
/// Widest page: longer lines are hard to read.
const WIDEST: usize = 120;

/// The text so far, and how to lay out what comes.
pub(crate) struct Page {
    text: String,
    width: usize,
    style: Style,
}

impl Page {
    /// An empty page for so many columns.
    pub(crate) fn new(style: &Style, width: usize) -> Page {
        Page { text: String::new(), width: width.clamp(NARROWEST, WIDEST), style: *style }
    }

    /// The columns that it really has.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The text, ending with where to see more.
    pub(crate) fn finish(mut self, html_path: Option<&Path>) -> String {
        if let Some(path) = html_path {
            self.blank();
            self.line(&format!("Report: {}", path.display()));
        }
        // Layout is over, and ordinary text is easier to search.
        self.text.replace('\u{a0}', " ").replace('\u{2060}', "")
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line as it is, possibly painted.
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub(crate) fn title(&mut self, title: &str) {
        self.blank();
        self.paragraph(0, Paint::Strong, title);
    }

    /// Wraps plain text below an indent.
    pub(crate) fn paragraph(&mut self, indent: usize, paint: Paint, text: &str) {
        for line in wrap(text, self.width.saturating_sub(indent)) {
            self.line(&format!("{:indent$}{}", "", self.style.paint(paint, &line)));
        }
    }

    /// `label` and then `text` wrapped in a column of its own; below the label where that column were too narrow.
    pub(crate) fn labelled(&mut self, indent: usize, label: &str, paint: Paint, text: &str) {
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
    pub(crate) fn row(&mut self, name: &str, paint: Paint, cells: &[Text], columns: &[usize]) {
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
pub(crate) struct Text {
    text: String,
    paint: Paint,
    left: bool,
}

impl Text {
    pub(crate) fn right(text: impl Into<String>) -> Text {
        Text { text: text.into(), paint: Paint::Plain, left: false }
    }

    pub(crate) fn left(text: impl Into<String>) -> Text {
        Text { text: text.into(), paint: Paint::Plain, left: true }
    }

    pub(crate) fn painted(self, paint: Paint) -> Text {
        Text { paint, ..self }
    }
}
