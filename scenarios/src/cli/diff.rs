//! `isolab diff`: one config, side by side.

use std::path::PathBuf;
use std::process::ExitCode;

use isolab_core::host::Host;
use isolab_scenarios::diff;
use isolab_scenarios::launcher;
use isolab_scenarios::leftovers;
use isolab_scenarios::progress::say;

use super::bars::Bars;
use super::{Failure, interrupt, output};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// An OCI config.json, or the directory of a bundle; in place of its program isolab looks around in the container
    config: PathBuf,
    /// Launchers, separated by commas: core, runc, crun, bwrap, or the path of an OCI runtime [default: those installed]
    #[arg(long, visible_alias = "launcher", value_name = "LIST", value_delimiter = ',')]
    launchers: Vec<String>,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
    /// Markdown, for an issue
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

pub(super) fn diff(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let cancel = interrupt::watch()?;
    let host = Host::probe();
    for left in leftovers::sweep(&host).map_err(Failure::input)? {
        say(&format!("isolab: {left}"));
    }
    let launchers = match arguments.launchers.as_slice() {
        [] => launcher::find(&host).here,
        names => {
            let named = names.iter().map(|name| launcher::named(name, &host));
            named.collect::<Result<_, _>>().map_err(Failure::Input)?
        }
    };
    let program = std::env::current_exe().map_err(Failure::internal)?;
    let bars = Bars::new();
    let compared = diff::run(&arguments.config, &launchers, (&program, &host), &bars, &cancel);
    let compared = compared.map_err(|error| match error {
        diff::Error::Config(problem) => Failure::Input(problem),
        other => Failure::internal(other),
    })?;
    drop(bars);
    match (arguments.json, arguments.markdown) {
        (true, _) => output::print_json(&compared)?,
        (_, true) => output::print(&diff::markdown(&compared))?,
        _ => output::print(&diff::text(&compared))?,
    }
    Ok(ExitCode::SUCCESS)
}
