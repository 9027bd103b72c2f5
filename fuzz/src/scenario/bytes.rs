//! A scenario file from bytes: refused with a place within it, or read the same every time.

use isolab_scenarios::cost::ladder::Ladder;
use isolab_scenarios::interference::declaration::Matrix;
use isolab_scenarios::schema::{self, Error, Guarantee, Kind};

use crate::target::{Target, text as show};

/// See above.
pub const TARGET: Target = Target { name: "scenario_bytes", holds: scenario_bytes, show, live: false };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn scenario_bytes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let kind = match schema::kind("f.toml", text) {
        Ok(kind) => kind,
        Err(error) => return refused(&error, text),
    };
    match kind {
        Kind::Guarantee => twice(|| Guarantee::parse("f.toml", text), text).iter().for_each(|guarantee| {
            assert!(!guarantee.id.is_empty());
            guarantee.expect.iter().for_each(|(path, _)| super::printed(path));
        }),
        Kind::Cost => drop(twice(|| schema::parse::<Ladder>("f.toml", text), text)),
        Kind::Interference => twice(|| Matrix::parse("f.toml", text), text).iter().for_each(|matrix| {
            // Cells are many where lists are long: a few lists say as much.
            if matrix.victim.len() * matrix.aggressor.len() * matrix.intensity.len() < 100 {
                super::cells(matrix);
            }
        }),
    }
}

/// What is read, which is the same when it is read again; nothing where it is refused.
fn twice<T: std::fmt::Debug>(read: impl Fn() -> Result<T, Error>, text: &str) -> Option<T> {
    match (read(), read()) {
        // By what is shown, since a number that is none differs from itself.
        (Ok(one), Ok(other)) => {
            assert_eq!(format!("{one:?}"), format!("{other:?}"), "reading is deterministic");
            Some(one)
        }
        (Err(one), Err(other)) => {
            assert_eq!(one, other, "refusals are repeatable");
            refused(&one, text);
            None
        }
        (one, other) => panic!("read and refused: {one:?} {other:?}"),
    }
}

fn refused(error: &Error, text: &str) {
    assert_eq!(error.file, "f.toml");
    assert!(!error.problem.trim().is_empty(), "a refusal without a problem: {error:?}");
    let lines = text.matches('\n').count() + 1;
    assert!(error.line <= lines, "line {} of {lines}: {error}", error.line);
    assert!(!error.to_string().contains('\n'), "more than one line: {error:?}");
    if let Some(key) = error.key.strip_prefix('`').and_then(|key| key.strip_suffix("`: ")) {
        let line = text.lines().nth(error.line.saturating_sub(1)).unwrap_or_default();
        assert!(line.contains(key), "{key:?} does not stand in line {}: {line:?}", error.line);
    }
}
