//! Modules to load: found by name, uncompressed, in the order in which the kernel takes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::{Error, modinfo};

/// A module to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// With `_` for `-`, as /proc/modules has it.
    pub name: String,
    /// The ELF file.
    pub bytes: Vec<u8>,
}

/// What [`load_order`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loadable {
    /// Each after all that it needs.
    pub modules: Vec<Module>,
    /// Wanted names that are neither files nor built in.
    pub missing: Vec<String>,
}

/// Finds the modules `wanted` and what they need in `directory`, which is a `lib/modules/RELEASE`. What is built into the
/// kernel is no module. Aliases are not looked at: names are those of files.
///
/// # Errors
/// When the directory or a module cannot be read, or a module lacks one that it needs.
pub fn load_order(directory: &Path, wanted: &[&str]) -> Result<Loadable, Error> {
    let mut search = Search {
        files: files(directory)?,
        builtin: builtin(directory)?,
        seen: BTreeSet::new(),
        found: Loadable::default(),
    };
    for name in wanted {
        if !search.add(name)? {
            search.found.missing.push((*name).to_owned());
        }
    }
    Ok(search.found)
}

struct Search {
    files: BTreeMap<String, PathBuf>,
    builtin: BTreeSet<String>,
    /// Added, or being added: modules that need each other would not end otherwise.
    seen: BTreeSet<String>,
    found: Loadable,
}

impl Search {
    /// Adds a module after what it needs; false when there is no such module.
    fn add(&mut self, name: &str) -> Result<bool, Error> {
        let name = name.replace('-', "_");
        if self.builtin.contains(&name) || self.seen.contains(&name) {
            return Ok(true);
        }
        let Some(path) = self.files.get(&name).cloned() else { return Ok(false) };
        self.seen.insert(name.clone());
        let bytes = read(&path).map_err(Error::io("uncompress", &path))?;
        let needs = modinfo::needs(&bytes).map_err(|problem| Error::file(&path, problem))?;
        for before in &needs.before {
            // Many of these are aliases, or not built for this kernel; modprobe goes on without them too.
            self.add(before)?;
        }
        for needed in &needs.depends {
            if !self.add(needed)? {
                return Err(Error::file(&path, format!("needs the module {needed}, which is not there")));
            }
        }
        self.found.modules.push(Module { name, bytes });
        Ok(true)
    }
}

/// Every module file below a directory, by name.
fn files(directory: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut files = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let failed = || Error::io("read directory", &directory);
        for entry in fs::read_dir(&directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            // `build` and `source` are links to whole source trees: links are not followed.
            if entry.file_type().map_err(failed())?.is_dir() {
                open.push(entry.path());
            } else if let Some(name) = entry.file_name().to_str().and_then(module_name) {
                files.insert(name, entry.path());
            }
        }
    }
    Ok(files)
}

/// Names in modules.builtin, whose lines are paths such as `kernel/fs/ext4/ext4.ko`. An image without any module may come
/// without it.
fn builtin(directory: &Path) -> Result<BTreeSet<String>, Error> {
    let path = directory.join("modules.builtin");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.lines().filter_map(|line| module_name(line.rsplit('/').next()?)).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(source) => Err(Error::io("read", &path)(source)),
    }
}

/// The module's name when a file's name is that of a module.
fn module_name(file: &str) -> Option<String> {
    let (name, compression) = file.rsplit_once(".ko")?;
    matches!(compression, "" | ".xz" | ".zst" | ".gz").then(|| name.replace('-', "_"))
}

