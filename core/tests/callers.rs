//! Sloppy callers: whatever is left open, blocked, ignored, joined or deleted by whoever calls the runtime, the workload
//! sees what it sees of a tidy one.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Bundle, traces};
use isolab_core::host::Host;
use isolab_core::need;
use serde_json::json;

const RUNTIME: &str = env!("CARGO_BIN_EXE_isolab-runtime");

/// What a caller could hand down, as the workload sees it, written to a file: it may have no standard output. The name of
/// the secret is the bundle's own: until its permissions are set, every root of this machine may see a key.
const SEES: &str = "b=/bin/busybox; exec > /saw; $b ls /proc/$$/fd; $b pwd; $b env; \
    $b grep -E '^(Sig[BIC]|Shd|Uid|Gid|Groups|Cap|NoNewPrivs|Umask)' /proc/$$/status; \
    $b awk '{ print $1 == $5, $1 == $6 }' /proc/$$/stat; $b grep -c SECRET /proc/keys || true";

fn key(bundle: &Bundle) -> &str {
    text(Path::new(bundle.dir.file_name().unwrap()))
}

/// What it is, what it needs, and how it comes to call.
const CALLERS: [(&str, &str, &str); 12] = [
    ("tidy", "bash", "exec \"$@\""),
    ("open files", "bash", "exec 3</etc/passwd 9</etc/passwd 255</etc/passwd 1000</etc/passwd; exec \"$@\""),
    ("the last descriptor", "bash", "eval \"exec $(($(ulimit -n) - 1))</etc/passwd\"; exec \"$@\""),
    ("no standard input", "bash", "exec \"$@\" <&-"),
    ("no standard streams", "bash", "exec \"$@\" <&- >&- 2>&-"),
    ("a directory that is gone", "bash", "d=$(mktemp -d); cd $d; rmdir $d; exec \"$@\""),
    ("all signals blocked and ignored", "bash", "exec env --block-signal --ignore-signal \"$@\""),
    ("SIGCHLD ignored", "bash", "exec env --ignore-signal=CHLD \"$@\""),
    ("groups", "setpriv", "exec setpriv --groups 5,6,4711 \"$@\""),
    ("capabilities", "setpriv", "exec setpriv --inh-caps +net_raw --ambient-caps +net_raw \"$@\""),
    ("a closed umask, an environment", "bash", "umask 777; export SECRET=1 LD_PRELOAD=/none; exec \"$@\""),
    (
        "keys",
        "keyctl",
        "exec keyctl session - bash -c 'keyctl setperm $(keyctl padd user $KEY @s < /etc/passwd) 0x3f000000; \
         grep -q $KEY /proc/keys || exit 9; exec \"$0\" \"$@\"' \"$@\"",
    ),
];

/// What of them a script that prints cannot be: it would be refused its output, or its programs.
const NOT_SCRIPTS: [&str; 2] = ["no standard streams", "a closed umask, an environment"];

fn call(caller: &str, key: &str, command: &[&str]) -> Option<i32> {
    let mut bash = Command::new("bash");
    bash.env("KEY", key).args(["-c", caller, "bash"]).args(command);
    bash.status().unwrap().code()
}

fn saw(bundle: &Bundle) -> String {
    let path = bundle.dir.join("rootfs/saw");
    let saw = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    saw
}

/// With everything shown that a caller could have left.
fn bundle(script: &str) -> Bundle {
    let bundle = Bundle::new();
    let script = script.replace("SECRET", key(&bundle));
    let mut bundle = bundle.with_shell(&script);
    bundle.config["linux"]["maskedPaths"] = json!([]);
    bundle.config["root"]["readonly"] = json!(false);
    bundle
}

/// Calls as each of them, and compares what was seen with what it is with a tidy caller.
fn each(bundle: &Bundle, but: &[&str], command: &[&str]) {
    let mut tidy = String::new();
    for (name, need, caller) in CALLERS.into_iter().filter(|(name, ..)| !but.contains(name)) {
        if !need::met(&[need]) {
            continue;
        }
        assert_eq!(call(caller, key(bundle), command), Some(0), "{name}");
        let seen = saw(bundle);
        if tidy.is_empty() {
            tidy.clone_from(&seen);
            assert!(seen.starts_with("0\n1\n2\n/\n") && seen.ends_with("\n1 1\n0\n"), "{seen}");
            assert!(seen.contains("SigBlk:\t0000000000000000"), "{seen}");
        }
        assert_eq!(seen, tidy, "{name}");
    }
}

#[test]
fn the_first_process_inherits_nothing() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let bundle = bundle(SEES);
    let (root, dir) = (bundle.dir.join("root"), bundle.write());
    each(&bundle, &[], &[RUNTIME, "--root", text(&root), "run", "--bundle", text(dir), &bundle.id]);
}

#[test]
fn a_created_process_inherits_nothing() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    // The parent of what is created is not its caller, and nobody waits for it: it says when it is done.
    let bundle = bundle(&format!("{SEES}; /bin/busybox mv /saw /seen"));
    let (root, dir) = (bundle.dir.join("root"), bundle.write());
    let seen = bundle.dir.join("rootfs/seen");
    let script = format!(
        "r=$1; $r --root {root} create --bundle {dir} {id} && $r --root {root} start {id} && \
         while ! [ -e {seen} ]; do sleep 0.01; done && mv {seen} {saw} && \
         while ! $r --root {root} delete {id} 2>/dev/null; do sleep 0.01; done",
        root = text(&root),
        dir = text(dir),
        id = bundle.id,
        seen = text(&seen),
        saw = text(&bundle.dir.join("rootfs/saw")),
    );
    each(&bundle, &NOT_SCRIPTS, &["bash", "-c", &script, "bash", RUNTIME]);
}

#[test]
fn an_added_process_inherits_nothing() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    let bundle = bundle("exec /bin/busybox sleep 600");
    let (root, dir) = (bundle.dir.join("root"), bundle.write());
    let of = |words: &[&str]| {
        let words = [&[RUNTIME, "--root", text(&root)], words].concat();
        call("exec \"$@\" >/dev/null 2>&1", "", &words)
    };
    assert_eq!(of(&["run", "--detach", "--bundle", text(dir), &bundle.id]), Some(0));
    each(
        &bundle,
        &[],
        &[
            RUNTIME,
            "--root",
            text(&root),
            "exec",
            &bundle.id,
            "/bin/busybox",
            "sh",
            "-c",
            &SEES.replace("SECRET", key(&bundle)),
        ],
    );
    assert_eq!(of(&["delete", "--force", &bundle.id]), Some(0));
}

#[test]
fn a_caller_who_may_open_little_leaves_nothing() {
    if !need::met(&["root", "busybox", "bash"]) {
        return;
    }
    let bundle = bundle(SEES);
    let (root, dir) = (bundle.dir.join("root"), bundle.write());
    let command = [RUNTIME, "--root", text(&root), "run", "--bundle", text(dir), &bundle.id];
    let host = Host::probe();
    let before = traces(&host, &bundle);
    let (mut failed, mut done) = (0, 0);
    for most in (3..40).chain([1024]) {
        match call(&format!("ulimit -n {most}; exec \"$@\" 2>/dev/null"), "", &command) {
            Some(0) => done += 1,
            _ => failed += 1,
        }
        let left = fs::read_dir(&root).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{most} descriptors");
        assert_eq!(traces(&host, &bundle), before, "{most} descriptors");
    }
    assert!(failed > 0 && done > 0, "{failed} {done}");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
