//! What the formats say of layers, written by hand and unpacked in both forms.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use isolab_core::image::{Limits, Platform, Problem, never};
use isolab_core::need;
use serde_json::json;

use crate::layout::{self, Tape, blob, gzip, header, named, sha256, write, write_packed};
use crate::scratch::{Scratch, names};
use crate::{limits, open, tree, unpack, unpack_within};

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| format!("{error}"))
}

fn unpacked(layers: &[Vec<u8>]) -> (Scratch, std::path::PathBuf) {
    let scratch = Scratch::new();
    write(&scratch.path("layout"), layers);
    let root = scratch.path("root");
    unpack(&scratch.path("layout"), &root).unwrap();
    (scratch, root)
}

#[test]
fn whiteouts_hide_lower_layers_only_in_any_order() {
    let lower =
        || Tape::new().dir("d").file("d/low", b"1").dir("d/sub").file("d/sub/low", b"1").file("f", b"1");
    // The whiteout after what the same layer has under its name, and before it.
    for upper in [
        Tape::new().dir("d").file("d/new", b"2").file(".wh.d", b""),
        Tape::new().file(".wh.d", b"").dir("d").file("d/new", b"2"),
        Tape::new().dir("d").file("d/new", b"2").file("d/.wh..wh..opq", b""),
        Tape::new().file("d/.wh..wh..opq", b"").file("d/new", b"2"),
    ] {
        let (_scratch, root) = unpacked(&[lower().done(), upper.done()]);
        assert_eq!(names(&root.join("d")), ["new"]);
        assert_eq!(text(&root.join("f")), "1");
    }
    // Below an opaque directory, what this layer has made of a lower one stays, and its lower content goes.
    let upper = Tape::new().file("d/sub/new", b"2").file("d/.wh..wh..opq", b"");
    let (_scratch, root) = unpacked(&[lower().done(), upper.done()]);
    assert_eq!(
        (names(&root.join("d")), names(&root.join("d/sub"))),
        (vec!["sub".into()], vec!["new".into()])
    );
    // Nothing to hide, and a file of AUFS's.
    let upper = Tape::new().file("none/.wh.x", b"").file(".wh..wh.plnk/1.2", b"x").file(".wh.f", b"");
    let (_scratch, root) = unpacked(&[lower().done(), upper.done()]);
    assert_eq!(names(&root), ["d"]);
}

#[test]
fn types_change_and_the_last_entry_wins() {
    let lower = Tape::new().dir("d").file("d/a", b"1").file("f", b"1").symlink("l", "d").file("p", b"1");
    let upper = Tape::new()
        .file("d", b"2")
        .dir("f")
        .file("f/a", b"2")
        .dir("l")
        .file("l/a", b"2")
        .file("p/a", b"2")
        .file("twice", b"1")
        .dir("twice")
        .file("twice/a", b"3");
    let (_scratch, root) = unpacked(&[lower.done(), upper.done()]);
    assert_eq!(text(&root.join("d")), "2");
    for file in ["f/a", "l/a", "p/a"] {
        assert_eq!(text(&root.join(file)), "2", "{file}");
    }
    assert!(!root.join("l").is_symlink());
    assert_eq!(text(&root.join("twice/a")), "3");
}

#[test]
fn parents_that_are_missing_are_made_and_directories_keep_their_times() {
    let mut old = header(tar::EntryType::Directory, 0o750);
    old.set_mtime(1_000_000_000);
    let lower = Tape::new().raw(old, b"old", b"", b"");
    let upper =
        Tape::new().file("/a/b/c", b"1").file("./old/new", b"1").symlink("to", "old").file("to/x", b"1");
    let (_scratch, root) = unpacked(&[lower.done(), upper.done()]);
    let made = fs::metadata(root.join("a/b")).unwrap();
    assert_eq!((made.mode() & 0o7777, made.mtime()), (0o755, 1_600_000_000));
    let old = fs::metadata(root.join("old")).unwrap();
    assert_eq!((old.mode() & 0o7777, old.mtime()), (0o750, 1_000_000_000));
    assert_eq!(names(&root.join("old")), ["new", "x"]);
}

