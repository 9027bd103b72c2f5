//! Kernels from Debian's archive, with the machine's apt. They stay in the cache of the user who runs the tests.

use std::fs;
use std::process::Command;

use isolab_core::need;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::lab::kernel::{self, modules};
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::scratch::Scratch;

/// What Debian 12's kernel and the split one of later releases have in common.
#[test]
fn kernels_by_version_can_be_booted() {
    if !need::met(&["apt-get", "dpkg-deb"]) {
        return;
    }
    let names = ["6.1", "7.2"].map(str::to_owned);
    let kernels = kernel::resolve(&names, None, &Quiet, &Cancel::new()).unwrap();
    for (kernel, name) in kernels.iter().zip(&names) {
        assert_eq!(kernel.name, *name);
        assert!(kernel.source.contains(&format!(" {name}.")), "{}", kernel.source);
        let image = std::fs::read(&kernel.image).unwrap();
        assert_eq!(&image[0x202..0x206], b"HdrS");
        assert_eq!(kernel.options()["CONFIG_USER_NS"], "y");
        let directory = kernel.modules.as_ref().unwrap();
        let found = modules::load_order(directory, &["veth", "overlay", "bridge", "no-such-module"]).unwrap();
        assert_eq!(found.missing, ["no-such-module"]);
        let place = |name: &str| found.modules.iter().position(|module| module.name == name);
        assert!(
            place("overlay").is_some() && place("llc").is_some() && place("llc") < place("bridge"),
            "{name}"
        );
        for module in &found.modules {
            assert!(module.bytes.starts_with(b"\x7fELF"), "{}", module.name);
        }
    }
}

#[test]
fn kernels_between_two_are_offered() {
    if !need::met(&["apt-get"]) {
        return;
    }
    let versions = kernel::offered("6.1", "6.12", &Cancel::new()).unwrap();
    assert!(versions.len() > 2 && versions[0].starts_with("6.1."), "{versions:?}");
    assert!(versions.last().unwrap().starts_with("6.12."), "{versions:?}");
}

/// Also where the system's own apt would take it.
#[test]
fn an_archive_that_is_not_signed_is_refused() {
    if !need::met(&["apt-get", "qemu-system-x86_64"]) {
        return;
    }
    let scratch = Scratch::new().unwrap();
    let at = scratch.path().display();
    for suite in ["bookworm", "bookworm-security"] {
        let suite = scratch.path().join("archive/dists").join(suite);
        fs::create_dir_all(&suite).unwrap();
        fs::write(suite.join("Release"), "Origin: Debian\nArchitectures: amd64\nComponents: main\n").unwrap();
    }
    let sources = ["", "-security"].map(|more| format!("deb file:{at}/archive bookworm{more} main\n"));
    fs::write(scratch.path().join("sources.list"), sources.concat()).unwrap();
    let configuration = format!(
        "Dir::Etc::SourceList \"{at}/sources.list\";\nDir::Etc::SourceParts \"/dev/null\";\n\
         Acquire::AllowInsecureRepositories \"true\";\nAPT::Get::AllowUnauthenticated \"true\";\n"
    );
    fs::write(scratch.path().join("apt.conf"), configuration).unwrap();
    let mut isolab = Command::new(env!("CARGO_BIN_EXE_isolab"));
    isolab.args(["kernels", "debian:bookworm", "--out"]).arg(scratch.path().join("out"));
    isolab.env("APT_CONFIG", scratch.path().join("apt.conf")).env("ISOLAB_CACHE", scratch.path());
    let ended = isolab.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains(&format!("'file:{at}/archive bookworm Release' is not signed")), "{said}");
}
