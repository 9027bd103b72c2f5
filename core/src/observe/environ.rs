//! `/proc/PID/environ` (`proc_pid_environ(5)`), and the moment from which on a program's state is its own.
//!
//! Within an `execve` the descriptors are closed first, the credentials change next, and the environment is in place
//! last (`begin_new_exec` and `load_elf_binary` in the kernel's `fs/`): whoever learns of the exec by a descriptor that
//! it closed would still see what was before.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

/// How long an exec may take between these; some processes never have an environment.
const PATIENCE: Duration = Duration::from_millis(100);

/// A process's environment, as soon as it has one.
pub(crate) fn environ(pid: i32) -> io::Result<Vec<u8>> {
    await_program(pid);
    fs::read(format!("/proc/{pid}/environ"))
}

/// Waits until an exec that has begun is through.
pub(super) fn await_program(pid: i32) {
    let begun = Instant::now();
    while is_within_exec(pid) && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// What may not be known of a process, and of kernel threads, is zero too: those have no file that could be read.
fn is_within_exec(pid: i32) -> bool {
    let text = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    env_end(&String::from_utf8_lossy(&text)) == Some(0) && is_program(pid)
}

/// Field 51 (`proc_pid_stat(5)`): where the environment ends in memory.
fn env_end(stat: &str) -> Option<u64> {
    stat.get(stat.rfind(')')? + 1..)?.split_whitespace().nth(51 - 3)?.parse().ok()
}

/// Kernel threads execute no file.
pub(crate) fn is_program(pid: i32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_an_environment_and_a_thread_of_the_kernel_has_none() {
        let own = std::process::id().cast_signed();
        assert!(!is_within_exec(own));
        assert_eq!(environ(own).unwrap().is_empty(), std::env::vars_os().next().is_none());
        assert!(!is_program(2) && !is_within_exec(2));
    }

    #[test]
    fn the_field_is_found_behind_any_name() {
        let fields: Vec<String> = (3..=52).map(|number| number.to_string()).collect();
        assert_eq!(env_end(&format!("7 (a) b) {}", fields.join(" "))), Some(51));
        assert_eq!(env_end("7 (a) S"), None);
    }
}
