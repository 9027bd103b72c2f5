//! `config.json` as written: the runtime-spec's own types, read with the place of whatever cannot be read.

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
    load(path).map(|(spec, _)| spec)
}

/// As [`read`], with the bytes of the file.
///
/// # Errors
/// As [`read`].
pub fn load(path: &Path) -> Result<(Spec, Vec<u8>), ReadError> {
    let bytes = content(path)?;
    match parse(&bytes) {
        Ok(spec) => Ok((spec, bytes)),
        Err(ReadError::Syntax { path: place, problem, .. }) => {
            Err(ReadError::Syntax { file: format!("{}: ", path.display()), path: place, problem })
        }
        Err(other) => Err(other),
    }
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
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Reads a config from bytes. Unknown properties are ignored, as the spec demands.
///
/// # Errors
/// [`ReadError::Syntax`] when it is not JSON, or a value has the wrong type.
pub fn parse(bytes: &[u8]) -> Result<Spec, ReadError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let syntax = |path: String, problem: String| ReadError::Syntax { file: String::new(), path, problem };
    let spec = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| syntax(error.path().to_string(), error.inner().to_string()))?;
    json.end().map_err(|error| syntax(".".into(), error.to_string()))?;
    Ok(spec)
}

#[cfg(test)]
mod tests {
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
