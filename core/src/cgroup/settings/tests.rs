//! The conversions as a table, taken from the runtime-spec (config-linux.md, "Control groups"), and where it is silent
//! from what runc and crun do: opencontainers/cgroups (`fs`, `fs2`), crun's `cgroup-resources.c` and `crun(1)`, section
//! "CGROUP v2". `core/tests/cgroups.rs` asks the installed runc and crun the same.

use serde_json::{Value, json};

use super::*;

/// The resources, what is written in v1, what is written in v2, and who says so.
type Row = (Value, &'static [&'static str], &'static [&'static str], &'static str);

fn table() -> Vec<Row> {
    let mut rows = cpu_and_memory();
    rows.extend(devices_and_others());
    rows
}

fn cpu_and_memory() -> Vec<Row> {
    vec![
        // Linear, 39, in runc up to 1.3.1 and crun up to 1.22; Debian 12 has those. 100 in runc 1.3.2, 1.4 and crun 1.23.
        (
            json!({"cpu": {"shares": 1024}}),
            &["cpu.shares 1024"],
            &["cpu.weight 100"],
            "runc 1.3.2, crun 1.23",
        ),
        (json!({"cpu": {"shares": 2}}), &["cpu.shares 2"], &["cpu.weight 1"], "both, always"),
        (json!({"cpu": {"shares": 262_144}}), &["cpu.shares 262144"], &["cpu.weight 10000"], "both, always"),
        (json!({"cpu": {"shares": 2000}}), &["cpu.shares 2000"], &["cpu.weight 170"], "runc#4896"),
        (json!({"cpu": {"shares": 0}}), &[], &[], "both: not set"),
        (
            json!({"cpu": {"quota": 25_000, "period": 50_000}}),
            &["cpu.cfs_period_us 50000", "cpu.cfs_quota_us 25000"],
            &["cpu.max 25000 50000"],
            "both",
        ),
        (
            json!({"cpu": {"quota": 25_000}}),
            &["cpu.cfs_quota_us 25000"],
            &["cpu.max 25000 100000"],
            "both: the kernel's default period",
        ),
        (
            json!({"cpu": {"quota": -1, "period": 50_000}}),
            &["cpu.cfs_period_us 50000", "cpu.cfs_quota_us -1"],
            &["cpu.max max 50000"],
            "both",
        ),
        (
            json!({"cpu": {"quota": 20_000, "burst": 10_000}}),
            &["cpu.cfs_quota_us 20000", "cpu.cfs_burst_us 10000"],
            &["cpu.max 20000 100000", "cpu.max.burst 10000"],
            "runc 1.2, crun 1.8",
        ),
        (
            json!({"cpu": {"idle": 1, "shares": 512}}),
            &["cpu.idle 1"],
            &["cpu.idle 1"],
            "sched_group_set_shares",
        ),
        (
            json!({"cpu": {"realtimeRuntime": 9500, "realtimePeriod": 10_000}}),
            &["cpu.rt_period_us 10000", "cpu.rt_runtime_us 9500"],
            &[],
            "runc fs; v2 has no realtime groups",
        ),
        (
            json!({"cpu": {"cpus": "0-1", "mems": "0"}}),
            &["cpuset.cpus 0-1", "cpuset.mems 0"],
            &["cpuset.cpus 0-1", "cpuset.mems 0"],
            "both",
        ),
        (
            json!({"memory": {"limit": 100, "swap": 150, "reservation": 50}}),
            &[
                "memory.limit_in_bytes 100",
                "memory.soft_limit_in_bytes 50",
                "memory.memsw.limit_in_bytes 150",
            ],
            &["memory.max 100", "memory.low 50", "memory.swap.max 50"],
            "spec: memory+swap",
        ),
        (
            json!({"memory": {"limit": 100, "swap": 100}}),
            &["memory.limit_in_bytes 100", "memory.memsw.limit_in_bytes 100"],
            &["memory.max 100", "memory.swap.max 0"],
            "both: no swap",
        ),
        (
            json!({"memory": {"limit": 100, "swap": -1}}),
            &["memory.limit_in_bytes 100", "memory.memsw.limit_in_bytes -1"],
            &["memory.max 100", "memory.swap.max max"],
            "both",
        ),
        (
            json!({"memory": {"limit": -1}}),
            &["memory.limit_in_bytes -1", "memory.memsw.limit_in_bytes -1"],
            &["memory.max max", "memory.swap.max max"],
            "runc: unlimited memory is unlimited swap",
        ),
        (
            json!({"memory": {"swappiness": 10, "disableOOMKiller": true, "useHierarchy": true}}),
            &["memory.use_hierarchy 1", "memory.swappiness 10", "memory.oom_control 1"],
            &[],
            "runc fs; v2 has none of them",
        ),
        (json!({"memory": {"kernel": 100, "kernelTCP": 100}}), &[], &[], "runc 1.0: ignored"),
    ]
}

