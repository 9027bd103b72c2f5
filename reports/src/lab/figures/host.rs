//! What differs between the guests beside what was measured; what all share is not worth a row.

use std::collections::BTreeSet;

use super::columns;
use crate::lab::record::{Kernel, Lab, PADDING};
use crate::record::Record;
use crate::text::visible;
use crate::units;

/// One property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `Clock source`, `CONFIG_HZ`, …; options that differ alike share a row: `CONFIG_IMA, KFENCE`.
    pub label: String,
    /// One for each kernel; `None` where it is not known.
    pub cells: Vec<Option<String>>,
}

impl Row {
    /// An option that is off and one that there is not are the same kernel.
    fn differs(&self) -> bool {
        let known: BTreeSet<&str> = self.cells.iter().flatten().map(String::as_str).collect();
        known.len() > 1 && !known.iter().all(|value| matches!(*value, "n" | ABSENT))
    }

    /// The values, each with the places of the kernels that have it.
    pub fn values(&self) -> Vec<(Vec<usize>, &str)> {
        let mut values: Vec<(Vec<usize>, &str)> = Vec::new();
        for (place, cell) in self.cells.iter().enumerate() {
            let Some(value) = cell else { continue };
            match values.iter_mut().find(|(_, other)| other == value) {
                Some((places, _)) => places.push(place),
                None => values.push((vec![place], value)),
            }
        }
        values
    }
}

/// The rows that differ.
pub(super) fn of(lab: &Lab) -> Vec<Row> {
    let guests: Vec<Option<&Record>> = lab.kernels.iter().map(columns::guest).collect();
    let row = |label: &str, value: &dyn Fn(&Record) -> String| Row {
        label: label.to_string(),
        cells: guests.iter().map(|guest| guest.map(value)).collect(),
    };
    let mut rows = vec![
        row("Build", &|record| build(&record.host.kernel_build)),
        row("Machine", &|record| visible(&record.host.machine)),
        row("Processor", &|record| visible(&record.host.cpu)),
        row("CPUs", &|record| record.host.cpus.len().to_string()),
        row("Memory", &memory),
        row("Command line", &|record| visible(&without_padding(&record.host.cmdline))),
        row("Clock source", &|record| visible(&record.host.clock_source)),
        row("LSMs", &|record| visible(&record.host.lsms.join(", "))),
        row("cgroup mode", &|record| record.host.cgroups.mode().to_string()),
        row("cgroup controllers", &controllers),
        row("Last capability", &|record| record.host.last_capability.to_string()),
    ];
    let names = guests.iter().flatten().flat_map(|record| record.host.mitigations.keys());
    for name in names.collect::<BTreeSet<_>>() {
        rows.push(row(&format!("Mitigation: {}", visible(name)), &|record| {
            record.host.mitigations.get(name).map_or(NOT_AFFECTED.to_string(), |state| mitigation(state))
        }));
    }
    rows.extend(options(lab));
    rows.retain(Row::differs);
    by_value(rows)
}

/// What the configurations say.
fn options(lab: &Lab) -> impl Iterator<Item = Row> {
    let options = lab.kernels.iter().flat_map(|kernel| kernel.config.keys()).map(|option| renamed(option));
    let options = options.filter(|option| !SAID_ELSEWHERE.iter().any(|begin| option.starts_with(begin)));
    let rows = options.collect::<BTreeSet<_>>().into_iter().map(|option| {
        let cells = lab.kernels.iter().map(|kernel| configured(kernel, option)).collect();
        (option, Row { label: visible(option), cells })
    });
    // Before there was the option, there was no way to leave the mitigation out.
    let new_name = |option: &str, row: &Row| {
        ALWAYS_IN.contains(&option) && row.cells.iter().flatten().all(|value| value == "y" || value == ABSENT)
    };
    rows.filter(move |(option, row)| !new_name(option, row)).map(|(_, row)| row)
}

/// Options with equal values on every kernel share a row.
fn by_value(rows: Vec<Row>) -> Vec<Row> {
    let mut merged: Vec<Row> = Vec::new();
    for row in rows {
        let same = |other: &&mut Row| other.label.starts_with(OPTION) && other.cells == row.cells;
        match merged.iter_mut().find(same).filter(|_| row.label.starts_with(OPTION)) {
            Some(other) => other.label.push_str(&format!(", {}", &row.label[OPTION.len()..])),
            None => merged.push(row),
        }
    }
    merged
}

