//! `isolab ab`, as a user meets it.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use isolab_core::need;
use isolab_reports::Record;
use isolab_scenarios::scratch::Scratch;
use serde_json::{Value, json};

fn ab(directory: &Path, words: &[&str]) -> Output {
    let mut isolab = Command::new(env!("CARGO_BIN_EXE_isolab"));
    // A history of its own: nothing of the user's is read or written.
    isolab.env("ISOLAB_HISTORY", directory.join("history.sqlite"));
    isolab.arg("ab").args(words).current_dir(directory).output().unwrap()
}

fn status(output: &Output) -> i32 {
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.code().unwrap_or_else(|| panic!("{said}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A directory with a program that loops so many times, for each of these.
fn loops(counts: &[(&str, u32)]) -> Scratch {
    let directory = Scratch::new().unwrap();
    for (name, count) in counts {
        write_loop(&directory.path().join(name), *count);
    }
    directory
}

fn write_loop(path: &Path, count: u32) {
    let text = format!("#!/bin/sh\ni=0\nwhile [ $i -lt {count} ]; do i=$((i+1)); done\n");
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_slower_program_is_found_and_a_faster_one_is_no_failure() {
    let directory = loops(&[("fast", 1_000), ("slow", 20_000)]);
    let slower = ab(directory.path(), &["--program", "./fast,./slow", "--metric", "cpu", "--json"]);
    assert_eq!(status(&slower), 1, "{}", stderr(&slower));
    let said: Value = serde_json::from_slice(&slower.stdout).unwrap();
    assert_eq!(said["conclusion"]["verdict"], "slower");
    let [low, high] = [0, 1].map(|end| said["conclusion"]["interval"][end].as_f64().unwrap());
    assert!(1.01 < low && low <= high, "{low} {high}");
    assert_eq!(said["samples"]["time"][0].as_array().unwrap().len() % 2, 0);
    let faster = ab(directory.path(), &["--program", "./slow,./fast", "--metric", "cpu"]);
    let text = String::from_utf8_lossy(&faster.stdout);
    assert_eq!(status(&faster), 0, "{text}");
    assert!(text.contains("faster than A") && text.contains("not calibrated here"), "{text}");
}

#[test]
fn what_is_undecided_is_a_failure_only_when_strict() {
    let directory = loops(&[("one", 100)]);
    let words = ["--program", "./one,./one", "--seconds", "1", "--margin", "0.001"];
    let lax = ab(directory.path(), &words);
    let text = String::from_utf8_lossy(&lax.stdout);
    assert_eq!(status(&lax), 0, "{text}");
    assert!(text.contains("inconclusive") && text.contains("would decide it"), "{text}");
    assert_eq!(status(&ab(directory.path(), &[&words[..], &["--strict"]].concat())), 3);
}

#[test]
fn a_setting_is_compared_with_the_config_as_it_is() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let directory = Scratch::new().unwrap();
    fs::create_dir_all(directory.path().join("rootfs/bin")).unwrap();
    fs::copy("/bin/busybox", directory.path().join("rootfs/bin/true")).unwrap();
    let namespaces = ["pid", "mount", "ipc", "uts"].map(|kind| json!({"type": kind}));
    let config = json!({
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "cwd": "/", "noNewPrivileges": true},
        "root": {"path": "rootfs", "readonly": true},
        "linux": {"namespaces": namespaces},
    });
    fs::write(directory.path().join("config.json"), config.to_string()).unwrap();
    let edit = "append = \"linux.namespaces\", value = { type = \"network\" }";
    let words = ["--launcher", "core", "--edit", edit, "config.json", "--out", "out"];
    let compared = ab(directory.path(), &words);
    let text = String::from_utf8_lossy(&compared.stdout);
    // A network namespace costs hundreds of microseconds, of some 300.
    assert_eq!(status(&compared), 1, "{text}{}", stderr(&compared));
    assert!(text.contains("B  core with append"), "{text}");
    let record = Record::read(&directory.path().join("out/record.json")).unwrap();
    let series = &record.costs[0].series;
    assert_eq!((series.len(), series[1].against.as_deref()), (2, Some("A: core")));
    // The page says of the same samples what the terminal says.
    let page = fs::read_to_string(directory.path().join("out/report.md")).unwrap();
    assert!(page.contains("Did it change?") && page.contains("slower"), "{page}");
    let wrong =
        ab(directory.path(), &["--launcher", "core", "--edit", "remove = \"linux.no\"", "config.json"]);
    assert_eq!(status(&wrong), 2);
    assert!(stderr(&wrong).contains("linux.no"), "{}", stderr(&wrong));
}

#[test]
fn without_a_config_there_is_one_whose_program_only_exits() {
    if !need::met(&["root"]) {
        return;
    }
    let directory = Scratch::new().unwrap();
    // A network namespace is the dearest of them.
    let edit = "remove = \"linux.namespaces[type=network]\"";
    let compared = ab(directory.path(), &["--launcher", "core", "--edit", edit, "--json"]);
    assert_eq!(status(&compared), 0, "{}", stderr(&compared));
    let said: Value = serde_json::from_slice(&compared.stdout).unwrap();
    assert_eq!(said["conclusion"]["verdict"], "faster", "{said}");
}

#[test]
fn two_revisions_are_built_in_worktrees_that_go_again() {
    if !need::met(&["git"]) {
        return;
    }
    let directory = loops(&[("tool.in", 500)]);
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=isolab", "-c", "user.email=isolab@example.org"];
        let output = Command::new("git").args(identity).args(words).current_dir(directory.path()).output();
        assert!(output.unwrap().status.success(), "{words:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "first"]);
    git(&["tag", "first"]);
    write_loop(&directory.path().join("tool.in"), 20_000);
    git(&["commit", "--quiet", "--all", "--message", "second"]);
    let words = ["--revision", "first,HEAD", "--build", "cp tool.in tool", "--program", "tool"];
    let compared = ab(directory.path(), &[&words[..], &["--metric", "cpu"]].concat());
    let text = String::from_utf8_lossy(&compared.stdout);
    assert_eq!(status(&compared), 1, "{text}{}", stderr(&compared));
    assert!(text.contains("A  first") && text.contains("B  HEAD") && text.contains("slower"), "{text}");
    let left = fs::read_dir(directory.path().join(".git/worktrees")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "worktrees are left");
    for (words, says) in [
        (["--revision", "first,none", "--build", "true", "--program", "tool"], "revision none"),
        (["--revision", "first,HEAD", "--build", "echo broken >&2; false", "--program", "tool"], "broken"),
        (["--revision", "first,HEAD", "--build", "true", "--program", "tool"], "No such file"),
    ] {
        let failed = ab(directory.path(), &words);
        assert_eq!(status(&failed), 2, "{words:?}");
        assert!(stderr(&failed).contains(says), "{words:?}: {}", stderr(&failed));
    }
}

#[test]
fn what_is_alike_is_calibrated() {
    let directory = loops(&[("one", 1_000)]);
    let words = ["--calibrate", "--program", "./one", "--seconds", "3", "--window", "1", "--json"];
    let calibrated = ab(directory.path(), &words);
    assert_eq!(status(&calibrated), 0, "{}", stderr(&calibrated));
    let said: Value = serde_json::from_slice(&calibrated.stdout).unwrap();
    assert_eq!(said[0]["subject"], "program ./one");
    assert!(said[0]["false_alarms"]["of"].as_u64().unwrap() >= 1, "{said}");
    assert!(!said[1]["power"].as_array().unwrap().is_empty());
    // Kept, and said of the next comparison of the same program here.
    let compared = ab(directory.path(), &["--program", "./one,./one", "--seconds", "1"]);
    let text = String::from_utf8_lossy(&compared.stdout);
    assert!(text.contains("comparisons of what is alike"), "{text}{}", stderr(&compared));
    fs::write(directory.path().join("history.sqlite"), "no database").unwrap();
    let compared = ab(directory.path(), &["--program", "./one,./one", "--seconds", "1"]);
    assert!(
        stderr(&compared).contains("history.sqlite") && compared.status.success(),
        "{}",
        stderr(&compared)
    );
}

#[test]
fn wrong_words_are_said() {
    let directory = loops(&[("one", 1)]);
    for (words, says) in [
        (&["config.json"][..], "what is to be compared"),
        (&["--program", "./one"], "two are compared"),
        (&["--launcher", "core,core", "no.json"], "no.json"),
        (&["--launcher", "./none,core", "no.json"], "./none"),
        (&["--program", "./one,./none"], "./none"),
        (&["--program", "./one,./one", "config.json"], "after --"),
        (&["--revision", "HEAD", "--program", "one"], "--revision wants two"),
        (&["--kernel", "6.1"], "--kernel wants two"),
        (&["--program", "./one,./one", "--margin", "0"], "not above 0"),
    ] {
        let failed = ab(directory.path(), words);
        assert_eq!(status(&failed), 2, "{words:?}: {}", stderr(&failed));
        assert!(stderr(&failed).contains(says), "{words:?}: {}", stderr(&failed));
    }
}
