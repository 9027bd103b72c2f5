//! Parsers of what the files of groups have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{BlkioEntry, Pressure, Waiting};
use crate::cgroup::error::Result;
use crate::cgroup::file;

/// A group's files, empty where they are not there.
pub(super) struct Group<'g>(pub(super) &'g Path);

impl Group<'_> {
    pub(super) fn text(&self, name: &str) -> Result<String> {
        let text = file::read(&self.0.join(name));
        // A pressure file can be opened and not read where the kernel was started without pressure (psi=0).
        if name.ends_with(".pressure") {
            Ok(text.ok().flatten().unwrap_or_default())
        } else {
            Ok(text?.unwrap_or_default())
        }
    }

    /// The number in a file; `max` is the largest there is.
    pub(super) fn number(&self, name: &str) -> Result<u64> {
        let text = self.text(name)?;
        let unlimited = if text.trim_end() == "max" { u64::MAX } else { 0 };
        Ok(file::number(&text, None).unwrap_or(unlimited))
    }

    pub(super) fn pressure(&self, name: &str) -> Result<Option<Pressure>> {
        Ok(pressure(&self.text(name)?))
    }

    /// Names of the group's files that begin with a word and end with another, with what is between them.
    pub(super) fn between(&self, start: &str, end: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.0).into_iter().flatten().flatten();
        let middle = |entry: std::fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            Some(name.strip_prefix(start)?.strip_suffix(end)?.to_owned())
        };
        entries.filter_map(middle).collect()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Lines of a word and a number.
pub(super) fn flat(text: &str) -> BTreeMap<String, u64> {
    let line = |line: &str| {
        let (key, value) = line.split_once(' ')?;
        Some((key.to_owned(), value.trim().parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

/// `0-2,7`.
pub(super) fn list(text: &str) -> Vec<u32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    };
    text.split(',').filter_map(range).flatten().collect()
}

/// Numbers between white space.
pub(super) fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// `None` where the file says nothing.
pub(super) fn pressure(text: &str) -> Option<Pressure> {
    let line = |kind: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))?;
        let value = |key: &str| {
            line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default()
        };
        let percent = |key| value(key).parse().unwrap_or_default();
        Some(Waiting {
            avg10: percent("avg10"),
            avg60: percent("avg60"),
            avg300: percent("avg300"),
            total: value("total").parse().unwrap_or_default(),
        })
    };
    Some(Pressure { some: line("some")?, full: line("full").unwrap_or_default() })
}

/// `8:0 Read 4096` of v1; lines without an operation are sums over all devices.
pub(super) fn by_operation(text: &str) -> Vec<BlkioEntry> {
    let line = |line: &str| {
        let mut words = line.split(' ');
        let (major, minor) = words.next()?.split_once(':')?;
        Some(BlkioEntry {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
            op: words.next()?.to_owned(),
            value: words.next()?.parse().ok()?,
        })
    };
    text.lines().filter_map(line).collect()
}