/// What every option's name begins with.
const OPTION: &str = "CONFIG_";

/// Options that say nothing of their own: the LSMs that run are a row, and a build's signing key is no property of the kernel.
const SAID_ELSEWHERE: [&str; 3] = ["CONFIG_LSM", "CONFIG_MODULE_SIG_KEY", "CONFIG_MODULE_SIG_ALL"];

/// Options that Linux 6.12 added for mitigations that were always built in before ("x86/bugs: Add a separate config").
const ALWAYS_IN: [&str; 11] = [
    "CONFIG_MITIGATION_GDS",
    "CONFIG_MITIGATION_L1TF",
    "CONFIG_MITIGATION_MDS",
    "CONFIG_MITIGATION_MMIO_STALE_DATA",
    "CONFIG_MITIGATION_RETBLEED",
    "CONFIG_MITIGATION_RFDS",
    "CONFIG_MITIGATION_SPECTRE_V1",
    "CONFIG_MITIGATION_SPECTRE_V2",
    "CONFIG_MITIGATION_SRBDS",
    "CONFIG_MITIGATION_SSB",
    "CONFIG_MITIGATION_TAA",
];

/// An option that a configuration does not have: this kernel is without it, or it depends on what is off.
const ABSENT: &str = "–";

/// What a kernel says of a flaw that its processor does not have. One that does not know the flaw says nothing, which is no
/// difference.
const NOT_AFFECTED: &str = "Not affected";

/// Options that Linux 6.9 and 6.12 renamed, in this order, without changing what they do: a kernel that has the one is not
/// without the other.
const RENAMED: [(&str, &str); 12] = [
    ("CONFIG_PAGE_TABLE_ISOLATION", "CONFIG_MITIGATION_PAGE_TABLE_ISOLATION"),
    ("CONFIG_RETPOLINE", "CONFIG_MITIGATION_RETPOLINE"),
    ("CONFIG_RETHUNK", "CONFIG_MITIGATION_RETHUNK"),
    ("CONFIG_CPU_UNRET_ENTRY", "CONFIG_MITIGATION_UNRET_ENTRY"),
    ("CONFIG_CPU_IBPB_ENTRY", "CONFIG_MITIGATION_IBPB_ENTRY"),
    ("CONFIG_CPU_IBRS_ENTRY", "CONFIG_MITIGATION_IBRS_ENTRY"),
    ("CONFIG_CPU_SRSO", "CONFIG_MITIGATION_SRSO"),
    ("CONFIG_SLS", "CONFIG_MITIGATION_SLS"),
    ("CONFIG_CALL_DEPTH_TRACKING", "CONFIG_MITIGATION_CALL_DEPTH_TRACKING"),
    ("CONFIG_SPECTRE_BHI", "CONFIG_MITIGATION_SPECTRE_BHI"),
    ("CONFIG_SPECULATION_MITIGATIONS", "CONFIG_CPU_MITIGATIONS"),
    ("CONFIG_GDS_FORCE_MITIGATION", "CONFIG_MITIGATION_GDS_FORCE"),
];

/// An option's name since it was renamed.
fn renamed(option: &str) -> &str {
    RENAMED.iter().find(|(old, _)| *old == option).map_or(option, |(_, new)| new)
}

/// What a known configuration says of an option, under whichever name it has it.
fn configured(kernel: &Kernel, option: &str) -> Option<String> {
    if kernel.config.is_empty() {
        return None;
    }
    let old = RENAMED.iter().find(|(_, new)| *new == option).and_then(|(old, _)| kernel.config.get(*old));
    let value = kernel.config.get(option).or(old);
    Some(value.map_or(ABSENT.to_string(), |value| match option {
        "CONFIG_CC_VERSION_TEXT" => compiler(value),
        _ => visible(value),
    }))
}

/// A compiler's name and version without its packaging: `gcc-12 12.2.0`.
fn compiler(text: &str) -> String {
    let (name, rest) = text.split_once(" (").unwrap_or((text, ""));
    let version = rest.rsplit_once(") ").map_or("", |(_, version)| version);
    let version = version.split_whitespace().next().unwrap_or_default();
    visible(format!("{} {version}", name.trim_start_matches("x86_64-linux-gnu-")).trim_end())
}

