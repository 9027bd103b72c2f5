//! Archives that tools have really written, against what umoci makes of the same image.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use isolab_core::image::{Archive, never};
use isolab_core::need;

use crate::scratch::Scratch;
use crate::{limits, open, tree};

const NEEDS: [&str; 6] = ["root", "busybox", "buildah", "podman", "skopeo", "umoci"];

/// Storage of the test's own. `vfs` copies, so that no overlay is needed below.
const STORAGE: &str = "--root storage --runroot run --storage-driver vfs";

/// An image of three layers, in buildah's storage as `one`: files of all kinds, then changes and removals.
fn build(scratch: &Scratch) {
    let buildah = |line: &str| scratch.run(&format!("buildah {STORAGE} {line}"));
    let first = buildah("from scratch");
    let root = buildah(&format!("mount {first}"));
    first_layer(Path::new(&root));
    let config = "--env A=b --workingdir /etc --user web --label l=v --stop-signal SIGINT --port 80";
    buildah(&format!("config {config} --entrypoint [\"/bin/sh\",\"-c\"] --cmd true {first}"));
    buildah(&format!("commit -q {first} base"));
    let second = buildah("from base");
    let root = buildah(&format!("mount {second}"));
    let root = Path::new(&root);
    // A directory becomes a file and a file a directory, one goes, one is emptied, one is made anew.
    fs::remove_dir_all(root.join("was-dir")).unwrap();
    fs::write(root.join("was-dir"), "now a file").unwrap();
    fs::remove_file(root.join("was-file")).unwrap();
    fs::create_dir(root.join("was-file")).unwrap();
    fs::write(root.join("was-file/in"), "now in a directory").unwrap();
    fs::remove_dir_all(root.join("gone")).unwrap();
    fs::remove_file(root.join("kept/gone")).unwrap();
    fs::write(root.join("kept/new"), "new").unwrap();
    fs::set_permissions(root.join("etc"), PermissionsExt::from_mode(0o711)).unwrap();
    buildah(&format!("commit -q {second} two"));
    let third = buildah("from two");
    let root = buildah(&format!("mount {third}"));
    let root = Path::new(&root);
    fs::write(root.join("gone"), "is back").unwrap();
    fs::remove_file(root.join("linked/b")).unwrap();
    buildah(&format!("commit -q {third} one"));
}

fn first_layer(root: &Path) {
    for dir in ["bin", "etc", "was-dir/deep", "gone/deep", "kept", "linked", "tmp"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    fs::set_permissions(root.join("bin/busybox"), PermissionsExt::from_mode(0o4755)).unwrap();
    symlink("busybox", root.join("bin/sh")).unwrap();
    symlink("/nowhere/at/all", root.join("dangling")).unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n").unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\nweb:x:34:\nlog:x:50:web\n").unwrap();
    for file in ["was-file", "was-dir/deep/a", "gone/deep/a", "kept/gone", "kept/stays", "linked/a"] {
        fs::write(root.join(file), file).unwrap();
    }
    fs::hard_link(root.join("linked/a"), root.join("linked/b")).unwrap();
    fs::hard_link(root.join("linked/a"), root.join("linked/c")).unwrap();
    chown(root.join("kept/stays"), Some(12_345), Some(4_000_000)).unwrap();
    fs::set_permissions(root.join("tmp"), PermissionsExt::from_mode(0o1777)).unwrap();
    let long = "long-".repeat(45);
    fs::create_dir_all(root.join(&long).join(&long)).unwrap();
    fs::write(root.join(&long).join(&long).join("a"), "deep").unwrap();
    symlink(format!("/{long}/{long}/a"), root.join("long")).unwrap();
    nodes(root);
    attributes(root);
}

fn nodes(root: &Path) {
    use isolab_core::sys::{fs, here};
    let path = |name: &str| std::ffi::CString::new(root.join(name).to_str().unwrap()).unwrap();
    fs::mknodat(here(), &path("fifo"), libc::S_IFIFO | 0o622, 0).unwrap();
    fs::mknodat(here(), &path("null"), libc::S_IFCHR | 0o666, libc::makedev(1, 3)).unwrap();
    fs::mknodat(here(), &path("disk"), libc::S_IFBLK | 0o660, libc::makedev(259, 70_000)).unwrap();
}

fn attributes(root: &Path) {
    use isolab_core::sys::tree;
    use std::os::fd::AsFd;
    let set = |name: &str, key, value: &[u8]| {
        tree::set_xattr(fs::File::open(root.join(name)).unwrap().as_fd(), key, value).unwrap();
    };
    // CAP_NET_RAW, permitted and effective, version 2 (capabilities(7)); then values that look like PAX records.
    let capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    set("kept/stays", c"security.capability", &capability);
    set("kept/stays", c"user.note", b"1\n12 path=evil\n\0\xff");
    set("kept", c"user.dir", b"d");
}

/// The only manifest of a layout.
fn manifest(layout: &Path) -> std::path::PathBuf {
    let index: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(layout.join("index.json")).unwrap()).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
    layout.join("blobs").join(digest.replace(':', "/"))
}

