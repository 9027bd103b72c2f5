//! Names of entries: few, so that they meet, and now and then one that no honest layer has.

use std::fmt;
use std::ops::Deref;

use arbitrary::{Result, Unstructured};

/// Bytes that people read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Vec<u8>);

impl Deref for Text {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get(..40) {
            Some(start) => write!(f, "\"{}…\" of {} bytes", start.escape_ascii(), self.len()),
            None => write!(f, "\"{}\"", self.escape_ascii()),
        }
    }
}

/// One time in `of`. Not when the bytes are used up: what is rare is not the default.
pub(crate) fn rarely(u: &mut Unstructured<'_>, of: u8) -> Result<bool> {
    Ok(u.int_in_range(0..=of - 1)? == of - 1)
}

const DIRECTORIES: [&str; 3] = ["a", "b", "c"];
const LEAVES: [&str; 6] = ["f", "g", "h", "i", "f", "g"];
const WHITEOUTS: [&str; 7] = [".wh.f", ".wh.g", ".wh.a", ".wh.b", ".wh.h", ".wh..wh..opq", ".wh..wh..opq"];
const RESERVED: [&str; 4] = [".wh..wh.plnk", ".wh..wh.aufs", ".wh..wh..opq.x", ".wh....x"];
const HOSTILE: [&str; 6] = ["..", ".wh.", ".wh..", ".wh...", ".wh.a/f", "../outside/file"];

/// What a name is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Directory,
    Leaf,
    Whiteout,
}

/// A name of up to four components.
pub(crate) fn name(u: &mut Unstructured<'_>, meant: For) -> Result<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for _ in 0..[0, 0, 1, 1, 2, 3][u.choose_index(6)?] {
        parts.push(part(u, For::Directory)?);
    }
    parts.push(part(u, meant)?);
    let mut name = parts.join(&b'/');
    match u.int_in_range(0..=15)? {
        12 => name.insert(0, b'/'),
        13 => name.splice(0..0, *b"./").for_each(drop),
        14 if meant == For::Directory => name.push(b'/'),
        15 if meant == For::Directory => name = b"./".to_vec(),
        _ => {}
    }
    Ok(name)
}

fn part(u: &mut Unstructured<'_>, meant: For) -> Result<Vec<u8>> {
    let usual: &[&str] = match meant {
        For::Directory => &DIRECTORIES,
        For::Leaf => &LEAVES,
        For::Whiteout => &WHITEOUTS,
    };
    Ok(match u.int_in_range(0..=255u8)? {
        // Types that change.
        224..=243 => {
            u.choose(&[DIRECTORIES[0], LEAVES[0], DIRECTORIES[1], LEAVES[1], "l", "m"])?.as_bytes().to_vec()
        }
        244 => u.choose(&HOSTILE)?.as_bytes().to_vec(),
        245..=246 => u.choose(&RESERVED)?.as_bytes().to_vec(),
        247 => vec![b'n'; *u.choose(&[99, 100, 101, 155, 254, 255, 256])?],
        248..=250 => u.choose(&["outside", "é\n", " ", ".f", "..f", "a\\b"])?.as_bytes().to_vec(),
        251 => vec![0xff, 0xfe],
        252..=253 => b".".to_vec(),
        254..=255 => Vec::new(),
        _ => u.choose(usual)?.as_bytes().to_vec(),
    })
}

const TARGETS: [&str; 22] = [
    "a",
    "b",
    "a/b",
    "f",
    "g",
    "..",
    "../..",
    "/",
    "../../outside",
    "/dev/shm/outside",
    "../b",
    "/a",
    "/a/b/c",
    "./a",
    "a/",
    "nothing",
    "l",
    "m",
    "a/../b",
    "f/..",
    "../../../../etc",
    "/proc/self/root",
];

/// Where a symbolic link leads.
pub(crate) fn target(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    if rarely(u, 64)? {
        return Ok(Vec::new());
    }
    Ok(u.choose(&TARGETS)?.as_bytes().to_vec())
}
