//! `isolab run --from-fuzz`: what a fuzzer has drawn, launched for people to look at.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use isolab_core::host::Host;
use isolab_reports::units;
use isolab_scenarios::diff;
use isolab_scenarios::fuzzed::{self, Found, Input, Replay, Times};
use isolab_scenarios::leftovers;
use isolab_scenarios::progress::say;
use serde_json::json;

use super::{Common, Failure, interrupt, output, session};

/// Timed launches of each launcher.
const ROUNDS: usize = 50;

pub(super) fn run(file: &Path, common: &Common, bench: bool) -> Result<ExitCode, Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::Input(format!("{}: {error}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| named(&error))?;
    let input = Input::read(&bytes).map_err(|error| named(&error))?;
    let cancel = interrupt::watch()?;
    let host = Host::probe();
    if host.uid != 0 {
        return Err(Failure::Input("--from-fuzz: run as root: inputs are drawn for it".into()));
    }
    for left in leftovers::sweep(&host).map_err(Failure::input)? {
        say(&format!("isolab: {left}"));
    }
    let launchers = session::launchers(&common.launcher, &host)?.here;
    let rounds = if bench { ROUNDS } else { 0 };
    let replay =
        fuzzed::replay(&input, &launchers, (&host, &cancel), rounds).map_err(|error| match error {
            fuzzed::Error::Cancelled(_) => Failure::Interrupted,
            fuzzed::Error::Machine => Failure::input(error),
            other => Failure::internal(other),
        })?;
    if common.json {
        output::print_json(&json!({"config": input.spec, "replay": replay}))?;
    } else {
        output::print(&text(&input, &replay))?;
    }
    Ok(status(&replay, common.must_run))
}

/// 1 when something is not as asked; else 4 when a launcher refused it though all must launch it; else 0.
fn status(replay: &Replay, must_run: bool) -> ExitCode {
    let (mut differs, mut refused) = (false, false);
    for found in &replay.found {
        differs |= !found.missing.is_empty();
        refused |= found.refused.is_some();
    }
    if differs {
        ExitCode::from(1)
    } else if refused && must_run {
        ExitCode::from(4)
    } else {
        ExitCode::SUCCESS
    }
}

fn text(input: &Input, replay: &Replay) -> String {
    let mut text = format!("{input}\n\n");
    for Found { launcher, refused, missing, .. } in &replay.found {
        match (refused, missing.as_slice()) {
            (Some(reason), _) => line(&mut text, format_args!("{launcher} has not launched it: {reason}")),
            (None, []) => line(&mut text, format_args!("{launcher}: as asked, and nothing is left")),
            (None, _) => line(&mut text, format_args!("{launcher}: not as asked")),
        }
        for one in missing {
            line(&mut text, format_args!("  {one}"));
        }
    }
    if replay.between.launchers.len() > 1 {
        line(&mut text, format_args!("\n{}", diff::text(&replay.between)));
    }
    for Times { launcher, nanoseconds, stopped } in &replay.times {
        line(&mut text, format_args!("{launcher}: {}", times(nanoseconds)));
        if let Some(reason) = stopped {
            line(&mut text, format_args!("  not timed any further: {reason}"));
        }
    }
    text
}

fn times(nanoseconds: &[u64]) -> String {
    let mut sorted = nanoseconds.to_vec();
    sorted.sort_unstable();
    let shown =
        |at: usize| sorted.get(at).map_or_else(|| "none".to_owned(), |time| units::nanos(*time as f64));
    format!(
        "{} launches, from the start to the removal: at least {}, median {}, at most {}",
        sorted.len(),
        shown(0),
        shown(sorted.len() / 2),
        shown(sorted.len().saturating_sub(1)),
    )
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    if writeln!(text, "{line}").is_err() {
        unreachable!("a string takes all text");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(refused: Option<&str>, missing: &[&str]) -> Replay {
        let missing = missing.iter().map(|line| (*line).to_owned()).collect();
        let found = Found {
            launcher: "core".into(),
            refused: refused.map(str::to_owned),
            missing,
            ..Found::default()
        };
        let between =
            diff::Comparison { launchers: Vec::new(), refused: [].into(), same: 0, differences: Vec::new() };
        Replay { found: vec![found], between, times: Vec::new() }
    }

    #[test]
    fn the_status_says_what_was_found() {
        let code = |replay: &Replay, must| format!("{:?}", status(replay, must));
        let of = |number: u8| format!("{:?}", ExitCode::from(number));
        assert_eq!(code(&replay(None, &[]), true), of(0));
        assert_eq!(code(&replay(None, &["umask"]), false), of(1));
        assert_eq!(code(&replay(Some("no"), &[]), true), of(4));
        assert_eq!(code(&replay(Some("no"), &[]), false), of(0));
    }

    #[test]
    fn what_is_missing_is_told() {
        let input = Input::read(&[0; 64]).unwrap();
        let text = text(&input, &replay(None, &["umask: asked 1, got 2"]));
        assert!(text.contains("core: not as asked\n  umask") && text.contains("\"ociVersion\""), "{text}");
        assert!(times(&[3, 1, 2]).contains("3 launches"), "{}", times(&[3, 1, 2]));
        assert!(times(&[]).contains("none"));
    }
}
