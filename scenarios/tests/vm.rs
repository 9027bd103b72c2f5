//! A container against a guest of the kernel lab: one boot for real, and what each of the two was found to share with the host.

use std::path::Path;
use std::process::{Command, Stdio};

use isolab_core::need;
use isolab_reports::Record;
use isolab_reports::record::{Shared, Sharing};

/// The program under test, also the guest's init.
const ISOLAB: &str = env!("CARGO_BIN_EXE_isolab");

#[test]
fn a_container_shares_the_kernel_and_a_guest_does_not() {
    if !need::met(&["root", "qemu-system-x86_64", "apt-get", "dpkg-deb"]) {
        return;
    }
    let mut bench = Command::new(Path::new(ISOLAB));
    bench.args(["bench", "vm", "--kernel", "6.1", "--rounds", "1", "--launcher", "core", "--json"]);
    let output = bench.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let record: Record = serde_json::from_slice(&output.stdout).unwrap();
    let beside = record.beside.first().unwrap_or_else(|| panic!("{:?}", record.not_tested));
    let row = |fact: &str| beside.facts.iter().find(|row| row.fact.starts_with(fact)).unwrap();
    let is = |fact: &str| {
        let Shared { container_is, guest_is, .. } = row(fact);
        (*container_is, *guest_is)
    };
    for fact in
        ["boot id", "kernel and its build", "the workload in the host's process table", "the program's file"]
    {
        assert_eq!(is(fact), (Sharing::Shared, Sharing::Own), "{:?}", row(fact));
    }
    for fact in ["pid namespace", "mnt namespace", "root directory"] {
        assert_eq!(is(fact), (Sharing::Own, Sharing::Own), "{:?}", row(fact));
    }
    let memory = &beside.memory[0];
    assert!(memory.guest[0] > memory.container[0] && memory.container[0] > 0, "{memory:?}");
    let ids: Vec<&str> = record.costs.iter().map(|cost| cost.id.as_str()).collect();
    assert_eq!(ids, ["vm-start", "vm-calls"]);
    for series in record.costs.iter().flat_map(|cost| &cost.series) {
        assert!(!series.samples.is_empty(), "{}", series.name);
        let launched_here = series.name.ends_with("container");
        assert_eq!(series.enforced.is_some(), launched_here, "{}", series.name);
    }
}
