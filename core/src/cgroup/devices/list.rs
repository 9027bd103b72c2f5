//! The rules as lists of cgroup v1 (`Documentation/admin-guide/cgroup-v1/devices.rst`).
//!
//! A v1 group has a default and a list of exceptions to it. It cannot express every order of rules: denying one device
//! of a wider allowance only removes an exception that is the very same. Such rules are found before a launch. In two
//! ways v1 may be stricter than the rules, which is left so: a request for several accesses needs one exception that
//! has them all, and a wider allowance does not lift a narrower denial.

use std::collections::BTreeSet;

use super::{DeviceRule, in_force};

/// What is written, line by line: whether to `devices.allow` (else `devices.deny`), the line, and the index of the
/// config's rule that it comes from.
pub(in crate::cgroup) fn lines(rules: &[DeviceRule]) -> Vec<(bool, String, Option<usize>)> {
    let mut lines = Vec::new();
    for (index, rule) in in_force(rules).into_iter().enumerate() {
        let index = (index < rules.len()).then_some(index);
        // By `a` the kernel means everything, whatever follows it, so a narrower rule is one for each kind.
        let kinds: &[char] = if rule.kind == 'a' { &['b', 'c'] } else { &[rule.kind] };
        if rule.is_whole() {
            lines.push((rule.allow, "a".into(), index));
            continue;
        }
        for kind in kinds {
            let line = DeviceRule { kind: *kind, ..rule.clone() }.as_line(&rule.access);
            lines.push((rule.allow, line, index));
        }
    }
    lines
}

/// A device that v1's lists leave allowed although the rules deny it; `None` when there is none.
///
/// Numbers that no rule mentions are all alike, so it is enough to ask for those mentioned and one more.
pub(in crate::cgroup) fn stays_allowed(rules: &[DeviceRule]) -> Option<String> {
    let all = in_force(rules);
    let last_whole = all.iter().rposition(DeviceRule::is_whole);
    let default = last_whole.is_none_or(|at| all[at].allow);
    let after = &all[last_whole.map_or(0, |at| at + 1)..];
    // Nothing but exceptions to the default: in v1 and in the rules the same.
    if after.iter().all(|rule| rule.allow != default) {
        return None;
    }
    let numbers = |of: fn(&DeviceRule) -> Option<u32>| -> Vec<u32> {
        let mentioned: BTreeSet<u32> = after.iter().filter_map(of).collect();
        let other = (0..).find(|number| !mentioned.contains(number));
        mentioned.into_iter().chain(other).collect()
    };
    let (majors, minors) = (numbers(|rule| rule.major), numbers(|rule| rule.minor));
    let group = Group::after(default, after);
    for kind in ['c', 'b'] {
        for (major, access) in majors.iter().flat_map(|major| "rwm".chars().map(move |c| (*major, c))) {
            for minor in &minors {
                let asked = (kind, major, *minor, access);
                if group.allows(asked) && !allowed(default, after, asked) {
                    return Some(format!("{kind} {major}:{minor} {access}"));
                }
            }
        }
    }
    None
}

/// What the kernel then shows in `devices.list`, in no order: exceptions are shown only where the default is to deny.
pub(crate) fn shown(rules: &[DeviceRule]) -> Vec<String> {
    let all = in_force(rules);
    let last_whole = all.iter().rposition(DeviceRule::is_whole);
    let default = last_whole.is_none_or(|at| all[at].allow);
    if default {
        return vec!["a *:* rwm".into()];
    }
    let mut merged: Vec<DeviceRule> = Vec::new();
    for exception in Group::after(default, &all[last_whole.map_or(0, |at| at + 1)..]).exceptions {
        let same = |other: &&mut DeviceRule| {
            (other.kind, other.major, other.minor) == (exception.kind, exception.major, exception.minor)
        };
        match merged.iter_mut().find(same) {
            Some(other) => other.access.push_str(&exception.access),
            None => merged.push(exception),
        }
    }
    let shown = |rule: &DeviceRule| {
        let access: String = "rwm".chars().filter(|c| rule.access.contains(*c)).collect();
        (!access.is_empty()).then(|| rule.as_line(&access))
    };
    merged.iter().filter_map(shown).collect()
}

type Asked = (char, u32, u32, char);

fn matches(rule: &DeviceRule, (kind, major, minor, access): Asked) -> bool {
    (rule.kind == 'a' || rule.kind == kind)
        && rule.major.is_none_or(|number| number == major)
        && rule.minor.is_none_or(|number| number == minor)
        && rule.access.contains(access)
}

/// By the rules: the last that matches.
fn allowed(default: bool, rules: &[DeviceRule], asked: Asked) -> bool {
    rules.iter().rfind(|rule| matches(rule, asked)).map_or(default, |rule| rule.allow)
}

/// A v1 group as the kernel keeps it (`security/device_cgroup.c`).
struct Group {
    default: bool,
    exceptions: Vec<DeviceRule>,
}

impl Group {
    fn after(default: bool, rules: &[DeviceRule]) -> Group {
        let mut group = Group { default, exceptions: Vec::new() };
        for rule in rules {
            let kinds: &[char] = if rule.kind == 'a' { &['b', 'c'] } else { &[rule.kind] };
            for kind in kinds {
                group.write(&DeviceRule { kind: *kind, ..rule.clone() });
            }
        }
        group
    }

    fn write(&mut self, rule: &DeviceRule) {
        let same = |other: &DeviceRule| {
            (other.kind, other.major, other.minor) == (rule.kind, rule.major, rule.minor)
        };
        if rule.allow != self.default {
            self.exceptions.push(rule.clone());
            return;
        }
        for exception in self.exceptions.iter_mut().filter(|exception| same(exception)) {
            exception.access.retain(|c| !rule.access.contains(c));
        }
    }

    fn allows(&self, asked: Asked) -> bool {
        self.exceptions.iter().any(|exception| matches(exception, asked)) != self.default
    }
}
