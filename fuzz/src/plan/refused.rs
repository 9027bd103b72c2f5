//! What a config needs and a host lacks, by the JSON path that asks for it.

use std::collections::BTreeSet;

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::mount::Source;
use isolab_core::namespace::Kind;

use super::{expected, limits, mounts};

pub(super) fn lacking(config: &Config, host: &Host) -> BTreeSet<String> {
    let mut all = limits::lacking(config, host);
    let mut when = |lacks: bool, path: String| {
        if lacks {
            all.insert(path);
        }
    };
    let own = &config.namespaces;
    let (root, can_set) = (host.uid == 0, host.has("mount_setattr"));
    let offset = usize::from(config.root.overlay.is_some());
    for (index, mount) in config.mounts.iter().enumerate() {
        let at = |field: &str| format!("mounts[{}].{field}", index + offset);
        when(mount.ids.is_some() && !(root && can_set), at("uidMappings"));
        let in_others = own.joined.iter().any(|(kind, _)| *kind == Kind::Mount);
        let changed =
            in_others && matches!(mount.source, Source::Bind(..)) && !mount.options.attributes.is_empty();
        when((changed || !mount.options.recursive.is_empty()) && !can_set, at("options"));
    }
    when(mounts::kept(config).len() > 16, "mounts".into());
    let layers = if own.separates(Kind::User) { "overlay-in-user-namespace" } else { "overlay" };
    when(offset == 1 && own.separates(Kind::Mount) && !host.has(layers), "mounts[0].type".into());
    for (index, path) in config.paths.readonly.iter().enumerate() {
        let covered =
            config.mounts.iter().any(|mount| mounts::is_below(path.to_bytes(), mount.destination.to_bytes()));
        when(covered && !can_set, format!("linux.readonlyPaths[{index}]"));
    }
    // A new time namespace is entered at the exec, or by a stage, which takes root.
    let time = host.has("time-namespace") && (root || host.has("time-namespace-at-exec"));
    when(own.makes(Kind::Time) && !time, "linux.namespaces".into());
    let profile = config.apparmor.as_ref().is_some_and(|name| name.as_c_str() != c"unconfined");
    when(profile && !host.has("apparmor"), "process.apparmorProfile".into());
    when(config.selinux.is_some() && !host.has("selinux"), "process.selinuxLabel".into());
    when(!root && !config.net_devices.is_empty(), "linux.netDevices".into());
    let process = &config.process;
    let denied = !root && own.makes(Kind::User) && expected::maps_itself(config, host);
    when(denied && !process.groups.is_empty(), "process.user.additionalGids".into());
    let other = (process.uid, process.gid) != (host.uid, host.gid);
    when(!root && !own.separates(Kind::User) && other, "process.user".into());
    all
}
