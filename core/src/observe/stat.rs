//! `/proc/PID/stat` (`proc_pid_stat(5)`).

use std::fs;

use crate::planted::planted;

/// What of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Field 2: the program's name.
    pub name: String,
    /// Field 3: `R`, `S`, `Z` and others.
    pub state: char,
    /// Field 9: `PF_*` of the kernel's `linux/sched.h`.
    pub flags: u64,
    /// Field 22: when the process was started, in clock ticks after boot. With its number it names a process for good.
    pub start: u64,
}

/// Parses it.
#[must_use]
pub fn stat(text: &str) -> Option<Stat> {
    // The name stands in parentheses, and may hold anything, parentheses too.
    let (start, mut end) = (text.find('(')?, text.rfind(')')?);
    if planted("name-ends-at-the-first-parenthesis") {
        end = text.find(')').filter(|end| *end > start)?;
    }
    let fields: Vec<&str> = text.get(end + 1..)?.split_whitespace().collect();
    // The first is field 3.
    let field = |number: usize| fields.get(number - 3).copied();
    Some(Stat {
        name: text.get(start + 1..end)?.to_owned(),
        state: field(3)?.chars().next()?,
        flags: field(9)?.parse().ok()?,
        start: field(22)?.parse().ok()?,
    })
}

/// That of a process; `None` when there is none.
#[must_use]
pub fn stat_of(pid: i32) -> Option<Stat> {
    stat(&String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_anything() {
        let text = "7 (a) S 1 (b) Z 1 7 7 0 -1 4194564 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9\n";
        let expected = Stat { name: "a) S 1 (b".into(), state: 'Z', flags: 4_194_564, start: 4711 };
        assert_eq!(stat(text), Some(expected));
        assert_eq!(stat("7 (sh) S 1"), None);
        assert_eq!(stat("7 a"), None);
    }

    #[test]
    fn this_process_is_running() {
        let own = stat_of(std::process::id().cast_signed()).unwrap();
        assert!(own.start > 0 && own.state != 'Z');
        assert_eq!(stat_of(i32::MAX), None);
    }
}
