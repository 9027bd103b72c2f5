//! `isolab report`: a record, printed or rendered.

use std::fs;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use isolab_reports::Record;
use isolab_reports::lab::Lab;

use super::{Failure, output};

/// What to write, instead of a summary on the terminal.
#[derive(clap::Args)]
pub(super) struct Forms {
    /// Writes one self-contained HTML file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Writes Markdown, for a pull request or a job summary
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Writes JUnit XML, for CI systems
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

pub(super) fn report(path: &Path, forms: &Forms) -> Result<ExitCode, Failure> {
    // A FIFO without a writer would make the reader wait for ever.
    if fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo()) {
        return Err(Failure::Input(format!("read {}: not a regular file", path.display())));
    }
    if is_lab(path) {
        let lab = Lab::read(path).map_err(Failure::input)?;
        if forms.junit.is_some() {
            return Err(Failure::Input(
                "--junit: a lab has no JUnit form; the records of its kernels have".into(),
            ));
        }
        if let Some(page) = &forms.html {
            output::write_lab_html(&lab, page)?;
        }
        if let Some(file) = &forms.markdown {
            output::write_file(file, &isolab_reports::lab::markdown::render(&lab))?;
        }
        if forms.is_empty() {
            output::print_lab(&lab, None)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let record = Record::read(path).map_err(Failure::input)?;
    if let Some(page) = &forms.html {
        output::write_html(&record, page)?;
    }
    if let Some(file) = &forms.markdown {
        output::write_file(file, &isolab_reports::markdown::render(&record))?;
    }
    if let Some(file) = &forms.junit {
        output::write_junit(&record, file)?;
    }
    if forms.is_empty() {
        output::print_summary(&record, None)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Forms {
    fn is_empty(&self) -> bool {
        self.html.is_none() && self.markdown.is_none() && self.junit.is_none()
    }
}

/// Whether a file says in its beginning that it is a lab's; anything else is for the reader of records to judge.
fn is_lab(path: &Path) -> bool {
    let mut head = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(HEAD).read_to_string(&mut head));
    read.is_ok() && head.contains("\"lab_format\"")
}

/// The format is the first member.
const HEAD: u64 = 64;
