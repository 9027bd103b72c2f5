//! Archives of attackers: nothing outside the target is made, changed or read.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use isolab_core::image::{Problem, never};
use isolab_core::need;

use crate::layout::{Tape, header, write};
use crate::scratch::{Scratch, names};
use crate::{open, tree, unpack};

/// A directory with a file, a directory and a link in it, beside what is unpacked; and what it is.
struct Canary {
    scratch: Scratch,
    before: std::collections::BTreeMap<String, String>,
}

impl Canary {
    fn new() -> Canary {
        let scratch = Scratch::new();
        let dir = scratch.path("canary");
        fs::create_dir_all(dir.join("dir/deep")).unwrap();
        fs::write(dir.join("file"), "untouched").unwrap();
        fs::write(dir.join("dir/deep/file"), "untouched").unwrap();
        symlink("file", dir.join("link")).unwrap();
        let before = tree::lines(&dir);
        Canary { scratch, before }
    }

    fn dir(&self) -> PathBuf {
        self.scratch.path("canary")
    }

    /// Unpacks layers in both forms. Returns the roots that came to be, and the errors.
    fn attack(&self, what: &str, layers: &[Tape]) -> Vec<Result<PathBuf, Problem>>
    where
        Tape: Clone,
    {
        let layers: Vec<Vec<u8>> = layers.iter().map(|tape| tape.clone().done()).collect();
        let layout = self.scratch.path("layout");
        write(&layout, &layers);
        let number = self.scratch.names().len();
        let root = self.scratch.path(&format!("root{number}"));
        let flat = unpack(&layout, &root).map(|()| root).map_err(|error| *error.problem);
        let cache = self.scratch.path(&format!("cache{number}"));
        let archive = open(&layout);
        let layered = archive.image(None, None).unwrap().layers(&cache, &never);
        let layered = layered.map(|_| cache).map_err(|error| *error.problem);
        assert_eq!(tree::lines(&self.dir()), self.before, "{what}");
        let names = self.scratch.names();
        let strays = names.iter().filter(|name| name.starts_with('.')).count();
        assert_eq!(strays, 0, "{what}: {names:?}");
        fs::remove_dir_all(&layout).unwrap();
        vec![flat, layered]
    }

    fn refused(&self, what: &str, layers: &[Tape]) {
        for result in self.attack(what, layers) {
            assert!(matches!(result, Err(Problem::Refused(_))), "{what}: {result:?}");
        }
    }
}

impl Clone for Tape {
    fn clone(&self) -> Tape {
        let mut builder = tar::Builder::new(Vec::new());
        builder.get_mut().extend_from_slice(self.0.get_ref());
        Tape(builder)
    }
}

#[test]
fn names_that_go_up_are_refused() {
    let canary = Canary::new();
    for name in ["../canary/file", "a/../../canary/file", "..", "a/..", "./../x", "/../canary/new"] {
        canary.refused(name, &[Tape::new().file(name, b"evil")]);
        canary.refused(name, &[Tape::new().dir(name)]);
        canary.refused(name, &[Tape::new().symlink(name, "/")]);
    }
    for name in [".wh..", ".wh...", ".wh.", "../.wh.canary", "a/../../.wh.canary", "..//.wh..wh..opq"] {
        canary.refused(name, &[Tape::new().dir("a"), Tape::new().file(name, b"")]);
    }
    canary.refused("long", &[Tape::new().pax(&[("path", b"../canary/file")]).file("x", b"evil")]);
}

#[test]
fn absolute_names_are_the_roots() {
    let canary = Canary::new();
    let file = canary.dir().join("file");
    let name = file.to_str().unwrap();
    let records: [(&str, &[u8]); 1] = [("path", name.as_bytes())];
    let [Ok(root), Ok(_)] = &canary.attack("absolute", &[Tape::new().pax(&records).file("x", b"mine")])[..]
    else {
        panic!("an absolute name is no attack")
    };
    assert_eq!(fs::read_to_string(root.join(&name[1..])).unwrap(), "mine");
}

