//! Options of a kernel's configuration that matter for isolation and for time.

use std::collections::BTreeMap;

/// Options by name, and why each is shown; a `*` at the end stands for any ending.
const OPTIONS: &[(&str, &str)] = &[
    ("HZ", "the tick: when time slices end and timers without high resolution fire"),
    ("NO_HZ*", "whether the tick stops, and what entry and exit do for it"),
    ("HIGH_RES_TIMERS", "how fine sleeping is"),
    ("PREEMPT*", "where the kernel gives up the CPU; preemption counting costs in every lock"),
    ("SCHED_CORE", "hooks in the scheduler"),
    ("SCHED_AUTOGROUP", "shares of the CPU without cgroups"),
    ("SCHED_CLASS_EXT", "hooks in the scheduler"),
    ("RCU_*", "when grace periods end: the end of a namespace waits for them"),
    ("TREE_RCU", "when grace periods end"),
    ("PREEMPT_RCU", "when grace periods end"),
    ("CPU_MITIGATIONS", "cost of every entry into the kernel"),
    ("SPECULATION_MITIGATIONS", "cost of every entry into the kernel"),
    ("MITIGATION_*", "cost of every entry into the kernel"),
    ("PAGE_TABLE_ISOLATION", "cost of every entry into the kernel, before MITIGATION_* was its name"),
    ("RETPOLINE", "cost of indirect calls"),
    ("RETHUNK", "cost of returns"),
    ("CPU_*_ENTRY", "cost of every entry into the kernel"),
    ("CPU_SRSO", "cost of returns, before MITIGATION_* was its name"),
    ("SLS", "cost of returns, before MITIGATION_* was its name"),
    ("CALL_DEPTH_TRACKING", "cost of calls, before MITIGATION_* was its name"),
    ("GDS_FORCE_MITIGATION", "cost of gathers, before MITIGATION_* was its name"),
    ("NUMA_BALANCING", "page faults of its own"),
    ("TRANSPARENT_HUGEPAGE*", "size of pages: faults, copies of page tables at fork"),
    ("UTS_NS", "a namespace"),
    ("IPC_NS", "a namespace"),
    ("USER_NS", "a namespace"),
    ("PID_NS", "a namespace"),
    ("NET_NS", "a namespace"),
    ("TIME_NS", "a namespace, and work at every fork"),
    ("NAMESPACES", "which namespaces there are"),
    ("CGROUP*", "which controllers there are"),
    ("MEMCG*", "accounting of memory, the kernel's too"),
    ("BLK_CGROUP*", "control of block devices"),
    ("CFS_BANDWIDTH", "limits of CPU time"),
    ("FAIR_GROUP_SCHED", "shares of CPU time"),
    ("RT_GROUP_SCHED", "real-time tasks in cgroups"),
    ("CPUSETS*", "CPUs and memory nodes of cgroups"),
    ("SECCOMP*", "system call filters"),
    ("SECURITY", "whether there are security modules"),
    ("SECURITY_APPARMOR", "a security module"),
    ("SECURITY_SELINUX", "a security module"),
    ("SECURITY_SMACK", "a security module"),
    ("SECURITY_TOMOYO", "a security module"),
    ("SECURITY_YAMA", "a security module"),
    ("SECURITY_LANDLOCK", "a security module"),
    ("SECURITY_LOCKDOWN_LSM*", "a security module"),
    ("SECURITY_IPE", "a security module"),
    ("SECURITY_LOADPIN", "a security module"),
    ("SECURITY_SAFESETID", "a security module"),
    ("SECURITY_PATH", "hooks at every path"),
    ("SECURITY_NETWORK", "hooks at every socket"),
    ("DEFAULT_SECURITY*", "which security module is on, in older kernels"),
    ("LSM", "which security modules are on"),
    ("INTEGRITY", "measuring of files"),
    ("IMA", "measuring of files"),
    ("BPF_LSM", "hooks for BPF"),
    ("BPF_UNPRIV_DEFAULT_OFF", "who may use BPF"),
    ("AUDIT*", "work at every system call when it is on"),
    ("KEYS", "keyrings, which are not in all namespaces"),
    ("OVERLAY_FS*", "overlay's defaults"),
    ("BINFMT_MISC", "what an exec looks at"),
    ("MODULE_SIG*", "checking of modules"),
    ("INIT_ON_*", "clearing of memory"),
    ("INIT_STACK_*", "clearing of stacks"),
    ("ZERO_CALL_USED_REGS", "clearing of registers at every return"),
    ("SLUB", "the allocator"),
    ("SLAB*", "the allocator, and its hardening"),
    ("RANDOM_KMALLOC_CACHES", "hardening of the allocator"),
    ("SHUFFLE_PAGE_ALLOCATOR", "hardening of the allocator"),
    ("HARDENED_USERCOPY", "checks of every copy from and to user space"),
    ("FORTIFY_SOURCE", "checks of copies"),
    ("STACKPROTECTOR*", "checks at returns"),
    ("VMAP_STACK", "stacks of tasks: cost of fork"),
    ("RANDOMIZE_*", "layout of memory, stacks at every system call"),
    ("SHADOW_CALL_STACK", "cost of calls"),
    ("CFI*", "checks of indirect calls"),
    ("X86_KERNEL_IBT", "checks of indirect calls"),
    ("X86_USER_SHADOW_STACK", "shadow stacks of tasks"),
    ("DEBUG_LIST", "checks of every list operation"),
    ("LIST_HARDENED", "checks of every list operation"),
    ("BUG_ON_DATA_CORRUPTION", "checks of every list operation"),
    ("DEBUG_KERNEL", "opens the door to what costs"),
    ("DEBUG_PREEMPT", "checks of per-CPU accesses"),
    ("DEBUG_PAGEALLOC*", "unmapping of free pages"),
    ("DEBUG_SPINLOCK", "checks of locks"),
    ("DEBUG_MUTEXES", "checks of locks"),
    ("DEBUG_ATOMIC_SLEEP", "checks of sleeping"),
    ("DEBUG_VM*", "checks of memory management"),
    ("PROVE_LOCKING", "checks of locks, at several times the cost"),
    ("LOCKDEP", "checks of locks, at several times the cost"),
    ("KASAN*", "checks of memory accesses, at several times the cost"),
    ("KCSAN", "checks of memory accesses, at several times the cost"),
    ("KFENCE", "samples of memory accesses"),
    ("KCOV", "coverage of every branch"),
    ("UBSAN*", "checks of arithmetic"),
    ("PAGE_TABLE_CHECK*", "checks of page tables"),
    ("FTRACE", "room for tracing in every function"),
    ("FUNCTION_TRACER", "room for tracing in every function"),
    ("LTO_*", "how the kernel was optimised"),
    ("CC_OPTIMIZE_FOR_*", "how the kernel was optimised"),
    ("CC_VERSION_TEXT", "the compiler"),
    ("NR_CPUS", "size of masks and per-CPU tables"),
];

