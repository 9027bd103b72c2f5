//! What a test binary of Rust's harness says, read from what it printed.

use serde::Serialize;

use crate::lab::guest::End;

/// The outcome of one test binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Tests that passed, skipped ones among them: the harness knows no skipping.
    pub passed: u32,
    /// Names of the tests that failed.
    pub failed: Vec<String>,
    /// Tests that were skipped for what they need: name and reason.
    pub skipped: Vec<(String, String)>,
    /// Why the binary did not come to its end; `None` when it did.
    pub broken: Option<String>,
}

impl Report {
    /// Reads it.
    #[must_use]
    pub fn of(end: End, stdout: &str, stderr: &str) -> Report {
        let results = || stdout.lines().filter_map(|line| line.strip_prefix("test ")?.rsplit_once(" ... "));
        let with = |word: &'static str| results().filter(move |(_, result)| *result == word);
        let failed: Vec<String> = with("FAILED").map(|(name, _)| name.to_owned()).collect();
        let ended = stdout.lines().any(|line| line.starts_with("test result: "));
        let broken = match end {
            // Status 101 is that of failed tests.
            End::Status(0 | 101) if ended => None,
            End::Status(status) => Some(format!("exit status {status} before its end")),
            End::Signal(signal) => Some(format!("killed by signal {signal}")),
            End::Limit => Some("did not end in time".to_owned()),
        };
        Report {
            passed: passed(stdout),
            failed,
            skipped: stderr.lines().filter_map(skipped).collect(),
            broken,
        }
    }

    /// Whether all tests that ran passed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.broken.is_none() && self.failed.is_empty()
    }
}

/// The number in `test result: ok. 22 passed; 0 failed; …`.
fn passed(stdout: &str) -> u32 {
    let line = stdout.lines().find(|line| line.starts_with("test result: "));
    let number = line.and_then(|line| line.split(". ").nth(1)?.split(' ').next()?.parse().ok());
    number.unwrap_or_default()
}

/// `skipped NAME (N so far): REASON`, as `isolab_core::need` says it.
fn skipped(line: &str) -> Option<(String, String)> {
    let (head, reason) = line.strip_prefix("skipped ")?.split_once(" so far): ")?;
    let (name, _) = head.rsplit_once(" (")?;
    Some((name.to_owned(), reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\nrunning 3 tests\ntest a ... ok\ntest b::c ... FAILED\ntest d ... ok\n\nfailures:\n    b::c\n\n\
        test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";

    #[test]
    fn failures_are_named_and_skips_have_their_reason() {
        let stderr = "skipped d (1 so far): needs runc: it is not in PATH; apt-get install runc\n";
        let report = Report::of(End::Status(101), OUTPUT, stderr);
        assert_eq!((report.passed, report.failed.as_slice()), (2, &["b::c".to_owned()][..]));
        let reason = "needs runc: it is not in PATH; apt-get install runc";
        assert_eq!(report.skipped, [("d".to_owned(), reason.to_owned())]);
        assert!(report.broken.is_none() && !report.is_good());
    }

    #[test]
    fn what_did_not_come_to_its_end_is_not_good() {
        let cut = OUTPUT.split_once("test result").unwrap().0;
        for end in [End::Status(0), End::Status(101), End::Status(1), End::Signal(11), End::Limit] {
            let report = Report::of(end, cut, "");
            assert!(report.broken.is_some() && !report.is_good(), "{end:?}");
        }
        assert!(Report::of(End::Status(0), "test result: ok. 4 passed; 0 failed", "").is_good());
    }
}
