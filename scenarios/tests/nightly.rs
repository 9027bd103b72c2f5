//! `isolab nightly`, with a profile of small stages.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use isolab_core::sys::{process, signal};
use isolab_reports::night::{Ended, FILE, Night};
use isolab_scenarios::scratch::Scratch;

/// The second stage counts its runs, and fails until there is a file named `mended`.
const PROFILE: &str = r#"
[[stage]]
name = "host"
command = ["isolab", "host"]
minutes = 1
[[stage]]
name = "fails"
command = ["sh", "-c", "mkdir {out} && echo run >>{night}/runs; test -e {night}/mended || exit 5"]
minutes = 1
[[stage]]
name = "broken"
command = ["sh", "-c", "echo broken; exit 1"]
minutes = 1
"#;

struct Place(Scratch);

impl Place {
    fn new(profile: &str) -> Place {
        let place = Place(Scratch::new().unwrap());
        fs::write(place.path("profile.toml"), profile).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolab"));
        command.arg("nightly").arg("--profile").arg(self.path("profile.toml")).args(words);
        command.arg("--out").arg(self.path("out"));
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn night(&self) -> Night {
        Night::read(&self.path("out").join(FILE)).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn each_stage_runs_and_what_failed_runs_again() {
    let place = Place::new(PROFILE);
    let first = place.run(&[]);
    assert_eq!(first.status.code(), Some(5), "{first:?}");
    let statuses = |night: &Night| -> Vec<u8> {
        night.stages.iter().map(|stage| stage.ended.as_ref().unwrap().status()).collect()
    };
    assert_eq!(statuses(&place.night()), [0, 5, 1]);
    let (shown, said) = (text(&first.stdout), text(&first.stderr));
    assert!(shown.starts_with("isolab nightly") && shown.contains("2 of 3 stages want a look"), "{shown}");
    assert!(
        said.contains("2 of 3: fails, 1 min at most") && said.contains("broken: broken or slower"),
        "{said}"
    );
    assert!(text(&fs::read(place.path("out/broken.log")).unwrap()).contains("broken"));
    for page in ["summary.md", "index.html"] {
        assert!(text(&fs::read(place.path("out").join(page)).unwrap()).contains("fails"));
    }
    fs::write(place.path("out/mended"), "").unwrap();
    let again = place.run(&["--resume"]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert_eq!(statuses(&place.night()), [0, 0, 1]);
    assert_eq!(text(&fs::read(place.path("out/runs")).unwrap()), "run\nrun\n");
    assert!(text(&again.stderr).contains("broken: done before"));
}

#[test]
fn what_does_not_fit_is_refused() {
    let place = Place::new(PROFILE);
    assert_eq!(place.run(&["--resume"]).status.code(), Some(2));
    assert_eq!(place.run(&["--shard", "3/2"]).status.code(), Some(2));
    assert_eq!(place.run(&["--shard", "2/2"]).status.code(), Some(5));
    let full = place.run(&[]);
    assert!(full.status.code() == Some(2) && text(&full.stderr).contains("not empty"), "{full:?}");
    let other = place.run(&["--resume"]);
    assert!(text(&other.stderr).contains("of other stages"), "{other:?}");
    fs::write(place.path("profile.toml"), "[[stage]]\nname = 'a b'\ncommand = ['x']\nminutes = 1").unwrap();
    let wrong = place.run(&["--show"]);
    assert!(wrong.status.code() == Some(2) && text(&wrong.stderr).contains("\"a b\": a name"), "{wrong:?}");
}

#[test]
fn shards_are_all_of_it() {
    let place = Place::new(PROFILE);
    let shown = |shard: &str| text(&place.run(&["--show", "--shard", shard]).stdout);
    let lines = ["1/2", "2/2"].map(|shard| shown(shard).lines().count() - 1);
    assert_eq!(lines.iter().sum::<usize>(), 3);
    assert!(!place.path("out").exists());
}

#[test]
fn an_interrupt_ends_the_stage_and_can_be_taken_up() {
    let place = Place::new(
        "[[stage]]\nname = 'long'\ncommand = ['sh', '-c', 'echo $$ >{night}/pid; exec sleep 1000']\nminutes = 9\n",
    );
    let mut child = place.command(&[]).spawn().unwrap();
    let pid = place.path("out/pid");
    while !fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
        std::thread::sleep(Duration::from_millis(10));
        assert!(child.try_wait().unwrap().is_none());
    }
    let pidfd = process::pidfd_open(child.id().cast_signed()).unwrap();
    process::signal(&pidfd, signal::INTERRUPT).unwrap();
    let told = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Not by the SIGKILL that follows after a minute.
    assert!(told.elapsed() < Duration::from_secs(40));
    let stage: i32 = fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    assert!(process::pidfd_open(stage).is_err(), "the stage is still there");
    assert_eq!(place.night().stages[0].ended, None);
    fs::write(
        place.path("profile.toml"),
        "[[stage]]\nname = 'long'\ncommand = ['sh', '-c', 'echo $$ >{night}/pid; exec sleep 1000']\nminutes = 1\n",
    )
    .unwrap();
    // Another limit is no other stage; this one is ended by a signal of its own.
    let mut child = place.command(&["--resume"]).spawn().unwrap();
    let before = stage.to_string();
    while fs::read_to_string(&pid).is_ok_and(|text| text.trim() == before || !text.ends_with('\n')) {
        std::thread::sleep(Duration::from_millis(10));
        assert!(child.try_wait().unwrap().is_none());
    }
    let stage: i32 = fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    process::signal(&process::pidfd_open(stage).unwrap(), signal::KILL).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5));
    assert_eq!(place.night().stages[0].ended, Some(Ended::Killed { signal: 9 }));
}

#[test]
fn shards_are_put_together() {
    let place = Place::new(PROFILE);
    for shard in ["1", "2"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolab"));
        command
            .args(["nightly", "--shard", &format!("{shard}/2"), "--profile"])
            .arg(place.path("profile.toml"));
        command.arg("--out").arg(place.path(shard)).output().unwrap();
    }
    let merge = |shards: &[&str], out: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolab"));
        command.args(["nightly", "--merge"]).args(shards.iter().map(|shard| place.path(shard)));
        command.arg("--out").arg(place.path(out)).output().unwrap()
    };
    let whole = merge(&["2", "1"], "whole");
    assert!(whole.status.code() == Some(5) && text(&whole.stdout).contains("2 of 3 stages"), "{whole:?}");
    assert!(place.path("whole/broken.log").exists() && place.path("whole/fails").is_dir());
    let half = merge(&["2"], "half");
    assert!(half.status.code() == Some(5) && text(&half.stdout).contains("shard 1/2 missing"), "{half:?}");
    let twice = merge(&["1", "1"], "twice");
    assert!(twice.status.code() == Some(2) && text(&twice.stderr).contains("and so is"), "{twice:?}");
}