#[test]
fn long_names_in_all_forms() {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    let mut gnu = Tape::new();
    let mut file = header(tar::EntryType::Regular, 0o644);
    file.set_size(1);
    gnu.0.append_data(&mut file, &long, &b"1"[..]).unwrap();
    let mut link = header(tar::EntryType::Symlink, 0o777);
    gnu.0.append_link(&mut link, "link", &long).unwrap();
    let pax = Tape::new().pax(&[("path", long.as_bytes())]).file("short", b"1");
    let pax = pax.pax(&[("linkpath", long.as_bytes())]).symlink("link", "short");
    for tape in [gnu, pax] {
        let (_scratch, root) = unpacked(&[tape.done()]);
        assert_eq!(text(&root.join(&long)), "1");
        assert_eq!(text(&root.join("link")), "1");
    }
}

#[test]
fn numbers_beyond_the_header() {
    if !need::met(&["root"]) {
        return;
    }
    let records: [(&str, &[u8]); 3] = [("uid", b"4000000000"), ("gid", b"3000000000"), ("mtime", b"-1.5")];
    let mut base_256 = header(tar::EntryType::Regular, 0o644);
    base_256.set_uid(4_000_000_000);
    let tape = Tape::new().pax(&records).file("pax", b"").raw(base_256, b"gnu", b"", b"");
    let (_scratch, root) = unpacked(&[tape.done()]);
    let pax = fs::metadata(root.join("pax")).unwrap();
    assert_eq!(
        (pax.uid(), pax.gid(), pax.mtime(), pax.mtime_nsec()),
        (4_000_000_000, 3_000_000_000, -2, 500_000_000)
    );
    assert_eq!(fs::metadata(root.join("gnu")).unwrap().uid(), 4_000_000_000);
}

