//! Reading and writing records.

mod sample;

use std::path::PathBuf;

use isolab_reports::record::{FORMAT, Record, RecordError};

/// A file of this test process, removed when the test ends.
struct File(PathBuf);

impl File {
    fn with(name: &str, content: &[u8]) -> File {
        let path = std::env::temp_dir().join(format!("isolab-record-{}-{name}.json", std::process::id()));
        std::fs::write(&path, content).expect("the temporary directory can be written");
        File(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).expect("nobody else removes it");
    }
}

#[test]
fn what_is_written_is_read() {
    let file = File::with("round-trip", b"");
    let record = sample::record();
    record.write(&file.0).unwrap();
    assert!(Record::read(&file.0).unwrap() == record, "every number survives, to the last bit");
}

#[test]
fn a_truncated_record_is_refused_by_name() {
    let whole = serde_json::to_vec(&sample::record()).unwrap();
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        let file = File::with("truncated", &whole[..length]);
        let error = Record::read(&file.0).unwrap_err();
        assert!(matches!(error, RecordError::Syntax { .. }), "{length}: {error:?}");
        let said = error.to_string();
        assert!(said.contains("isolab-record-") && said.contains("EOF"), "{said}");
    }
}

#[test]
fn a_newer_record_says_who_is_too_old() {
    // What else a newer format holds is not known: only its number may be looked at.
    let newer = format!(r#"{{"format": {}, "surprise": [1, 2]}}"#, FORMAT + 1);
    let file = File::with("newer", newer.as_bytes());
    let error = Record::read(&file.0).unwrap_err();
    assert!(matches!(error, RecordError::TooNew { found, .. } if found == FORMAT + 1), "{error:?}");
    assert!(error.to_string().contains("this isolab is too old"), "{error}");
}

#[test]
fn what_is_no_record_is_refused() {
    let file = File::with("other", br#"{"name": "isolab", "version": 1}"#);
    let error = Record::read(&file.0).unwrap_err();
    assert!(error.to_string().contains("missing field `format`"), "{error}");
    let absent = Record::read(&file.0.with_extension("absent")).unwrap_err();
    assert!(matches!(absent, RecordError::Io { operation: "read", .. }), "{absent:?}");
}

/// JSON has no such number, and half a record is none.
#[test]
fn what_could_not_be_read_again_is_not_written() {
    let mut record = sample::record();
    record.seconds = f64::INFINITY;
    let file = File::with("infinite", b"as before");
    let error = record.write(&file.0).unwrap_err();
    assert!(matches!(error, RecordError::Lost { .. }), "{error:?}");
    assert!(error.to_string().contains("could not be read again: invalid type: null"), "{error}");
    assert_eq!(std::fs::read(&file.0).unwrap(), b"as before");
}
