//! Layers, options and operations, drawn: names are few, so that they meet.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::known::{Kind, Known, path};
use super::layer::{Item, Tree, What};

/// A path of one to three of the same few names.
pub(crate) type Path = String;

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Input {
    pub(crate) options: Options,
    /// The upper layer as it is in the beginning; nothing for a read-only overlay.
    pub(crate) upper: Option<Tree>,
    /// The lower layers, the topmost first.
    pub(crate) lower: Vec<Tree>,
    pub(crate) ops: Vec<Op>,
}

/// The overlay's options (`overlayfs.rst`); `None` leaves the kernel's default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) userxattr: bool,
    pub(crate) redirect: Option<Redirect>,
    pub(crate) metacopy: Option<bool>,
    pub(crate) index: Option<bool>,
    pub(crate) xino: Option<&'static str>,
    pub(crate) volatile: bool,
    pub(crate) nodev: bool,
    /// Layers at paths so long that they do not fit into one page.
    pub(crate) long: bool,
}

/// `redirect_dir=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum Redirect {
    On,
    Follow,
    Nofollow,
}

/// What is done in the overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    /// `O_CREAT|O_EXCL`, and this is written.
    Create(Path, u8),
    /// `O_CREAT|O_TRUNC`, and this is written.
    Put(Path, u8),
    /// Two bytes at the beginning.
    Overwrite(Path, u8),
    Append(Path, u8),
    Truncate(Path, u64),
    /// `O_TRUNC` alone.
    Empty(Path),
    Mkdir(Path, u32),
    Rmdir(Path),
    Unlink(Path),
    Rename(Path, Path, How),
    Link(Path, Path),
    Symlink(Path, &'static str),
    Chmod(Path, u32),
    Attribute(Path, &'static str, u8),
    Read(Path),
    ReadDirectory(Path),
    ReadLink(Path),
}

/// `renameat2(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum How {
    Replace,
    NoReplace,
    Exchange,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        let read_only = u.int_in_range(0..=15)? == 15;
        let options = options(u)?;
        let count = u.int_in_range(0..=3)?;
        let lower: Vec<Tree> = (0..=count).map(|_| tree(u)).collect::<Result<_>>()?;
        let upper = match (read_only, u.int_in_range(0..=3)?) {
            (true, _) => None,
            (_, 3) => Some(upper(u)?),
            _ => Some(Tree::new()),
        };
        let mut known = Known::new(upper.iter().chain(&lower));
        let count = u.int_in_range(0..=23)?;
        let ops = (0..=count).map(|_| op(u, &mut known)).collect::<Result<_>>()?;
        Ok(Input { options, upper, lower, ops })
    }
}

fn options(u: &mut Unstructured<'_>) -> Result<Options> {
    let userxattr = u.int_in_range(0..=7)? == 7;
    let mut options = Options {
        userxattr,
        redirect: *u.choose(&[
            None,
            Some(Redirect::On),
            Some(Redirect::On),
            Some(Redirect::Nofollow),
            Some(Redirect::Follow),
        ])?,
        metacopy: *u.choose(&[None, Some(false), Some(true)])?,
        index: *u.choose(&[None, Some(false), Some(true)])?,
        xino: *u.choose(&[None, Some("off"), Some("auto"), Some("on")])?,
        volatile: u.int_in_range(0..=7)? == 7,
        nodev: u.int_in_range(0..=7)? == 7,
        long: u.int_in_range(0..=7)? == 7,
    };
    // Mostly what can be mounted.
    if u.int_in_range(0..=31)? != 31 {
        if userxattr {
            (options.redirect, options.metacopy) = (None, options.metacopy.filter(|on| !on));
        }
        if options.redirect.is_some_and(|redirect| redirect != Redirect::On) {
            options.metacopy = options.metacopy.filter(|on| !on);
        }
    }
    Ok(options)
}

fn tree(u: &mut Unstructured<'_>) -> Result<Tree> {
    let mut tree = Tree::new();
    for _ in 0..u.int_in_range(0..=9)? {
        let path = path(u)?;
        let what = match u.int_in_range(0..=15)? {
            0..=5 => What::Directory { opaque: u.int_in_range(0..=3)? == 3 },
            6..=11 => What::File(content(u)?),
            12..=13 => What::Whiteout,
            _ => What::Symlink(u.choose(&TARGETS)?),
        };
        tree.add(&path, Item { what, mode: mode(u)? });
    }
    Ok(tree)
}

/// Without whiteouts: overlay itself makes none in a directory that it does not merge, and takes one there for content.
fn upper(u: &mut Unstructured<'_>) -> Result<Tree> {
    let mut tree = tree(u)?;
    tree.0.retain(|_, item| item.what != What::Whiteout);
    Ok(tree)
}

const TARGETS: [&str; 7] = ["a", "b", "c", "a/b", "b/c", "nothing", "nothing/below"];

fn content(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    Ok(vec![u.int_in_range(b'a'..=b'z')?; *u.choose(&[0, 1, 3, 4096, 5000])?])
}

fn mode(u: &mut Unstructured<'_>) -> Result<u32> {
    Ok(*u.choose(&[0o644, 0o755, 0o700, 0o600, 0o000, 0o777])?)
}

fn op(u: &mut Unstructured<'_>, known: &mut Known) -> Result<Op> {
    use Kind::{Any, Directory, File, Symlink};
    let byte = u.int_in_range(b'A'..=b'Z')?;
    Ok(match u.int_in_range(0..=31)? {
        0 | 1 => Op::Create(known.new_at(u, File)?, byte),
        2 | 3 => Op::Put(known.new_at(u, File)?, byte),
        4 => Op::Overwrite(known.there(u, File)?, byte),
        5 | 6 => Op::Append(known.there(u, File)?, byte),
        7 => Op::Truncate(known.there(u, File)?, *u.choose(&[0, 1, 4095, 8000])?),
        8 => Op::Empty(known.there(u, File)?),
        9..=11 => Op::Mkdir(known.new_at(u, Directory)?, mode(u)?),
        12 | 13 => Op::Rmdir(known.there(u, Directory)?),
        14..=16 => Op::Unlink(known.there(u, File)?),
        17..=22 => rename(u, known)?,
        23 | 24 => Op::Link(known.there(u, File)?, known.new_at(u, File)?),
        25 => Op::Symlink(known.new_at(u, Symlink)?, u.choose(&TARGETS)?),
        26 => Op::Chmod(known.there(u, Any)?, mode(u)?),
        27 => Op::Attribute(known.there(u, Any)?, u.choose(&["user.a", "user.b", "trusted.a"])?, byte),
        28 => Op::Read(known.there(u, File)?),
        29 | 30 => Op::ReadDirectory(known.there(u, Directory)?),
        _ => Op::ReadLink(known.there(u, Symlink)?),
    })
}

fn rename(u: &mut Unstructured<'_>, known: &mut Known) -> Result<Op> {
    let how = *u.choose(&[How::Replace, How::Replace, How::NoReplace, How::Exchange])?;
    let kind = *u.choose(&[Kind::Directory, Kind::Directory, Kind::File, Kind::Any])?;
    let from = known.there(u, kind)?;
    let to = match how {
        How::Exchange => known.there(u, Kind::Any)?,
        _ => known.new_at(u, kind)?,
    };
    Ok(Op::Rename(from, to, how))
}
