//! Ranges of ids for a user without privilege, which `newuidmap` grants.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Command, Output};

use common::Bundle;
use isolab_core::need;
use serde_json::{Value, json};

const NOBODY: u32 = 65_534;

/// Runs a bundle as nobody, who has ids 300000 to 365535 in a mount namespace of the test's own.
fn run(bundle: &Bundle, granted: &str) -> Output {
    fs::write(bundle.dir.join("subid"), granted).unwrap();
    fs::set_permissions(&bundle.dir, fs::Permissions::from_mode(0o755)).unwrap();
    let runtime = bundle.dir.join("isolab-runtime");
    common::copy_program(env!("CARGO_BIN_EXE_isolab-runtime"), &runtime);
    let dir = bundle.write().display();
    let script = format!(
        "for file in /etc/subuid /etc/subgid; do mount --bind {dir}/subid $file || exit 99; done; \
         exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups \
         {dir}/isolab-runtime --root {dir}/state run --bundle {dir} {}",
        bundle.id
    );
    Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap()
}

fn bundle() -> Bundle {
    let mut bundle =
        Bundle::rootless(NOBODY, NOBODY).with_shell("busybox cat /proc/self/uid_map; busybox id");
    let map: Value = json!([
        {"containerID": 0, "hostID": NOBODY, "size": 1},
        {"containerID": 1, "hostID": 300_000, "size": 65_536},
    ]);
    bundle.config["linux"]["uidMappings"] = map.clone();
    bundle.config["linux"]["gidMappings"] = map;
    bundle.config["process"]["user"] = json!({"uid": 5, "gid": 6, "additionalGids": [7]});
    for path in ["", "rootfs", "state"] {
        fs::create_dir_all(bundle.dir.join(path)).unwrap();
        chown(bundle.dir.join(path), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    bundle
}

#[test]
fn a_user_is_given_the_ranges_that_are_granted() {
    if !need::met(&["root", "user-namespace", "busybox", "unshare", "setpriv", "newuidmap"]) {
        return;
    }
    let output = run(&bundle(), "nobody:300000:65536\n");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains("300000") && text.contains("uid=5 gid=6 groups="), "{output:?}");
}

#[test]
fn ranges_that_are_not_granted_are_refused_with_a_remedy() {
    if !need::met(&["root", "user-namespace", "busybox", "unshare", "setpriv", "newuidmap"]) {
        return;
    }
    let output = run(&bundle(), "nobody:500000:65536\n");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("newuidmap") && text.contains("/etc/subuid"), "{output:?}");
}
