//! `plan`: the launch, explained.

use std::path::Path;

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::oci;
use isolab_core::plan::Plan;

use crate::bundle::group_everywhere;
use crate::failure::Failure;
use crate::output;

pub(crate) fn plan(bundle: &Path) -> Result<(), Failure> {
    let spec = oci::read(&bundle.join("config.json"))?;
    let mut config = Config::new(&spec, bundle, "example")?;
    group_everywhere(&mut config);
    output::print(&Plan::preview(&config, &Host::probe_for(&config))?.to_string())
}