/// A mitigation's state without what does not concern the processor, and with one separator: kernels changed it from `,`
/// to `;`.
fn mitigation(state: &str) -> String {
    let parts = state.split([',', ';']).map(str::trim).filter(|part| !part.ends_with(": Not affected"));
    visible(&parts.collect::<Vec<_>>().join("; "))
}

/// In 64 MiB: what a kernel leaves of the same machine differs by a few, which is no other machine.
fn memory(record: &Record) -> String {
    const STEP: u64 = 64 << 20;
    units::bytes(record.host.memory.div_ceil(STEP) * STEP)
}

/// What of `uname -v` is no number, name or date: `SMP PREEMPT_DYNAMIC`.
fn build(version: &str) -> String {
    let flag = |word: &&str| word.starts_with("SMP") || word.starts_with("PREEMPT");
    version.split_whitespace().filter(flag).collect::<Vec<_>>().join(" ")
}

/// The command line as it was before it was made longer on purpose.
fn without_padding(cmdline: &str) -> String {
    let words = cmdline.split_whitespace().filter(|word| !word.starts_with(PADDING));
    words.collect::<Vec<_>>().join(" ")
}

fn controllers(record: &Record) -> String {
    let cgroups = &record.host.cgroups;
    let all = cgroups.v2.iter().chain(&cgroups.v1).flat_map(|hierarchy| &hierarchy.controllers);
    let all: BTreeSet<&str> = all.map(String::as_str).collect();
    visible(&all.into_iter().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_its_flags() {
        assert_eq!(build("#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)"), "SMP PREEMPT_DYNAMIC");
        assert_eq!(build("#2 SMP Tue Jan 2 03:04:05 UTC 2026"), "SMP");
    }

    #[test]
    fn packaging_punctuation_and_a_few_megabytes_are_no_difference() {
        assert_eq!(compiler("gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"), "gcc-12 12.2.0");
        assert_eq!(compiler("x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0"), "gcc-14 14.2.0");
        assert_eq!(compiler("clang version 19"), "clang version 19");
        let new = "Mitigation: Retpolines; STIBP: disabled; PBRSB-eIBRS: Not affected; BHI: Not affected";
        assert_eq!(mitigation(new), mitigation("Mitigation: Retpolines, STIBP: disabled"));
        assert_eq!(mitigation(NOT_AFFECTED), NOT_AFFECTED);
    }

    #[test]
    fn a_renamed_option_is_one_row_and_an_absent_one_is_not_off() {
        let with = |options: &[(&str, &str)]| Kernel {
            name: "k".into(),
            source: "file".into(),
            config: options.iter().map(|(option, value)| (option.to_string(), value.to_string())).collect(),
            boots: Vec::new(),
        };
        let old = with(&[("CONFIG_PAGE_TABLE_ISOLATION", "y")]);
        let name = renamed("CONFIG_PAGE_TABLE_ISOLATION");
        assert_eq!(configured(&old, name).as_deref(), Some("y"));
        assert_eq!(configured(&old, "CONFIG_KFENCE").as_deref(), Some(ABSENT));
        assert_eq!(configured(&with(&[("CONFIG_KFENCE", "n")]), "CONFIG_KFENCE").as_deref(), Some("n"));
        assert_eq!(configured(&with(&[]), "CONFIG_KFENCE"), None);
        let row = |label: &str, cells: [&str; 2]| Row {
            label: label.into(),
            cells: cells.iter().map(|cell| Some(cell.to_string())).collect(),
        };
        assert!(!row("CONFIG_A", ["n", ABSENT]).differs() && row("CONFIG_A", ["y", ABSENT]).differs());
        let rows = by_value(vec![
            row("LSMs", ["n", "y"]),
            row("CONFIG_A", ["n", "y"]),
            row("CONFIG_B", ["y", "n"]),
            row("CONFIG_C", ["n", "y"]),
        ]);
        let labels: Vec<&str> = rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(labels, ["LSMs", "CONFIG_A, C", "CONFIG_B"]);
    }

    #[test]
    fn padding_is_no_difference() {
        let padded = format!("console=ttyS0 {PADDING}xxxxxxx nokaslr");
        assert_eq!(without_padding(&padded), without_padding("console=ttyS0 nokaslr"));
    }
}
