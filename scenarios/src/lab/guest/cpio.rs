//! The archive that the kernel unpacks as its first root: cpio in the `newc` format, as in the kernel's
//! `driver-api/early-userspace/buffer-format`.
//!
//! Everything belongs to root and was changed at the epoch, so that equal contents give equal bytes.

use std::io::{self, Read, Write};

const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An archive that is being written. A directory must come before what is in it.
pub(super) struct Archive<W> {
    out: W,
    inode: u32,
}

/// What a member's header says besides its name.
#[derive(Default)]
struct Header {
    mode: u32,
    size: u32,
    device: (u32, u32),
}

impl<W: Write> Archive<W> {
    pub(super) fn new(out: W) -> Archive<W> {
        Archive { out, inode: 0 }
    }

    pub(super) fn directory(&mut self, path: &str, mode: u32) -> io::Result<()> {
        self.header(path, &Header { mode: DIRECTORY | mode, ..Header::default() })
    }

    pub(super) fn link(&mut self, path: &str, target: &str) -> io::Result<()> {
        let size = length(target.len() as u64)?;
        self.header(path, &Header { mode: LINK | 0o777, size, ..Header::default() })?;
        self.body(target.as_bytes(), size)
    }

    pub(super) fn character_device(&mut self, path: &str, mode: u32, device: (u32, u32)) -> io::Result<()> {
        self.header(path, &Header { mode: CHARACTER_DEVICE | mode, size: 0, device })
    }

    /// A file of `size` bytes. It is an error when `bytes` has fewer; what it has beyond is left out.
    pub(super) fn file(&mut self, path: &str, mode: u32, size: u64, bytes: impl Read) -> io::Result<()> {
        let size = length(size)?;
        self.header(path, &Header { mode: FILE | mode, size, ..Header::default() })?;
        self.body(bytes, size)
    }

    /// Ends the archive. Without it, the kernel would call it broken.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.inode = 0;
        self.header("TRAILER!!!", &Header::default())?;
        self.out.flush()
    }

    fn header(&mut self, name: &str, header: &Header) -> io::Result<()> {
        let Header { mode, size, device: (major, minor) } = header;
        let name_size = name.len() + 1;
        // Magic, inode, mode, uid, gid, links, mtime, size, device of the file system (major, minor), device that the
        // member stands for (major, minor), length of the name, checksum (of the `crc` format only). A link count of 1
        // keeps the kernel from looking for other names of the same file.
        write!(
            self.out,
            "070701{:08x}{mode:08x}{:08x}{:08x}{:08x}{:08x}{size:08x}{:08x}{:08x}{major:08x}{minor:08x}{name_size:08x}{:08x}",
            self.inode, 0, 0, 1, 0, 0, 0, 0
        )?;
        self.inode += 1;
        self.out.write_all(name.as_bytes())?;
        self.out.write_all(b"\0")?;
        /// 6 characters of magic and 13 numbers of 8.
        const FIXED: usize = 110;
        self.pad(FIXED + name_size)
    }

    fn body(&mut self, bytes: impl Read, size: u32) -> io::Result<()> {
        let written = io::copy(&mut bytes.take(size.into()), &mut self.out)?;
        if written != u64::from(size) {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read"));
        }
        self.pad(size as usize)
    }

    /// Fills up to a multiple of four bytes.
    fn pad(&mut self, length: usize) -> io::Result<()> {
        self.out.write_all(&[0; 3][..length.next_multiple_of(4) - length])
    }
}

fn length(size: u64) -> io::Result<u32> {
    u32::try_from(size)
        .map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "cpio takes files below 4 GiB"))
}
