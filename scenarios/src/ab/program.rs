//! A program with its arguments, as a whole process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use isolab_core::sys::clock;

use super::Subject;
use crate::cost::Timed;
use crate::ready::Error;

/// A command line. Its input and output are `/dev/null`, and it has to end with 0.
#[derive(Debug)]
pub struct Program {
    name: String,
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// A program by its path, or by its name in PATH.
    #[must_use]
    pub fn new(name: &str, path: PathBuf, arguments: &[OsString]) -> Program {
        Program { name: name.into(), path, arguments: arguments.to_vec() }
    }
}

impl Subject for Program {
    fn name(&self) -> &str {
        &self.name
    }

    fn take(&mut self) -> Result<Timed, Error> {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (begun, before) = (Instant::now(), clock::children_cpu());
        let status = command.status().map_err(Error::io(format!("run {}", self.path.display())))?;
        let total = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let on_cpu = clock::children_cpu().saturating_sub(before);
        if status.success() {
            return Ok(Timed { total, on_cpu });
        }
        let line = self.arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let what = format!("`{} {line}`", self.path.display());
        Err(Error::Ended { what, how: format!("{status}; it has to end with 0") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_takes_time_and_has_to_succeed() {
        let program = |arguments: &[&str]| {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            Program::new("A", "/bin/sh".into(), &arguments).take()
        };
        let timed = program(&["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"]).unwrap();
        assert!(timed.on_cpu > 1_000_000 && timed.total >= timed.on_cpu / 2, "{timed:?}");
        let error = program(&["-c", "exit 3"]).unwrap_err().to_string();
        assert!(error.contains("exit 3") && error.contains("exit status: 3"), "{error}");
        let error = Program::new("A", "/no/such".into(), &[]).take().unwrap_err().to_string();
        assert!(error.contains("run /no/such"), "{error}");
    }
}