#[test]
fn links_in_parents_lead_into_the_root() {
    let canary = Canary::new();
    let outside = canary.dir();
    let outside = outside.to_str().unwrap();
    let up = format!("{}{}", "../".repeat(40), &outside[1..]);
    for target in [outside, &up, "../canary", "../../../../../../../../canary"] {
        let link = Tape::new().pax(&[("linkpath", target.as_bytes())]).symlink("l", "x");
        // In one layer, and with the link in a lower one. It leads to nothing in the root.
        let through = |tape: Tape| tape.file("l/file", b"evil").file("l/dir/new", b"evil");
        canary.refused(target, &[through(link.clone())]);
        let results = canary.attack(target, &[link.clone(), through(Tape::new())]);
        // Flat, the link of the lower layer is replaced: nothing else has a use for it.
        assert!(matches!(&results[0], Ok(root) if root.join("l/file").is_file()), "{target}: {results:?}");
        let gone = Tape::new().file("l/.wh.file", b"").file("l/.wh..wh..opq", b"");
        canary.attack(target, &[link.clone(), gone]);
        canary.attack(target, &[link.clone().dir("l"), Tape::new().file("l/x", b"")]);
        canary.attack(target, &[link.hard_link("l/new", "l/file")]);
    }
    let loops = Tape::new().symlink("a", "b").symlink("b", "a").file("a/x", b"");
    for result in canary.attack("loop", &[loops]) {
        assert!(result.is_err());
    }
}

#[test]
fn a_link_at_the_name_itself_is_replaced_and_never_followed() {
    let canary = Canary::new();
    let file = canary.dir().join("file");
    let link = Tape::new().pax(&[("linkpath", file.to_str().unwrap().as_bytes())]).symlink("l", "x");
    let mut chmod = header(tar::EntryType::Regular, 0o4777);
    chmod.set_uid(77);
    for over in [
        Tape::new().raw(chmod, b"l", b"", b"evil"),
        Tape::new().pax(&[("SCHILY.xattr.user.evil", b"1")]).file("l", b"evil"),
        Tape::new().dir("l"),
        Tape::new().raw(header(tar::EntryType::Fifo, 0o666), b"l", b"", b""),
        Tape::new().symlink("l", "elsewhere"),
    ] {
        let [Ok(root), Ok(_)] = &canary.attack("over a link", &[link.clone(), over])[..] else {
            panic!("replacing a link is no attack")
        };
        assert_ne!(fs::read_link(root.join("l")).ok(), Some(file.clone()));
    }
}

#[test]
fn hard_links_stay_inside_and_are_never_to_what_a_link_leads_to() {
    let canary = Canary::new();
    let outside = canary.dir().join("file");
    let outside = outside.to_str().unwrap();
    let records: [(&str, &[u8]); 1] = [("linkpath", outside.as_bytes())];
    for result in canary.attack("outside", &[Tape::new().pax(&records).hard_link("h", "x")]) {
        assert!(matches!(&result, Err(Problem::Format(said)) if said.contains("hard link")), "{result:?}");
    }
    canary.refused("up", &[Tape::new().hard_link("h", "../canary/file")]);
    canary.refused("directory", &[Tape::new().dir("d").hard_link("h", "d")]);
    // A hard link to a symbolic link is one more name of that link, and writing to it replaces it.
    let tape = Tape::new().pax(&records).symlink("l", "x").hard_link("h", "l");
    let [Ok(root), Ok(_)] = &canary.attack("link", std::slice::from_ref(&tape))[..] else {
        panic!("no attack")
    };
    assert_eq!(fs::read_link(root.join("h")).unwrap(), Path::new(outside));
    canary.attack("write through it", &[tape.clone().file("h", b"evil")]);
    canary.attack("write through it", &[tape, Tape::new().file("h", b"evil")]);
}

#[test]
fn the_root_stays_a_directory() {
    let canary = Canary::new();
    for name in [".", "./", "/", "/./"] {
        canary.refused(name, &[Tape::new().symlink(name, "/tmp")]);
        canary.refused(
            name,
            &[Tape::new().raw(header(tar::EntryType::Fifo, 0o666), name.as_bytes(), b"", b"")],
        );
    }
}

#[test]
fn what_belongs_to_the_host_is_not_taken_from_an_image() {
    if !need::met(&["root"]) {
        return;
    }
    let canary = Canary::new();
    let records: [(&str, &[u8]); 5] = [
        ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
        ("SCHILY.xattr.user.overlay.redirect", b"/etc"),
        ("SCHILY.xattr.trusted.x", b"1"),
        ("SCHILY.xattr.security.selinux", b"x"),
        ("SCHILY.xattr.user.kept", b"1"),
    ];
    let tape = Tape::new().pax(&records).dir("d").pax(&records).file("f", b"");
    for root in canary.attack("attributes", &[tape]) {
        let text = format!("{:?}", tree::lines(&root.unwrap()));
        assert!(
            text.contains("user.kept=1") && !text.contains("redirect") && !text.contains("trusted.x"),
            "{text}"
        );
    }
    let mut device = header(tar::EntryType::Char, 0o666);
    device.set_device_major(0).unwrap();
    device.set_device_minor(0).unwrap();
    canary.refused("0:0", &[Tape::new().raw(device, b"null", b"", b"")]);
}

