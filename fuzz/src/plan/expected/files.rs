//! The root, mounts, devices, and paths that are hidden or read-only.

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::namespace::Kind;
use isolab_core::plan::{Op, Plan, Side};
use isolab_core::rootfs::Op as R;
use isolab_core::{device, mask, terminal};

use super::{Expected, mounts};

pub(super) fn expect(config: &Config, host: &Host, plan: &Plan, all: &mut Expected) {
    let own = &config.namespaces;
    let (root, mut push) = (&config.root, |op| all.push((Side::Child, op)));
    if !own.separates(Kind::Mount) {
        push(Op::Root(R::Open(root.path.clone())));
        push(Op::Root(R::Chroot));
    } else {
        push(Op::Root(R::Propagation(mounts::cut(config))));
        let opened = mounts::trees(config, host).first().is_some_and(|(of, _)| of.is_none()).then_some(0);
        push(Op::Root(match &root.overlay {
            Some(overlay) => R::AttachOverlay { at: root.path.clone(), overlay: overlay.clone() },
            None => R::Attach { path: root.path.clone(), opened },
        }));
        if root.readonly {
            push(Op::Root(R::ReadOnly));
        }
        push(Op::Root(R::Pivot));
        // MS_SHARED and MS_UNBINDABLE: pivot_root(2) refuses a root that is shared.
        if root.propagation & (1 << 20 | 1 << 17) != 0 {
            push(Op::Root(R::Share(root.propagation)));
        }
    }
    mounts::operations(config, host, plan).into_iter().for_each(|op| push(Op::Mount(op)));
    for one in &config.devices {
        // mknod(2) takes CAP_MKNOD outside of user namespaces, but for a FIFO.
        let bound = own.separates(Kind::User) && one.mode & 0o170_000 != 0o010_000;
        let one = one.clone();
        push(Op::Device(if bound { device::Op::Bind(one) } else { device::Op::Node(one) }));
    }
    if mounts::fills_dev(config) {
        for (target, path) in [
            (c"/proc/self/fd", c"/dev/fd"),
            (c"/proc/self/fd/0", c"/dev/stdin"),
            (c"/proc/self/fd/1", c"/dev/stdout"),
            (c"/proc/self/fd/2", c"/dev/stderr"),
        ] {
            push(Op::Device(device::Op::Link(target, path)));
        }
        if mounts::has_terminals(config) {
            push(Op::Device(device::Op::Link(c"pts/ptmx", c"/dev/ptmx")));
        }
    }
    config.paths.masked.iter().for_each(|path| push(Op::Path(mask::Op::Mask(mounts::place(config, path)))));
    config
        .paths
        .readonly
        .iter()
        .for_each(|path| push(Op::Path(mask::Op::ReadOnly(mounts::place(config, path)))));
    if let Some(terminal) = config.process.terminal {
        push(Op::Terminal(terminal::Op::Open { terminal, uid: config.process.uid, console: true }));
    }
}
