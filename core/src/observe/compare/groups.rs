//! Groups and limits, asked versus got.
//!
//! Of a v2 device program only its presence shows; of v1's device list, nothing where its default is to allow.

use std::collections::BTreeSet;

use super::super::{Observation, is_value};
use super::Findings;
use crate::cgroup::{self, Absent, Setting, devices};
use crate::config::Config;
use crate::host::Host;

pub(super) fn compare(config: &Config, host: &Host, seen: &Observation, findings: &mut Findings) {
    let Some(group) = &config.cgroup else { return };
    let Ok(directories) = cgroup::directories(group, &host.cgroups) else { return };
    for directory in &directories {
        let controllers = &directory.controllers;
        let line = seen.cgroups.iter().find(|line| match directory.v2 {
            true => line.hierarchy == 0,
            false => line.controllers.iter().any(|controller| controllers.contains(controller)),
        });
        let suffix = format!("/{}", group.path);
        let got = line.map(|line| line.path.clone());
        let there = got.as_ref().is_some_and(|path| path.ends_with(&suffix));
        findings.check(format!("group in {}", directory.mount.display()), suffix, got, there);
    }
    for setting in cgroup::settings(&group.resources, |controller| host.cgroups.is_v2(controller)) {
        value(setting, seen, findings);
    }
    devices(&group.resources.devices, host, seen, findings);
}

fn value(mut setting: Setting, seen: &Observation, findings: &mut Findings) {
    let there = |name: &str| seen.cgroup_values.contains_key(name);
    match setting.absent.clone() {
        Absent::Harmless if !there(&setting.file) => return,
        Absent::Instead { file, value } if !there(&setting.file) => {
            (setting.file, setting.value) = (file, value);
        }
        _ => {}
    }
    // Device rules are compared as a whole, and not every file of `unified` is observed.
    if is_value(&setting.file) && setting.controller != "devices" {
        // No file at all: the v2 group was not given the controller.
        let got = seen.cgroup_values.get(&setting.file);
        findings.check(&setting.file, &setting.value, got, got.is_some_and(|got| agrees(&setting, got)));
    }
}

fn devices(rules: &[cgroup::DeviceRule], host: &Host, seen: &Observation, findings: &mut Findings) {
    if rules.is_empty() {
        return;
    }
    if host.cgroups.is_v2("devices") {
        let got = seen.device_programs;
        findings.check("device program", "attached", got, got.is_some_and(|count| count > 0));
        return;
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let asked = devices::shown(rules).into_iter().collect::<BTreeSet<_>>();
    let got = seen.cgroup_values.get("devices.list").map(|text| lines(text));
    findings.equal("devices.list", Some(asked), got);
}

/// How the names of files end that hold bytes of memory.
const BYTES: [&str; 5] = ["_in_bytes", ".max", ".high", ".low", ".min"];

/// What a file shows, against what was written to it.
fn agrees(setting: &Setting, got: &str) -> bool {
    if let Some((key, asked)) = setting.keyed() {
        let line = got.lines().find_map(|line| line.split_once(' ').filter(|(first, _)| *first == key));
        return match line {
            // `io.max` has all limits of a device on its line.
            Some((_, line)) => asked.split(' ').all(|word| line.split(' ').any(|other| other == word)),
            None => asked == "0" || asked.ends_with("=max"),
        };
    }
    match (setting.controller.as_str(), setting.file.as_str()) {
        ("cpuset", _) => list(&setting.value) == list(got),
        (_, "memory.oom_control") => got.lines().any(|line| line == "oom_kill_disable 1"),
        // What is for all devices may be written with and without the word, and is shown with it.
        ("io", _) => {
            let plain = |text: &str| text.trim_start_matches("default ").to_owned();
            got.lines().any(|line| plain(line) == plain(&setting.value))
        }
        ("memory", file) if BYTES.iter().any(|end| file.ends_with(end)) => {
            rounded(&setting.value, got, 65_536)
        }
        ("hugetlb", _) => rounded(&setting.value, got, 1 << 34),
        _ => setting.value == got,
    }
}

/// The kernel rounds down to pages, and shows v1's "unlimited" as the largest multiple of a page.
fn rounded(asked: &str, got: &str, page: i64) -> bool {
    match (asked.parse::<i64>(), got.parse::<i64>()) {
        (Ok(asked), Ok(got)) if asked < 0 => got > i64::MAX / 2,
        (Ok(asked), Ok(got)) => (0..page).contains(&(asked - got)),
        _ => asked == got,
    }
}

/// `0-2,7` as numbers.
fn list(text: &str) -> BTreeSet<u32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    };
    text.split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(controller: &str, file: &str, value: &str) -> Setting {
        Setting {
            controller: controller.into(),
            file: file.into(),
            value: value.into(),
            path: String::new(),
            absent: Absent::Refuse,
        }
    }

    #[test]
    fn what_the_kernel_shows_in_its_own_words_agrees_and_other_values_do_not() {
        let cases = [
            (
                "io",
                "io.max",
                "8:0 rbps=600",
                "8:0 rbps=600 wbps=max riops=7 wiops=max",
                "8:0 rbps=60 wbps=600",
            ),
            ("io", "io.max", "8:0 rbps=max", "", "8:0 rbps=600 wbps=max"),
            ("io", "io.weight", "4950", "default 4950", "default 100"),
            ("io", "io.weight", "default 1000", "default 1000", "default 100"),
            ("io", "io.bfq.weight", "8:0 500", "default 100\n8:0 500", "default 500"),
            ("blkio", "blkio.throttle.read_bps_device", "8:0 600", "8:16 1\n8:0 600", "8:0 6000"),
            ("blkio", "blkio.throttle.read_bps_device", "8:0 0", "", "8:0 600"),
            ("net_prio", "net_prio.ifpriomap", "lo 5", "lo 5\neth0 0", "lo 0\neth0 5"),
            ("cpuset", "cpuset.cpus", "0,1,3", "0-1,3", "0-3"),
            ("memory", "memory.limit_in_bytes", "67108865", "67108864", "67043328"),
            ("memory", "memory.limit_in_bytes", "-1", "9223372036854771712", "67108864"),
            (
                "memory",
                "memory.oom_control",
                "1",
                "oom_kill_disable 1\nunder_oom 0",
                "oom_kill_disable 0\nunder_oom 1",
            ),
            ("hugetlb", "hugetlb.2MB.max", "3145728", "2097152", "4194304"),
            ("pids", "pids.max", "37", "37", "max"),
        ];
        for (controller, file, asked, same, other) in cases {
            let setting = setting(controller, file, asked);
            assert!(agrees(&setting, same), "{file} {asked}: {same}");
            assert!(!agrees(&setting, other), "{file} {asked}: {other}");
        }
    }
}
