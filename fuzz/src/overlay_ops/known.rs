//! Which paths to take, so that most operations find what they need.

use arbitrary::{Result, Unstructured};

use super::input::Path;
use super::layer::{Tree, What};

/// One to three of the same few names.
pub(super) fn path(u: &mut Unstructured<'_>) -> Result<Path> {
    let depth = *u.choose(&[1, 1, 1, 2, 2, 3])?;
    let parts = (0..depth).map(|_| u.choose(&["a", "b", "c"]).copied()).collect::<Result<Vec<_>>>()?;
    Ok(parts.join("/"))
}

/// What is probably at which path.
pub(super) struct Known(Vec<(Path, Kind)>);

/// What it is meant to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Symlink,
    Any,
}

impl Known {
    /// What the topmost of layers have.
    pub(super) fn new<'t>(layers: impl Iterator<Item = &'t Tree>) -> Known {
        let mut known: Vec<(Path, Kind)> = Vec::new();
        for (path, item) in layers.flat_map(|tree| &tree.0) {
            let kind = match item.what {
                What::Directory { .. } => Kind::Directory,
                What::File(_) => Kind::File,
                What::Symlink(_) => Kind::Symlink,
                What::Whiteout => Kind::Any,
            };
            if known.iter().all(|(other, _)| other != path) {
                known.push((path.clone(), kind));
            }
        }
        Known(known)
    }

    /// A path that something of a kind may be at.
    pub(super) fn there(&self, u: &mut Unstructured<'_>, kind: Kind) -> Result<Path> {
        let fits = |other: Kind| other == kind || kind == Kind::Any;
        let paths: Vec<&Path> =
            self.0.iter().filter(|(_, other)| fits(*other)).map(|(path, _)| path).collect();
        match paths.is_empty() || u.int_in_range(0..=7)? == 7 {
            true => path(u),
            false => Ok((*u.choose(&paths)?).clone()),
        }
    }

    /// A path that something of a kind is made at.
    pub(super) fn new_at(&mut self, u: &mut Unstructured<'_>, kind: Kind) -> Result<Path> {
        let name = *u.choose(&["a", "b", "c", "d"])?;
        let above = self.there(u, Kind::Directory)?;
        let path =
            if u.arbitrary()? || above.len() > 5 { name.to_owned() } else { format!("{above}/{name}") };
        self.0.push((path.clone(), kind));
        Ok(path)
    }
}
