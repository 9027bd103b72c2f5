//! Property: a random tree, put into a layer by GNU tar in one of its forms, is the same tree when it is unpacked.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use isolab_core::need;
use isolab_core::sys::{self, tree as systree};

use crate::layout::write;
use crate::scratch::Scratch;
use crate::{tree, unpack};

/// Numbers that look random and are the same in every run (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn name(&mut self) -> String {
        let length = [1, 5, 40, 150, 240][self.below(5) as usize];
        let letters = ["a", "B", "7", " ", "é", "\\", "=", "\n", "'", ".", "-", "x"];
        let mut name = format!("n{}", self.below(1000));
        while name.len() < length {
            name.push_str(letters[self.below(letters.len() as u64) as usize]);
        }
        name
    }
}

fn grow(random: &mut Random, root: &Path) {
    let mut dirs: Vec<PathBuf> = vec![root.to_owned()];
    let mut files: Vec<PathBuf> = Vec::new();
    for _ in 0..60 {
        let parent = dirs[random.below(dirs.len() as u64) as usize].clone();
        let path = parent.join(random.name());
        if path.symlink_metadata().is_ok() || path.as_os_str().len() > 2000 {
            continue;
        }
        match random.below(8) {
            0 | 1 => {
                fs::create_dir(&path).unwrap();
                dirs.push(path.clone());
            }
            2 if !files.is_empty() => {
                fs::hard_link(&files[random.below(files.len() as u64) as usize], &path).unwrap();
                continue;
            }
            3 => {
                symlink(random.name(), &path).unwrap();
                std::os::unix::fs::lchown(&path, Some(random.below(1 << 31) as u32), Some(7)).unwrap();
                continue;
            }
            4 => {
                let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
                let kinds = [libc::S_IFIFO, libc::S_IFBLK, libc::S_IFCHR];
                let kind = kinds[random.below(3) as usize];
                let device = libc::makedev(1 + random.below(500) as u32, random.below(1 << 20) as u32);
                sys::fs::mknodat(sys::here(), &name, kind, device).unwrap();
            }
            5 => {
                let file = fs::File::create_new(&path).unwrap();
                for _ in 0..random.below(8) {
                    file.write_at(b"data", random.below(3_000_000)).unwrap();
                }
                file.set_len(3_000_000 + random.below(1_000_000)).unwrap();
                files.push(path.clone());
            }
            _ => {
                let bytes: Vec<u8> = (0..random.below(3000)).map(|at| (at * 7) as u8).collect();
                fs::write(&path, bytes).unwrap();
                files.push(path.clone());
            }
        }
        adorn(random, &path);
    }
    for path in dirs.iter().chain(&files) {
        let (seconds, nanoseconds) =
            (random.below(1 << 33) as i64 - (1 << 30), random.below(1_000_000_000) as i64);
        systree::set_mtime_at(fs::File::open(path).unwrap().as_fd(), c"", (seconds, nanoseconds)).unwrap();
    }
}

fn adorn(random: &mut Random, path: &Path) {
    let ids = [0, 1, 1000, 70_000, 3_000_000, 4_000_000_000];
    let mut id = || Some(ids[random.below(6) as usize]);
    chown(path, id(), id()).unwrap();
    let plain = path.is_file() || path.is_dir();
    fs::set_permissions(path, PermissionsExt::from_mode(random.below(0o10000) as u32)).unwrap();
    if plain && random.below(3) == 0 {
        let value: Vec<u8> = (0..random.below(300)).map(|at| (at * 11 + 3) as u8).collect();
        systree::set_xattr(fs::File::open(path).unwrap().as_fd(), c"user.random", &value).unwrap();
    }
}

#[test]
fn what_tar_packs_is_unpacked() {
    if !need::met(&["root", "tar"]) {
        return;
    }
    // GNU's own form has neither nanoseconds nor attributes.
    let forms = [
        "",
        "--sparse --sparse-version=1.0",
        "--sparse --sparse-version=0.1",
        "--sparse --sparse-version=0.0",
    ];
    for seed in 1..=8 {
        let scratch = Scratch::new();
        let source = scratch.path("source");
        fs::create_dir(&source).unwrap();
        grow(&mut Random(0x9e37_79b9_7f4a_7c15 ^ seed), &source);
        let form = forms[seed as usize % forms.len()];
        scratch.run(&format!("tar --format=posix --xattrs {form} -cf layer.tar -C source ."));
        write(&scratch.path("layout"), &[fs::read(scratch.path("layer.tar")).unwrap()]);
        let root = scratch.path("root");
        unpack(&scratch.path("layout"), &root).unwrap_or_else(|error| panic!("seed {seed}, {form}: {error}"));
        tree::assert_same(&format!("seed {seed}, {form}"), &source, &root);
    }
}

#[test]
fn gnu_sparse_files_have_their_content() {
    if !need::met(&["root", "tar"]) {
        return;
    }
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("source")).unwrap();
    let file = fs::File::create_new(scratch.path("source/sparse")).unwrap();
    // More pieces than the header and one extension hold.
    for piece in 0..60u64 {
        file.write_at(format!("piece {piece}").as_bytes(), piece * 100_000).unwrap();
    }
    file.set_len(7_000_000).unwrap();
    systree::set_mtime_at(file.as_fd(), c"", (1, 0)).unwrap();
    systree::set_mtime_at(fs::File::open(scratch.path("source")).unwrap().as_fd(), c"", (1, 0)).unwrap();
    scratch.run("tar --format=gnu --sparse -cf layer.tar -C source .");
    let layer = fs::read(scratch.path("layer.tar")).unwrap();
    assert!(layer.len() < 1_000_000, "tar made no sparse entry of it");
    write(&scratch.path("layout"), &[layer]);
    unpack(&scratch.path("layout"), &scratch.path("root")).unwrap();
    tree::assert_same("gnu", &scratch.path("source"), &scratch.path("root"));
}
