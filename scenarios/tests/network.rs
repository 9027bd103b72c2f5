//! Containers on a bridge reach each other, and nothing else reaches them.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::launch::{Container, Exit, Options, launch};
use isolab_core::need;
use isolab_core::network::Connection;
use isolab_core::oci;
use isolab_core::plan::Plan;
use isolab_core::sys::Errno;
use isolab_scenarios::network::{GATEWAY, Lab, of_process};
use isolab_scenarios::scratch::Scratch;
use serde_json::json;

const SERVER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 254);

/// A bridge, or nothing where the kernel has none and need not.
fn lab() -> Option<Lab> {
    if !need::met(&["root", "busybox"]) {
        return None;
    }
    match Lab::new() {
        Err(error) if error.errno == Errno::EOPNOTSUPP => {
            assert!(!need::met(&["bridge and veth"]), "{error}");
            None
        }
        lab => Some(lab.unwrap()),
    }
}

/// Starts busybox with a script, which says what it finds in `/said`.
fn start(scratch: &Scratch, name: &str, script: &str) -> Container {
    let bundle = scratch.path().join(name);
    fs::create_dir_all(bundle.join("rootfs/bin")).unwrap();
    fs::create_dir(bundle.join("rootfs/proc")).unwrap();
    fs::copy("/bin/busybox", bundle.join("rootfs/bin/busybox")).unwrap();
    let capabilities = ["CAP_NET_RAW"];
    let config = json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0}, "cwd": "/",
            "args": ["/bin/busybox", "sh", "-c", format!("{{ {script}; }} > /said 2>&1")],
            "env": ["PATH=/bin"],
            "capabilities": {
                "bounding": capabilities, "permitted": capabilities, "effective": capabilities,
            },
        },
        "root": {"path": "rootfs"},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}]},
    });
    let spec = oci::parse(config.to_string().as_bytes()).unwrap();
    let config = Config::new(&spec, &bundle, name).unwrap();
    let plan = Plan::compile(&config, &Host::probe()).unwrap();
    let null: OwnedFd = File::options().read(true).write(true).open("/dev/null").unwrap().into();
    launch(&plan, &Options::new([null.as_fd(); 3])).unwrap()
}

fn end(mut container: Container) -> Option<Exit> {
    let exit = container.wait(Some(Duration::from_secs(20))).unwrap();
    container.remove().unwrap();
    exit
}

fn said(scratch: &Scratch, name: &str) -> String {
    fs::read_to_string(scratch.path().join(name).join("rootfs/said")).unwrap()
}

/// Waits for a file, which a container is about to make.
fn await_file(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "no {}", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A network namespace as a container has it.
fn namespace() -> File {
    let make = || {
        isolab_core::sys::namespace::unshare(isolab_core::sys::namespace::NETWORK).unwrap();
        File::open("/proc/thread-self/ns/net").unwrap()
    };
    std::thread::spawn(make).join().unwrap()
}

fn host_links() -> Vec<isolab_core::network::Link> {
    Connection::new().unwrap().links().unwrap()
}

#[test]
fn two_containers_reach_each_other_and_a_third_does_not() {
    let Some(lab) = lab() else { return };
    let before = host_links();
    let scratch = Scratch::new().unwrap();
    // They wait for the word to go, which comes once they are attached.
    let gate = "while ! /bin/busybox test -e /go; do /bin/busybox sleep 0.02; done";
    let server = start(
        &scratch,
        "server",
        &format!("{gate}; /bin/busybox touch /ready; echo hello | /bin/busybox nc -l -p 5000"),
    );
    let ask = format!(
        "/bin/busybox ping -c 1 -W 5 {SERVER} && /bin/busybox ping -c 1 -W 5 {GATEWAY} && \
         /bin/busybox nc -w 1 {SERVER} 5001 || echo closed; \
         for i in 1 2 3 4 5 6 7 8 9; do /bin/busybox nc -w 5 {SERVER} 5000 && break; /bin/busybox sleep 0.1; done"
    );
    let client = start(&scratch, "client", &format!("{gate}; {ask}"));
    let third = start(
        &scratch,
        "third",
        &format!(
            "{gate}; /bin/busybox ping -c 1 -W 1 {SERVER} || /bin/busybox nc -w 1 {SERVER} 5000 || echo unreachable"
        ),
    );
    for (container, address) in [(&server, SERVER), (&client, CLIENT)] {
        lab.attach(of_process(container.pid()).unwrap().as_fd(), address).unwrap();
    }
    let root = |name: &str| scratch.path().join(name).join("rootfs");
    let go = |name: &str| fs::write(root(name).join("go"), "").unwrap();
    go("server");
    await_file(&root("server").join("ready"));
    go("third");
    assert_eq!(end(third), Some(Exit::Code(0)));
    go("client");
    assert_eq!(end(client), Some(Exit::Code(0)), "{}", said(&scratch, "client"));
    let client = said(&scratch, "client");
    assert_eq!(client.matches("1 packets received").count(), 2, "{client}");
    assert!(client.contains("closed") && client.contains("hello"), "{client}");
    assert_eq!(end(server), Some(Exit::Code(0)));
    let third = said(&scratch, "third");
    assert!(third.contains("unreachable") && !third.contains("hello"), "{third}");
    assert_eq!(host_links(), before);
}

#[test]
fn a_bridge_goes_with_its_lab_and_only_addresses_for_measuring_are_given() {
    let Some(lab) = lab() else { return };
    let container = namespace();
    let container = container.as_fd();
    for wrong in [GATEWAY, Ipv4Addr::new(198, 17, 0, 2), Ipv4Addr::new(192, 168, 0, 2)] {
        let error = lab.attach(container, wrong).unwrap_err();
        assert!(error.to_string().contains("198.18.0.0/15"), "{error}");
    }
    let there = Connection::inside(container).unwrap();
    let count = || there.links().unwrap().len();
    assert_eq!(count(), 1);
    let attached = lab.attach(container, SERVER).unwrap();
    assert_eq!(count(), 2);
    let again = lab.attach(container, CLIENT).unwrap_err();
    assert!(again.to_string().contains("EEXIST"), "{again}");
    assert_eq!(count(), 2);
    lab.detach(attached).unwrap();
    assert_eq!(count(), 1);
    lab.attach(container, SERVER).unwrap();
    drop(lab);
    // The kernel takes namespaces down in its own time.
    let begun = Instant::now();
    while count() != 1 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", there.links());
        std::thread::sleep(Duration::from_millis(20));
    }
}
