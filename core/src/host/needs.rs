//! Which features a config needs: a launch probes no others, since most are probed by a process of their own.

use crate::config::Config;
use crate::namespace::Kind;

/// Names of [`FEATURES`](super::FEATURES) that a plan of this config may ask for.
pub(super) fn features(config: &Config) -> Vec<&'static str> {
    let mut needed = vec!["mount_setattr"];
    if config.root.overlay.is_some() {
        needed.extend(["overlay", "overlay-in-user-namespace"]);
    }
    if config.namespaces.makes(Kind::Time) {
        needed.extend(["time-namespace", "time-namespace-at-exec"]);
    }
    let asked = [
        ("apparmor", config.apparmor.is_some()),
        ("selinux", config.selinux.is_some()),
        ("landlock", config.landlock.is_some()),
    ];
    needed.extend(asked.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name));
    needed
}
