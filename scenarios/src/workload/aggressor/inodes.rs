//! Aggressor: makes files, looks for others that are not there (which leaves negative entries in the dentry cache), and removes them
//! again. A unit of work is one file.

use std::fs;
use std::io;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorInodes")]
pub struct Inodes {
    /// Where, with one directory for each thread.
    pub at: PathBuf,
    /// Files of each thread at a time.
    pub files: u64,
}

impl Inodes {
    pub(super) fn unit(&self, thread: usize) -> io::Result<Unit> {
        let dir = self.at.join(format!("files-{thread}"));
        fs::create_dir_all(&dir)?;
        let (files, mut number) = (self.files.max(1), 0u64);
        Ok(Box::new(move || {
            number += 1;
            if let Some(oldest) = number.checked_sub(files + 1) {
                fs::remove_file(dir.join(oldest.to_string()))?;
            }
            if number.is_multiple_of(2) {
                drop(fs::metadata(dir.join(format!("none-{number}"))));
            }
            fs::File::create(dir.join((number - 1).to_string()))?;
            Ok(1)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_files_than_asked_for() {
        let at = std::env::temp_dir().join(format!("isolab-inodes-{}", std::process::id()));
        let mut unit = Inodes { at: at.clone(), files: 3 }.unit(0).unwrap();
        for number in 1..=10 {
            unit().unwrap();
            assert_eq!(fs::read_dir(at.join("files-0")).unwrap().count(), number.min(3));
        }
        fs::remove_dir_all(&at).unwrap();
    }
}
