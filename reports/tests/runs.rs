//! Runs as the user names them: records of every format, directories, criterion's results, and what is none of these.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use isolab_reports::record::{FORMAT, Record};
use isolab_reports::runs;
use serde_json::{Value, json};

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// A directory of this test process, removed when the test ends.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("isolab-runs-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A record with one series, a bench's.
    fn record(&self, name: &str, series: &str, change: impl FnOnce(&mut Value)) {
        let mut record = kept("records/format-1-bench.json");
        record["costs"][0]["series"][0]["name"] = json!(series);
        record["noise"] = json!({"load": [0.1, 0.1], "clock_read": [20], "stolen": 0.0});
        change(&mut record);
        self.write(name, record.to_string().as_bytes());
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("nobody else removes it");
    }
}

fn kept(name: &str) -> Value {
    serde_json::from_slice(&fs::read(Path::new(KEPT).join(name)).unwrap()).unwrap()
}

fn refused(path: &Path) -> String {
    runs::read(path).unwrap_err().to_string()
}

#[test]
fn a_record_of_every_format_is_read() {
    let records = Path::new(KEPT).join("records");
    let mut formats: Vec<u32> = Vec::new();
    for entry in fs::read_dir(&records).unwrap() {
        let path = entry.unwrap().path();
        let record = Record::read(&path).unwrap_or_else(|error| panic!("{error}"));
        let named = format!("format-{}-", record.format);
        assert!(path.file_name().unwrap().to_string_lossy().starts_with(&named), "{}", path.display());
        assert!(record.costs.len() + record.guarantees.len() > 0, "{}", path.display());
        formats.push(record.format);
    }
    formats.sort_unstable();
    formats.dedup();
    assert_eq!(formats, (1..=FORMAT).collect::<Vec<_>>(), "one is kept of each format");
}

#[test]
fn what_a_later_format_added_has_its_default() {
    let old = Record::read(&Path::new(KEPT).join("records/format-1-bench.json")).unwrap();
    assert_eq!((old.format, old.revision), (1, None));
    let new = Record::read(&Path::new(KEPT).join("records/format-2-bench.json.gz")).unwrap();
    assert!(new.format == 2 && new.revision.is_some());
    // A member that even format 1 got later.
    let mut older = kept("records/format-1-bench.json");
    for member in ["instrument", "questions", "sweeps", "mutants", "beside"] {
        older.as_object_mut().unwrap().remove(member);
    }
    let dir = Dir::new("default");
    let path = dir.write("record.json", older.to_string().as_bytes());
    let older = Record::read(&path).unwrap();
    assert!(older.beside.is_empty() && older.instrument.is_none());
}

#[test]
fn a_packed_record_is_known_by_its_content_and_refused_by_name_when_cut_short() {
    let packed = fs::read(Path::new(KEPT).join("records/format-2-bench.json.gz")).unwrap();
    let dir = Dir::new("packed");
    let path = dir.write("record.json.gz", &packed[..packed.len() / 2]);
    let said = refused(&path);
    assert!(said.contains("record.json.gz") && said.starts_with("read "), "{said}");
    // What is packed is known by its content.
    let path = dir.write("other/record.json", &packed);
    assert_eq!(runs::read(&path).unwrap().runs.len(), 1);
}

