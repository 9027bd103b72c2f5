//! `isolab kernels`: the kernel lab.

mod bisect;
mod calibrate;
mod command;
mod compare;
mod options;
mod seeds;
mod setup;
mod test;

use std::process::ExitCode;

use super::Failure;
use options::Subcommand;
pub(super) use options::{Arguments, LabArguments};
pub(super) use setup::Setup;

pub(super) fn kernels(arguments: &Arguments) -> Result<ExitCode, Failure> {
    match &arguments.command {
        Some(Subcommand::Bisect(arguments)) => bisect::bisect(arguments),
        Some(Subcommand::Calibrate(arguments)) => calibrate::calibrate(arguments),
        None if !arguments.run.is_empty() => command::command(arguments),
        None if arguments.testing.test => test::test(arguments),
        None => compare::compare(arguments),
    }
}