/// What umoci makes of the image `one` of an OCI layout.
fn umoci(scratch: &Scratch, layout: &str, bundle: &str) {
    scratch.run(&format!("umoci unpack --image {layout}:one {bundle}"));
}

#[test]
fn every_form_is_unpacked_as_umoci_does() {
    if !need::met(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    build(&scratch);
    let push = |options: &str, to: &str| {
        scratch.run(&format!("buildah {STORAGE} push -q {options} one {to}"));
    };
    push("", "oci:layout:one");
    push("--compression-format zstd", "oci:zstd:one");
    push("", "oci-archive:oci.tar:one");
    push("", "docker-archive:docker.tar:registry.example/one:latest");
    scratch.run(&format!("podman {STORAGE} save -q -o podman.tar localhost/one"));
    // Skopeo says of these layers that they are gzipped, and they are not.
    scratch
        .run("skopeo copy -q --dest-oci-accept-uncompressed-layers docker-archive:docker.tar oci:plain:one");
    scratch.run("skopeo copy -q oci:layout:one docker-archive:skopeo.tar:one:latest");
    scratch.run("gzip -k docker.tar");
    let layers = |layout: &str| fs::read_to_string(manifest(&scratch.path(layout))).unwrap();
    assert!(layers("layout").contains("tar+gzip") && layers("zstd").contains("tar+zstd"));
    let plain = fs::read_dir(scratch.path("plain/blobs/sha256")).unwrap();
    let is_tar = |path: &Path| fs::read(path).unwrap().get(257..262) == Some(b"ustar");
    assert_eq!(plain.filter(|blob| is_tar(&blob.as_ref().unwrap().path())).count(), 3);
    umoci(&scratch, "layout", "expected");
    let rootfs = scratch.path("expected/rootfs");
    assert!(tree::lines(&rootfs).contains_key("gone"));
    let forms =
        ["layout", "zstd", "plain", "oci.tar", "docker.tar", "podman.tar", "skopeo.tar", "docker.tar.gz"];
    for form in forms {
        let root = scratch.path(&format!("{form}.root"));
        let archive = open(&scratch.path(form));
        let report = archive.image(None, None).unwrap().unpack(&root, &never).unwrap();
        assert_eq!(report.notes, Vec::<String>::new(), "{form}");
        tree::assert_same(form, &rootfs, &root);
    }
}

#[test]
fn umoci_writes_what_is_read() {
    if !need::met(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    build(&scratch);
    scratch.run(&format!("buildah {STORAGE} push -q one oci:layout:one"));
    umoci(&scratch, "layout", "bundle");
    let rootfs = scratch.path("bundle/rootfs");
    fs::remove_dir_all(rootfs.join("kept")).unwrap();
    fs::write(rootfs.join("kept"), "a file").unwrap();
    fs::remove_file(rootfs.join("fifo")).unwrap();
    scratch.run("umoci repack --image layout:two bundle");
    scratch.run("umoci unpack --image layout:two expected");
    let archive = open(&scratch.path("layout"));
    let several = archive.image(None, None).err().unwrap().to_string();
    assert!(several.contains("several images") && several.contains("two"), "{several}");
    archive.image(Some("two"), None).unwrap().unpack(&scratch.path("root"), &never).unwrap();
    tree::assert_same("umoci", &scratch.path("expected/rootfs"), &scratch.path("root"));
}

#[test]
fn a_bundle_has_what_the_image_says() {
    if !need::met(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    build(&scratch);
    scratch.run(&format!("buildah {STORAGE} push -q one docker-archive:docker.tar:example.org/one:v1"));
    let text = format!("{}:example.org/one:v1", scratch.path("docker.tar").display());
    let (archive, name) = Archive::named(&text, limits()).unwrap();
    assert_eq!(name.as_deref(), Some("example.org/one:v1"));
    let bundle = scratch.path("bundle");
    archive.image(name.as_deref(), None).unwrap().bundle(&bundle, &never).unwrap();
    let text = fs::read_to_string(bundle.join("config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap();
    let process = &config["process"];
    assert_eq!(process["args"], serde_json::json!(["/bin/sh", "-c", "true"]));
    assert_eq!(process["cwd"], "/etc");
    let user = serde_json::json!({"uid": 33, "gid": 34, "additionalGids": [50]});
    assert_eq!(process["user"], user);
    let env = process["env"].as_array().unwrap();
    assert!(env.contains(&"A=b".into()) && env.contains(&"HOME=/srv".into()), "{env:?}");
    let annotations = &config["annotations"];
    assert_eq!(annotations["l"], "v");
    assert_eq!(annotations["org.opencontainers.image.stopSignal"], "SIGINT");
    assert_eq!(annotations["org.opencontainers.image.exposedPorts"], "80");
    let spec = isolab_core::oci::parse(text.as_bytes()).unwrap();
    isolab_core::config::Config::new(&spec, &bundle, "one").unwrap();
    let wrong = archive.image(Some("example.org/two"), None).err().unwrap().to_string();
    assert!(wrong.contains("no image example.org/two, but example.org/one:v1"), "{wrong}");
}
