//! Layers under an overlay, and a container in it.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::image::never;
use isolab_core::launch::{Exit, Options, launch};
use isolab_core::need;
use isolab_core::oci;
use isolab_core::plan::Plan;

use crate::layout::{Tape, sha256, write_packed};
use crate::open;
use crate::scratch::Scratch;

/// Runs a bundle; what it says goes to a file.
fn run(bundle: &Path) -> (Option<Exit>, String) {
    let spec = oci::read(&bundle.join("config.json")).unwrap();
    let config = Config::new(&spec, bundle, &format!("isolab-test-image-{}", std::process::id())).unwrap();
    let plan = Plan::compile(&config, &Host::probe()).unwrap();
    let said = fs::File::create(bundle.join("said")).unwrap();
    let input: OwnedFd = fs::File::open("/dev/null").unwrap().into();
    let options = Options::new([input.as_fd(), said.as_fd(), said.as_fd()]);
    let mut container = launch(&plan, &options).unwrap();
    let exit = container.wait(Some(Duration::from_secs(20))).unwrap();
    container.remove().unwrap();
    (exit, fs::read_to_string(bundle.join("said")).unwrap())
}

#[test]
fn a_container_runs_from_an_images_layers() {
    if !need::met(&["root", "overlay", "busybox"]) {
        return;
    }
    let scratch = Scratch::new();
    let busybox = fs::read("/bin/busybox").unwrap();
    let mut program = crate::layout::header(tar::EntryType::Regular, 0o755);
    program.set_uid(0);
    let first = Tape::new()
        .dir("bin")
        .raw(program, b"bin/busybox", b"", &busybox)
        .symlink("bin/sh", "busybox")
        .file("etc/passwd", b"root:x:0:0::/:/bin/sh\nweb:x:33:34::/:/bin/sh\n")
        .file("gone", b"1")
        .file("d/low", b"1")
        .dir("proc")
        .dir("dev")
        .dir("sys");
    let second = Tape::new().file(".wh.gone", b"").file("d/.wh..wh..opq", b"").file("d/up", b"2");
    let layers: Vec<(Vec<u8>, String)> = [first.done(), second.done()]
        .into_iter()
        .map(|layer| (crate::layout::gzip(&layer), format!("sha256:{}", sha256(&layer))))
        .collect();
    let script = "/bin/busybox ls / /d && /bin/busybox id -u && echo new > /tmp-file; echo $A";
    let config = serde_json::json!({
        "Entrypoint": ["/bin/sh", "-c"], "Cmd": [script], "Env": ["A=b"], "User": "web",
    });
    write_packed(&scratch.path("layout"), &layers, config);
    let archive = open(&scratch.path("layout"));
    let image = archive.image(None, None).unwrap();
    let bundle = scratch.path("bundle");
    image.overlay_bundle(&bundle, &scratch.path("cache"), &never).unwrap();
    let (exit, said) = run(&bundle);
    assert_eq!(exit, Some(Exit::Code(0)), "{said}");
    assert!(said.contains("33\n") && said.contains("b\n") && said.contains("up"), "{said}");
    assert!(!said.contains("gone") && !said.contains("low"), "{said}");
    // Flat, it says the same.
    image.bundle(&scratch.path("flat"), &never).unwrap();
    let (exit, flat) = run(&scratch.path("flat"));
    assert_eq!((exit, flat), (Some(Exit::Code(0)), said));
}
