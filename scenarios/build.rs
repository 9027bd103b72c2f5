//! What is known only when isolab is built: the scenario files there are, and of which commit the build is.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ISOLAB_REVISION");
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    println!("cargo::rustc-env=ISOLAB_BUILD={}", if release { commit() } else { "development build".into() });
    list_guarantees()
}

/// Lists the scenario files of `catalog/guarantees`, so that a new one is in the catalogue by being there.
fn list_guarantees() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let folder = Path::new(&root).join("catalog/guarantees");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let mut list = "&[\n".to_owned();
    for name in names.iter().filter(|name| name.ends_with(".toml")) {
        let (key, path) = (format!("guarantees/{name}"), folder.join(name).display().to_string());
        writeln!(list, "    ({key:?}, include_str!({path:?})),").map_err(io::Error::other)?;
    }
    list.push(']');
    fs::write(Path::new(&out).join("guarantees.rs"), list)
}

/// What `isolab --version` says beside the version: the commit of a release build, which `ISOLAB_REVISION` names where git does not know
/// it. A build for development says that it is one: with a commit in it, every commit would compile it anew.
fn commit() -> String {
    if let Ok(named) = env::var("ISOLAB_REVISION") {
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
