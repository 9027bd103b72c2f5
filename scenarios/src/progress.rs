//! Saying what goes on, to whoever shows it.

/// Something that shows progress: a bar on a terminal, lines in a log, nothing.
pub trait Progress {
    /// A stretch of work begins, of `total` steps.
    fn begin(&self, what: &str, total: u64);
    /// The next step begins; `detail` names it.
    fn step(&self, detail: &str);
    /// The stretch is over.
    fn done(&self);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _what: &str, _total: u64) {}
    fn step(&self, _detail: &str) {}
    fn done(&self) {}
}
