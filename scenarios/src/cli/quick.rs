//! The quick look: everything once, in about a minute.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use super::session::Session;
use super::{Common, Failure, bench, check, output};

pub(super) fn quick(out: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let out = Some(out.unwrap_or_else(|| output::default_dir(now)));
    let common = Common { launcher: Vec::new(), json: false, out, must_run: false };
    let mut session = Session::begin("quick look", &common)?;
    let quick = check::quick()?;
    check::check_all(&mut session, &quick, true)?;
    for part in bench::Part::QUICK {
        bench::stage(&mut session, part, &bench::Tuning::QUICK)?;
    }
    session.end(&common)
}
