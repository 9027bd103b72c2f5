//! What the file system shows.

use std::collections::BTreeMap;

use super::{Model, Node, Result, Said, What};

impl Model {
    pub(super) fn read(&self, path: &str) -> Result<Said> {
        match &self.nodes[self.there(path, true)?].what {
            What::File(data) => Ok(Said::Data(data.clone())),
            _ => Err(libc::EISDIR),
        }
    }

    pub(super) fn list(&self, path: &str) -> Result<Said> {
        match &self.nodes[self.there(path, true)?].what {
            What::Directory { names, .. } => Ok(Said::Names(names.keys().cloned().collect())),
            _ => Err(libc::ENOTDIR),
        }
    }

    /// All paths with what they show, and the first of each file's names. A symbolic link's is its own.
    pub(crate) fn show(&self) -> BTreeMap<String, (Node, String)> {
        let mut shown: BTreeMap<String, (Node, usize)> = BTreeMap::new();
        let mut ahead = vec![(String::new(), 0)];
        while let Some((path, node)) = ahead.pop() {
            let mut seen = self.nodes[node].clone();
            if let What::Directory { names, lower } = &mut seen.what {
                let slash = if path.is_empty() { "" } else { "/" };
                ahead.extend(
                    std::mem::take(names)
                        .into_iter()
                        .map(|(name, node)| (format!("{path}{slash}{name}"), node)),
                );
                *lower = false;
            }
            shown.insert(path, (seen, node));
        }
        let mut firsts: BTreeMap<usize, String> = BTreeMap::new();
        for (path, (_, node)) in &shown {
            firsts.entry(*node).or_insert_with(|| path.clone());
        }
        let first = |path: &String, (seen, node): &(Node, usize)| match seen.what {
            What::Symlink(_) => path.clone(),
            _ => firsts[node].clone(),
        };
        shown.into_iter().map(|(path, seen)| (path.clone(), (seen.0.clone(), first(&path, &seen)))).collect()
    }
}
