//! Where an image's blobs are: an OCI layout directory, or a tar archive of files.
//!
//! An archive is scanned once; its blobs are then read in place. One that is compressed as a whole (`docker save | gzip`)
//! is decompressed into an unnamed temporary file first.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::compression::Decoder;
use super::error::{Problem, shown};
use super::limits::{Limits, Metered};
use super::tape::{Kind, Source, Tape};
use crate::sys::{Errno, fs};

/// Links from one file of an archive to another that are followed.
const MOST_LINKS: usize = 8;

/// A source of blobs by name.
pub(super) enum Store {
    Directory(OwnedFd),
    Archive { file: File, files: HashMap<Vec<u8>, Place> },
}

/// Where in an archive a file is.
pub(super) enum Place {
    Data { offset: u64, size: u64 },
    Link(Vec<u8>),
}

/// A blob being read.
pub(super) struct Blob {
    file: File,
    offset: u64,
    left: u64,
}

impl Blob {
    pub(super) fn size(&self) -> u64 {
        self.left
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let done = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.offset)?;
        if done == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.offset += done as u64;
        self.left -= done as u64;
        Ok(done)
    }
}

/// A file in which data is passed over by moving on.
struct Scanned(BufReader<File>);

impl Read for Scanned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Source for Scanned {
    fn pass(&mut self, bytes: u64) -> io::Result<()> {
        let bytes = i64::try_from(bytes).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        self.0.seek_relative(bytes)
    }
}

impl Store {
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Store, Problem> {
        // Not blocking, so that opening a FIFO returns at once.
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(libc::O_NONBLOCK).open(path);
        let file = file.map_err(|error| Problem::io("open", error))?;
        let metadata = file.metadata().map_err(|error| Problem::io("stat", error))?;
        if metadata.is_dir() {
            return Ok(Store::Directory(file.into()));
        }
        if !metadata.is_file() {
            return Err(Problem::format("neither a regular file nor a directory"));
        }
        let file = decompressed(file, limits)?;
        let files = scan(&file, limits)?;
        Ok(Store::Archive { file, files })
    }

    /// Whether a file is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.blob(name).is_ok()
    }

    /// Opens a file by its name.
    pub(super) fn blob(&self, name: &str) -> Result<Blob, Problem> {
        let operation = || format!("open {name} in it");
        match self {
            Store::Directory(directory) => {
                let path = CString::new(name).map_err(|_| Problem::format("a name with a NUL in it"))?;
                let resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_MAGICLINKS;
                let flags = libc::O_RDONLY | libc::O_NONBLOCK;
                let opened = fs::openat2(directory.as_fd(), &path, flags, resolve);
                let file = File::from(opened.map_err(|errno| Problem::system(operation(), errno))?);
                let metadata = file.metadata().map_err(|error| Problem::io(operation(), error))?;
                if !metadata.is_file() {
                    return Err(Problem::format(format!("{name} in it is no regular file")));
                }
                Ok(Blob { file, offset: 0, left: metadata.len() })
            }
            Store::Archive { file, files } => {
                let mut key = clean(name.as_bytes());
                for _ in 0..MOST_LINKS {
                    match files.get(&key) {
                        Some(Place::Data { offset, size }) => {
                            let file = file.try_clone().map_err(|error| Problem::io(operation(), error))?;
                            return Ok(Blob { file, offset: *offset, left: *size });
                        }
                        Some(Place::Link(target)) => key.clone_from(target),
                        None => return Err(Problem::system(operation(), Errno::ENOENT)),
                    }
                }
                Err(Problem::system(operation(), Errno::ELOOP))
            }
        }
    }

    /// The whole of a small file.
    pub(super) fn bytes(&self, name: &str, limits: &Limits) -> Result<Vec<u8>, Problem> {
        let blob = self.blob(name)?;
        if blob.size() > limits.document {
            return Err(Problem::Limit { what: "bytes in a JSON document", limit: limits.document });
        }
        let mut bytes = Vec::new();
        let mut blob = blob;
        blob.read_to_end(&mut bytes).map_err(|error| Problem::io(format!("read {name} in it"), error))?;
        Ok(bytes)
    }
}

/// The archive itself, or what it decompresses to.
fn decompressed(file: File, limits: &Limits) -> Result<File, Problem> {
    let again = file.try_clone().map_err(|error| Problem::io("duplicate", error))?;
    let mut decoder = Decoder::new(file).map_err(|error| Problem::io("read", error))?;
    if decoder.is_plain() {
        return Ok(again);
    }
    let mut options = OpenOptions::new();
    let temporary = options.read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600);
    let directory = std::env::temp_dir();
    let operation = || format!("make an unnamed file in {}", directory.display());
    let mut temporary = temporary.open(&directory).map_err(|error| Problem::io(operation(), error))?;
    let mut metered = Metered::new(&mut decoder, limits);
    io::copy(&mut metered, &mut temporary).map_err(|error| Problem::io("decompress", error))?;
    Ok(temporary)
}

/// Finds the files of an archive. Of several with one name the last counts, as for tar.
fn scan(file: &File, limits: &Limits) -> Result<HashMap<Vec<u8>, Place>, Problem> {
    let mut reader = file.try_clone().map_err(|error| Problem::io("duplicate", error))?;
    reader.seek(SeekFrom::Start(0)).map_err(|error| Problem::io("seek", error))?;
    let end = file.metadata().map_err(|error| Problem::io("stat", error))?.len();
    let mut tape = Tape::new(Scanned(BufReader::new(reader)), limits.name);
    let mut files = HashMap::new();
    while let Some(entry) = tape.next()? {
        if files.len() as u64 >= limits.entries {
            return Err(Problem::Limit { what: "entries", limit: limits.entries });
        }
        let name = clean(&entry.name);
        let place = match entry.kind {
            Kind::File if entry.pieces.is_some() => continue,
            Kind::File => {
                let (offset, size) = tape.data();
                if offset.checked_add(size).is_none_or(|after| after > end) {
                    return Err(Problem::format(format!("it ends within {}", shown(&entry.name))));
                }
                Place::Data { offset, size }
            }
            Kind::HardLink => Place::Link(clean(&entry.link)),
            Kind::Symlink => {
                // docker save wrote a layer that several images share as a link to that of the first.
                let parent = name.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
                Place::Link(clean(&[name.get(..parent).unwrap_or_default(), &entry.link].concat()))
            }
            _ => continue,
        };
        files.insert(name, place);
    }
    Ok(files)
}

/// A name without `.`, `..` and empty components, as a key. Nothing is opened by it.
fn clean(name: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_clean() {
        assert_eq!(clean(b"./a//b/../c/"), b"a/c");
        assert_eq!(clean(b"../../a"), b"a");
        assert_eq!(clean(b"."), b"");
    }
}
