//! `isolab history` as a command: its exit statuses, its forms, and that several at once do not lose a run. Launches nothing.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use isolab_scenarios::scratch::Scratch;
use serde_json::{Value, json};

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../reports/tests/records/format-1-bench.json");
/// The first run's start.
const START: u64 = 1_767_323_040;

/// Records of runs, and a history.
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

    fn isolab(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolab"));
        command.arg("history").args(arguments).current_dir(self.scratch.path());
        command.env("ISOLAB_HISTORY", self.path("history.sqlite"));
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.isolab(arguments).output().unwrap();
        // Lines end where the terminal does.
        let text = |bytes| String::from_utf8(bytes).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (status, said, failed) = self.run(arguments);
        assert_eq!(status, 0, "{said}{failed}");
        said
    }

    /// Writes the record of the run at this place in time, in a directory of its own.
    fn record(&self, n: u64, micros: f64) {
        let mut record: Value = serde_json::from_str(&fs::read_to_string(KEPT).unwrap()).unwrap();
        record["format"] = json!(2);
        record["revision"] = json!(format!("{n:03}facade"));
        record["started"] = json!(START + n * 86_400);
        record["noise"] = json!({"load": [0.1, 0.1], "clock_read": [20], "stolen": 0.0});
        let wobble = 1.0 + (n * 37 % 101) as f64 / 20_000.0;
        let samples = vec![(micros * 1000.0 * wobble) as u64; 12];
        record["costs"][0]["series"][0]["samples"] = json!(samples);
        let dir = self.path(&format!("records/{n:03}"));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("record.json"), record.to_string()).unwrap();
    }

    /// Adds 30 runs, of which the last ten take so many times as long.
    fn with_a_change(&self, times: f64) {
        (0..30).for_each(|n| self.record(n, if n < 20 { 6000.0 } else { 6000.0 * times }));
        assert!(self.done(&["add", "records"]).contains("30 runs added"));
    }
}

