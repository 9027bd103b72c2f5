//! What to do about an errno of cgroups that misleads, or whose cause is seldom the obvious one.

use super::Op;
use crate::sys::Errno;

/// For a step of a launch.
pub(crate) fn of_step(op: &Op, errno: Errno) -> Option<&'static str> {
    match (op, errno) {
        (Op::Create { .. }, Errno::EEXIST) => Some(
            "another container has this group, or a crash left it: choose another linux.cgroupsPath, or remove it",
        ),
        (Op::Enable { .. }, Errno::EBUSY) => Some(
            "the group has processes of its own, so it cannot give controllers to groups below (cgroup-v2.rst, \"No \
             Internal Process Constraint\")",
        ),
        (Op::Write { file, .. }, _) => {
            let path = file.to_string_lossy();
            of_write(path.rsplit('/').next().unwrap_or_default(), errno)
        }
        (Op::Devices { .. }, Errno::EPERM) => Some(
            "loading a BPF program needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, outside of user namespaces; and \
             no group above may have a program that allows none below it",
        ),
        (Op::Devices { .. }, Errno::EINVAL | Errno::ENOSYS) => {
            Some("use a kernel with CONFIG_CGROUP_BPF and CONFIG_BPF_SYSCALL")
        }
        _ => None,
    }
}

/// For a write into a file of a group.
pub(super) fn of_write(file: &str, errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::ENOENT => return Some(of_absence(file)),
        Errno::EINVAL if file.starts_with("cpu.rt_") => {
            "the groups above must have at least as much realtime runtime, and this one's period must hold it"
        }
        Errno::EINVAL if file.starts_with("cpu.") => {
            "the kernel refuses the value: a quota, or a burst with it, beyond that of the groups above or beyond its \
             period, or less than 1000 microseconds"
        }
        Errno::EACCES | Errno::EINVAL | Errno::ERANGE if file.starts_with("cpuset.") => {
            "the groups above do not have all of these CPUs or memory nodes"
        }
        Errno::EINVAL if file.starts_with("memory.") => {
            "memory alone may not be limited to more than memory and swap together: see memory.swap"
        }
        Errno::EINVAL => "the kernel refuses the value",
        Errno::EBUSY if file.starts_with("memory.") => {
            "more than that is in use, and could not be reclaimed or swapped"
        }
        Errno::EPERM if file.starts_with("devices.") => {
            "a group above does not allow this device, so none below it can"
        }
        Errno::ENODEV if file.starts_with("io.") || file.starts_with("blkio.") => {
            "no block device has this number; a partition cannot be limited, its disk can"
        }
        Errno::ENODEV => "there is no such device or interface in the launcher's namespaces",
        _ => return None,
    })
}

/// Why a kernel may lack a file.
const ABSENT: [(&str, &str); 15] = [
    ("memory.memsw.", "swap is not accounted for: boot with swapaccount=1, or leave memory.swap out"),
    ("memory.swap.", "swap is not accounted for: use a kernel with CONFIG_SWAP, or leave memory.swap out"),
    ("cpu.idle", "use Linux 5.15 or later"),
    ("cpu.cfs_burst_us", "use Linux 5.14 or later"),
    ("cpu.max.burst", "use Linux 5.14 or later"),
    ("cpu.rt_", "use a kernel with CONFIG_RT_GROUP_SCHED"),
    ("cpu.cfs_", "use a kernel with CONFIG_CFS_BANDWIDTH"),
    ("cpu.max", "use a kernel with CONFIG_CFS_BANDWIDTH"),
    ("hugetlb.", "the host has no huge pages of this size: see /sys/kernel/mm/hugepages"),
    ("blkio.leaf_weight", "CFQ, which had leaf weights, is gone since Linux 5.0: leave them out"),
    ("blkio.weight", "load BFQ (modprobe bfq), the only scheduler with weights in cgroup v1"),
    ("blkio.bfq.", "load BFQ (modprobe bfq), the only scheduler with weights in cgroup v1"),
    ("blkio.throttle.", "use a kernel with CONFIG_BLK_DEV_THROTTLING"),
    ("io.weight", "load BFQ (modprobe bfq), or use a kernel with CONFIG_BLK_CGROUP_IOCOST"),
    ("io.max", "use a kernel with CONFIG_BLK_DEV_THROTTLING"),
];

fn of_absence(file: &str) -> &'static str {
    let known = ABSENT.iter().find(|(start, _)| file.starts_with(start));
    known.map_or("this kernel, or this group, has no such file", |(_, remedy)| remedy)
}
