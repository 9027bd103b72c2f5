//! The jobs that both can express, and what `fio` prints of one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use serde::Deserialize;

use crate::workload::files::Stream;
use crate::workload::files::stream::{BLOCK, Kind};

/// A job. Its blocks are the file's first.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// In words.
    pub name: &'static str,
    /// What is done.
    pub kind: Kind,
    /// How often.
    pub blocks: u32,
}

/// Blocks of the file: 64 MiB, which stay in the page cache.
pub const BLOCKS: u32 = 1024;

/// All of them.
pub const JOBS: [Job; 4] = [
    Job { name: "sequential read 64 KiB", kind: Kind::Read, blocks: BLOCKS },
    Job { name: "random read 64 KiB", kind: Kind::RandomRead, blocks: BLOCKS },
    Job { name: "sequential write 64 KiB", kind: Kind::Write, blocks: BLOCKS },
    Job { name: "fsync after each write of 64 KiB", kind: Kind::Fsync, blocks: 64 },
];

impl Job {
    /// As isolab does it.
    #[must_use]
    pub fn stream(&self, seed: u64) -> Stream {
        Stream { kind: self.kind, blocks: self.blocks, seed }
    }

    /// The arguments with which `fio` does the same (fio(1)): `pread(2)` and `pwrite(2)` by a process of its own, on a
    /// file that is there and cached and stays so, without advice to the kernel, timed by the same clock. With `--thread` it
    /// would share its table of descriptors with other threads, whose references the kernel counts in every call. Its buffer
    /// is filled once, as ours is: touching it before every write would be a different load on the caches.
    #[must_use]
    pub fn arguments(&self, file: &Path, seed: u64) -> Vec<OsString> {
        let rw = match self.kind {
            Kind::Read => "read",
            Kind::RandomRead => "randread",
            Kind::Write | Kind::Fsync => "write",
        };
        let mut filename = OsString::from("--filename=");
        filename.push(file);
        let mut arguments: Vec<OsString> = vec!["--name=isolab".into(), filename];
        let rest = [
            format!("--rw={rw}"),
            format!("--bs={BLOCK}"),
            format!("--size={}", u64::from(self.blocks) * BLOCK as u64),
            format!("--randseed={seed}"),
        ];
        arguments.extend(rest.map(OsString::from));
        arguments.extend(SAME.map(OsString::from));
        if self.kind == Kind::Fsync {
            arguments.push("--fsync=1".into());
        }
        arguments
    }

    /// Nanoseconds of the median operation, by what `fio` printed. It counts in buckets of at most 1.6 % of their value.
    ///
    /// # Errors
    /// When it is not `fio`'s JSON, or of another number of operations, in words.
    pub fn nanos(&self, printed: &str) -> Result<u64, String> {
        let output: Output = serde_json::from_str(printed).map_err(|error| format!("its JSON: {error}"))?;
        let [done] = output.jobs.as_slice() else { return Err(format!("{} jobs", output.jobs.len())) };
        if done.error != 0 {
            return Err(format!("error {}", done.error));
        }
        let (count, latency) = match self.kind {
            Kind::Read | Kind::RandomRead => (done.read.total_ios, &done.read.clat_ns),
            Kind::Write => (done.write.total_ios, &done.write.clat_ns),
            Kind::Fsync => (done.write.total_ios, &done.sync.lat_ns),
        };
        if count != u64::from(self.blocks) {
            return Err(format!("{count} operations instead of {}", self.blocks));
        }
        latency.percentile.get(MEDIAN).copied().ok_or_else(|| "no median in its JSON".into())
    }
}

/// What `fio` calls it.
const MEDIAN: &str = "50.000000";

const SAME: [&str; 9] = [
    "--ioengine=psync",
    "--invalidate=0",
    "--fadvise_hint=0",
    "--fallocate=none",
    "--overwrite=1",
    "--norandommap",
    "--scramble_buffers=0",
    "--clocksource=clock_gettime",
    "--output-format=json",
];

/// What is read of `fio`'s output.
#[derive(Deserialize)]
struct Output {
    jobs: Vec<Done>,
}

#[derive(Deserialize)]
struct Done {
    error: i32,
    read: Direction,
    write: Direction,
    #[serde(default)]
    sync: Syncs,
}

#[derive(Deserialize)]
struct Direction {
    total_ios: u64,
    clat_ns: Latency,
}

#[derive(Default, Deserialize)]
struct Syncs {
    lat_ns: Latency,
}

#[derive(Default, Deserialize)]
struct Latency {
    /// Empty where nothing was done.
    #[serde(default)]
    percentile: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(error: i32, ios: u64) -> String {
        serde_json::json!({"fio version": "fio-3.33", "jobs": [{
            "jobname": "isolab", "error": error,
            "read": {"total_ios": ios, "clat_ns": {"mean": 9.5, "percentile": {"50.000000": 788, "99.000000": 900}}},
            "write": {"total_ios": 64, "clat_ns": {"min": 0, "max": 0}},
            "sync": {"lat_ns": {"percentile": {"50.000000": 41_216}}},
        }]})
        .to_string()
    }

    #[test]
    fn each_job_reads_its_own_number() {
        let [read, _, write, sync] = JOBS;
        assert_eq!(read.nanos(&printed(0, 1024)), Ok(788));
        assert_eq!(sync.nanos(&printed(0, 0)), Ok(41_216));
        assert_eq!(write.nanos(&printed(0, 0)).unwrap_err(), "64 operations instead of 1024");
        assert!(write.nanos(&printed(0, 0).replace("64", "1024")).unwrap_err().contains("no median"));
        assert_eq!(read.nanos(&printed(5, 1024)).unwrap_err(), "error 5");
        assert!(read.nanos("fio: no").unwrap_err().starts_with("its JSON"));
    }

    #[test]
    fn a_job_is_the_same_for_both() {
        let arguments = JOBS[3].arguments(Path::new("/f"), 7);
        for expected in ["--filename=/f", "--rw=write", "--bs=65536", "--size=4194304", "--fsync=1"] {
            assert!(arguments.iter().any(|argument| argument == expected), "{expected}");
        }
        assert_eq!(JOBS[3].stream(7).blocks, 64);
        assert!(!JOBS[2].arguments(Path::new("/f"), 7).iter().any(|argument| argument == "--fsync=1"));
    }
}
