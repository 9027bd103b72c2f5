//! Namespaces, and what they are given.

use std::ffi::CString;

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::namespace::{IdMap, Kind, Op as N};
use isolab_core::plan::{Op, Side};
use isolab_core::{network, sysctl};

use super::{Expected, is_staged, maps_itself};

fn map_text(lines: &[IdMap]) -> CString {
    let line = |line: &IdMap| format!("{} {} {}\n", line.inside, line.outside, line.length);
    CString::new(lines.iter().map(line).collect::<String>()).unwrap_or_default()
}

pub(super) fn expect(config: &Config, host: &Host, all: &mut Expected) {
    let own = &config.namespaces;
    let staged = is_staged(config, host);
    let mut push = |side, op| all.push((side, Op::Namespace(op)));
    for (nth, (kind, _)) in own.joined.iter().enumerate() {
        // The cgroup namespace is entered from within the groups.
        let side = if staged && *kind != Kind::Cgroup { Side::Stage } else { Side::Child };
        push(side, N::Join { kind: *kind, nth });
    }
    if own.makes(Kind::Time) {
        let side = if staged { Side::Stage } else { Side::Child };
        push(side, N::Unshare(Kind::Time));
        let lines = own.time_offsets.iter().map(|(clock, s, ns)| format!("{clock} {s} {ns}\n"));
        let text = CString::new(lines.collect::<String>()).unwrap_or_default();
        if !text.is_empty() {
            push(side, N::TimeOffsets(text));
        }
    }
    let (uids, gids) = (&own.ids.uids, &own.ids.gids);
    if own.makes(Kind::User) {
        match (host.uid, maps_itself(config, host)) {
            (0, _) => push(Side::Parent, N::MapIds { uids: map_text(uids), gids: map_text(gids) }),
            (_, true) => push(Side::Child, N::MapOwnIds { uids: map_text(uids), gids: map_text(gids) }),
            (_, false) => push(Side::Parent, N::MapSubIds { uids: uids.clone(), gids: gids.clone() }),
        }
    }
    let zero =
        |lines: &[IdMap]| lines.is_empty() || lines.iter().any(|line| line.inside == 0 && line.length > 0);
    if own.separates(Kind::User) && zero(uids) && zero(gids) {
        push(Side::Child, N::BecomeRoot);
    }
    config.hostname.iter().for_each(|name| push(Side::Child, N::HostName(name.clone())));
    config.domainname.iter().for_each(|name| push(Side::Child, N::DomainName(name.clone())));
    if own.makes(Kind::Network) {
        all.push((Side::Child, Op::Network(network::Op::LoopbackUp)));
    }
    all.extend(
        config
            .net_devices
            .iter()
            .map(|one| (Side::Parent, Op::Network(network::Op::MoveDevice(one.clone())))),
    );
    for (kind, _) in &own.joined {
        let used = config.sysctls.iter().any(|one| of_kind(&one.path) == *kind);
        if let Some(inode) = host.namespaces.get(kind.link()).filter(|_| used) {
            all.push((Side::Child, Op::Sysctl(sysctl::Op::NotLaunchers(*kind, *inode))));
        }
    }
    for one in &config.sysctls {
        let path = CString::new(format!("/proc/sys/{}", one.path)).unwrap_or_default();
        all.push((Side::Child, Op::Sysctl(sysctl::Op::Write { path, value: one.value.clone() })));
    }
}

/// Whose a kernel parameter is.
fn of_kind(path: &str) -> Kind {
    match path.split('/').next() {
        Some("net") => Kind::Network,
        _ if path == "kernel/domainname" => Kind::Uts,
        _ => Kind::Ipc,
    }
}
