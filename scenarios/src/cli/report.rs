//! `isolab report`: a record, printed or rendered.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::ExitCode;

use isolab_reports::Record;

use super::{Failure, output};

pub(super) fn report(path: &Path, html: Option<&Path>) -> Result<ExitCode, Failure> {
    // A FIFO without a writer would make the reader wait for ever.
    if fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo()) {
        return Err(Failure::Input(format!("read {}: not a regular file", path.display())));
    }
    let record = Record::read(path).map_err(Failure::input)?;
    match html {
        Some(page) => output::write_html(&record, page)?,
        None => output::print_summary(&record, None)?,
    }
    Ok(ExitCode::SUCCESS)
}
