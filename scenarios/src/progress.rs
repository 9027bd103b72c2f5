//! Saying what goes on, to whoever shows it.

use std::io::Write;

/// Says a line on standard error.
pub fn say(line: &str) {
    // Where standard error is closed there is nobody to tell, and no reason to stop; `eprintln!` would panic.
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Something that shows progress: a bar on a terminal, lines in a log, nothing.
pub trait Progress: Sync {
    /// A stretch of work begins, of `total` steps.
    fn begin(&self, what: &str, total: u64);
    /// The next step begins; `detail` names it.
    fn step(&self, detail: &str);
    /// A line that is to stay.
    fn note(&self, line: &str);
    /// The stretch is over.
    fn done(&self);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _what: &str, _total: u64) {}
    fn step(&self, _detail: &str) {}
    fn note(&self, _line: &str) {}
    fn done(&self) {}
}
