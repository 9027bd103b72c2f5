//! Records and pages on disk, summaries on the terminal.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use isolab_reports::lab::Lab;
use isolab_reports::record::Record;
use isolab_reports::{Style, html, terminal, units};

use super::Failure;

/// `target/isolab/TIME`, TIME being UTC in a form that sorts and needs no quoting.
pub(super) fn default_dir(seconds: u64) -> PathBuf {
    let utc = units::utc(seconds);
    let minute: String =
        utc.trim_end_matches(" UTC").chars().map(|c| if c.is_ascii_digit() { c } else { '-' }).collect();
    Path::new("target/isolab").join(format!("{minute}-{:02}", seconds % 60))
}

/// The output folder of a run. What was made of it goes again when nothing was written to it.
pub(super) struct Folder {
    dir: PathBuf,
    /// The directories that were made for it, innermost first.
    made: Vec<PathBuf>,
}

impl Folder {
    /// Makes it before anything is measured, so that a wrong path costs no minute. It is to be empty, but for files whose names
    /// end with `kept`.
    pub(super) fn new(dir: &Path, kept: Option<&str>) -> Result<Folder, Failure> {
        let named = |operation: &str, error: io::Error| {
            Failure::Input(format!(
                "{operation} {}: {error}; choose another folder with --out",
                dir.display()
            ))
        };
        let absent = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let made = dir.ancestors().take_while(absent).map(Path::to_owned).collect();
        let folder = Folder { dir: dir.to_owned(), made };
        fs::create_dir_all(dir).map_err(|error| named("make the output folder", error))?;
        let is_kept = |name: &std::ffi::OsStr| kept.is_some_and(|end| name.to_string_lossy().ends_with(end));
        let mut entries = fs::read_dir(dir).map_err(|error| named("read the output folder", error))?;
        if entries.any(|entry| !entry.is_ok_and(|entry| is_kept(&entry.file_name()))) {
            return Err(named("use the output folder", io::Error::other("it is not empty")));
        }
        let trial = dir.join("record.json");
        let written = fs::File::create_new(&trial).and_then(|_| fs::remove_file(&trial));
        written.map_err(|error| named("write to the output folder", error))?;
        Ok(folder)
    }

    /// The folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// It stays, whatever is written to it.
    pub(super) fn keep(mut self) {
        self.made.clear();
    }

    /// Makes a folder in it, which goes with it as long as both are empty.
    pub(super) fn below(&mut self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.dir.join(name);
        fs::create_dir(&path)
            .map_err(|error| Failure::Input(format!("make folder {}: {error}", path.display())))?;
        self.made.insert(0, path.clone());
        Ok(path)
    }

    /// Writes `record.json`, `report.html`, `report.md` and `junit.xml`; returns the page's path.
    pub(super) fn write(mut self, record: &Record) -> Result<PathBuf, Failure> {
        // From here on something of the user's is in it.
        self.made.clear();
        record.write(&self.dir.join("record.json")).map_err(Failure::internal)?;
        let page = self.dir.join("report.html");
        write_html(record, &page)?;
        write_file(&self.dir.join("report.md"), &isolab_reports::markdown::render(record))?;
        write_junit(record, &self.dir.join("junit.xml"))?;
        Ok(page)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for dir in &self.made {
            // It may never have been made, and what others have put into it since is theirs.
            drop(fs::remove_dir(dir));
        }
    }
}

pub(super) fn write_html(record: &Record, path: &Path) -> Result<(), Failure> {
    write_file(path, &html::render(record).map_err(Failure::internal)?)
}

pub(super) fn write_junit(record: &Record, path: &Path) -> Result<(), Failure> {
    write_file(path, &isolab_reports::junit::render(record).map_err(Failure::internal)?)
}

pub(super) fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::Input(format!("write {}: {error}", path.display())))
}

pub(super) fn write_lab_html(lab: &Lab, path: &Path) -> Result<(), Failure> {
    write_file(path, &isolab_reports::lab::html::render(lab).map_err(Failure::internal)?)
}

pub(super) fn print_summary(record: &Record, html: Option<&Path>) -> Result<(), Failure> {
    let style = Style::detect(&io::stdout());
    print(&terminal::render(record, &style, WIDTH, html))
}

pub(super) fn print_lab(lab: &Lab, html: Option<&Path>) -> Result<(), Failure> {
    let style = Style::detect(&io::stdout());
    print(&isolab_reports::lab::text::render(lab, &style, WIDTH, html))
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
pub(super) const WIDTH: usize = 100;
