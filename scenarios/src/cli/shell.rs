//! Completions for shells, manual pages and the schema of scenario files, from the same definitions as what reads them.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Failure, output};

pub(super) fn completions(shell: Shell) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut super::Arguments::command(), "isolab", &mut text);
    output::print(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn schema() -> Result<ExitCode, Failure> {
    output::print(&format!("{:#}\n", isolab_scenarios::schema::json::json_schema()))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(dir: &Path) -> Result<ExitCode, Failure> {
    let named =
        |error: std::io::Error| Failure::Input(format!("write manual pages to {}: {error}", dir.display()));
    fs::create_dir_all(dir).map_err(named)?;
    clap_mangen::generate_to(super::Arguments::command(), dir).map_err(named)?;
    Ok(ExitCode::SUCCESS)
}
