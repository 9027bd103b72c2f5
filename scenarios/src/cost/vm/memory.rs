//! What something costs this host in memory, and where it is in its process table.

use std::fs;
use std::path::Path;

use isolab_core::host::Host;

/// Proportional set size of a process in bytes: pages that several share count by their part (`proc_pid_smaps(5)`).
pub(super) fn pss(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    kibibytes(&text, "Pss:")
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok().map(|kib: u64| kib << 10)
}

/// What a group of the memory controller is charged with, in bytes: pages of processes and of files, and the kernel's own memory
/// for them.
pub(super) fn charged(host: &Host, group: &str) -> Option<u64> {
    let (hierarchy, v2) = host.cgroups.find("memory")?;
    let file = if v2 { "memory.current" } else { "memory.usage_in_bytes" };
    let path = hierarchy.mount.join(group.trim_start_matches('/')).join(file);
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Processes of this host one of whose arguments is `token`.
pub(super) fn processes(token: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| has(Path::new(&format!("/proc/{pid}/cmdline")), token)).collect()
}

fn has(cmdline: &Path, token: &str) -> bool {
    let text = fs::read(cmdline).unwrap_or_default();
    text.split(|byte| *byte == 0).any(|argument| argument == token.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_in_bytes() {
        assert_eq!(kibibytes("Rss:  12 kB\nPss:   3 kB\n", "Pss:"), Some(3072));
        assert_eq!(kibibytes("Rss:  12 kB\n", "Pss:"), None);
        assert!(pss(std::process::id()).is_some_and(|bytes| bytes > 0));
    }

    #[test]
    fn a_process_is_found_by_an_argument() {
        let own = std::env::args().next().unwrap();
        assert!(processes(&own).contains(&std::process::id()));
        assert!(processes("isolab-no-such-argument").is_empty());
    }
}
