use std::path::Path;

use super::read::{by_operation, list, pressure};
use super::*;

/// The same keys that `runc events --stats` prints of a container without limits.
#[test]
fn the_shape_is_runcs() {
    let mut usage = Usage::default();
    usage.cpu.usage.total = 1;
    usage.blkio.io_serviced_recursive =
        vec![BlkioEntry { major: 8, op: "Read".into(), ..BlkioEntry::default() }];
    let text = serde_json::to_string(&usage).unwrap();
    assert_eq!(
        text,
        "{\"cpu\":{\"usage\":{\"total\":1,\"kernel\":0,\"user\":0},\"throttling\":{}},\
         \"cpuset\":{\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,\"memory_migrate\":0,\
         \"memory_spread_page\":0,\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":0,\
         \"sched_relax_domain_level\":0},\
         \"memory\":{\"usage\":{\"limit\":0,\"failcnt\":0},\"swap\":{\"limit\":0,\"failcnt\":0},\
         \"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0}},\
         \"pids\":{},\"blkio\":{\"ioServicedRecursive\":[{\"major\":8,\"op\":\"Read\"}]},\
         \"hugetlb\":{},\"intel_rdt\":{},\"network_interfaces\":null}"
    );
}

#[test]
fn parses_what_files_have() {
    assert_eq!(list("0-2,7\n"), [0, 1, 2, 7]);
    assert!(list("\n").is_empty());
    let text =
        "some avg10=1.50 avg60=0.00 avg300=0.25 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n";
    let pressure = pressure(text).unwrap();
    assert_eq!((pressure.some.avg10, pressure.some.total, pressure.full.total), (1.5, 77, 5));
    assert_eq!(super::read::pressure(""), None);
    let entries = by_operation("8:0 Read 4096\n8:0 Total 4096\nTotal 4096\n");
    assert_eq!((entries.len(), entries[0].major, entries[0].value), (2, 8, 4096));
}

/// Made-up files of a v2 group, since not every host has such a group.
#[test]
fn v2_takes_the_places_of_v1() {
    let place = std::env::temp_dir().join(format!("isolab-usage-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    for (name, text) in [
        (
            "cpu.stat",
            "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 7\nnr_throttled 1\nthrottled_usec 4\n",
        ),
        ("memory.current", "100\n"),
        ("memory.max", "max\n"),
        ("memory.stat", "anon 60\nfile 40\n"),
        ("memory.events", "low 0\nhigh 0\nmax 9\noom 0\noom_kill 0\n"),
        ("memory.swap.current", "11\n"),
        ("memory.swap.max", "0\n"),
        ("pids.current", "2\n"),
        ("pids.max", "max\n"),
        ("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"),
        ("hugetlb.2MB.current", "2097152\n"),
        ("hugetlb.2MB.rsvd.current", "0\n"),
        ("hugetlb.2MB.events", "max 3\n"),
    ] {
        std::fs::write(place.join(name), text).unwrap();
    }
    let directory = |path: &Path| Directory {
        path: path.to_owned(),
        mount: "/".into(),
        controllers: Vec::new(),
        v2: true,
        at_clone: true,
    };
    let used = usage(&[directory(&place)]);
    std::fs::remove_dir_all(&place).unwrap();
    let used = used.unwrap();
    assert_eq!((used.cpu.usage.total, used.cpu.usage.kernel, used.cpu.usage.user), (5000, 2000, 3000));
    assert_eq!((used.cpu.throttling.throttled_periods, used.cpu.throttling.throttled_time), (1, 4000));
    assert_eq!(
        (used.memory.usage.limit, used.memory.usage.usage, used.memory.usage.failcnt),
        (u64::MAX, 100, 9)
    );
    assert_eq!((used.memory.swap.limit, used.memory.swap.usage, used.memory.cache), (u64::MAX, 111, 40));
    assert_eq!((used.pids.current, used.pids.limit), (2, 0));
    assert_eq!(used.blkio.io_serviced_recursive.len(), 3);
    assert_eq!(used.hugetlb.len(), 1);
    assert_eq!((used.hugetlb["2MB"].usage, used.hugetlb["2MB"].failcnt), (2_097_152, 3));
    // Groups that are gone use nothing.
    assert_eq!(usage(&[directory(Path::new("/none"))]).unwrap(), Usage::default());
}
