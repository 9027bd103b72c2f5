//! Victim: makes a file, looks it up, renames it and removes it: directory entries and inodes, hardly any data.

use std::fs;
use std::io;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Serve;

/// Parameters of the metadata victim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VictimMetadata")]
pub struct Metadata {
    /// The directory, made before the start.
    pub at: PathBuf,
}

impl Metadata {
    pub(super) fn serve(&self) -> io::Result<Serve> {
        fs::create_dir_all(&self.at)?;
        let (one, other) = (self.at.join("one"), self.at.join("other"));
        Ok(Box::new(move || {
            fs::File::create(&one)?;
            fs::metadata(&one)?;
            fs::rename(&one, &other)?;
            fs::remove_file(&other)
        }))
    }
}
