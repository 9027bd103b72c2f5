//! What is left out on purpose, and must be said.

use std::collections::BTreeSet;

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::mount::Source;
use isolab_core::namespace::Kind;
use isolab_core::plan::Plan;

use super::expected;

/// Holds a plan's notes against what is left out, by the places that they begin with.
pub(super) fn check(config: &Config, host: &Host, plan: &Plan) {
    let place = |note: &String| note.split(": ").next().unwrap_or_default().to_owned();
    let found: BTreeSet<String> = plan.notes.iter().map(place).collect();
    let mut all: BTreeSet<String> = capabilities(config, host);
    if config.seccomp.iter().any(|filter| !filter.skipped().is_empty()) {
        all.insert("linux.seccomp".into());
    }
    all.extend(config.cgroup.iter().flat_map(|group| group.resources.ignored.iter().map(place)));
    let offset = usize::from(config.root.overlay.is_some());
    for (index, mount) in config.mounts.iter().enumerate() {
        let own = !mount.options.data.is_empty() || !mount.options.superblock.is_empty();
        if own && matches!(mount.source, Source::Bind(..) | Source::Cgroup) {
            all.insert(format!("mounts[{}].options", index + offset));
        }
    }
    let user = config.namespaces.makes(Kind::User);
    if user && !config.devices.is_empty() {
        all.insert("device nodes cannot be made in a user namespace".into());
    }
    if user && host.uid != 0 && expected::maps_itself(config, host) {
        all.insert("setgroups is denied to this user's user namespaces".into());
    }
    assert_eq!(found, all, "{:#?}", plan.notes);
}

fn capabilities(config: &Config, host: &Host) -> BTreeSet<String> {
    let (asked, granted) = (config.capabilities, expected::granted(config, host));
    let sets = [
        ("inheritable", asked.inheritable, granted.inheritable),
        ("permitted", asked.permitted, granted.permitted),
        ("effective", asked.effective, granted.effective),
        ("bounding", asked.bounding, granted.bounding),
        ("ambient", asked.ambient, granted.ambient),
    ];
    let less = sets.into_iter().filter(|(_, asked, granted)| asked != granted);
    less.map(|(field, ..)| format!("process.capabilities.{field}")).collect()
}
