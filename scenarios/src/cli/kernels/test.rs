//! `isolab kernels --test`: the workspace's test binaries inside guests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use isolab_reports::lab::record::Clock;
use isolab_scenarios::lab::guest::carry::{Carried, Content};
use isolab_scenarios::lab::machine::Accelerator;
use isolab_scenarios::lab::testing::cargo::{self, Built, Test};
use isolab_scenarios::lab::testing::{self, Options, Tested};
use isolab_scenarios::scratch::Scratch;

use super::super::{Failure, output};
use super::options::{Arguments, TestArguments};
use super::setup::Setup;

pub(super) fn test(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let TestArguments { binary: names, must_run, .. } = &arguments.testing;
    // What cargo says goes to the terminal, so before anything that shows progress there.
    let built = cargo::build(Path::new(".")).map_err(Failure::input)?;
    let tests = chosen(&built, names)?;
    let scratch = Scratch::new().map_err(|error| Failure::Input(format!("{error}; set TMPDIR")))?;
    let programs = tests.iter().map(|test| &test.path).chain(&built.programs);
    let carried = programs.enumerate().map(|(number, path)| slim(path, &scratch, number)).collect();
    let setup = Setup::begin(&arguments.lab, carried)?;
    let accelerator = match setup.clock {
        Clock::Real => Accelerator::Kvm,
        // No test depends on the clock, so the faster emulation will do.
        Clock::Counted => Accelerator::Tcg,
    };
    let options = Options {
        isolab: &setup.isolab,
        guests: &setup.guests,
        tests: &tests,
        must_run,
        accelerator,
        jobs: setup.jobs,
    };
    let tested = setup.end(testing::run(&options, &setup.bars, &setup.cancel))?;
    if arguments.json {
        output::print_json(&tested)?;
    } else {
        output::print(&text(&tested))?;
    }
    Ok(ExitCode::from(u8::from(!tested.iter().all(Tested::is_good))))
}

/// The tests whose names begin with one of those given; all for none.
fn chosen(built: &Built, names: &[String]) -> Result<Vec<Test>, Failure> {
    let is = |test: &&Test| names.is_empty() || names.iter().any(|name| test.name.starts_with(name.as_str()));
    let tests: Vec<Test> = built.tests.iter().filter(is).cloned().collect();
    if tests.is_empty() {
        let there: Vec<&str> = built.tests.iter().map(|test| test.name.as_str()).collect();
        return Err(Failure::Input(format!("no such test binary; there are {}", there.join(", "))));
    }
    Ok(tests)
}

/// A binary without its debug information, which is most of it and would fill the guest's memory. Where it cannot be
/// stripped, it is carried as it is.
fn slim(path: &Path, scratch: &Scratch, number: usize) -> Carried {
    let stripped = scratch.path().join(format!("stripped-{number}"));
    let mut strip = Command::new("strip");
    strip.arg("--strip-debug").arg("-o").arg(&stripped).arg(path).stdin(Stdio::null()).stderr(Stdio::null());
    let done = strip.status().is_ok_and(|status| status.success());
    let from: PathBuf = if done { stripped } else { path.to_owned() };
    Carried { path: path.to_owned(), content: Content::File { from } }
}

fn text(tested: &[Tested]) -> String {
    let mut text = String::new();
    for kernel in tested {
        text.push_str(&format!("{}\n", kernel.line()));
        if let Some(failure) = &kernel.failure {
            text.extend(failure.lines().skip(1).map(|line| format!("    {line}\n")));
        }
        for binary in &kernel.binaries {
            let report = &binary.report;
            for name in &report.failed {
                text.push_str(&format!("  failed: {} {name}\n", binary.name));
            }
            if let Some(broken) = &report.broken {
                text.push_str(&format!("  {}: {broken}\n", binary.name));
            }
            text.extend(binary.output.lines().map(|line| format!("    {line}\n")));
        }
    }
    text.push_str(&skipped(tested));
    text
}

/// What no kernel has run, with the reasons: a test that ran on one of them is run.
fn skipped(tested: &[Tested]) -> String {
    let mut everywhere: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for binary in tested.iter().flat_map(|kernel| &kernel.binaries) {
        for (name, reason) in &binary.report.skipped {
            everywhere.entry((&binary.name, name)).or_default().push(reason);
        }
    }
    let ran = tested.iter().filter(|kernel| !kernel.binaries.is_empty()).count();
    let nowhere = everywhere.iter().filter(|(_, reasons)| reasons.len() == ran);
    nowhere
        .map(|((binary, name), reasons)| format!("  skipped on all: {binary} {name}: {}\n", reasons[0]))
        .collect()
}