fn devices_and_others() -> Vec<Row> {
    vec![
        (json!({"pids": {"limit": 37}}), &["pids.max 37"], &["pids.max 37"], "both"),
        (json!({"pids": {"limit": -1}}), &["pids.max max"], &["pids.max max"], "both"),
        (
            json!({"blockIO": {"weight": 500, "weightDevice": [{"major": 8, "minor": 0, "weight": 1000}]}}),
            &[
                "blkio.weight 500 | blkio.bfq.weight 500",
                "blkio.weight_device 8:0 1000 | blkio.bfq.weight_device 8:0 1000",
            ],
            // 1 + 490 * 9999 / 990
            &["io.bfq.weight 500 | io.weight 4950", "io.bfq.weight 8:0 1000 | io.weight 8:0 10000"],
            "both; crun(1)",
        ),
        (
            json!({"blockIO": {"leafWeight": 300}}),
            &["blkio.leaf_weight 300"],
            &[],
            "runc fs; v2 has no leaf weights",
        ),
        (
            json!({"blockIO": {
                "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}],
                "throttleWriteBpsDevice": [{"major": 8, "minor": 1, "rate": 300}],
                "throttleReadIOPSDevice": [{"major": 8, "minor": 0, "rate": 7}],
                "throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 0}],
            }}),
            &[
                "blkio.throttle.read_bps_device 8:0 600",
                "blkio.throttle.write_bps_device 8:1 300",
                "blkio.throttle.read_iops_device 8:0 7",
                "blkio.throttle.write_iops_device 8:0 0",
            ],
            &["io.max 8:0 rbps=600", "io.max 8:1 wbps=300", "io.max 8:0 riops=7", "io.max 8:0 wiops=max"],
            "both; blkio-controller.rst, cgroup-v2.rst",
        ),
        (
            json!({"hugepageLimits": [{"pageSize": "2MB", "limit": 4_194_304}]}),
            &["hugetlb.2MB.limit_in_bytes 4194304", "hugetlb.2MB.rsvd.limit_in_bytes 4194304 | -"],
            &["hugetlb.2MB.max 4194304", "hugetlb.2MB.rsvd.max 4194304 | -"],
            "spec: both files",
        ),
        (
            json!({"network": {"classID": 1_048_577, "priorities": [{"name": "lo", "priority": 5}]}}),
            &["net_cls.classid 1048577", "net_prio.ifpriomap lo 5"],
            &[],
            "both; v2 has neither",
        ),
        (
            json!({"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10_000}, "mlx4_0": {"hcaObjects": 1000}}}),
            &["rdma.max mlx4_0 hca_object=1000", "rdma.max mlx5_1 hca_handle=3 hca_object=10000"],
            &["rdma.max mlx4_0 hca_object=1000", "rdma.max mlx5_1 hca_handle=3 hca_object=10000"],
            "both",
        ),
        (
            json!({"unified": {"memory.high": "50"}}),
            &["memory.high 50"],
            &["memory.high 50"],
            "spec; v1 is refused by the plan",
        ),
    ]
}

fn read(resources: &Value) -> Resources {
    Resources::new(&serde_json::from_value(resources.clone()).unwrap()).unwrap()
}

fn written(resources: &Resources, v2: bool) -> Vec<String> {
    let line = |setting: Setting| {
        let own = format!("{} {}", setting.file, setting.value);
        match setting.absent {
            Absent::Instead { file, value } => format!("{own} | {file} {value}"),
            Absent::Harmless if setting.file.contains("rsvd") => format!("{own} | -"),
            _ => own,
        }
    };
    settings(resources, |_| v2).into_iter().map(line).collect()
}

#[test]
fn every_row_of_the_table_is_what_is_written() {
    for (resources, v1, v2, source) in table() {
        let read = read(&resources);
        assert_eq!(written(&read, false), v1, "v1 of {resources}: {source}");
        assert_eq!(written(&read, true), v2, "v2 of {resources}: {source}");
        // What v1 has and v2 has not is a gap, and only that.
        let gap = v2.is_empty() && !v1.is_empty();
        assert_eq!(!gaps(&read, |_| true).is_empty(), gap, "{resources}");
        assert_eq!(gaps(&read, |_| false), Vec::<String>::new(), "{resources}");
    }
}

/// The ends and the defaults are exact, and more shares are never less weight.
#[test]
fn weights_grow_with_shares() {
    assert_eq!([1, 2, 1024, 262_144, u64::MAX].map(weight_of_shares), [1, 1, 100, 10_000, 10_000]);
    assert!((1..262_200).map(weight_of_shares).is_sorted());
}

/// Kernels without accounting for swap have no file for it, which only an actual limit needs.
#[test]
fn unlimited_swap_needs_no_file() {
    for (swap, absent) in [(-1, Absent::Harmless), (150, Absent::Refuse)] {
        let read = read(&json!({"memory": {"limit": 100, "swap": swap}}));
        for v2 in [false, true] {
            assert_eq!(settings(&read, |_| v2).pop().unwrap().absent, absent);
        }
    }
}

#[test]
fn what_is_left_out_on_purpose_is_said() {
    let read = read(&json!({"memory": {"kernel": 100}}));
    assert!(read.ignored[0].starts_with("linux.resources.memory.kernel: ignored"), "{:?}", read.ignored);
}

#[test]
fn devices_that_v1_cannot_deny_are_a_gap_there_and_none_in_v2() {
    let rules = json!({"devices": [
        {"allow": false, "access": "rwm"},
        {"allow": true, "type": "b", "major": 8, "access": "rw"},
        {"allow": false, "type": "b", "major": 8, "minor": 3, "access": "w"},
    ]});
    let read = read(&rules);
    assert!(gaps(&read, |_| false)[0].contains("b 8:3 w would stay allowed"));
    assert_eq!(gaps(&read, |_| true), Vec::<String>::new());
}
