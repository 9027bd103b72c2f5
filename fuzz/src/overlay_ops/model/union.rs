//! The union of layers (overlayfs.rst): a whiteout hides what is below it, so does what is no directory, and directories merge,
//! down to an opaque one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Model, Node, What};
use crate::overlay_ops::input::{Input, Redirect};
use crate::overlay_ops::layer::{self, Item, Tree};

impl Model {
    /// What is seen at first. `redirects` is the kernel's default for `redirect_dir`.
    pub(crate) fn new(input: &Input, redirects: bool) -> Model {
        let options = &input.options;
        let redirect = match options.redirect {
            _ if options.userxattr => false,
            Some(redirect) => redirect == Redirect::On,
            None => options.metacopy == Some(true) || redirects,
        };
        let mut model = Model { nodes: Vec::new(), read_only: input.upper.is_none(), redirect };
        let trees: Vec<&Tree> = input.upper.iter().chain(&input.lower).collect();
        let root = Item { what: layer::What::Directory { opaque: false }, mode: 0o755 };
        let stack: Vec<(usize, &Item)> = (0..trees.len()).map(|tree| (tree, &root)).collect();
        model.merge(input, &trees, "", &stack);
        model
    }

    /// Adds what is seen at a path, given what each tree has there, the topmost first.
    fn merge(
        &mut self,
        input: &Input,
        trees: &[&Tree],
        path: &str,
        stack: &[(usize, &Item)],
    ) -> Option<usize> {
        let (_, top) = stack.first()?;
        let node = self.nodes.len();
        let what = match &top.what {
            layer::What::Whiteout => return None,
            layer::What::File(data) => What::File(data.clone()),
            layer::What::Symlink(to) => What::Symlink((*to).to_owned()),
            layer::What::Directory { .. } => What::Directory { names: BTreeMap::new(), lower: false },
        };
        let mode = if matches!(what, What::Symlink(_)) { 0o777 } else { top.mode };
        let directory = matches!(what, What::Directory { .. });
        self.nodes.push(Node { what, mode, xattrs: BTreeMap::new() });
        if directory {
            let merged = merged(stack);
            let names = self.below(input, trees, path, &merged);
            let lower = input.upper.is_none() || merged.iter().any(|tree| *tree > 0);
            self.nodes[node].what = What::Directory { names, lower };
        }
        Some(node)
    }

    fn below(
        &mut self,
        input: &Input,
        trees: &[&Tree],
        path: &str,
        merged: &[usize],
    ) -> BTreeMap<String, usize> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let own = |tree: &usize| trees[*tree].0.keys().filter_map(|key| key.strip_prefix(&prefix));
        let names: BTreeSet<&str> = merged.iter().flat_map(own).filter(|name| !name.contains('/')).collect();
        let mut found = BTreeMap::new();
        for name in names {
            let path = format!("{prefix}{name}");
            let stack: Vec<(usize, &Item)> =
                merged.iter().filter_map(|tree| Some((*tree, trees[*tree].0.get(&path)?))).collect();
            if let Some(node) = self.merge(input, trees, &path, &stack) {
                found.insert(name.to_owned(), node);
            }
        }
        found
    }
}

/// The trees whose directories are merged.
fn merged(stack: &[(usize, &Item)]) -> Vec<usize> {
    let mut merged = Vec::new();
    for (tree, item) in stack {
        let layer::What::Directory { opaque } = item.what else { break };
        merged.push(*tree);
        if opaque {
            break;
        }
    }
    merged
}
