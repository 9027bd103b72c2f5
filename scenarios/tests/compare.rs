//! `isolab compare` as a command: its exit statuses, its forms, and that it gives the same bytes again. Launches nothing.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isolab_scenarios::scratch::Scratch;
use serde_json::{Value, json};

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../reports/tests");

/// Medians of the runs of a quiet host, in microseconds.
const QUIET: [u64; 6] = [6000, 6012, 5990, 6004, 5996, 6008];

fn kept(name: &str) -> Value {
    let text = fs::read_to_string(Path::new(KEPT).join("records").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A record of a bench on a quiet host, all of whose samples are near `micros`.
fn record(started: u64, micros: u64) -> Value {
    let mut record = kept("format-1-bench.json");
    record["started"] = json!(started);
    record["noise"] = json!({"load": [0.1, 0.1], "clock_read": [20], "stolen": 0.0});
    let samples: Vec<u64> = (0..12).map(|n| micros * 1000 + n).collect();
    record["costs"][0]["series"][0]["samples"] = json!(samples);
    record
}

/// Directories of runs, and what is made of them.
struct Bench {
    scratch: Scratch,
}

impl Bench {
    fn new() -> Bench {
        Bench { scratch: Scratch::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn write(&self, name: &str, record: &Value) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, record.to_string()).unwrap();
    }

    /// Runs that take `times` as long as those of a quiet host.
    fn runs(&self, side: &str, times: f64, change: impl Fn(&mut Value)) {
        for (run, micros) in QUIET.iter().enumerate() {
            let mut record = record(1_767_323_040 + run as u64 * 60, (*micros as f64 * times) as u64);
            change(&mut record);
            self.write(&format!("{side}/{run}/record.json"), &record);
        }
    }

    fn compare(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolab"));
        // Names are not to be found in a history of this machine's.
        command.env("ISOLAB_HISTORY", self.path("none.sqlite"));
        command.arg("compare").args(arguments).current_dir(self.scratch.path()).output().unwrap()
    }

    /// Exit status, and all that was printed.
    fn status(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.compare(arguments);
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(printed).unwrap())
    }
}

#[test]
fn the_exit_status_says_what_was_found() {
    let bench = Bench::new();
    bench.runs("base", 1.0, |_| {});
    bench.runs("slow", 1.1, |record| record["started"] = json!(record["started"].as_u64().unwrap() + 5));
    bench.runs("same", 1.0001, |_| {});
    bench.runs("near", 1.009, |_| {});
    bench.runs("more", 1.0001, |record| {
        let mut other = record["costs"][0].clone();
        other["id"] = json!("another");
        record["costs"].as_array_mut().unwrap().push(other);
    });
    for (arguments, status, says) in [
        (&["base", "slow"][..], 1, "1 series slower, spawn-launchers/all/core by +9.99 %"),
        (&["slow", "base"], 0, "1 faster"),
        (&["base", "same"], 0, "1 equal within 1.0 %"),
        (&["base", "near"], 0, "1 inconclusive"),
        (&["base", "near", "--strict"], 3, "1 inconclusive"),
        (&["base", "near", "--margin", "5"], 0, "1 equal within 5.0 %"),
        (&["base", "slow", "--strict", "--must-run"], 1, "slower"),
        (&["base", "more"], 0, "1 on one side only"),
        (&["base", "more", "--strict"], 0, "only in NEW (1)"),
        (&["base", "more", "--must-run"], 4, "only in NEW (1)"),
        (&["base", "absent"], 2, "read absent: No such file"),
        (&["base", "slow", "--margin", "0"], 2, "not above 0"),
    ] {
        let (found, printed) = bench.status(arguments);
        let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(found == status && printed.contains(says), "{arguments:?}: {found}: {printed}");
    }
    // Fewer runs than a verdict takes: one is never given.
    let (status, printed) = bench.status(&["base/0/record.json", "slow/0/record.json"]);
    assert!(status == 0 && printed.contains("too few runs: 5 a side"), "{printed}");
}

#[test]
fn a_guarantee_that_broke_fails() {
    let bench = Bench::new();
    let whole = kept("format-2-check.json");
    bench.write("base.json", &whole);
    let mut broken = whole.clone();
    broken["guarantees"][0]["outcome"] = json!({"is": "broken"});
    bench.write("new.json", &broken);
    let mut fewer = whole.clone();
    fewer["guarantees"].as_array_mut().unwrap().pop();
    bench.write("fewer.json", &fewer);
    let old = kept("format-1-check.json");
    bench.write("old.json", &old);
    let id = whole["guarantees"][0]["id"].as_str().unwrap();
    let (status, printed) = bench.status(&["base.json", "new.json"]);
    let says = format!("{id}/core: broken in NEW, and not in BASE");
    assert!(status == 1 && printed.contains(&says), "{status}: {printed}");
    assert_eq!(bench.status(&["new.json", "base.json"]).0, 0);
    assert_eq!(bench.status(&["new.json", "new.json"]).0, 0, "it was broken before");
    assert_eq!(bench.status(&["base.json", "fewer.json"]).0, 0);
    assert_eq!(bench.status(&["base.json", "fewer.json", "--must-run"]).0, 4);
    // Formats may differ; it is said.
    let (status, printed) = bench.status(&["old.json", "base.json"]);
    assert!(status == 0 && printed.contains("record format 1; NEW by"), "{status}: {printed}");
}

#[test]
fn bad_input_is_said_and_never_a_verdict() {
    let bench = Bench::new();
    bench.runs("base", 1.0, |_| {});
    bench.runs("elsewhere", 1.5, |record| record["host"]["cpu"] = json!("another CPU"));
    bench.runs("busy", 1.5, |record| record["noise"]["load"] = json!([1.8, 1.0]));
    bench.runs("few", 1.5, |record| {
        record["costs"][0]["series"][0]["samples"].as_array_mut().unwrap().truncate(9);
    });
    bench.runs("newer", 1.5, |record| record["isolab"] = json!("0.9.0"));
    bench.runs("kernel", 1.5, |record| record["host"]["kernel"] = json!("7.2.0"));
    bench.runs("unlike", 1.0, |record| record["costs"][0]["id"] = json!("another"));
    fs::create_dir(bench.path("empty")).unwrap();
    let whole = record(1, 6000).to_string();
    fs::write(bench.path("cut.json"), &whole[..whole.len() / 2]).unwrap();
    bench.write("future.json", &json!({"format": 99}));
    let broken = bench.path("criterion/a/new/benchmark.json");
    fs::create_dir_all(broken.parent().unwrap()).unwrap();
    fs::write(broken, "{").unwrap();
    for (arguments, status, says) in [
        (&["base", "cut.json"][..], 2, "cut.json is not an isolab record: EOF while parsing"),
        (
            &["base", "future.json"],
            2,
            "has record format 99; this isolab reads up to 2: this isolab is too old",
        ),
        (&["base", "empty"], 2, "empty: there is no record.json"),
        (&["criterion", "base"], 2, "criterion/a/new/benchmark.json is not a result of criterion"),
        (&["base", "unlike"], 2, "neither a series nor a guarantee in common"),
        (&["base", "elsewhere"], 2, "different hosts"),
        (&["base", "elsewhere", "--across-hosts"], 1, "different hosts, as asked by --across-hosts"),
        (&["busy", "base"], 0, "the host was busy in BASE"),
        (&["base", "busy"], 0, "load 1.80 on 2 CPUs before the run"),
        (&["base", "busy", "--strict"], 3, "the host was busy in NEW"),
        (&["base", "few"], 0, "too few samples in NEW: 9, where 10 are needed"),
        (
            &["base", "newer"],
            1,
            "different writers: BASE by isolab 0.1.0, record format 1; NEW by isolab 0.9.0",
        ),
        (&["base", "kernel"], 1, "NEW on Linux 7.2.0"),
    ] {
        let (found, printed) = bench.status(arguments);
        let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(found == status && printed.contains(says), "{arguments:?}: {found}: {printed}");
    }
}

#[test]
fn criterions_results_are_compared_and_their_host_is_said_to_be_unknown() {
    let bench = Bench::new();
    let criterion = Path::new(KEPT).join("criterion").display().to_string();
    let (status, printed) = bench.status(&[&criterion, &criterion]);
    let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(status == 0 && printed.contains("criterion keeps nothing of the host"), "{printed}");
    assert!(printed.contains("seccomp/load/core: 0.00 %"), "{printed}");
    bench.runs("base", 1.0, |_| {});
    assert_eq!(bench.status(&["base", &criterion]).0, 2, "another host, as far as anybody knows");
}

#[test]
fn the_same_records_give_the_same_bytes() {
    let bench = Bench::new();
    bench.runs("base", 1.0, |_| {});
    bench.runs("new", 1.03, |record| record["started"] = json!(record["started"].as_u64().unwrap() + 7));
    let forms = |arguments: &[&str]| {
        let files = ["--markdown", "report.md", "--junit", "junit.xml"];
        let output = bench.compare(&[arguments, &files].concat());
        let read = |name: &str| fs::read(bench.path(name)).unwrap();
        [output.stdout, output.stderr, read("report.md"), read("junit.xml")]
    };
    assert_eq!(forms(&["base", "new", "--json"]), forms(&["base", "new", "--json"]));
    assert_eq!(forms(&["base", "new"]), forms(&["base", "new"]));
    // Read in another order, and without a name of the directory's, it is the same.
    let before = forms(&["base", "new", "--json"]);
    for side in ["base", "new"] {
        for run in 0..6 {
            let (from, to) = (format!("{side}/{run}"), format!("{side}/renamed-{}", 9 - run));
            fs::rename(bench.path(&from), bench.path(&to)).unwrap();
        }
    }
    assert_eq!(before, forms(&["base", "new", "--json"]));
    let json: Value = serde_json::from_slice(&before[0]).unwrap();
    assert_eq!(json["rows"][0]["verdict"], "slower");
    assert_eq!(json["rows"][0]["ratio"], 1.02995, "six digits of it");
}
