//! `config.json` as written: the runtime-spec's own types, read with the place of whatever cannot be read.

mod place;
mod repair;
mod required;
mod unique;

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub use oci_spec::runtime::Spec;

/// A larger file is refused unread: the largest real configs are well under a megabyte.
pub const LARGEST: u64 = 16 * 1024 * 1024;

/// Why a config could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is no regular file: a FIFO or a device could make the reader hang.
    #[error("read {}: not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than [`LARGEST`].
    #[error("read {}: {size} bytes, more than the {LARGEST} that a config may have", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
    },
    /// It is not JSON, or a value has the wrong type.
    #[error("{file}{path}: {problem}")]
    Syntax {
        /// The file's name and a colon, empty when the bytes came from elsewhere.
        file: String,
        /// The JSON path, such as `process.args[0]`; `.` is the whole document.
        path: String,
        /// What is wrong, with line and column.
        problem: String,
    },
}

/// The oldest and the newest version of the runtime-spec that is read in full. Newer minor versions are read too, as far
/// as they are known.
pub const VERSIONS: [&str; 2] = ["1.0.0", "1.3.0"];

/// Reads a config from a file.
///
/// # Errors
/// When the file is not a readable regular file of sensible size, or as [`parse`].
pub fn read(path: &Path) -> Result<Spec, ReadError> {
    in_file(path, &content(path)?, parse)
}

/// A config with the file that it was read from.
#[derive(Debug)]
pub struct Loaded {
    /// The config.
    pub spec: Spec,
    /// What the spec lets a runtime leave out of it with a warning.
    pub left_out: Vec<String>,
    /// The bytes of the file.
    pub bytes: Vec<u8>,
}

/// Reads a config from a file, without what the spec lets a runtime leave out with a warning.
///
/// # Errors
/// As [`read`], but for what is left out.
pub fn load(path: &Path) -> Result<Loaded, ReadError> {
    let bytes = content(path)?;
    let (spec, left_out) = in_file(path, &bytes, parse_noting)?;
    Ok(Loaded { spec, left_out, bytes })
}

fn in_file<T>(
    path: &Path,
    bytes: &[u8],
    parse: impl FnOnce(&[u8]) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    parse(bytes).map_err(|error| match error {
        ReadError::Syntax { path: place, problem, .. } => {
            ReadError::Syntax { file: format!("{}: ", path.display()), path: place, problem }
        }
        other => other,
    })
}

/// A file of sensible size.
///
/// # Errors
/// When it is no readable regular file, or too large.
pub fn content(path: &Path) -> Result<Vec<u8>, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    // Not blocking, so that opening a FIFO returns at once; the flag means nothing for regular files.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile { path: path.to_owned() });
    }
    if metadata.len() > LARGEST {
        return Err(ReadError::TooLarge { path: path.to_owned(), size: metadata.len() });
    }
    // With room for the end to be seen at once.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    file.take(LARGEST).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Reads a config from bytes. Unknown properties are ignored, as the spec demands.
///
/// # Errors
/// [`ReadError::Syntax`] when it is not JSON, or a value has the wrong type, the name of a capability that nobody knows
/// among them.
pub fn parse(bytes: &[u8]) -> Result<Spec, ReadError> {
    match typed(bytes) {
        Ok(spec) => Ok(spec),
        Err(error) => match repaired(bytes, error)? {
            (spec, left_out, _) if left_out.is_empty() => Ok(spec),
            (.., error) => Err(error),
        },
    }
}

/// Reads a config from bytes, and what the spec lets a runtime leave out of it with a warning: capabilities that nobody
/// knows.
///
/// # Errors
/// As [`parse`], but for what is left out.
pub fn parse_noting(bytes: &[u8]) -> Result<(Spec, Vec<String>), ReadError> {
    match typed(bytes) {
        Ok(spec) => Ok((spec, Vec::new())),
        Err(error) => repaired(bytes, error).map(|(spec, left_out, _)| (spec, left_out)),
    }
}

