//! `isolab report`: a record, printed or rendered.

use std::fs;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use isolab_reports::lab::Lab;
use isolab_reports::{Record, file, trackers};

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
    /// Writes JSON that github-action-benchmark reads as customSmallerIsBetter
    #[arg(long, value_name = "FILE")]
    github_benchmark: Option<PathBuf>,
    /// Writes JSON in Bencher's metric format
    #[arg(long, value_name = "FILE")]
    bencher: Option<PathBuf>,
    /// Writes OpenMetrics text, for Prometheus and its like
    #[arg(long, value_name = "FILE")]
    openmetrics: Option<PathBuf>,
}

pub(super) fn report(path: &Path, forms: &Forms) -> Result<ExitCode, Failure> {
    // A FIFO without a writer would make the reader wait for ever.
    if fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo()) {
        return Err(Failure::Input(format!("read {}: not a regular file", path.display())));
    }
    if is_lab(path) {
        lab(&Lab::read(path).map_err(Failure::input)?, forms)?;
    } else {
        record(&Record::read(path).map_err(Failure::input)?, forms)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn lab(lab: &Lab, forms: &Forms) -> Result<(), Failure> {
    if let Some(option) = forms.of_records() {
        return Err(Failure::Input(format!(
            "{option}: a lab has no such form; the records of its kernels have"
        )));
    }
    if let Some(page) = &forms.html {
        output::write_lab_html(lab, page)?;
    }
    if let Some(file) = &forms.markdown {
        output::write_file(file, &isolab_reports::lab::markdown::render(lab))?;
    }
    if forms.is_empty() {
        output::print_lab(lab, None)?;
    }
    Ok(())
}

fn record(record: &Record, forms: &Forms) -> Result<(), Failure> {
    if let Some(page) = &forms.html {
        output::write_html(record, page)?;
    }
    if let Some(file) = &forms.markdown {
        output::write_file(file, &isolab_reports::markdown::render(record))?;
    }
    if let Some(file) = &forms.junit {
        output::write_junit(record, file)?;
    }
    if let Some(file) = &forms.github_benchmark {
        let json = trackers::github_benchmark::render(record).map_err(Failure::internal)?;
        output::write_file(file, &json)?;
    }
    if let Some(file) = &forms.bencher {
        let json = trackers::bencher::render(record).map_err(Failure::internal)?;
        output::write_file(file, &json)?;
    }
    if let Some(file) = &forms.openmetrics {
        output::write_file(file, &trackers::openmetrics::render(record))?;
    }
    if forms.is_empty() {
        output::print_summary(record, None)?;
    }
    Ok(())
}

impl Forms {
    fn is_empty(&self) -> bool {
        self.html.is_none() && self.markdown.is_none() && self.of_records().is_none()
    }

    /// The first option of those that only a record has a form for.
    fn of_records(&self) -> Option<&'static str> {
        let options = [
            (&self.junit, "--junit"),
            (&self.github_benchmark, "--github-benchmark"),
            (&self.bencher, "--bencher"),
            (&self.openmetrics, "--openmetrics"),
        ];
        options.into_iter().find_map(|(file, option)| file.is_some().then_some(option))
    }
}

/// Whether a file says in its beginning that it is a lab's; anything else is for the reader of records to judge.
fn is_lab(path: &Path) -> bool {
    let mut head = String::new();
    let read = file::open(path).and_then(|file| file.take(HEAD).read_to_string(&mut head));
    read.is_ok() && head.contains("\"lab_format\"")
}

/// The format is the first member.
const HEAD: u64 = 64;
