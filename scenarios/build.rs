//! What `isolab --version` says beside the version: the commit of a release build, which `ISOLAB_REVISION` names where git does not know
//! it. A build for development says that it is one: with a commit in it, every commit would compile it anew.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=ISOLAB_REVISION");
    println!("cargo::rerun-if-changed=build.rs");
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    println!("cargo::rustc-env=ISOLAB_BUILD={}", if release { commit() } else { "development build".into() });
}

fn commit() -> String {
    if let Ok(named) = std::env::var("ISOLAB_REVISION") {
        return format!("commit {named}");
    }
    // Where the commit is written, in a worktree too.
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--path-format=absolute", "--git-path", file]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
        .map_or_else(|| "unknown commit".into(), |commit| format!("commit {commit}"))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
