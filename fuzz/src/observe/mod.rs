//! Files of `/proc`: what the kernel prints must be read as what it means.
//!
//! A drawn process is printed the kernel's way, and what is read of it must be the drawn process again.
//! Lines that no kernel prints may stand among the others, and must change nothing.

pub mod bytes;
mod fields;
mod input;
mod mounts;

use std::collections::BTreeMap;

use isolab_core::observe;

use crate::target::{Target, draw, drawn};
use input::Process;

/// See above.
pub const TARGET: Target = Target { name: "observe", holds: observe, show: drawn::<Process>, live: false };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn observe(bytes: &[u8]) {
    let Some(process) = draw::<Process>(bytes) else { return };
    let text = process.with_rubbish(process.mounts.iter().map(mounts::line).collect());
    assert_eq!(observe::mountinfo(&text), process.mounts, "{text}");
    let text = process.with_rubbish(fields::status(&process.status));
    assert_eq!(observe::status(&text), process.status, "{text}");
    let text = fields::stat(&process.stat);
    assert_eq!(observe::stat(&text), Some(process.stat.clone()), "{text}");
    let text = process.with_rubbish(fields::groups(&process));
    assert_eq!(observe::cgroup_lines(&text), process.groups, "{text}");
    let text = process.with_rubbish(fields::map(&process));
    assert_eq!(observe::id_map(&text), process.map, "{text}");
    let text = process.with_rubbish(fields::limits(&process));
    assert_eq!(observe::limits(&text), limits(&process), "{text}");
    let text = process.with_rubbish(fields::offsets(&process));
    assert_eq!(observe::time_offsets(&text), process.offsets, "{text}");
}

fn limits(process: &Process) -> BTreeMap<String, (Option<u64>, Option<u64>)> {
    let value = |value: u64| (value != u64::MAX).then_some(value);
    let names = fields::LIMITS.iter().map(|(_, name, _)| format!("RLIMIT_{name}"));
    names.zip(&process.limits).map(|(name, [soft, hard])| (name, (value(*soft), value(*hard)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::inputs;

    #[test]
    fn it_holds_for_what_is_drawn_at_random() {
        inputs(2000, 1024).for_each(|bytes| observe(&bytes));
    }

    /// Or what is drawn does not get far.
    #[test]
    fn what_is_drawn_has_mounts_and_names_that_need_care() {
        let drawn: Vec<Process> = inputs(500, 1024).filter_map(|bytes| draw(&bytes)).collect();
        assert_eq!(drawn.len(), 500);
        let mounts = drawn.iter().flat_map(|process| &process.mounts);
        assert!(mounts.filter(|mount| mount.target.contains(['\n', '\\', ' '])).count() > 100);
        assert!(drawn.iter().filter(|process| process.stat.name.contains(')')).count() > 30);
    }
}
