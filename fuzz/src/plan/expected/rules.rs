//! Landlock.

use std::collections::BTreeSet;

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::landlock;
use isolab_core::plan::Op;

/// `Documentation/userspace-api/landlock.rst`: which version has which rights.
pub(super) fn expect(config: &Config, host: &Host, push: &mut impl FnMut(Op)) -> bool {
    let (Some(rules), version) = (&config.landlock, host.landlock) else { return false };
    let files = match version {
        0 => 0,
        1 => 0x1fff,
        2 => 0x3fff,
        3 | 4 => 0x7fff,
        _ => 0xffff,
    };
    let fs = if rules.paths.is_some() { files } else { 0 };
    let ports = version >= 4;
    let net = u64::from(ports && rules.bind.is_some()) | u64::from(ports && rules.connect.is_some()) << 1;
    let scope = if version >= 6 { rules.scope } else { 0 };
    if fs == 0 && net == 0 && scope == 0 {
        return false;
    }
    push(Op::Landlock(landlock::Op::Create { fs, net, scope }));
    for (path, rights) in rules.paths.iter().flatten() {
        push(Op::Landlock(landlock::Op::Path(path.clone(), rights & files)));
    }
    for (list, right) in [(&rules.bind, 1), (&rules.connect, 2)] {
        list.iter()
            .flatten()
            .filter(|_| ports)
            .for_each(|port| push(Op::Landlock(landlock::Op::Port(*port, right))));
    }
    push(Op::Landlock(landlock::Op::Restrict));
    true
}

/// What the host's version does not restrict.
pub(in crate::plan) fn gaps(config: &Config, host: &Host) -> BTreeSet<String> {
    let (Some(rules), version) = (&config.landlock, host.landlock) else { return BTreeSet::new() };
    let name = |key: &str| format!("annotations[\"org.isolab.landlock.{key}\"]");
    let ports = rules.bind.is_some() || rules.connect.is_some();
    let missing = [
        ("*", version == 0 || rules.paths.is_some() && version < 5),
        ("tcp.*", version > 0 && ports && version < 4),
        ("scope", version > 0 && rules.scope != 0 && version < 6),
    ];
    missing.into_iter().filter(|(_, lacks)| *lacks).map(|(key, _)| name(key)).collect()
}
