//! Standard output: text, JSON, tables, and the names of users.

use std::io::{ErrorKind, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Prints text. A reader that stops reading, such as head, is no error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::context("standard output", error))
        }
        _ => Ok(()),
    }
}

/// Prints a value as JSON, in several lines or in one.
pub(crate) fn json(value: &impl Serialize, indent: bool) -> Result<(), Failure> {
    let text = if indent { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    print(&(text.map_err(|error| Failure::context("JSON", error))? + "\n"))
}

/// Rows with their columns aligned, at least twelve wide, as runc's.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let longest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        (longest + 3).max(12)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(widths).take(N - 1) {
            text += &format!("{cell:width$}");
        }
        text += &row[N - 1];
        text.push('\n');
    }
    text
}

/// A user's name; `#` and the number where it has none.
pub(crate) fn user(uid: u32) -> String {
    // By hand: a static program cannot ask the C library, which would load its modules for it.
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    };
    users.lines().find_map(name).unwrap_or_else(|| format!("#{uid}"))
}
