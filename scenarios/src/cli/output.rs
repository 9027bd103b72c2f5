//! Records and pages on disk, summaries on the terminal.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use isolab_reports::record::Record;
use isolab_reports::{Style, html, terminal, units};

use super::Failure;

/// `target/isolab/TIME`, TIME being UTC in a form that sorts and needs no quoting.
pub(super) fn default_dir(seconds: u64) -> PathBuf {
    let time: String =
        units::utc(seconds).chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Path::new("target/isolab").join(time.trim_end_matches('-'))
}

/// Makes the output folder before anything is measured, so that a wrong path costs no minute.
pub(super) fn prepare(dir: &Path) -> Result<(), Failure> {
    let named = |operation: &str, error: io::Error| {
        Failure::Input(format!("{operation} {}: {error}; choose another folder with --out", dir.display()))
    };
    fs::create_dir_all(dir).map_err(|error| named("make the output folder", error))?;
    let mut entries = fs::read_dir(dir).map_err(|error| named("read the output folder", error))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(named("use the output folder", io::Error::other("it is not empty"))),
    }
}

/// Writes `record.json` and `report.html`; returns the latter's path.
pub(super) fn write(record: &Record, dir: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir_all(dir).map_err(|error| Failure::Input(format!("make {}: {error}", dir.display())))?;
    record.write(&dir.join("record.json")).map_err(Failure::internal)?;
    let page = dir.join("report.html");
    write_html(record, &page)?;
    Ok(page)
}

pub(super) fn write_html(record: &Record, path: &Path) -> Result<(), Failure> {
    let text = html::render(record).map_err(Failure::internal)?;
    fs::write(path, text).map_err(|error| Failure::Input(format!("write {}: {error}", path.display())))
}

pub(super) fn print_summary(record: &Record, html: Option<&Path>) -> Result<(), Failure> {
    let style = Style::detect(&io::stdout());
    print(&terminal::render(record, &style, WIDTH, html))
}

pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(Failure::internal)?;
    text.push('\n');
    print(&text)
}

/// Prints; a reader that stops reading, such as head, is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::internal(error)),
        _ => Ok(()),
    }
}

/// Columns to fill.
const WIDTH: usize = 100;
