//! Device rules as lists of cgroup v1, as `security/device_cgroup.c` keeps them.

use std::collections::BTreeSet;

use isolab_core::cgroup::DeviceRule;
use isolab_core::config::Config;
use isolab_core::host::Host;

use super::limits::wants_lists;

/// What every container may use besides its own rules: make any node, and use the devices of the spec and of its terminals.
const ALWAYS: [(char, Option<u32>, Option<u32>, &str); 10] = [
    ('c', None, None, "m"),
    ('b', None, None, "m"),
    ('c', Some(1), Some(3), "rwm"),
    ('c', Some(1), Some(5), "rwm"),
    ('c', Some(1), Some(7), "rwm"),
    ('c', Some(1), Some(8), "rwm"),
    ('c', Some(1), Some(9), "rwm"),
    ('c', Some(5), Some(0), "rwm"),
    ('c', Some(5), Some(2), "rwm"),
    ('c', Some(136), None, "rwm"),
];

fn all_rules(rules: &[DeviceRule]) -> Vec<DeviceRule> {
    let always = ALWAYS.iter().map(|(kind, major, minor, access)| DeviceRule {
        allow: true,
        kind: *kind,
        major: *major,
        minor: *minor,
        access: (*access).to_owned(),
    });
    rules.iter().cloned().chain(always).collect()
}

/// The lines that are written, in order: whether they allow, and what.
pub(super) fn lines(rules: &[DeviceRule]) -> Vec<(bool, String)> {
    let number = |number: Option<u32>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
    let lines = |rule: DeviceRule| {
        let (major, minor) = (number(rule.major), number(rule.minor));
        let whole = rule.kind == 'a'
            && major == "*"
            && minor == "*"
            && "rwm".chars().all(|one| rule.access.contains(one));
        // The kernel takes a line that begins with `a` for everything.
        let kinds: &[char] = if rule.kind == 'a' { &['b', 'c'] } else { std::slice::from_ref(&rule.kind) };
        let line = |kind: &char| (rule.allow, format!("{kind} {major}:{minor} {}", rule.access));
        if whole { vec![(rule.allow, "a".to_owned())] } else { kinds.iter().map(line).collect() }
    };
    all_rules(rules).into_iter().flat_map(lines).collect()
}

/// A line as the kernel reads it.
struct Exception {
    node: String,
    access: String,
}

/// The state of a group after these lines.
fn group(lines: &[(bool, String)]) -> (bool, Vec<Exception>) {
    let (mut allows, mut exceptions) = (true, Vec::<Exception>::new());
    for (allow, line) in lines {
        let Some((node, access)) = line.rsplit_once(' ') else {
            (allows, exceptions) = (*allow, Vec::new());
            continue;
        };
        if *allow == allows {
            for one in exceptions.iter_mut().filter(|one| one.node == node) {
                one.access.retain(|kind| !access.contains(kind));
            }
        } else {
            exceptions.push(Exception { node: node.to_owned(), access: access.to_owned() });
        }
    }
    (allows, exceptions)
}

/// Whether the lists leave something allowed that the rules deny.
pub(super) fn gap(config: &Config, host: &Host) -> BTreeSet<String> {
    let mut gaps = BTreeSet::new();
    let group_of = config.cgroup.as_ref().filter(|group| wants_lists(group, &host.cgroups));
    if group_of.is_some_and(|group| is_wider(&group.resources.devices)) {
        gaps.insert("linux.resources.devices".to_owned());
    }
    gaps
}

fn is_wider(rules: &[DeviceRule]) -> bool {
    let all = all_rules(rules);
    let (allows, exceptions) = group(&lines(rules));
    let numbers = |of: fn(&DeviceRule) -> Option<u32>| -> Vec<u32> {
        let mentioned: BTreeSet<u32> = all.iter().filter_map(of).collect();
        let other = (0..).find(|number| !mentioned.contains(number));
        mentioned.into_iter().chain(other).collect()
    };
    let (majors, minors) = (numbers(|rule| rule.major), numbers(|rule| rule.minor));
    for kind in ['c', 'b'] {
        for (major, minor) in majors.iter().flat_map(|major| minors.iter().map(move |minor| (*major, *minor)))
        {
            for access in ['r', 'w', 'm'] {
                let meets = |rule: &&DeviceRule| {
                    (rule.kind == 'a' || rule.kind == kind)
                        && rule.major.is_none_or(|number| number == major)
                        && rule.minor.is_none_or(|number| number == minor)
                        && rule.access.contains(access)
                };
                let by_rules = all.iter().rev().find(meets).is_none_or(|rule| rule.allow);
                let nodes = [
                    format!("{kind} {major}:{minor}"),
                    format!("{kind} *:{minor}"),
                    format!("{kind} {major}:*"),
                    format!("{kind} *:*"),
                ];
                let excepted =
                    exceptions.iter().any(|one| nodes.contains(&one.node) && one.access.contains(access));
                if excepted != allows && !by_rules {
                    return true;
                }
            }
        }
    }
    false
}
