//! What the kernel counted for this process: CPU time, context switches and migrations of all of its threads.

use std::fs;
use std::path::Path;

use isolab_core::sys::clock;
use serde::{Deserialize, Serialize};

/// Counts since some moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Nanoseconds on a CPU.
    pub cpu: u64,
    /// Switches because it waited (proc_pid_status(5), `voluntary_ctxt_switches`).
    pub voluntary: u64,
    /// Switches because another was to run (`nonvoluntary_ctxt_switches`).
    pub involuntary: u64,
    /// Moves to another CPU (`se.nr_migrations` of `/proc/PID/task/TID/sched`); `None` where the kernel does not show it.
    pub migrations: Option<u64>,
}

impl Usage {
    /// Up to now.
    pub(super) fn now() -> Usage {
        let mut usage = Usage { cpu: clock::process_cpu(), ..Usage::default() };
        let Ok(tasks) = fs::read_dir("/proc/self/task") else { return usage };
        for task in tasks.flatten() {
            let (voluntary, involuntary, migrations) = switches(&task.path());
            usage.voluntary += voluntary;
            usage.involuntary += involuntary;
            if let Some(migrations) = migrations {
                usage.migrations = Some(usage.migrations.unwrap_or_default() + migrations);
            }
        }
        usage
    }

    /// CPU time since this process began, with that of the children that it has waited for.
    pub(crate) fn with_children() -> Usage {
        Usage { cpu: clock::process_cpu() + clock::children_cpu(), ..Usage::default() }
    }

    pub(super) fn since(self, before: &Usage) -> Usage {
        let migrations = self.migrations.zip(before.migrations);
        Usage {
            cpu: self.cpu.saturating_sub(before.cpu),
            voluntary: self.voluntary.saturating_sub(before.voluntary),
            involuntary: self.involuntary.saturating_sub(before.involuntary),
            migrations: migrations.map(|(now, before)| now.saturating_sub(before)),
        }
    }
}

/// Voluntary and involuntary switches of one thread, and its migrations.
fn switches(task: &Path) -> (u64, u64, Option<u64>) {
    let text = |file| fs::read_to_string(task.join(file)).unwrap_or_default();
    let status = text("status");
    let of = |name| number(&status, name).unwrap_or_default();
    let migrations = number(&text("sched"), "se.nr_migrations");
    (of("voluntary_ctxt_switches"), of("nonvoluntary_ctxt_switches"), migrations)
}

/// The number of a line `NAME : NUMBER`.
fn number(text: &str, name: &str) -> Option<u64> {
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let mut found = fields.filter(|(key, _)| key.trim() == name);
    found.next()?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_a_switch() {
        let own = Path::new("/proc/thread-self");
        let (before, ..) = switches(own);
        std::thread::sleep(std::time::Duration::from_millis(2));
        let (after, ..) = switches(own);
        assert!(after > before, "{before}, then {after}");
        assert!(Usage::now().cpu > 0);
    }

    #[test]
    fn lines_are_found_by_their_whole_name() {
        let text =
            "voluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t3\nse.nr_migrations      :      12\n";
        assert_eq!(number(text, "voluntary_ctxt_switches"), Some(7));
        assert_eq!(number(text, "nonvoluntary_ctxt_switches"), Some(3));
        assert_eq!(number(text, "se.nr_migrations"), Some(12));
        assert_eq!(number(text, "se.nr"), None);
    }
}
