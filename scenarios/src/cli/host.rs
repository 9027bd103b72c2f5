//! `isolab host`: what this host offers.

use std::fmt::Write;
use std::process::ExitCode;

use isolab_core::host::{Feature, Host};
use isolab_reports::units;
use isolab_scenarios::launcher;

use super::{Failure, output};

pub(super) fn host(json: bool) -> Result<ExitCode, Failure> {
    let host = Host::probe();
    if json {
        output::print_json(&host)?;
    } else {
        output::print(&text(&host).map_err(Failure::internal)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(host: &Host) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let out = &mut text;
    writeln!(out, "kernel         {} {}", host.kernel, host.machine)?;
    writeln!(out, "cpu            {} × {}", host.cpus.len(), host.cpu)?;
    writeln!(out, "memory         {}", units::bytes(host.memory))?;
    writeln!(out, "clock source   {}", host.clock_source)?;
    writeln!(
        out,
        "LSMs           {}",
        if host.lsms.is_empty() { "unknown".into() } else { host.lsms.join(", ") }
    )?;
    writeln!(out, "user           {}:{}", host.uid, host.gid)?;
    writeln!(out, "cgroups        {}", host.cgroups.mode())?;
    for hierarchy in host.cgroups.v2.iter().chain(&host.cgroups.v1) {
        let can = if hierarchy.writable { "" } else { ", no groups can be made" };
        let controllers = hierarchy.controllers.join(" ");
        let controllers = if controllers.is_empty() { "no controllers" } else { &controllers };
        writeln!(out, "               {}: {controllers}{can}", hierarchy.mount.display())?;
    }
    writeln!(out)?;
    for (name, feature) in &host.features {
        match feature {
            Feature::Available => writeln!(out, "available      {name}")?,
            Feature::Missing { reason, remedy } => {
                writeln!(out, "missing        {name}: {reason}\n               remedy: {remedy}")?;
            }
        }
    }
    writeln!(out)?;
    let found = launcher::find(host);
    for launcher in &found.here {
        let launcher = launcher.describe();
        writeln!(out, "available      launcher {} {}", launcher.name, launcher.version.unwrap_or_default())?;
    }
    for absent in &found.absent {
        writeln!(
            out,
            "missing        {}: {}\n               remedy: {}",
            absent.what, absent.reason, absent.remedy
        )?;
    }
    Ok(text)
}
