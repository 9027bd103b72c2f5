//! `/proc/PID/status` (`proc_pid_status(5)`).

use serde::{Deserialize, Serialize};

use crate::capability::Sets;
use crate::planted::planted;

/// What `/proc/PID/status` says, as far as isolation goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Name of the program.
    pub name: String,
    /// Process id in each pid namespace, the reader's first.
    pub nspid: Vec<i32>,
    /// Real, effective, saved and file-system user id.
    pub uids: [u32; 4],
    /// The same of groups.
    pub gids: [u32; 4],
    /// Additional groups.
    pub groups: Vec<u32>,
    /// Capabilities.
    pub caps: Sets,
    /// `no_new_privs`.
    pub no_new_privs: bool,
    /// Seccomp mode: 0 none, 1 strict, 2 filter.
    pub seccomp: u32,
    /// Number of filters; `None` before Linux 5.9.
    pub seccomp_filters: Option<u32>,
    /// Threads.
    pub threads: u32,
    /// File mode creation mask.
    pub umask: u32,
}

/// Parses `/proc/PID/status`; what is missing or malformed stays at its default.
#[must_use]
pub fn status(text: &str) -> Status {
    let mut status = Status::default();
    for (key, written) in super::lines(text).filter_map(|line| line.split_once(':')) {
        let value = written.trim();
        let hex = || match planted("sets-are-signed") {
            true => i64::from_str_radix(value, 16).unwrap_or_default().cast_unsigned(),
            false => u64::from_str_radix(value, 16).unwrap_or_default(),
        };
        match key {
            "Name" => status.name = name(written.strip_prefix('\t').unwrap_or(written)),
            "NSpid" => status.nspid = numbers(value),
            "Uid" => status.uids = four(value),
            "Gid" => status.gids = four(value),
            "Groups" => status.groups = numbers(value),
            "CapInh" => status.caps.inheritable = hex(),
            "CapPrm" => status.caps.permitted = hex(),
            "CapEff" => status.caps.effective = hex(),
            "CapBnd" => status.caps.bounding = hex(),
            "CapAmb" => status.caps.ambient = hex(),
            "NoNewPrivs" => status.no_new_privs = value == "1",
            "Seccomp" => status.seccomp = value.parse().unwrap_or_default(),
            "Seccomp_filters" => status.seccomp_filters = value.parse().ok(),
            "Threads" => status.threads = value.parse().unwrap_or_default(),
            "Umask" => status.umask = u32::from_str_radix(value, 8).unwrap_or_default(),
            _ => {}
        }
    }
    status
}

/// The kernel escapes newline and backslash in a name, which may be anything (`proc_task_name`).
fn name(text: &str) -> String {
    let mut name = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let plain = match (character, rest.clone().next()) {
            ('\\', Some('n')) => '\n',
            ('\\', Some('\\')) => '\\',
            (other, _) => {
                name.push(other);
                continue;
            }
        };
        name.push(plain);
        rest.next();
    }
    name
}

fn numbers<T: std::str::FromStr>(text: &str) -> Vec<T> {
    text.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

fn four(text: &str) -> [u32; 4] {
    numbers(text).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_anything() {
        for (text, name) in [(r" a\\n\nb ", " a\\n\nb "), ("a\r", "a\r"), (r"\x\", r"\x\"), ("", "")] {
            assert_eq!(status(&format!("Name:\t{text}\nUmask:\t0022\n")).name, name);
        }
    }

    #[test]
    fn reads_what_matters() {
        let text = "Name:\tsh\nUmask:\t0022\nUid:\t1\t2\t3\t4\nGroups:\t5 6 \nNSpid:\t77\t1\n\
                    CapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\nThreads:\t1\n";
        let status = status(text);
        assert_eq!((status.name.as_str(), status.umask, status.uids), ("sh", 0o022, [1, 2, 3, 4]));
        assert_eq!((status.groups, status.nspid), (vec![5, 6], vec![77, 1]));
        assert_eq!((status.caps.bounding, status.no_new_privs), (0xa804_25fb, true));
        assert_eq!((status.seccomp, status.seccomp_filters), (2, Some(3)));
    }
}
