//! What shells and manual readers get of the command line.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::fs;
use std::process::{Command, Output};

use isolab_scenarios::scratch::Scratch;

fn isolab(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_isolab")).args(words).output().unwrap()
}

#[test]
fn the_version_says_of_which_build_it_is() {
    let said = isolab(&["--version"]);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.starts_with(concat!("isolab ", env!("CARGO_PKG_VERSION"), " (")), "{said}");
    assert!(
        said.contains("features: none") && (said.contains("commit") || said.contains("development")),
        "{said}"
    );
}

#[test]
fn shells_complete_every_command() {
    for (shell, takes) in [("bash", "complete "), ("zsh", "#compdef isolab"), ("fish", "complete -c isolab")]
    {
        let text = String::from_utf8(isolab(&["completions", shell]).stdout).unwrap();
        assert!(
            text.contains(takes) && text.contains("nightly") && text.contains("resume"),
            "{shell}: {text}"
        );
    }
    assert_eq!(isolab(&["completions", "abacus"]).status.code(), Some(2));
}

#[test]
fn every_command_has_a_manual_page() {
    let scratch = Scratch::new().unwrap();
    let dir = scratch.path().join("man/man1");
    assert!(isolab(&["man", dir.to_str().unwrap()]).status.success());
    let page = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    assert!(page("isolab.1").contains("Exit status") && page("isolab-nightly.1").contains("shard"));
    let into_a_file = dir.join("isolab.1/x");
    let refused = isolab(&["man", into_a_file.to_str().unwrap()]);
    assert!(
        refused.status.code() == Some(2)
            && String::from_utf8_lossy(&refused.stderr).contains("write manual pages")
    );
}
