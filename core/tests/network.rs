//! The network of a container: loopback, and devices that are moved into it. All in network namespaces of the tests' own.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use common::Bundle;
use isolab_core::host::Host;
use isolab_core::launch::{Exit, Options, launch};
use isolab_core::need;
use isolab_core::network::{Address, Connection};
use isolab_core::observe::{Observation, compare};
use isolab_core::sys::{Errno, namespace};
use serde_json::json;

/// Runs a test in a thread with a network namespace of its own, in which nothing of the host's can be reached.
fn apart(test: fn(&Connection, File)) {
    let thread = std::thread::spawn(move || {
        let host = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        namespace::unshare(libc::CLONE_NEWNET as u64).unwrap();
        assert_ne!(host, std::fs::read_link("/proc/thread-self/ns/net").unwrap());
        let own = File::open("/proc/thread-self/ns/net").unwrap();
        test(&Connection::new().unwrap(), own);
    });
    thread.join().unwrap();
}

fn null() -> OwnedFd {
    File::options().read(true).write(true).open("/dev/null").unwrap().into()
}

/// A pair of links, `moves` up and with addresses; `false` where the kernel has none.
fn pair(connection: &Connection, own: &File) -> bool {
    match connection.add_veth(c"moves", c"stays", own.as_fd()) {
        Err(Errno::EOPNOTSUPP) => return need::met(&["veth"]),
        made => made.unwrap(),
    }
    let index = connection.link(c"moves").unwrap().index;
    connection.set_up(index).unwrap();
    for address in [Ipv4Addr::new(198, 18, 0, 7), Ipv4Addr::new(198, 19, 255, 1)] {
        connection.add_address(index, &Address::v4(address, 24)).unwrap();
    }
    connection.set_up(connection.link(c"stays").unwrap().index).unwrap();
    true
}

/// What a container with `moves` says of its links and addresses, and its end.
fn inside(config: impl FnOnce(&mut serde_json::Value), script: &str) -> Result<String, String> {
    let host = Host::probe();
    let mut bundle = Bundle::new().with_shell(&format!("{script} > /tmp/said 2>&1"));
    bundle.config["root"]["readonly"] = json!(false);
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["destination"] != "/tmp");
    bundle.config["linux"].as_object_mut().unwrap().remove("seccomp");
    config(&mut bundle.config);
    let null = null();
    let plan = bundle.plan(&host);
    let mut container = launch(&plan, &Options::new([null.as_fd(); 3])).map_err(|error| error.to_string())?;
    let exit = container.wait(Some(Duration::from_secs(10))).unwrap();
    container.remove().unwrap();
    let said = std::fs::read_to_string(bundle.dir.join("rootfs/tmp/said")).unwrap();
    assert_eq!(exit, Some(Exit::Code(0)), "{said}");
    Ok(said)
}

#[test]
fn the_loopback_link_is_up_and_that_it_is_not_is_seen() {
    if !need::met(&["root"]) {
        return;
    }
    let bundle = Bundle::new();
    let host = Host::probe();
    let null = null();
    let mut options = Options::new([null.as_fd(); 3]);
    options.hold_at_exec = true;
    let mut container = launch(&bundle.plan(&host), &options).unwrap();
    let mut seen = Observation::of(container.pid(), &host.cgroups).unwrap();
    container.release().unwrap();
    container.remove().unwrap();
    assert_eq!(seen.loopback, Some(true));
    let own = Observation::of(std::process::id() as i32, &host.cgroups).unwrap();
    seen.loopback = Some(false);
    let found = compare(&bundle.config().unwrap(), &host, &own, &seen).to_string();
    assert!(found.contains("loopback up: asked true, got false"), "{found}");
    // What the observation reads is there only once the link is up.
    apart(|connection, _| {
        let table = || std::fs::read_to_string("/proc/thread-self/net/fib_trie").unwrap();
        assert!(!table().contains("127.0.0.1"));
        connection.set_up(connection.link(c"lo").unwrap().index).unwrap();
        assert!(table().contains("127.0.0.1"));
    });
}

#[test]
fn a_device_moves_with_its_addresses_and_its_new_name() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    apart(|connection, own| {
        if !pair(connection, &own) {
            return;
        }
        let devices = |config: &mut serde_json::Value| {
            config["linux"]["netDevices"] = json!({"moves": {"name": "eth0"}});
        };
        let said = inside(devices, "/bin/busybox ip addr").unwrap();
        for wanted in ["eth0", "198.18.0.7/24", "198.19.255.1/24", "LOOPBACK,UP"] {
            assert!(said.contains(wanted), "{wanted} not in {said}");
        }
        let device = said.lines().find(|line| line.contains("eth0")).unwrap();
        assert!(device.contains(",UP"), "{device}");
        // A virtual device goes with the container's namespace, and its other end with it.
        for _ in 0..200 {
            if connection.links().unwrap().len() == 1 {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{:?}", connection.links().unwrap());
    });
}

#[test]
fn a_launch_that_fails_gives_devices_back() {
    if !need::met(&["root", "busybox"]) {
        return;
    }
    apart(|connection, own| {
        if !pair(connection, &own) {
            return;
        }
        let before = connection.links().unwrap();
        let addresses = |name| connection.addresses(connection.link(name).unwrap().index).unwrap();
        let permanent = |name| {
            let mut all = addresses(name);
            all.retain(Address::is_permanent_and_global);
            all
        };
        let wanted = permanent(c"moves");
        assert_eq!(wanted.len(), 2);
        type Change = fn(&mut serde_json::Value);
        let failures: [(Change, &str); 3] = [
            // The second of two is not there; the first has been moved by then.
            (|config| config["linux"]["netDevices"] = json!({"moves": {"name": "a"}, "none": {}}), "ENODEV"),
            // The name is taken.
            (|config| config["linux"]["netDevices"] = json!({"moves": {"name": "lo"}}), "EEXIST"),
            // Something later fails.
            (
                |config| {
                    config["linux"]["netDevices"] = json!({"moves": {"name": "a"}});
                    config["process"]["args"] = json!(["/none"]);
                },
                "execve /none",
            ),
        ];
        for (config, said) in failures {
            let error = inside(config, "true").unwrap_err();
            assert!(error.contains(said), "{said}: {error}");
            assert_eq!(names(&connection.links().unwrap()), names(&before), "{said}");
            assert_eq!(permanent(c"moves"), wanted, "{said}");
            assert!(connection.link(c"moves").unwrap().up, "{said}");
        }
    });
}

fn names(links: &[isolab_core::network::Link]) -> Vec<String> {
    let mut names: Vec<_> = links.iter().map(|link| link.name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