/// The declared options in a configuration as `/boot/config-*` has it: `y`, `m`, `n` for what is not set, numbers, texts
/// without their quotes. An option that a kernel does not know is absent.
pub(super) fn options(text: &str) -> BTreeMap<String, String> {
    text.lines().filter_map(line).filter(|(name, _)| matters(name)).map(owned).collect()
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The option of a line, and its value.
fn line(line: &str) -> Option<(&str, &str)> {
    if let Some(name) = line.strip_prefix("# ").and_then(|rest| rest.strip_suffix(" is not set")) {
        return Some((name, "n"));
    }
    let (name, value) = line.split_once('=')?;
    let text = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    Some((name, text.unwrap_or(value)))
}

fn matters(name: &str) -> bool {
    let Some(name) = name.strip_prefix("CONFIG_") else { return false };
    OPTIONS.iter().any(|(pattern, _)| match pattern.split_once('*') {
        Some((start, end)) => {
            name.len() + 1 >= pattern.len() && name.starts_with(start) && name.ends_with(end)
        }
        None => name == *pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_matter_are_read() {
        let options = options(
            "# Linux/x86 6.1.192 Kernel Configuration\nCONFIG_HZ=250\nCONFIG_HZ_250=y\nCONFIG_USER_NS=y\n\
             # CONFIG_PREEMPT is not set\nCONFIG_LSM=\"landlock,apparmor\"\nCONFIG_OVERLAY_FS=m\n\
             CONFIG_SND=m\n# CONFIG_SND_PCSP is not set\nCONFIG_SLUB=y\n\n",
        );
        let read: Vec<(&str, &str)> =
            options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            read,
            [
                ("CONFIG_HZ", "250"),
                ("CONFIG_LSM", "landlock,apparmor"),
                ("CONFIG_OVERLAY_FS", "m"),
                ("CONFIG_PREEMPT", "n"),
                ("CONFIG_SLUB", "y"),
                ("CONFIG_USER_NS", "y"),
            ]
        );
    }

    #[test]
    fn each_option_is_declared_once_with_its_reason() {
        for (at, (name, why)) in OPTIONS.iter().enumerate() {
            assert!(!why.is_empty(), "{name}");
            assert!(name.matches('*').count() <= 1, "{name}");
            assert!(OPTIONS[..at].iter().all(|(other, _)| other != name), "{name} twice");
        }
    }
}
