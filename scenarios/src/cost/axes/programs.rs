//! The exec, by program: one page that only exits, and isolab itself.
//!
//! A file's size is not what counts: the kernel maps its segments and reads nothing (`elf(5)`). What counts is the pages that
//! are touched on the way to the end, so isolab prints its version and exits. The series' steps have the exec and the
//! program's run apart from each other.

use serde_json::json;

use super::super::ladder::Ladder;
use super::{alone, rung, set};
use crate::probe::PROGRAM;

/// Id of the cost in the record.
pub const ID: &str = "exec-by-program";

/// Both.
#[must_use]
pub fn ladder() -> Ladder {
    let version = set(["process", "args"], json!([PROGRAM, "--version"]));
    let rungs = vec![rung("one page", Vec::new()), rung("isolab --version", vec![version])];
    alone(ID, "Launch a program, wait for its end, remove, by program", rungs)
}
