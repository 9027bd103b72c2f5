//! Paths of what a launch makes, noted in memory that another process sees once the maker is dead: of groups, for the watcher
//! of a launcher; of mount points, for the launcher of a child.
//!
//! A path is noted before what it names is made: its maker may be killed within the very call. Its first byte is written last,
//! so that a note is whole or not there.

use std::ffi::CStr;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The longest path, with the zero that ends it.
const LONGEST: usize = libc::PATH_MAX as usize;

/// The notes of one launch: paths, each ended by a zero; an empty one ends them. What does not fit is not noted, and stays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noted<'a>(pub(crate) &'a [AtomicU8]);

impl<'a> Noted<'a> {
    /// Adds a path; whether there was room.
    pub(crate) fn add(self, path: &CStr) -> bool {
        let at = self.places().last().map_or(0, |(at, length)| at + length + 1);
        let bytes = path.to_bytes();
        // One zero ends the path, another one the list.
        let fits = bytes.len() < LONGEST && at + bytes.len() + 2 <= self.0.len();
        let Some((first, rest)) = bytes.split_first().filter(|_| fits) else {
            return false;
        };
        for (place, byte) in self.0[at + 1..].iter().zip(rest) {
            place.store(*byte, Relaxed);
        }
        self.0[at].store(*first, Release);
        true
    }

    /// Takes the last one away.
    pub(crate) fn drop_last(self) {
        if let Some((at, length)) = self.places().last() {
            self.clear(at, length);
        }
    }

    /// Takes all away.
    pub(super) fn forget(self) {
        // From the end: a launcher that is killed meanwhile leaves a list.
        while let Some((at, length)) = self.places().last() {
            self.clear(at, length);
        }
    }

    /// Visits the paths, the last first: what is in a group or directory before it. Allocates nothing, since the watcher may not.
    pub(crate) fn visit(self, mut each: impl FnMut(&CStr)) {
        for nth in (0..self.places().count()).rev() {
            let Some((at, length)) = self.places().nth(nth) else { continue };
            let mut path = [0; LONGEST];
            for (byte, place) in path.iter_mut().zip(&self.0[at..at + length]) {
                *byte = place.load(Relaxed);
            }
            if let Ok(path) = CStr::from_bytes_until_nul(&path) {
                each(path);
            }
        }
    }

    /// From the end, so that what is left of it is a list at any moment.
    fn clear(self, at: usize, length: usize) {
        for place in self.0[at..at + length].iter().rev() {
            place.store(0, Release);
        }
    }

    /// Where each path is, and how long.
    fn places(self) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = self.0.get(at..).unwrap_or_default();
            let length = rest.iter().take_while(|byte| byte.load(Acquire) != 0).count();
            let place = (at, length);
            at += length + 1;
            (length > 0).then_some(place)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(room: usize) -> Noted<'static> {
        Noted(Vec::leak((0..room).map(|_| AtomicU8::new(0)).collect()))
    }

    fn paths(noted: Noted<'_>) -> Vec<String> {
        let mut paths = Vec::new();
        noted.visit(|path| paths.push(path.to_string_lossy().into_owned()));
        paths
    }

    #[test]
    fn paths_come_and_go() {
        let noted = noted(64);
        assert!(noted.add(c"/a") && noted.add(c"/a/b") && noted.add(c"/other"));
        assert_eq!(paths(noted), ["/other", "/a/b", "/a"]);
        noted.drop_last();
        assert!(noted.add(c"/c"));
        assert_eq!(paths(noted), ["/c", "/a/b", "/a"]);
        noted.forget();
        assert!(paths(noted).is_empty() && noted.0.iter().all(|byte| byte.load(Relaxed) == 0));
    }

    #[test]
    fn what_does_not_fit_is_not_noted() {
        let noted = noted(8);
        assert!(noted.add(c"/abc"));
        assert!(!noted.add(c"/d") && !noted.add(c""));
        assert_eq!(paths(noted), ["/abc"]);
    }
}