#[test]
fn an_image_for_several_platforms() {
    let scratch = Scratch::new();
    let dir = scratch.path("layout");
    let mut builds = Vec::new();
    for (architecture, variant) in [("amd64", None), ("arm", Some("v7")), ("arm64", None), ("unknown", None)]
    {
        let layer = Tape::new().file("arch", architecture.as_bytes()).done();
        write(&dir, std::slice::from_ref(&layer));
        let config = json!({"architecture": architecture, "os": "linux", "variant": variant,
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", sha256(&layer))]}});
        let config = blob(&dir, "application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
        let layer = blob(&dir, "application/vnd.oci.image.layer.v1.tar", &layer);
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer]}).to_string();
        let mut build = blob(&dir, "application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
        let os = if architecture == "unknown" { "unknown" } else { "linux" };
        build["platform"] = json!({"architecture": architecture, "os": os, "variant": variant});
        builds.push(build);
    }
    let index = json!({"schemaVersion": 2, "manifests": builds}).to_string();
    let index = blob(&dir, "application/vnd.oci.image.index.v1+json", index.as_bytes());
    layout::write_index(&dir, &[named(index, "example.org/multi:latest")]);
    let archive = open(&dir);
    assert_eq!(archive.images().unwrap().len(), 3);
    for (platform, architecture) in [("linux/arm64", "arm64"), ("linux/arm", "arm"), ("linux/arm/v7", "arm")]
    {
        let platform: Platform = platform.parse().unwrap();
        let image = archive.image(Some("multi"), Some(&platform)).unwrap();
        let root = scratch.path(&platform.to_string().replace('/', "-"));
        image.unpack(&root, &never).unwrap();
        assert_eq!(text(&root.join("arch")), architecture);
    }
    assert_eq!(archive.image(None, None).unwrap().platform(), Platform::host());
    let none: Platform = "linux/s390x".parse().unwrap();
    let error = archive.image(None, Some(&none)).err().unwrap().to_string();
    assert!(
        error.contains("no image for linux/s390x, but linux/amd64, linux/arm/v7, linux/arm64"),
        "{error}"
    );
}

#[test]
fn what_is_damaged_is_named() {
    let layer = Tape::new().file("a", b"1").done();
    let right = format!("sha256:{}", sha256(&layer));
    let scratch = Scratch::new();
    let dir = scratch.path("layout");
    let error = |what: &str| {
        let error = unpack(&dir, &scratch.path("root")).unwrap_err();
        assert_eq!(scratch.names(), ["layout"], "{what} left something");
        fs::remove_dir_all(&dir).unwrap();
        format!("{error}")
    };
    write_packed(&dir, &[(gzip(&layer), format!("sha256:{}", "0".repeat(64)))], json!({}));
    let said = error("a wrong diff id");
    assert!(said.contains("layer 1 of 1 (sha256:000") && said.contains("diff id"), "{said}");
    // A blob that is not what its name says, of the right size.
    write(&dir, std::slice::from_ref(&layer));
    let blob = dir.join("blobs/sha256").join(sha256(&gzip(&layer)));
    let mut bytes = fs::read(&blob).unwrap();
    bytes[4] ^= 1; // the time in gzip's header, which nothing else looks at
    fs::write(&blob, &bytes).unwrap();
    assert!(error("a changed blob").contains("the layer's blob is not what was promised"));
    write(&dir, std::slice::from_ref(&layer));
    bytes.push(0);
    fs::write(&blob, &bytes).unwrap();
    let said = error("a longer blob");
    assert!(said.contains(&format!("got {} bytes", bytes.len())), "{said}");
    write_packed(&dir, &[([gzip(&layer), b"garbage".to_vec()].concat(), right.clone())], json!({}));
    assert!(error("garbage after it").contains("layer 1 of 1"));
    write_packed(&dir, &[(layer[..700].to_vec(), format!("sha256:{}", sha256(&layer[..700])))], json!({}));
    let said = error("a layer cut short");
    assert!(said.contains("the archive ends within its data"), "{said}");
    write(&dir, std::slice::from_ref(&layer));
    let index = fs::read_to_string(dir.join("index.json")).unwrap();
    fs::write(dir.join("index.json"), index.replacen('{', r#"{"layers":[],"#, 1)).unwrap();
    assert!(error("both at once").contains("a manifest and an index at once"));
    write(&dir, &[layer]);
    fs::write(dir.join("index.json"), index.replace("image.manifest", "image.moon")).unwrap();
    assert!(error("an unknown type").contains("no image at all"));
}

#[test]
fn limits_end_a_bomb_and_leave_nothing() {
    let scratch = Scratch::new();
    let dir = scratch.path("layout");
    let limits = Limits { bytes: 1 << 20, entries: 20, ..limits() };
    let sparse: [(&str, &[u8]); 5] = [
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"sparse"),
        ("GNU.sparse.realsize", b"99999999999"),
        ("comment", b""),
    ];
    let mut map = b"0\n".to_vec();
    map.resize(512, 0);
    let many = (0..30).fold(Tape::new(), |tape, number| tape.file(&number.to_string(), b""));
    let deep = (0..30).map(|_| "d").collect::<Vec<_>>().join("/");
    // Bytes that no entry speaks of, after the end of the archive or before.
    let mut header = header(tar::EntryType::XGlobalHeader, 0);
    header.set_size(2 << 20);
    let mut unseen = Tape::new();
    header.set_cksum();
    unseen.0.append(&header, &vec![0; 2 << 20][..]).unwrap();
    let bombs = [
        ("unseen", unseen, "1048576 decompressed bytes"),
        ("zeros", Tape::new().file("zeros", &vec![0; 2 << 20]), "1048576 bytes in files"),
        ("sparse", Tape::new().pax(&sparse).file("x", &map), "1048576 bytes in files"),
        ("many", many, "20 entries"),
        ("deep", Tape::new().file(&deep, b""), "20 entries"),
        (
            "name",
            Tape::new().pax(&[("path", "n".repeat(5000).as_bytes())]).file("x", b""),
            "4095 bytes in a name",
        ),
    ];
    for (what, bomb, said) in bombs {
        write(&dir, &[Tape::new().file("first", b"1").done(), bomb.done()]);
        let error = unpack_within(&dir, &scratch.path("root"), limits).unwrap_err();
        assert!(matches!(*error.problem, Problem::Limit { .. }), "{what}: {error}");
        let text = error.to_string();
        assert!(
            text.contains(said) && text.contains("layer 2 of 2") && text.contains("layout"),
            "{what}: {text}"
        );
        assert_eq!(scratch.names(), ["layout"], "{what}");
    }
}

#[test]
fn an_interrupted_unpacking_leaves_nothing() {
    let scratch = Scratch::new();
    write(&scratch.path("layout"), &[Tape::new().file("a", b"").file("b", b"").done()]);
    let archive = open(&scratch.path("layout"));
    let asked = std::cell::Cell::new(0);
    let cancelled = || asked.replace(asked.get() + 1) == 1;
    let image = archive.image(None, None).unwrap();
    let error = image.bundle(&scratch.path("bundle"), &cancelled).unwrap_err();
    assert!(matches!(*error.problem, Problem::Cancelled) && error.to_string().contains("entry b"), "{error}");
    assert_eq!(scratch.names(), ["layout"]);
    // What a killed process has left is removed, and what a living one is about is not.
    let dead = scratch.path(".isolab-image-1-0");
    fs::create_dir_all(dead.join("rootfs")).unwrap();
    let alive = scratch.path(".isolab-image-1-1");
    fs::create_dir(&alive).unwrap();
    let lock = fs::File::open(&alive).unwrap();
    lock.lock().unwrap();
    image.bundle(&scratch.path("bundle"), &never).unwrap();
    assert_eq!(scratch.names(), [".isolab-image-1-1", "bundle", "layout"]);
    let again = image.bundle(&scratch.path("bundle"), &never).unwrap_err().to_string();
    assert!(again.contains("exists already"), "{again}");
}

#[test]
fn layers_are_what_overlay_reads() {
    if !need::met(&["root"]) {
        return;
    }
    let scratch = Scratch::new();
    let lower = Tape::new().dir("d").file("d/a", b"1").file("f", b"1").done();
    let upper = Tape::new()
        .file(".wh.f", b"")
        .dir("d")
        .file("d/.wh..wh..opq", b"")
        .file(".wh.e", b"")
        .file("e/new", b"2")
        .done();
    write(&scratch.path("layout"), &[lower.clone(), upper, lower.clone()]);
    let archive = open(&scratch.path("layout"));
    let layers = archive.image(None, None).unwrap().layers(&scratch.path("cache"), &never).unwrap();
    assert_eq!(layers.directories.len(), 2, "the same layer once: {layers:?}");
    assert!(layers.directories[0].ends_with(sha256(&lower)), "and the upper one of the two");
    let upper = &layers.directories[1];
    let whiteout = fs::symlink_metadata(upper.join("f")).unwrap();
    assert!(whiteout.file_type().is_char_device() && whiteout.rdev() == 0);
    let lines = tree::lines(upper);
    for opaque in ["d", "e"] {
        assert!(lines[opaque].contains("trusted.overlay.opaque=y"), "{opaque}: {}", lines[opaque]);
    }
    assert!(!lines[""].contains("opaque"), "{}", lines[""]);
    // Once a layer is there it is taken as it is.
    let before = fs::metadata(upper).unwrap().ino();
    archive.image(None, None).unwrap().layers(&scratch.path("cache"), &never).unwrap();
    assert_eq!(fs::metadata(upper).unwrap().ino(), before);
    // A layer whose root is opaque is the last that shows.
    let all = Tape::new().file("new", b"").file(".wh..wh..opq", b"").done();
    write(&scratch.path("opaque"), &[lower, all]);
    let archive = open(&scratch.path("opaque"));
    let layers = archive.image(None, None).unwrap().layers(&scratch.path("cache"), &never).unwrap();
    assert_eq!(layers.directories.len(), 1);
}

/// A file that is all hole, in the form 0.0, which has no map then.
#[test]
fn a_sparse_file_without_pieces_has_its_size() {
    let scratch = Scratch::new();
    let records: [(&str, &[u8]); 2] = [("GNU.sparse.size", b"5000"), ("GNU.sparse.numblocks", b"0")];
    write(&scratch.path("layout"), &[Tape::new().pax(&records).file("hole", b"").done()]);
    unpack(&scratch.path("layout"), &scratch.path("root")).unwrap();
    assert_eq!(fs::read(scratch.path("root/hole")).unwrap(), [0; 5000]);
}
