//! What is wrong with a config, each with its JSON path, all at once.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, such as `linux.namespaces[2].type`.
    pub path: String,
    /// What, as a sentence without its subject: `is not absolute`.
    pub problem: String,
}

/// What is said of a part of the spec that this launcher does not perform.
pub(crate) const NOT_YET: &str = "is not supported by this launcher yet";

impl Violation {
    /// Whether the config is right, and only this launcher does not do it yet.
    #[must_use]
    pub fn is_not_yet(&self) -> bool {
        self.problem.ends_with(NOT_YET)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// Everything that is wrong with a config; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Violations(pub Vec<Violation>);

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{violation}")?;
        }
        Ok(())
    }
}