/// Most documents need no repair, so it is tried when reading has failed, with this error. It is returned again beside what is
/// left out.
fn repaired(bytes: &[u8], error: ReadError) -> Result<(Spec, Vec<String>, ReadError), ReadError> {
    // No JSON, or a key that is there twice: that is wrong in any case.
    let repaired = repair::repair(bytes).map_err(|error| syntax(bytes, &error))?;
    if !repaired.differs {
        return Err(error);
    }
    // By way of text: reading the types from values would be the same code once more, hundreds of kilobytes of it.
    let Ok(text) = serde_json::to_vec(&repaired.value) else { return Err(error) };
    match typed(&text) {
        Ok(spec) => Ok((spec, repaired.left_out, error)),
        Err(ReadError::Syntax { file, path, problem }) => {
            // What is wrong besides; line and column are those of another text.
            let problem = problem.split(" at line ").next().unwrap_or_default().to_owned();
            Err(ReadError::Syntax { file, path, problem })
        }
        Err(other) => Err(other),
    }
}

fn typed(bytes: &[u8]) -> Result<Spec, ReadError> {
    let read = serde_json::from_slice(bytes).and_then(|spec| required::check(bytes).map(|()| spec));
    read.map_err(|error| syntax(bytes, &error))
}

fn syntax(bytes: &[u8], error: &serde_json::Error) -> ReadError {
    let end = place::offset(bytes, error.line(), error.column());
    ReadError::Syntax { file: String::new(), path: place::path_at(bytes, end), problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn names_the_json_path_of_a_wrong_type() {
        let text = br#"{"ociVersion":"1.0.2","process":{"cwd":"/","args":"sh"}}"#;
        assert!(message(text).starts_with("process.args: invalid type"), "{}", message(text));
        let text = br#"{"ociVersion":"1.0.2","linux":{"namespaces":[{"type":"pid"},{"type":"moon"}]}}"#;
        assert!(message(text).starts_with("linux.namespaces[1].type: unknown variant"), "{}", message(text));
    }

    #[test]
    fn what_the_spec_allows_is_read_though_the_types_refuse_it() {
        let text = br#"{"ociVersion":"1.2.0","process":{"cwd":"/","user":{"uid":0,"gid":0},"capabilities":{"bounding":["CAP_KILL"]},
            "execCPUAffinity":{"initial":"","final":"0"},
            "scheduler":{"policy":"SCHED_OTHER","flags":["SCHED_FLAG_RESET_ON_FORK","SCHED_FLAG_DL_OVERRUN"]}}}"#;
        let spec = parse(text).unwrap();
        let scheduler = spec.process().as_ref().unwrap().scheduler().clone().unwrap();
        assert_eq!(scheduler.flags().as_ref().unwrap().len(), 2);
    }

    /// The types would fill in 0, which is root, or no limit.
    #[test]
    fn what_the_spec_requires_is_missed_by_its_place() {
        let full: serde_json::Value =
            serde_json::from_slice(include_bytes!("../../tests/configs/full.json")).unwrap();
        let ids = json!([{"containerID": 0, "hostID": 1000, "size": 1}]);
        let rates = json!([{"major": 8, "minor": 0, "rate": 1}]);
        let cases = [
            ("/process/user", json!({"uid": 1, "gid": 1}), vec!["uid", "gid"]),
            ("/process/rlimits", json!([{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}]), vec!["soft", "hard"]),
            ("/mounts/0/uidMappings", ids.clone(), vec!["containerID", "hostID", "size"]),
            ("/linux/uidMappings", ids.clone(), vec!["containerID", "hostID", "size"]),
            ("/linux/gidMappings", ids, vec!["containerID", "hostID", "size"]),
            (
                "/linux/devices",
                json!([{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}]),
                vec!["major", "minor"],
            ),
            ("/linux/resources/devices", json!([{"allow": true}]), vec!["allow"]),
            ("/linux/resources/blockIO/throttleReadBpsDevice", rates.clone(), vec!["major", "minor", "rate"]),
            ("/linux/resources/blockIO/throttleWriteIOPSDevice", rates, vec!["major", "minor", "rate"]),
            ("/linux/resources/hugepageLimits", json!([{"pageSize": "2MB", "limit": 0}]), vec!["limit"]),
        ];
        for (pointer, value, fields) in cases {
            let mut config = full.clone();
            set(&mut config, pointer, value);
            parse(config.to_string().as_bytes()).unwrap();
            for field in fields {
                let mut less = config.clone();
                let at = less.pointer_mut(pointer).unwrap();
                let (at, place) = if at.is_array() { (&mut at[0], "[0]") } else { (at, "") };
                at.as_object_mut().unwrap().remove(field);
                let place = pointer.trim_start_matches('/').replace("/0", "[0]").replace('/', ".") + place;
                let told = format!("{place}: missing field `{field}`");
                let text = less.to_string();
                assert!(message(text.as_bytes()).starts_with(&told), "{told}: {}", message(text.as_bytes()));
            }
        }
        let fifo = r#"{"ociVersion":"1.2.0","linux":{"devices":[{"path":"/x","type":"p"}]}}"#;
        parse(fifo.as_bytes()).unwrap();
    }

    fn set(config: &mut serde_json::Value, pointer: &str, value: serde_json::Value) {
        let mut at = config;
        for name in pointer.trim_start_matches('/').split('/') {
            at = if name == "0" { &mut at[0] } else { &mut at[name] };
        }
        *at = value;
    }

    #[test]
    fn unknown_capabilities_are_left_out_aloud_or_refused() {
        let text = br#"{"ociVersion":"1.2.0","process":{"cwd":"/","user":{"uid":0,"gid":0},
            "capabilities":{"bounding":["CAP_KILL","CAP_MOON"],"ambient":["CAP_MOON"]}}}"#;
        assert!(message(text).contains("process.capabilities"), "{}", message(text));
        let (spec, left_out) = parse_noting(text).unwrap();
        let sets = spec.process().as_ref().unwrap().capabilities().clone().unwrap();
        assert_eq!(sets.bounding().as_ref().unwrap().len(), 1);
        assert_eq!(left_out.len(), 2, "{left_out:?}");
        assert!(left_out.iter().all(|line| line.contains("CAP_MOON")), "{left_out:?}");
        assert!(parse_noting(br#"{"ociVersion":1}"#).is_err());
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused() {
        let text = br#"{"ociVersion":"1.0.2","process":{"cwd":"/","cwd":"/x","user":{"uid":0,"gid":0}}}"#;
        assert!(message(text).starts_with("process.cwd: duplicate field"), "{}", message(text));
    }

    /// What needs a repair does not hide what is wrong elsewhere.
    #[test]
    fn what_is_wrong_beside_a_repair_is_named() {
        let text = br#"{"ociVersion":"1.2.0","process":{"user":{"uid":0,"gid":0},
            "scheduler":{"policy":"SCHED_OTHER","flags":["SCHED_FLAG_RESET_ON_FORK"]},"args":7,"cwd":"/"}}"#;
        assert!(message(text).starts_with("process.args: invalid type"), "{}", message(text));
        let text = br#"{"ociVersion":"1.2.0","process":{"user":{"uid":0,"gid":0},
            "scheduler":{"policy":"SCHED_OTHER","flags":["SCHED_FLAG_RESET_ON_FORK"]},"cwd":"/","cwd":"/"}}"#;
        assert!(message(text).starts_with("process.cwd: duplicate field"), "{}", message(text));
    }

    #[test]
    fn names_the_position_of_broken_json() {
        assert!(message(b"{\"ociVersion\":").contains("line 1 column 14"));
        assert!(message(b"{} {}").contains("trailing characters"));
        assert!(message(b"").contains("EOF"));
    }

    #[test]
    fn refuses_what_is_not_a_regular_file() {
        assert!(matches!(read(Path::new("/dev/zero")), Err(ReadError::NotAFile { .. })));
        assert!(matches!(read(Path::new("/")), Err(ReadError::NotAFile { .. })));
        let missing = read(Path::new("/nonexistent.json")).unwrap_err().to_string();
        assert!(missing.contains("/nonexistent.json") && missing.contains("No such file"), "{missing}");
    }
}
