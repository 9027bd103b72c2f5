//! `isolab report`: a record, printed or rendered.

use std::fs;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::ExitCode;

use isolab_reports::Record;
use isolab_reports::lab::Lab;

use super::{Failure, output};

pub(super) fn report(path: &Path, html: Option<&Path>) -> Result<ExitCode, Failure> {
    // A FIFO without a writer would make the reader wait for ever.
    if fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo()) {
        return Err(Failure::Input(format!("read {}: not a regular file", path.display())));
    }
    if is_lab(path) {
        let lab = Lab::read(path).map_err(Failure::input)?;
        match html {
            Some(page) => output::write_lab_html(&lab, page)?,
            None => output::print_lab(&lab, None)?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let record = Record::read(path).map_err(Failure::input)?;
    match html {
        Some(page) => output::write_html(&record, page)?,
        None => output::print_summary(&record, None)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a file says in its beginning that it is a lab's; anything else is for the reader of records to judge.
fn is_lab(path: &Path) -> bool {
    let mut head = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(HEAD).read_to_string(&mut head));
    read.is_ok() && head.contains("\"lab_format\"")
}

/// The format is the first member.
const HEAD: u64 = 64;
