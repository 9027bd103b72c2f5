//! What is there after each operation, and that nothing is there in the end.

use std::fs;

use isolab_core::cgroup::{self, Directory};

use super::host::{self, base, directory};
use super::input::Op;
use super::live::{Live, PATIENCE};
use super::process::Sleeper;

/// The files that are read back.
const FILES: [(&str, &str); 11] = [
    ("pids", "pids.max"),
    ("memory", "memory.limit_in_bytes"),
    ("memory", "memory.memsw.limit_in_bytes"),
    ("memory", "memory.soft_limit_in_bytes"),
    ("memory", "memory.swappiness"),
    ("cpu", "cpu.shares"),
    ("cpu", "cpu.idle"),
    ("cpu", "cpu.cfs_quota_us"),
    ("cpu", "cpu.cfs_period_us"),
    ("cpu", "cpu.cfs_burst_us"),
    ("cpuset", "cpuset.cpus"),
];

impl Live<'_> {
    /// What the kernel shows is what the model has.
    pub(crate) fn check(&self, op: &Op) {
        let found = host::groups(&self.known.places);
        let (is, must): (Vec<_>, Vec<_>) = (found.keys().collect(), self.model.groups.keys().collect());
        assert_eq!(is, must, "the groups after {op:?} of {:#?}", self.input);
        for ((place, group), path) in &found {
            let values = &self.model.groups[&(*place, group.clone())];
            let own = |(controller, _): &&(&str, &str)| self.known.places[*place].has(controller);
            for (_, file) in FILES.iter().filter(own).filter(|_| !self.known.places[*place].v2) {
                let read = fs::read_to_string(path.join(file))
                    .unwrap_or_else(|error| panic!("read {file}: {error}"));
                let must = values.show(file);
                assert_eq!(read.trim_end(), must, "{file} of {group} after {op:?} of {:#?}", self.input);
            }
        }
        for group in self.model.made.keys() {
            let pid = self.sleeper.iter().map(Sleeper::pid).filter(|_| self.model.holds_process(group));
            let procs = cgroup::procs(&self.directories[group]);
            assert_eq!(procs, Ok(pid.collect()), "processes of {group} after {op:?} of {:#?}", self.input);
        }
    }

    /// Ends all of it.
    pub(crate) fn finish(mut self) {
        self.clear();
        let left = self.known.places.iter().find(|place| place.mount.join(base()).exists());
        assert!(left.is_none(), "left behind, {left:?}: {:#?}", self.input);
    }

    fn clear(&mut self) {
        for (place, group) in std::mem::take(&mut self.model.frozen) {
            let directory = directory(&self.known.places[place], &format!("{}/{group}", base()));
            let thawed = cgroup::freeze(&[directory], false);
            assert!(thawed.is_ok() || std::thread::panicking(), "thaw {group}: {thawed:?}");
        }
        self.sleeper = None;
        let all: Vec<Directory> = self.known.places.iter().map(|place| directory(place, &base())).collect();
        let done = cgroup::kill(&all, PATIENCE).and_then(|()| cgroup::remove(&all, PATIENCE));
        assert!(done.is_ok() || std::thread::panicking(), "remove all: {done:?}: {:#?}", self.input);
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.clear();
        }
    }
}
