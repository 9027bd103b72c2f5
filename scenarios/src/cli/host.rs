//! `isolab host`: what this host offers.

use std::process::ExitCode;

use isolab_core::host::Host;
use isolab_scenarios::survey;

use super::{Failure, output};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// JSON instead of text
    #[arg(long)]
    json: bool,
    /// Markdown, for a bug report
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

pub(super) fn host(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let survey = survey::take(Host::probe()).map_err(Failure::internal)?;
    match (arguments.json, arguments.markdown) {
        (true, _) => output::print_json(&survey)?,
        (_, true) => output::print(&survey::markdown(&survey))?,
        _ => output::print(&survey::text(&survey))?,
    }
    Ok(ExitCode::SUCCESS)
}
