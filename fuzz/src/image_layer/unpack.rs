//! Where images are unpacked: beside a tree that must not change.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::seen::{self, List};

/// The directory, with `layout`, `outside`, and what is made in it. Emptied on drop.
pub(crate) struct Scratch {
    at: PathBuf,
    before: List,
}

impl Scratch {
    pub(crate) fn new(place: &Path) -> Scratch {
        let at = place.join("image");
        let outside = at.join("outside");
        let make = || -> std::io::Result<()> {
            fs::create_dir_all(at.join("layout/blobs/sha256"))?;
            fs::create_dir_all(outside.join("a/b"))?;
            fs::write(outside.join("file"), "outside")?;
            fs::write(outside.join("a/f"), "outside")?;
            symlink("file", outside.join("link"))
        };
        make().unwrap_or_else(|error| panic!("make {}: {error}", at.display()));
        Scratch { before: seen::walk(&outside), at }
    }

    pub(crate) fn layout(&self) -> PathBuf {
        self.at.join("layout")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.at.join("root")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.at.join(name)
    }

    /// What is beside the root is as it was.
    pub(crate) fn unchanged(&self) {
        seen::same(&seen::walk(&self.at.join("outside")), &self.before, &"the tree beside the root");
    }

    /// Nothing stays of what was refused.
    pub(crate) fn nothing_left(&self) {
        let names = fs::read_dir(&self.at).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let names = names.unwrap_or_else(|error| panic!("list {}: {error}", self.at.display()));
        let left = names.iter().find(|entry| entry.file_name() != "layout" && entry.file_name() != "outside");
        assert!(left.is_none(), "left behind: {left:?}");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The tmpfs goes with the thread; what cannot be removed fails the next input.
        drop(fs::remove_dir_all(&self.at));
    }
}
