//! The test binaries of a workspace, as cargo builds and names them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// What cargo built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Built {
    /// Integration tests: the binaries of `tests/*.rs`, by package and name.
    pub tests: Vec<Test>,
    /// Programs that tests start, as `CARGO_BIN_EXE_*` names them.
    pub programs: Vec<PathBuf>,
}

/// One test binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// `PACKAGE/TARGET`, such as `core/launch`.
    pub name: String,
    /// The binary.
    pub path: PathBuf,
}

/// Why there are no test binaries.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cargo could not be started.
    #[error("start cargo: {0}; name the binaries with --binary where there is no cargo")]
    Start(std::io::Error),
    /// The build failed; cargo has said why.
    #[error("cargo test --no-run failed with {0}")]
    Build(std::process::ExitStatus),
    /// Its messages are not what they should be.
    #[error("a message of cargo: {0}")]
    Message(serde_json::Error),
}

/// One line of `--message-format=json`, as far as it matters here; see the chapter on external tools of cargo's book.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        target: Target,
        profile: Profile,
        executable: Option<PathBuf>,
        manifest_path: PathBuf,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    /// Whether it has tests. Fuzz targets have none: no test starts them, and they would fill a guest's memory.
    test: bool,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Builds the workspace's tests in `directory` and lists them.
///
/// # Errors
/// When cargo is missing, or the build fails.
pub fn build(directory: &Path) -> Result<Built, Error> {
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"]);
    command.current_dir(directory).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(Error::Start)?;
    if !output.status.success() {
        return Err(Error::Build(output.status));
    }
    built(&String::from_utf8_lossy(&output.stdout))
}

/// Reads cargo's messages.
fn built(messages: &str) -> Result<Built, Error> {
    let mut built = Built::default();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Message = serde_json::from_str(line).map_err(Error::Message)?;
        let Message::CompilerArtifact { target, profile, executable: Some(path), manifest_path } = message
        else {
            continue;
        };
        let is = |kind: &str| target.kind.iter().any(|it| it == kind);
        if profile.test && is("test") {
            let package = manifest_path.parent().and_then(Path::file_name).unwrap_or_default();
            let name = format!("{}/{}", package.to_string_lossy(), target.name);
            built.tests.push(Test { name, path });
        } else if !profile.test && is("bin") && target.test {
            built.programs.push(path);
        }
    }
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integration_tests_and_programs_are_told_apart() {
        let line = |kind: &str, name: &str, test: bool, path: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"p","manifest_path":"/w/core/Cargo.toml","target":{{"kind":["{kind}"],"name":"{name}","src_path":"s","test":{}}},"profile":{{"test":{test},"opt_level":"0"}},"features":[],"filenames":[],"executable":{path},"fresh":true}}"#,
                !name.starts_with("fuzz")
            )
        };
        let text = [
            line("test", "launch", true, r#""/t/launch-1""#),
            line("lib", "isolab_core", true, r#""/t/core-1""#),
            line("bin", "isolab", false, r#""/t/isolab""#),
            line("bin", "fuzz_plan", false, r#""/t/fuzz_plan""#),
            line("lib", "serde", false, "null"),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let built = built(&text.join("\n")).unwrap();
        assert_eq!(built.tests, [Test { name: "core/launch".into(), path: "/t/launch-1".into() }]);
        assert_eq!(built.programs, [PathBuf::from("/t/isolab")]);
    }
}
