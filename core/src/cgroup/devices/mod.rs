//! Which devices a group's processes may use: the config's rules, as lists of cgroup v1 and as a program of v2.
//!
//! A rule is about a kind of node, numbers and accesses; the last that matches decides, for each access by itself, and
//! what none matches is allowed. A request for several accesses is allowed when each of them is.

mod interpret;
mod list;
mod program;
#[cfg(test)]
mod tests;

use std::fmt;

use oci_spec::runtime::{LinuxDeviceType, LinuxResources};

use super::resources::Refuse;

pub use interpret::{Malformed, Request, interpret};
pub(crate) use list::shown;
pub(super) use list::{lines, stays_allowed};
pub use program::{Instruction, Program};

/// One rule on devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRule {
    /// Allow or deny.
    pub allow: bool,
    /// `a`, `b` or `c`.
    pub kind: char,
    /// Major number; `None` is any.
    pub major: Option<u32>,
    /// Minor number; `None` is any.
    pub minor: Option<u32>,
    /// Of `r`, `w`, `m`.
    pub access: String,
}

impl DeviceRule {
    const fn allow(kind: char, major: Option<u32>, minor: Option<u32>, access: String) -> DeviceRule {
        DeviceRule { allow: true, kind, major, minor, access }
    }

    /// Whether it is about every device and every access, so that nothing before it matters.
    fn is_whole(&self) -> bool {
        self.kind == 'a'
            && (self.major, self.minor) == (None, None)
            && "rwm".chars().all(|c| self.access.contains(c))
    }

    /// Its kind and numbers with some access, as v1's files have it.
    fn as_line(&self, access: &str) -> String {
        let number = |number: Option<u32>| number.map_or_else(|| "*".into(), |number| number.to_string());
        format!("{} {}:{} {access}", self.kind, number(self.major), number(self.minor))
    }
}

impl fmt::Display for DeviceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.allow { "allow" } else { "deny" };
        write!(f, "{verdict} {}", self.as_line(&self.access))
    }
}

/// What every container may use besides its own rules: making any node, and the default devices of the spec with the
/// pseudo-terminals of its own devpts. Not the host's console (5:1), which crun lets it open: a container's is one of these.
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

/// The rules of a config with those of every container behind them; none where the config has none.
fn in_force(rules: &[DeviceRule]) -> Vec<DeviceRule> {
    let mut all = rules.to_vec();
    if !rules.is_empty() {
        all.extend(
            ALWAYS.map(|(kind, major, minor, access)| DeviceRule::allow(kind, major, minor, access.into())),
        );
    }
    all
}

pub(super) fn read(resources: &LinuxResources, refuse: &mut Refuse<'_>) -> Vec<DeviceRule> {
    let mut rules = Vec::new();
    for (index, rule) in resources.devices().iter().flatten().enumerate() {
        let at = |field: &str| format!("devices[{index}].{field}");
        let kind = match rule.typ() {
            None | Some(LinuxDeviceType::A) => 'a',
            Some(LinuxDeviceType::B) => 'b',
            Some(LinuxDeviceType::C | LinuxDeviceType::U) => 'c',
            Some(LinuxDeviceType::P) => {
                refuse.add(at("type"), "a FIFO is not a device");
                'a'
            }
        };
        let mut number = |field: &str, value: Option<i64>| match value {
            None | Some(-1) => None,
            Some(value) => u32::try_from(value).ok().or_else(|| {
                refuse.add(at(field), format!("{value} is no device number"));
                None
            }),
        };
        let (major, minor) = (number("major", rule.major()), number("minor", rule.minor()));
        let access =
            rule.access().clone().filter(|access| !access.is_empty()).unwrap_or_else(|| "rwm".into());
        if !access.chars().all(|c| "rwm".contains(c)) {
            refuse.add(at("access"), format!("{access:?} has more than r, w and m"));
        }
        rules.push(DeviceRule { allow: rule.allow(), kind, major, minor, access });
    }
    rules
}
