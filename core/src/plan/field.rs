//! Which property of a config an operation comes from: where whoever wrote the config has to look when it fails.

use super::Op;
use crate::{cgroup, mask, namespace, network, process, rootfs, scheduler};

impl Op {
    /// The property, such as `linux.resources`.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Op::Cgroup(cgroup::Op::Write { .. }) => "linux.resources",
            Op::Cgroup(cgroup::Op::Devices { .. }) => "linux.resources.devices",
            Op::Cgroup(_) => "linux.cgroupsPath",
            Op::Namespace(op) => of_namespace(op),
            Op::Network(network::Op::LoopbackUp) => "linux.namespaces",
            Op::Network(network::Op::MoveDevice(_)) => "linux.netDevices",
            Op::Root(op) => of_root(op),
            Op::Mount(_) => "mounts",
            Op::Device(_) => "linux.devices",
            Op::Path(mask::Op::Mask(_)) => "linux.maskedPaths",
            Op::Path(mask::Op::ReadOnly(_)) => "linux.readonlyPaths",
            Op::Capability(_) => "process.capabilities",
            Op::Sysctl(_) => "linux.sysctl",
            Op::Scheduler(scheduler::Op::Policy(_)) => "process.scheduler",
            Op::Scheduler(scheduler::Op::IoPriority(_)) => "process.ioPriority",
            Op::Scheduler(scheduler::Op::Affinity(_)) => "process.execCPUAffinity",
            Op::MemoryPolicy(_) => "linux.memoryPolicy",
            Op::Personality(_) => "linux.personality",
            Op::AppArmor(_) => "process.apparmorProfile",
            Op::Selinux(_) => "process.selinuxLabel",
            Op::Landlock(_) => "annotations",
            Op::Process(op) => of_process(op),
            Op::Terminal(_) => "process.terminal",
            Op::Hook(_) => "hooks",
        }
    }
}

fn of_namespace(op: &namespace::Op) -> &'static str {
    use namespace::Op;
    match op {
        Op::MapOwnIds { .. } | Op::MapIds { .. } | Op::MapSubIds { .. } => {
            "linux.uidMappings, linux.gidMappings"
        }
        Op::TimeOffsets(_) => "linux.timeOffsets",
        Op::HostName(_) => "hostname",
        Op::DomainName(_) => "domainname",
        _ => "linux.namespaces",
    }
}

fn of_root(op: &rootfs::Op) -> &'static str {
    use rootfs::Op;
    match op {
        Op::Propagation(_) | Op::Share(_) => "linux.rootfsPropagation",
        Op::ReadOnly => "root.readonly",
        Op::Attach { .. } | Op::AttachOverlay { .. } | Op::Open(_) | Op::Pivot | Op::Chroot => "root.path",
    }
}

fn of_process(op: &process::Op) -> &'static str {
    use process::Op;
    match op {
        Op::Clone { .. } => "linux.namespaces",
        Op::OomScoreAdj(_) | Op::OomScoreAdjOfChild(_) => "process.oomScoreAdj",
        Op::RaiseHard(_) | Op::Rlimit(_) => "process.rlimits",
        Op::Identity { .. } => "process.user",
        Op::Cwd(_) => "process.cwd",
        Op::Umask(_) => "process.user.umask",
        Op::NoNewPrivs => "process.noNewPrivileges",
        Op::Find(_) | Op::Exec(_) => "process.args",
        Op::Filter { .. } => "linux.seccomp",
        _ => "process",
    }
}