/// The kernel's own limits on a path are not those on a tree: links lead deeper.
/// The kernel takes 12 and 20 bits of a device's number: of these it would make 0:0, which is overlay's whiteout.
#[test]
fn device_numbers_that_the_kernel_would_cut_are_refused() {
    let canary = Canary::new();
    for (major, minor) in [(1 << 12, 0), (0, 1 << 20)] {
        let mut node = header(tar::EntryType::Char, 0o666);
        node.set_device_major(major).unwrap();
        node.set_device_minor(minor).unwrap();
        canary.refused("device", &[Tape::new().raw(node, b"node", b"", b"")]);
    }
}

#[test]
fn a_size_beyond_all_numbers_is_an_error() {
    let canary = Canary::new();
    let mut whiteout = header(tar::EntryType::Regular, 0o644);
    whiteout.set_path(".wh.f").unwrap();
    whiteout.set_size(u64::MAX - 511);
    whiteout.set_cksum();
    let mut tape = Tape::new();
    tape.0.append(&whiteout, std::io::empty()).unwrap();
    for result in canary.attack("size", &[tape]) {
        assert!(matches!(result, Err(Problem::Format(_))), "{result:?}");
    }
}

#[test]
fn a_tree_deeper_than_a_path_is_not_made() {
    let canary = Canary::new();
    let deep = ["d"; 45].join("/");
    let mut tape = Tape::new().file(&format!("{deep}/f"), b"");
    let mut at = deep.clone();
    for number in 0..60 {
        tape = tape.pax(&[("linkpath", format!("/{at}").as_bytes())]).symlink(&format!("l{number}"), "x");
        tape = tape.file(&format!("l{number}/{deep}/f"), b"");
        at = format!("l{number}/{deep}");
    }
    for result in canary.attack("deep", &[tape]) {
        assert!(matches!(result, Err(Problem::Limit { .. } | Problem::System { .. })), "{result:?}");
    }
}

/// A process that swaps a directory of the tree for a link outside while it is unpacked.
#[test]
fn a_swapped_directory_does_not_lead_out() {
    let canary = Canary::new();
    let tape =
        (0..3000).fold(Tape::new().dir("d"), |tape, number| tape.file(&format!("d/{number}"), b"evil"));
    let layout = canary.scratch.path("layout");
    write(&layout, &[tape.done()]);
    // The two may miss each other.
    let swaps: u32 = (0..20).map(|_| swap_and_unpack(&canary, &layout)).find(|swaps| *swaps > 0).unwrap_or(0);
    assert!(swaps > 0, "nothing was swapped");
    assert_eq!(tree::lines(&canary.dir()), canary.before);
    assert!(fs::metadata(canary.dir().join("file")).unwrap().nlink() == 1);
}

/// Returns how often the link stood in the directory's place.
fn swap_and_unpack(canary: &Canary, layout: &Path) -> u32 {
    let done = AtomicBool::new(false);
    let swap = || {
        let staged = names(&canary.scratch.path("")).into_iter().find(|name| name.starts_with(".isolab"));
        let Some(staged) = staged.map(|name| canary.scratch.path(&name)) else { return 0 };
        let (dir, kept) = (staged.join("d"), staged.join("kept"));
        if fs::rename(&dir, &kept).is_err() {
            return 0;
        }
        let swapped = symlink(canary.dir(), &dir).is_ok();
        std::thread::yield_now();
        drop(fs::remove_file(&dir));
        drop(fs::rename(&kept, &dir));
        u32::from(swapped)
    };
    std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut swaps = 0;
            while !done.load(Ordering::Relaxed) {
                swaps += swap();
            }
            swaps
        });
        let root = canary.scratch.path("root");
        // Whether it succeeds is the swapper's luck.
        drop(unpack(layout, &root));
        done.store(true, Ordering::Relaxed);
        drop(fs::remove_dir_all(&root));
        swapper.join().unwrap()
    })
}
