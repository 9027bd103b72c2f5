//! How long a guest has waited for a CPU of the host: a guest of a busy host is slow, and does not hang.

use std::fs;
use std::time::Duration;

/// The longest that one thread of a process has waited, runnable, for a CPU. Zero where the kernel does not say
/// (`CONFIG_SCHED_INFO`), or the process has ended.
pub(super) fn starved(pid: u32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    let waits = threads.flatten().filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        waited(&text)
    });
    waits.max().unwrap_or_default()
}

/// The second field of a thread's `schedstat` (`scheduler/sched-stats` of the kernel's documentation): nanoseconds on a CPU,
/// nanoseconds waiting for one, time slices.
fn waited(text: &str) -> Option<Duration> {
    let nanoseconds = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_the_second_field() {
        assert_eq!(waited("120 2000000000 7\n"), Some(Duration::from_secs(2)));
        assert_eq!(waited("0"), None);
        assert_eq!(waited("1 x 2"), None);
    }

    #[test]
    fn a_process_that_is_gone_has_waited_for_nothing() {
        assert_eq!(starved(u32::MAX), Duration::ZERO);
        assert!(starved(std::process::id()) < Duration::from_secs(3600));
    }
}