#[test]
fn a_regression_is_status_one_until_it_is_out_of_scope() {
    let bench = Bench::new();
    bench.with_a_change(1.08);
    let (status, said, _) = bench.run(&["changes"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("slower: +8.") && said.contains("first after 020facade"), "{said}");
    for (scope, expected) in [
        (&["--last", "10"][..], 1),
        (&["--last", "9"], 0),
        (&["--since", "019facade"], 1),
        (&["--since", "020facade"], 0),
        (&["--since", "latest~11"], 1),
        (&["--margin", "20"], 0),
        (&["--json"], 1),
    ] {
        let (status, said, failed) = bench.run(&[&["changes"], scope].concat());
        assert_eq!(status, expected, "{scope:?}: {said}{failed}");
    }
}

#[test]
fn what_became_faster_is_no_regression() {
    let bench = Bench::new();
    bench.with_a_change(0.9);
    assert!(bench.done(&["changes"]).contains("faster: −1"));
}

#[test]
fn the_forms_say_the_same() {
    let bench = Bench::new();
    bench.with_a_change(1.08);
    let shown = bench.done(&["show", "core"]);
    assert!(shown.contains("▁") && shown.contains("30 runs") && shown.contains("020facade"), "{shown}");
    let trends: Value = serde_json::from_str(&bench.done(&["show", "--json"])).unwrap();
    let shift = &trends[0]["shifts"][0];
    assert_eq!((&shift["at"], &shift["verdict"]), (&json!(20), &json!("slower")));
    assert_eq!(shift["before"]["revision"], "019facade");
    bench.done(&["html", "page.html"]);
    let page = fs::read_to_string(bench.path("page.html")).unwrap();
    assert!(page.contains("last before 019facade, first after 020facade"), "{page}");
    let list: Value = serde_json::from_str(&bench.done(&["list", "--json"])).unwrap();
    assert_eq!((list.as_array().unwrap().len(), &list[29]["revision"]), (30, &json!("029facade")));
}

#[test]
fn runs_are_added_once_and_removed_by_number() {
    let bench = Bench::new();
    bench.record(0, 6000.0);
    bench.record(1, 6010.0);
    bench.done(&["add", "records/000", "records/001/record.json"]);
    let again = bench.done(&["add", "records"]);
    assert!(again.contains("0 runs added, 2 there already"), "{again}");
    assert!(bench.done(&["list"]).contains("000facade"));
    bench.done(&["remove", "#1"]);
    let left = bench.done(&["list"]);
    assert!(
        !left.contains("000facade") && left.contains("#2") && left.contains("1 run in the history"),
        "{left}"
    );
    let (status, _, failed) = bench.run(&["remove", "1"]);
    assert_eq!((status, failed.contains("remove run #1")), (2, true), "{failed}");
}

#[test]
fn another_file_can_be_named() {
    let bench = Bench::new();
    bench.record(0, 6000.0);
    bench.done(&["add", "--file", "elsewhere/mine.sqlite", "records"]);
    assert!(!bench.path("history.sqlite").exists());
    assert!(bench.done(&["--file", "elsewhere/mine.sqlite", "list"]).contains("1 run in the history"));
}

#[test]
fn adding_at_once_loses_nothing() {
    let bench = Bench::new();
    (0..12).for_each(|n| bench.record(n, 6000.0));
    let adding = |n: u64| bench.isolab(&["add", &format!("records/{n:03}"), "records/000"]).spawn().unwrap();
    for mut child in (0..12).map(adding).collect::<Vec<_>>() {
        assert!(child.wait().unwrap().success());
    }
    assert!(bench.done(&["list"]).contains("12 runs in the history"));
}

#[test]
fn wrong_input_is_status_two_and_named() {
    let bench = Bench::new();
    bench.record(0, 6000.0);
    for (arguments, named) in [
        (&["list"][..], "history.sqlite: No such file"),
        (&["add", "nowhere"], "nowhere"),
        (&["add", "--file", "records/000/record.json", "records"], "record.json is not a history"),
        (&["add", "--file", "/sys/history.sqlite", "records"], "open history /sys/history.sqlite: "),
    ] {
        let (status, said, failed) = bench.run(arguments);
        assert_eq!(status, 2, "{arguments:?}: {said}{failed}");
        assert!(failed.contains(named), "{arguments:?}: {failed}");
    }
    bench.done(&["add", "records"]);
    for arguments in [&["show", "nothing"][..], &["changes", "--since", "feedface"], &["remove", "one"]] {
        let (status, said, failed) = bench.run(arguments);
        assert_eq!(status, 2, "{arguments:?}: {said}{failed}");
    }
}

#[test]
fn names_are_compared_by_how_far_earlier_runs_spread() {
    let bench = Bench::new();
    bench.with_a_change(1.08);
    let compare = |words: &[&str]| {
        let mut isolab = Command::new(env!("CARGO_BIN_EXE_isolab"));
        isolab.arg("compare").args(words).current_dir(bench.scratch.path());
        let output = isolab.env("ISOLAB_HISTORY", bench.path("history.sqlite")).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), said)
    };
    let (status, said) = compare(&["019facade", "latest"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("slower"), "{said}");
    let (status, said) = compare(&["latest~1", "latest", "--strict", "--margin", "2"]);
    assert_eq!(status, 0, "{said}");
    // The same runs as files: without the history's word there are too few of them, and with it there are enough.
    let files = ["records/019", "records/029"];
    assert_eq!(compare(&[&files[..], &["--strict"]].concat()).0, 3);
    assert_eq!(compare(&[&files[..], &["--history"]].concat()).0, 1);
    let (status, said) = compare(&["nobody", "latest"]);
    assert!(status == 2 && said.contains("nobody: no such file, and no such run"), "{said}");
    let (status, said) = compare(&[&files[..], &["--history", "none.sqlite"]].concat());
    assert!(status == 2 && said.contains("none.sqlite"), "{said}");
}
