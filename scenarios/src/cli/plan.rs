//! `isolab plan`: a launch, explained.

use std::path::Path;
use std::process::ExitCode;

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::oci;
use isolab_core::plan::Plan;

use super::{Failure, output};

pub(super) fn plan(path: &Path) -> Result<ExitCode, Failure> {
    let spec = oci::read(path).map_err(Failure::input)?;
    let bundle = path.parent().unwrap_or(Path::new("."));
    let named = |error: &dyn std::fmt::Display| Failure::Input(format!("{}:\n{error}", path.display()));
    let config = Config::new(&spec, bundle, "example").map_err(|error| named(&error))?;
    let plan = Plan::preview(&config, &Host::probe()).map_err(|error| named(&error))?;
    output::print(&plan.to_string())?;
    Ok(ExitCode::SUCCESS)
}
