//! Renders the record that the tests use: the page into the file given as argument, the summary onto the terminal.
//!
//! `cargo run -p isolab-reports --example sample -- /tmp/sample.html`

use std::error::Error;
use std::path::PathBuf;

use isolab_reports::{Style, html, terminal};

#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() -> Result<(), Box<dyn Error>> {
    let path = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: sample FILE.html")?);
    let record = sample::record();
    std::fs::write(&path, html::render(&record)?)?;
    print!("{}", terminal::render(&record, &Style::detect(&std::io::stdout()), 80, Some(&path)));
    Ok(())
}
