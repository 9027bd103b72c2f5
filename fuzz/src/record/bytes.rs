//! A record from bytes, packed or not: refused with a place, or printed and read as the same.

use isolab_reports::{Record, RecordError};

use crate::target::{Target, text};

/// See above.
pub const TARGET: Target = Target { name: "record_bytes", holds: record_bytes, show: text, live: false };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn record_bytes(bytes: &[u8]) {
    let record = match Record::parse("f.json", bytes) {
        Ok(record) => record,
        Err(error) => return refused(&error),
    };
    let text = record.print("f.json").unwrap_or_else(|error| panic!("what was read can be printed: {error}"));
    let again = Record::parse("f.json", text.as_bytes());
    let again = again.unwrap_or_else(|error| panic!("what was printed can be read: {error}"));
    assert!(again == record, "printing and reading is the identity:\n{text}");
    // Large records make slow pages and show nothing new.
    if bytes.len() < 1 << 14 {
        super::pages::of(&record);
    }
}

fn refused(error: &RecordError) {
    let said = error.to_string();
    match error {
        RecordError::Syntax { source, .. } => {
            assert!(source.line() > 0, "a refusal without a place: {said}");
            assert!(said.starts_with("f.json is not an isolab record: "), "{said}");
        }
        RecordError::TooNew { found, newest, .. } => {
            assert!(found > newest && said.contains("this isolab is too old for it"), "{said}");
        }
        RecordError::Io { .. } => assert!(said.starts_with("unpack f.json: "), "{said}"),
        RecordError::Lost { .. } => panic!("nothing was written: {said}"),
    }
}
