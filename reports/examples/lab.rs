//! Renders the lab that the tests use, or that of a file: the page and the Markdown into the files given as arguments, the
//! summary onto the terminal.
//!
//! `cargo run -p isolab-reports --example lab -- /tmp/lab.html /tmp/lab.md [lab.json]`

use std::error::Error;
use std::path::PathBuf;

use isolab_reports::Style;
use isolab_reports::lab::{Lab, html, markdown, text};

#[path = "../tests/sample/mod.rs"]
mod sample;
#[path = "../tests/sample/lab.rs"]
mod sample_lab;

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let (page, summary) = paths.next().zip(paths.next()).ok_or("usage: lab FILE.html FILE.md [LAB.json]")?;
    let lab = paths.next().map_or_else(|| Ok(sample_lab::lab(8)), |path| Lab::read(&path))?;
    std::fs::write(&page, html::render(&lab)?)?;
    std::fs::write(&summary, markdown::render(&lab))?;
    print!("{}", text::render(&lab, &Style::detect(&std::io::stdout()), 100, Some(&page)));
    Ok(())
}