/// Reads a module, uncompressed.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = BufReader::new(File::open(path)?);
    let mut bytes = Vec::new();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => lzma_rust2::XzReader::new(file, true).read_to_end(&mut bytes)?,
        Some("zst") => ruzstd::decoding::StreamingDecoder::new(file)
            .map_err(io::Error::other)?
            .read_to_end(&mut bytes)?,
        Some("gz") => flate2::bufread::MultiGzDecoder::new(file).read_to_end(&mut bytes)?,
        _ => { file }.read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::scratch::Scratch;

    /// The least ELF file with a .modinfo.
    fn module(modinfo: &[u8]) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let (modinfo_at, names_at) = (64, 64 + modinfo.len());
        let sections_at = (names_at + names.len()).next_multiple_of(8);
        let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
        elf.resize(16, 0);
        elf.extend([1, 0, 62, 0, 1, 0, 0, 0]);
        elf.extend([0; 16]);
        elf.extend((sections_at as u64).to_le_bytes());
        elf.extend([0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 64, 0, 3, 0, 2, 0]);
        elf.extend(modinfo);
        elf.extend(names);
        elf.resize(sections_at + 64, 0);
        for (name, kind, at, length) in
            [(1_u32, 1_u32, modinfo_at, modinfo.len()), (10, 3, names_at, names.len())]
        {
            elf.extend(name.to_le_bytes());
            elf.extend(kind.to_le_bytes());
            elf.extend([0; 16]);
            elf.extend((at as u64).to_le_bytes());
            elf.extend((length as u64).to_le_bytes());
            elf.extend([0; 24]);
        }
        elf
    }

    fn write(directory: &Path, file: &str, modinfo: &[u8]) {
        fs::create_dir_all(directory.join("kernel")).unwrap();
        fs::write(directory.join("kernel").join(file), module(modinfo)).unwrap();
    }

    fn names(found: &Loadable) -> Vec<&str> {
        found.modules.iter().map(|module| module.name.as_str()).collect()
    }

    #[test]
    fn each_module_comes_after_what_it_needs() {
        let scratch = Scratch::new().unwrap();
        let directory = scratch.path();
        write(directory, "top.ko", b"depends=mid-one,low,inside\0softdep=pre: hint absent\0");
        write(directory, "mid_one.ko", b"depends=low\0");
        write(directory, "low.ko", b"depends=\0");
        write(directory, "hint.ko", b"");
        write(directory, "unused.ko", b"");
        fs::write(directory.join("modules.builtin"), "kernel/x/inside.ko\n").unwrap();
        let found = load_order(directory, &["top", "low", "inside", "nowhere"]).unwrap();
        assert_eq!(names(&found), ["hint", "low", "mid_one", "top"]);
        assert_eq!(found.missing, ["nowhere"]);
    }

    #[test]
    fn a_module_that_lacks_one_is_refused_and_a_circle_ends() {
        let scratch = Scratch::new().unwrap();
        write(scratch.path(), "top.ko", b"depends=gone\0");
        let error = load_order(scratch.path(), &["top"]).unwrap_err().to_string();
        assert!(error.ends_with("kernel/top.ko: needs the module gone, which is not there"), "{error}");
        write(scratch.path(), "a.ko", b"depends=b\0");
        write(scratch.path(), "b.ko", b"depends=a\0");
        assert_eq!(names(&load_order(scratch.path(), &["a"]).unwrap()), ["b", "a"]);
    }

    #[test]
    fn every_compression_gives_the_same_bytes() {
        if !isolab_core::need::met(&["xz", "zstd", "gzip"]) {
            return;
        }
        let scratch = Scratch::new().unwrap();
        // Long and varied enough that windows and literals matter.
        let mut modinfo = b"depends=\0".to_vec();
        modinfo.extend((0..200_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 20).to_le_bytes()));
        for (name, program) in [("one", "xz"), ("two", "zstd"), ("three", "gzip"), ("four", "true")] {
            write(scratch.path(), &format!("{name}.ko"), &modinfo);
            let file = scratch.path().join(format!("kernel/{name}.ko"));
            let mut command = Command::new(program);
            // As scripts/Makefile.modinst does it.
            if program == "xz" {
                command.args(["--check=crc32", "--lzma2=dict=1MiB"]);
            }
            assert!(command.arg("-q").arg(file).status().unwrap().success());
        }
        let found = load_order(scratch.path(), &["one", "two", "three", "four"]).unwrap();
        assert_eq!(names(&found), ["one", "two", "three", "four"]);
        for found in found.modules {
            assert!(found.bytes == module(&modinfo), "{}", found.name);
        }
    }
}