#[test]
fn what_is_no_record_is_refused_with_its_name_and_place() {
    let dir = Dir::new("refused");
    let whole = fs::read(Path::new(KEPT).join("records/format-1-bench.json")).unwrap();
    dir.write("a/record.json", &whole);
    dir.write("b/record.json", &whole[..whole.len() / 2]);
    let said = refused(&dir.0);
    assert!(said.contains("b/record.json") && said.contains("line 1 column"), "{said}");
    let newer = format!(r#"{{"format": {}}}"#, FORMAT + 1);
    dir.write("b/record.json", newer.as_bytes());
    let said = refused(&dir.0);
    assert!(said.contains("b/record.json") && said.contains("this isolab is too old"), "{said}");
    let empty = Dir::new("empty");
    empty.write("sub/notes.txt", b"nothing");
    assert!(refused(&empty.0).contains("no record.json"), "{}", refused(&empty.0));
    let absent = refused(&empty.0.join("absent"));
    assert!(absent.starts_with("read ") && absent.contains("absent"), "{absent}");
}

#[test]
fn benches_that_ran_together_are_one_run() {
    let dir = Dir::new("together");
    let at = |started: u64| move |record: &mut Value| record["started"] = json!(started);
    // Two passes of two benches, each pass in a directory of its own; and one directory that has both.
    dir.record("one/spawn/record.json", "a", at(1000));
    dir.record("one/seccomp/record.json", "b", at(1100));
    dir.record("two/spawn/record.json", "a", at(2000));
    dir.record("two/seccomp/record.json", "b", at(2100));
    let side = runs::read(&dir.0).unwrap();
    let started: Vec<u64> = side.runs.iter().map(|run| run.started).collect();
    assert_eq!(started, [1000, 2000], "{side:?}");
    assert!(side.runs.iter().all(|run| run.figures.len() == 2));
    assert_eq!(side.writers, ["isolab 0.1.0, record format 1"]);
    // What has a series in common, or another revision, or lies a day apart, is another run.
    let dir = Dir::new("apart");
    dir.record("1/record.json", "a", at(1000));
    dir.record("2/record.json", "a", at(2000));
    dir.record("3/record.json", "b", at(2500));
    dir.record("4/record.json", "c", |record| {
        record["started"] = json!(2600);
        record["revision"] = json!("abc");
    });
    dir.record("5/record.json", "d", at(2600 + 90_000));
    let side = runs::read(&dir.0).unwrap();
    let sizes: Vec<usize> = side.runs.iter().map(|run| run.figures.len()).collect();
    assert_eq!(sizes, [1, 2, 1, 1], "{side:?}");
}

#[test]
fn criterions_results_are_a_run() {
    let side = runs::read(&Path::new(KEPT).join("criterion")).unwrap();
    assert_eq!(side.runs.len(), 1);
    let figures = &side.runs[0].figures;
    assert_eq!(figures.keys().collect::<Vec<_>>(), ["seccomp/compile", "seccomp/load/core"]);
    for (directory, name) in [("compile", "seccomp/compile"), ("load_core", "seccomp/load/core")] {
        let estimates = kept(&format!("criterion/seccomp/{directory}/new/estimates.json"));
        let theirs = estimates["median"]["point_estimate"].as_f64().unwrap();
        let ours = figures[name].median;
        assert!((ours / theirs - 1.0).abs() < 1e-9, "{name}: {ours}, criterion says {theirs}");
        assert_eq!(figures[name].samples, 100);
    }
    assert!(side.runs[0].started > 0);
    // Several such directories are several runs, whatever they are called.
    let dir = Dir::new("criterion");
    for (run, time) in [("1", 100.0), ("2/criterion", 200.0)] {
        let folder = format!("{run}/group/bench/new");
        let benchmark = json!({"full_id": "group/bench", "directory_name": "group/bench"});
        dir.write(&format!("{folder}/benchmark.json"), benchmark.to_string().as_bytes());
        let sample = json!({"iters": [1.0, 2.0], "times": [time, 2.0 * time]});
        dir.write(&format!("{folder}/sample.json"), sample.to_string().as_bytes());
    }
    let medians: Vec<f64> =
        runs::read(&dir.0).unwrap().runs.iter().map(|run| run.figures["group/bench"].median).collect();
    assert_eq!(medians, [100.0, 200.0]);
}

#[test]
fn broken_results_of_criterion_are_refused_by_name() {
    let benchmark = br#"{"full_id": "a", "directory_name": "a"}"#;
    for (benchmark, sample, says) in [
        (&benchmark[..20], &b"{}"[..], "benchmark.json"),
        (benchmark, br#"{"iters": [1.0], "times": [1."#, "sample.json"),
        (benchmark, br#"{"iters": [1.0], "times": [1.0, 2.0]}"#, "2 times of 1 iterations"),
        (benchmark, br#"{"iters": [0.0], "times": [1.0]}"#, "without iterations"),
        (benchmark, br#"{"iters": [], "times": []}"#, "no samples"),
    ] {
        let dir = Dir::new("broken");
        dir.write("a/new/benchmark.json", benchmark);
        dir.write("a/new/sample.json", sample);
        let said = refused(&dir.0);
        assert!(said.contains(says) && said.contains("not a result of criterion"), "{said}");
    }
    let dir = Dir::new("half");
    dir.write("a/new/benchmark.json", benchmark);
    assert!(refused(&dir.0).contains("sample.json"), "{}", refused(&dir.0));
}
