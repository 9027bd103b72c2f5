//! `isolab report`: a record, printed or rendered.

use std::path::Path;
use std::process::ExitCode;

use isolab_reports::Record;

use super::{Failure, output};

pub(super) fn report(path: &Path, html: Option<&Path>) -> Result<ExitCode, Failure> {
    let record = Record::read(path).map_err(Failure::input)?;
    match html {
        Some(page) => output::write_html(&record, page)?,
        None => output::print_summary(&record, None)?,
    }
    Ok(ExitCode::SUCCESS)
}
