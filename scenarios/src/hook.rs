//! A hook that writes down how it was called: `isolab inside hook FILE`.

use std::fs;
use std::io::Read;
use std::process::ExitCode;

use serde_json::{Value, json};

/// Writes `env` (of most variables the names alone), `state` (what stood on standard input), `cwd` and the host's `root` inode to a file that must not exist.
#[must_use]
pub fn main(file: &str) -> ExitCode {
    match write(file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("isolab: write {file}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(file: &str) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let mut state = String::new();
    std::io::stdin().lock().read_to_string(&mut state)?;
    // The caller's may hold secrets, and what is read here ends up in records.
    let shown = |name: &str| matches!(name, "GIVEN" | "LD_PRELOAD" | "PATH");
    let value =
        |(name, value): (String, String)| if shown(&name) { (name, value) } else { (name, "…".into()) };
    let env: std::collections::BTreeMap<_, _> = std::env::vars().map(value).collect();
    let seen = json!({
        "env": env,
        "state": serde_json::from_str::<Value>(&state).unwrap_or(Value::Null),
        "cwd": std::env::current_dir().ok(),
        "root": fs::metadata("/").map(|meta| meta.ino()).ok(),
    });
    let mut options = fs::OpenOptions::new();
    std::io::Write::write_all(
        &mut options.write(true).create_new(true).open(file)?,
        seen.to_string().as_bytes(),
    )
}
