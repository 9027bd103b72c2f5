//! What a test needs of its machine: a skip is said, counted, and can be forbidden.
//!
//! `ISOLAB_MUST_RUN=root,runc,…` names the needs that a machine promises; a test that lacks one of them fails instead
//! of being skipped. `1` promises everything.

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::host::{Feature, Host};

/// Tests skipped by this process so far.
pub static SKIPPED: AtomicU32 = AtomicU32::new(0);

/// Whether everything named is there. What is missing is printed with its remedy.
///
/// Names: `root`, a program such as `runc`, a feature of [`crate::host::FEATURES`], `cgroup-v1`, `cgroup-v2` (with
/// controllers), `cgroup CONTROLLER`, `apparmor-profile NAME` (loaded), `landlock version N` (or later), `guest` (of the
/// kernel lab), `i386` (programs), or a file by its absolute path.
///
/// # Panics
/// When something is missing that `ISOLAB_MUST_RUN` promises.
#[must_use]
pub fn met(needs: &[&str]) -> bool {
    let host = Host::probe();
    let promised = std::env::var("ISOLAB_MUST_RUN").unwrap_or_default();
    let promised: Vec<&str> = promised.split(',').map(str::trim).collect();
    let mut missing = Vec::new();
    for need in needs {
        let Err((reason, remedy)) = look(need, &host) else { continue };
        let must = promised.contains(&"1") || promised.contains(need);
        assert!(!must, "needs {need}, which ISOLAB_MUST_RUN promises, but {reason}; {remedy}");
        missing.push(format!("needs {need}: {reason}; {remedy}"));
    }
    if !missing.is_empty() {
        let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
        say(count, &missing.join("; and "));
    }
    missing.is_empty()
}

/// Says on standard error that the test of this thread is skipped, as the how-manieth of this test binary.
fn say(count: u32, why: &str) {
    let thread = std::thread::current();
    // Not with `eprintln!`, which the harness captures and shows of failed tests only. One call a line, so that tests in
    // parallel do not mix; a closed standard error is no reason to fail.
    let line = format!("skipped {} ({count} so far): {why}\n", thread.name().unwrap_or("a test"));
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// Whether this is a guest of `isolab kernels`, where a mistake harms nobody.
#[must_use]
pub fn is_guest(host: &Host) -> bool {
    host.cmdline.contains(GUEST)
}

fn look(need: &str, host: &Host) -> Result<(), (String, String)> {
    let missing = |reason: &str, remedy: &str| Err((reason.to_owned(), remedy.to_owned()));
    if let Some(feature) = host.features.get(need) {
        return match feature {
            Feature::Available => Ok(()),
            Feature::Missing { reason, remedy } => missing(reason, remedy),
        };
    }
    match need {
        "root" if host.is_root() => Ok(()),
        "root" => missing("this is not root", "run the tests as root"),
        "guest" if is_guest(host) => Ok(()),
        "guest" => missing("this is no guest, and a mistake would stop the host", "isolab kernels --test"),
        "cgroup-v1" if !host.cgroups.v1.is_empty() => Ok(()),
        "cgroup-v1" => missing("no v1 hierarchy is mounted", "boot with systemd.unified_cgroup_hierarchy=0"),
        "cgroup-v2" if host.cgroups.v2.as_ref().is_some_and(|tree| !tree.controllers.is_empty()) => Ok(()),
        "cgroup-v2" => missing("the v2 tree has no controllers", "boot without v1 hierarchies"),
        "i386" if crate::sys::trial::has_i386() => Ok(()),
        "i386" => missing("32-bit programs do not run here", "use a kernel with CONFIG_IA32_EMULATION"),
        file if file.starts_with('/') && std::path::Path::new(file).exists() => Ok(()),
        device if device.starts_with("/dev/") => {
            missing("it does not exist", "load its module, if the kernel has one")
        }
        file if file.starts_with('/') => {
            missing("it does not exist", &format!("apt-get install {}", package(file)))
        }
        _ if need.starts_with(PROFILE) => match is_loaded(need.trim_start_matches(PROFILE)) {
            true => Ok(()),
            false => missing("no such profile is loaded", "isolab kernels --test --apparmor FILE"),
        },
        _ if need.starts_with(LANDLOCK) => match need.trim_start_matches(LANDLOCK).parse() {
            Ok(version) if host.landlock >= version => Ok(()),
            _ => missing(&format!("this kernel's version is {}", host.landlock), "use a later kernel"),
        },
        _ => match need.strip_prefix("cgroup ") {
            Some(controller) if host.cgroups.find(controller).is_some_and(|(tree, _)| tree.writable) => {
                Ok(())
            }
            Some(_) => missing(
                "no hierarchy has it, or none where groups can be made",
                "run as root, enable it at boot",
            ),
            None if in_path(need) => Ok(()),
            None => missing("it is not in PATH", &format!("apt-get install {}", package(need))),
        },
    }
}

/// What the kernel lab puts on its guests' command lines.
const GUEST: &str = "isolab.padding=";
const LANDLOCK: &str = "landlock version ";
const PROFILE: &str = "apparmor-profile ";

fn is_loaded(profile: &str) -> bool {
    let loaded = std::fs::read_to_string("/sys/kernel/security/apparmor/profiles").unwrap_or_default();
    loaded.lines().any(|line| crate::apparmor::is(profile, line))
}

fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

fn package(program: &str) -> &str {
    match program {
        "bwrap" => "bubblewrap",
        "chromium" => "chromium",
        "newuidmap" => "uidmap",
        "setpriv" | "unshare" => "util-linux",
        "/usr/include/seccomp.h" => "libseccomp-dev",
        "/usr/share/containers/seccomp.json" => "golang-github-containers-common",
        other => other,
    }
}
