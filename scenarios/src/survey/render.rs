//! The survey as text for a terminal, and as Markdown for a bug report.

use std::fmt::Write;

use isolab_core::host::Host;
use isolab_reports::units;

use super::{Offered, Survey};

/// For a terminal: what is missing has its reason and remedy.
#[must_use]
pub fn text(survey: &Survey) -> String {
    let mut text = String::new();
    for (name, value) in head(&survey.host) {
        line(&mut text, format_args!("{name:<14} {value}"));
    }
    for (group, offers) in groups(&survey.offers) {
        line(&mut text, format_args!("\n{group}"));
        for one in offers {
            let word = if one.available { "available" } else { "missing" };
            line(&mut text, format_args!("  {word:<10} {}: {}", one.name, one.found));
            if !one.available {
                line(&mut text, format_args!("  {:<10} why: {}", "", one.why));
                line(&mut text, format_args!("  {:<10} remedy: {}", "", one.remedy));
            }
        }
    }
    text
}

/// For a bug report: tables of GitHub's flavour.
#[must_use]
pub fn markdown(survey: &Survey) -> String {
    let mut text = "## Host\n\n| | |\n| --- | --- |\n".to_owned();
    for (name, value) in head(&survey.host) {
        line(&mut text, format_args!("| {name} | {} |", cell(&value)));
    }
    for (group, offers) in groups(&survey.offers) {
        let missing = offers.iter().filter(|one| !one.available).count();
        line(&mut text, format_args!("\n### {group} ({missing} missing)\n"));
        line(&mut text, format_args!("| | what | found | remedy |\n| --- | --- | --- | --- |"));
        for one in offers {
            let sign = if one.available { "✓" } else { "✗ missing" };
            let (found, remedy) = (cell(&one.found), cell(&one.remedy));
            line(&mut text, format_args!("| {sign} | {} | {found} | {remedy} |", cell(&one.name)));
        }
    }
    text
}

fn head(host: &Host) -> Vec<(&'static str, String)> {
    let lsms = if host.lsms.is_empty() {
        "unknown (securityfs is not mounted)".into()
    } else {
        host.lsms.join(", ")
    };
    let mut head = vec![
        ("kernel", format!("{} {}", host.kernel, host.machine)),
        ("cpu", format!("{} × {}", host.cpus.len(), host.cpu)),
        ("memory", units::bytes(host.memory)),
        ("clock source", host.clock_source.clone()),
        ("LSMs", lsms),
        ("user", format!("{}:{}", host.uid, host.gid)),
        ("cgroups", host.cgroups.mode().to_string()),
    ];
    for hierarchy in host.cgroups.v2.iter().chain(&host.cgroups.v1) {
        let can = if hierarchy.writable { "" } else { ", no groups can be made" };
        let controllers = hierarchy.controllers.join(" ");
        let controllers = if controllers.is_empty() { "no controllers" } else { &controllers };
        head.push(("", format!("{}: {controllers}{can}", hierarchy.mount.display())));
    }
    head
}

/// Neighbours of the same group.
fn groups(offers: &[Offered]) -> impl Iterator<Item = (&str, &[Offered])> {
    offers.chunk_by(|one, next| one.group == next.group).map(|chunk| (chunk[0].group.as_str(), chunk))
}

/// A bar would end a cell, and markup is not meant.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;").replace('*', "\\*").replace('_', "\\_")
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    if writeln!(text, "{line}").is_err() {
        unreachable!("a string takes all text");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_its_remedy_in_both_forms() {
        let offer = |available| Offered {
            group: "seccomp".into(),
            name: "a|b".into(),
            available,
            found: "f".into(),
            why: "w".into(),
            remedy: if available { String::new() } else { "do it".into() },
        };
        let survey = Survey { host: Host::example(), offers: vec![offer(true), offer(false)] };
        let text = text(&survey);
        assert!(text.contains("available  a|b: f") && text.contains("remedy: do it"), "{text}");
        let markdown = markdown(&survey);
        assert!(markdown.contains("| ✗ missing | a\\|b | f | do it |"), "{markdown}");
        assert!(markdown.contains("### seccomp (1 missing)"));
    }
}
