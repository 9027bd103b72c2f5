//! What runs inside, in the container and in the container of the guest: facts of where it is, and what calls cost there.
//!
//! `isolab inside look TOKEN` prints the line `ready`, waits for one byte on standard input, prints one line of JSON and ends. The
//! token is only there to be found in a process table.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::probe::PROGRAM;

/// What was seen inside.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    /// In the order in which they are shown.
    pub(super) facts: Vec<Fact>,
    /// Nanoseconds of one call, by its name: one sample a batch.
    pub(super) calls: BTreeMap<String, Vec<u64>>,
}

/// One fact about where a process is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Fact {
    /// What it is about.
    pub(super) what: String,
    /// In a few words.
    pub(super) shown: String,
    /// All that is compared; `None` when it cannot be seen from here.
    pub(super) whole: Option<String>,
}

/// The fact that decides which others can be compared: equal numbers of two kernels mean nothing.
pub(super) const BOOT: &str = "boot id";

/// Batches of calls, each one sample.
const BATCHES: usize = 20;
/// Pages of a batch.
const PAGES: usize = 256;
const PAGE: usize = 4096;
/// A block that malloc maps afresh every time, so that its pages fault (mallopt(3), `M_MMAP_THRESHOLD`).
const MAPPED_AFRESH: usize = 33 << 20;

/// `isolab inside look TOKEN`.
#[must_use]
pub fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::progress::say(&format!("isolab inside look: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(b"ready\n")?;
    out.flush()?;
    io::stdin().read_exact(&mut [0])?;
    let program = Path::new(PROGRAM);
    let look = Look { facts: facts(program), calls: calls(program)? };
    serde_json::to_writer(&mut out, &look)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Nanoseconds of a call, in batches, so that reading the clock is no part of it.
fn calls(program: &Path) -> io::Result<BTreeMap<String, Vec<u64>>> {
    let mut calls: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut add = |name: &str, sample| calls.entry(name.into()).or_default().push(sample);
    for _ in 0..BATCHES {
        add(
            "getppid",
            each(1000, || {
                black_box(std::os::unix::process::parent_id());
            }),
        );
        let mut failed = None;
        add("open and close a file", each(200, || failed = File::open(program).err()));
        failed.map_or(Ok(()), Err)?;
        // What is mapped is zeroes of the kernel's, so that nothing of it is there before it is written to.
        let mut block = vec![0u8; MAPPED_AFRESH];
        let mut page = 0;
        add(
            "first write to a page",
            each(PAGES, || {
                block[page * PAGE] = 1;
                page += 1;
            }),
        );
        black_box(&block);
    }
    Ok(calls)
}

fn each(count: usize, mut call: impl FnMut()) -> u64 {
    let begun = Instant::now();
    for _ in 0..count {
        call();
    }
    u64::try_from(begun.elapsed().as_nanos() / count as u128).unwrap_or(u64::MAX)
}

/// Facts of where this process is; `program` is the program's file as it is seen from here.
pub(super) fn facts(program: &Path) -> Vec<Fact> {
    let read = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).ok();
    let field = |path, name| read(path).and_then(|text| line(&text, name));
    let release = read("/proc/sys/kernel/osrelease").zip(read("/proc/sys/kernel/version"));
    let mut facts = vec![
        fact(BOOT, read("/proc/sys/kernel/random/boot_id")),
        fact("kernel and its build", release.map(|(release, build)| format!("{release}, {build}"))),
        fact("boot time, seconds since the epoch", field("/proc/stat", "btime")),
        fact("kernel command line", read("/proc/cmdline")),
        fact("processors", read("/proc/cpuinfo").map(|text| processors(&text))),
        fact("memory (MemTotal)", field("/proc/meminfo", "MemTotal:")),
        counted("kernel modules", read("/proc/modules").map(|text| modules(&text))),
        fact("security modules", read("/sys/kernel/security/lsm")),
        fact("kernel log, to be read", File::open("/dev/kmsg").ok().map(|_| "yes".into())),
        fact("huge pages", read("/sys/kernel/mm/transparent_hugepage/enabled")),
        fact("kernel threads, as processes", kernel_threads()),
        fact("the program's file, as device and inode", file(program)),
        fact("root directory, as device and inode", file(Path::new("/"))),
    ];
    facts.extend(["user", "pid", "net", "mnt", "ipc", "uts", "cgroup", "time"].map(|kind| {
        let link = fs::read_link(format!("/proc/self/ns/{kind}"));
        fact(&format!("{kind} namespace"), link.ok().map(|link| link.to_string_lossy().into_owned()))
    }));
    facts
}

fn fact(what: &str, whole: Option<String>) -> Fact {
    let shown = whole.clone().unwrap_or_else(|| "not to be seen".into());
    Fact { what: what.into(), shown, whole }
}

/// Of a list only the length is shown.
fn counted(what: &str, whole: Option<Vec<String>>) -> Fact {
    let shown = whole.as_ref().map_or_else(|| "not to be seen".into(), |list| list.len().to_string());
    Fact { what: what.into(), shown, whole: whole.map(|list| list.join(" ")) }
}

/// What follows a name in its line.
fn line(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
}

fn processors(cpuinfo: &str) -> String {
    let count = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let model = line(cpuinfo, "model name").unwrap_or_default();
    format!("{count}, {}", model.trim_start_matches([':', ' ']))
}

/// Names, sorted: the kernel's order is that of loading, and counts of uses change.
fn modules(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// Whether kthreadd, the parent of all kernel threads, is to be seen in the process table.
fn kernel_threads() -> Option<String> {
    let name = fs::read_to_string("/proc/2/comm").ok()?;
    (name.trim() == "kthreadd").then(|| "yes".into())
}

/// Device and inode, which mean something within one kernel.
fn file(path: &Path) -> Option<String> {
    let meta = fs::metadata(path).ok()?;
    let dev = meta.dev();
    Some(format!("{}:{} {}", libc::major(dev), libc::minor(dev), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_name() {
        assert_eq!(line("cpu 1\nbtime 17\n", "btime").as_deref(), Some("17"));
        assert_eq!(line("cpu 1\n", "btime"), None);
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU\n\nprocessor\t: 1\nmodel name\t: Some CPU\n";
        assert_eq!(processors(cpuinfo), "2, Some CPU");
    }

    #[test]
    fn modules_are_compared_by_name_alone() {
        assert_eq!(modules("veth 12 0 - Live 0x0\nbridge 1 3 - Live 0x0\n"), ["bridge", "veth"]);
    }

    #[test]
    fn calls_take_time_and_facts_are_there() {
        let own = std::env::current_exe().unwrap();
        let calls = calls(&own).unwrap();
        assert_eq!(calls.len(), 3);
        assert!(calls.values().all(|samples| samples.len() == BATCHES));
        assert!(calls["first write to a page"].iter().any(|sample| *sample > 0));
        let facts = facts(&own);
        assert!(facts.iter().any(|fact| fact.what == BOOT && fact.whole.is_some()), "{facts:?}");
    }
}
