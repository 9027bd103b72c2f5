//! Which of an image's builds: `linux/amd64`, in Go's words, which the formats use.

use std::fmt;
use std::str::FromStr;

use super::error::Problem;

/// An operating system and an architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `linux`, for what can run here.
    pub os: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `v7` of `arm/v7`.
    pub variant: Option<String>,
}

impl Platform {
    /// This host's.
    #[must_use]
    pub fn host() -> Platform {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Platform { os: "linux".into(), architecture: architecture.into(), variant: None }
    }

    /// Whether this is what `asked` asks for: without a variant any will do.
    pub(super) fn is(&self, asked: &Platform) -> bool {
        let variant = asked.variant.is_none() || asked.variant == self.variant;
        self.os == asked.os && self.architecture == asked.architecture && variant
    }
}

impl FromStr for Platform {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Platform, Problem> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some((*variant).to_owned())),
            _ => {
                return Err(Problem::Choice(format!("{text:?} is not OS/ARCHITECTURE, such as linux/arm64")));
            }
        };
        Ok(Platform { os: (*os).to_owned(), architecture: (*architecture).to_owned(), variant })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}
