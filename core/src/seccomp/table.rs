//! System-call names and numbers by ABI: the tables of the `syscalls` crate, put right where they differ from the
//! kernel's, and completed by what they lack (x32, and ARM's private calls).

use super::arch::{Abi, Arch};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::sync::LazyLock;
use syscalls::{aarch64, arm, x86, x86_64};

/// The number of the system call `name` in the native ABI of `arch`.
pub fn number(arch: Arch, name: &str) -> Option<u32> {
    Table::of(arch.abi()).number(name)
}

/// The names of one ABI.
pub(super) struct Table(FxHashMap<&'static str, u32>);

impl Table {
    fn new(names: impl Iterator<Item = (&'static str, u32)>) -> Table {
        // No ABI has more.
        let mut table = FxHashMap::with_capacity_and_hasher(448, FxBuildHasher);
        table.extend(names);
        Table(table)
    }

    /// Built on first use.
    pub(super) fn of(abi: Abi) -> &'static Table {
        static X86_64: LazyLock<Table> = LazyLock::new(|| Table::new(x86_64()));
        static X32: LazyLock<Table> = LazyLock::new(|| Table::new(x32()));
        static X86: LazyLock<Table> = LazyLock::new(|| Table::new(x86()));
        static AARCH64: LazyLock<Table> = LazyLock::new(|| Table::new(aarch64()));
        static ARM: LazyLock<Table> = LazyLock::new(|| Table::new(arm()));
        match abi {
            Abi::X86_64 => &X86_64,
            Abi::X32 => &X32,
            Abi::X86 => &X86,
            Abi::Aarch64 => &AARCH64,
            Abi::Arm => &ARM,
        }
    }

    /// The number of `name`, counted from the ABI's own zero.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.0.get(name).copied()
    }
}

/// ARM's private calls start here (`__ARM_NR_BASE`), far above all others.
pub(super) const ARM_PRIVATE_BASE: u32 = 0x000f_0000;

/// `arch/arm/include/uapi/asm/unistd.h`.
const ARM_PRIVATE: [(&str, u32); 6] = [
    ("breakpoint", ARM_PRIVATE_BASE + 1),
    ("cacheflush", ARM_PRIVATE_BASE + 2),
    ("usr26", ARM_PRIVATE_BASE + 3),
    ("usr32", ARM_PRIVATE_BASE + 4),
    ("set_tls", ARM_PRIVATE_BASE + 5),
    ("get_tls", ARM_PRIVATE_BASE + 6),
];

/// What the kernel's `syscall_64.tbl` gives an x32 number of its own.
const X32_OWN: [(&str, u32); 36] = [
    ("rt_sigaction", 512),
    ("rt_sigreturn", 513),
    ("ioctl", 514),
    ("readv", 515),
    ("writev", 516),
    ("recvfrom", 517),
    ("sendmsg", 518),
    ("recvmsg", 519),
    ("execve", 520),
    ("ptrace", 521),
    ("rt_sigpending", 522),
    ("rt_sigtimedwait", 523),
    ("rt_sigqueueinfo", 524),
    ("sigaltstack", 525),
    ("timer_create", 526),
    ("mq_notify", 527),
    ("kexec_load", 528),
    ("waitid", 529),
    ("set_robust_list", 530),
    ("get_robust_list", 531),
    ("vmsplice", 532),
    ("move_pages", 533),
    ("preadv", 534),
    ("pwritev", 535),
    ("rt_tgsigqueueinfo", 536),
    ("recvmmsg", 537),
    ("sendmmsg", 538),
    ("process_vm_readv", 539),
    ("process_vm_writev", 540),
    ("setsockopt", 541),
    ("getsockopt", 542),
    ("io_setup", 543),
    ("io_submit", 544),
    ("execveat", 545),
    ("preadv2", 546),
    ("pwritev2", 547),
];

/// What `syscall_64.tbl` keeps from x32 without a replacement.
const X32_LACKS: [&str; 14] = [
    "_sysctl",
    "create_module",
    "epoll_ctl_old",
    "epoll_wait_old",
    "get_kernel_syms",
    "get_thread_area",
    "map_shadow_stack",
    "nfsservctl",
    "query_module",
    "set_thread_area",
    "uprobe",
    "uretprobe",
    "uselib",
    "vserver",
];

/// All names up to number `last`. (`Sysno::iter` leaves out the last one.)
fn listed<S>(
    last: i32,
    get: fn(usize) -> Option<S>,
    name: fn(&S) -> &'static str,
) -> impl Iterator<Item = (&'static str, u32)> {
    (0..=last.unsigned_abs()).filter_map(move |number| {
        let name = name(&get(number as usize)?);
        // The crate spells `break`, a word of Rust's own, as a raw identifier.
        Some((name.trim_start_matches("r#"), number))
    })
}

fn x86_64() -> impl Iterator<Item = (&'static str, u32)> {
    listed(x86_64::Sysno::last().id(), x86_64::Sysno::new, x86_64::Sysno::name)
}

fn x86() -> impl Iterator<Item = (&'static str, u32)> {
    listed(x86::Sysno::last().id(), x86::Sysno::new, x86::Sysno::name)
}

fn arm() -> impl Iterator<Item = (&'static str, u32)> {
    listed(arm::Sysno::last().id(), arm::Sysno::new, arm::Sysno::name).chain(ARM_PRIVATE)
}

fn x32() -> impl Iterator<Item = (&'static str, u32)> {
    // Collected into a map, the later number of a name stands.
    x86_64().filter(|(name, _)| !X32_LACKS.contains(name)).chain(X32_OWN)
}

/// The crate lists the calls for 64-bit time of 32-bit architectures here as well, and calls newfstatat by its entry
/// point (`asm-generic/unistd.h`).
fn aarch64() -> impl Iterator<Item = (&'static str, u32)> {
    listed(aarch64::Sysno::last().id(), aarch64::Sysno::new, aarch64::Sysno::name)
        .filter(|(_, number)| !(403..=423).contains(number))
        .map(|(name, number)| if name == "fstatat" { ("newfstatat", number) } else { (name, number) })
}
