//! Files, mounts, the network, settings.

use std::ffi::CString;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use isolab_core::network::{Address, Connection};
use isolab_core::sys::{self, Errno, mount, namespace};

use super::{Stage, apart, under};

#[test]
fn files_are_told_with_how_they_are() {
    apart("world::files_are_told_with_how_they_are", &[], || {
        let stage = Stage::new("files");
        let dir = stage.dir.clone();
        fs::write(dir.join("changes"), "a").unwrap();
        fs::set_permissions(dir.join("changes"), fs::Permissions::from_mode(0o640)).unwrap();
        let make = || {
            fs::create_dir(dir.join("sub")).unwrap();
            fs::write(dir.join("sub/new"), "four").unwrap();
            std::os::unix::fs::symlink("x", dir.join("link")).unwrap();
            fs::write(dir.join("changes"), "ab").unwrap();
            fs::write(format!("/dev/shm/{}", stage.scope.token), "").unwrap();
        };
        let lines = |(): &()| {
            let here = dir.display();
            vec![
                format!("{here}/sub is left, a directory, mode *"),
                format!("{here}/sub/new is left, a file of 4 bytes, mode *"),
                format!("{here}/link is left, a symbolic link"),
                format!("{here}/changes has changed from \"a file of 1 bytes, mode 640*"),
                format!("/dev/shm/{} is left, shared memory*", stage.scope.token),
            ]
        };
        stage.tells(make, lines, |()| {
            fs::remove_dir_all(dir.join("sub")).unwrap();
            fs::remove_file(dir.join("link")).unwrap();
            fs::write(dir.join("changes"), "a").unwrap();
            fs::remove_file(format!("/dev/shm/{}", stage.scope.token)).unwrap();
        });
        let gone = || fs::remove_file(dir.join("changes")).unwrap();
        let line = |(): &()| vec![format!("{}/changes is gone, it was: a file of 1 bytes*", dir.display())];
        stage.tells(gone, line, |()| {
            fs::write(dir.join("changes"), "a").unwrap();
            fs::set_permissions(dir.join("changes"), fs::Permissions::from_mode(0o640)).unwrap();
        });
    });
}

fn tmpfs(at: &Path) {
    let context = mount::fsopen(c"tmpfs").unwrap();
    mount::fsconfig_create(context.as_fd()).unwrap();
    let made = mount::fsmount(context.as_fd(), 0).unwrap();
    mount::attach(made.as_fd(), File::open(at).unwrap().as_fd()).unwrap();
}

fn unmount(at: &Path) {
    mount::detach(&text(at)).unwrap();
}

fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

/// A mount namespace of the calling thread's own, from which nothing gets out.
fn own_mounts() {
    namespace::unshare(libc::CLONE_NEWNS as u64).unwrap();
    mount::change(c"/", libc::MS_REC | libc::MS_PRIVATE).unwrap();
}

#[test]
fn mounts_are_told_and_so_is_a_change_of_the_hosts() {
    apart("world::mounts_are_told_and_so_is_a_change_of_the_hosts", &["root"], || {
        own_mounts();
        let (stage, other) = (Stage::new("mounts with space"), Stage::new("other"));
        let places = [stage.dir.join("here"), other.dir.join("there")];
        places.iter().for_each(|place| fs::create_dir(place).unwrap());
        let line = |(): &()| {
            let place = places[0].display();
            // Whose mode is that of what is mounted.
            vec![format!("mount at {place} (tmpfs, id *"), format!("{place} has changed from *")]
        };
        stage.tells(
            || places.iter().for_each(|place| tmpfs(place)),
            line,
            |()| places.iter().for_each(|place| unmount(place)),
        );
        let share = || mount::change(c"/", libc::MS_SHARED).unwrap();
        stage.tells(
            share,
            |()| vec!["mount at / (* has changed *".to_owned()],
            |()| mount::change(c"/", libc::MS_PRIVATE).unwrap(),
        );
        let before = stage.take();
        unmount(Path::new("/dev/shm"));
        let left = stage.left(&before);
        assert!(
            left.iter().any(|line| line.starts_with("mount at /dev/shm (") && line.contains("is gone")),
            "{left:?}"
        );
    });
}

/// The test is process 1 of a pid namespace, and looks from another mount namespace than its first thread's.
#[test]
fn a_mount_of_process_1_is_told() {
    let first = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--propagation=private"];
    under(&first, "world::a_mount_of_process_1_is_told", &["root", "unshare"], || {
        let place = Stage::new("first");
        let (ask, asked) = mpsc::channel::<bool>();
        let (done, answered) = mpsc::channel();
        let at = place.dir.clone();
        let outside = thread::spawn(move || {
            for mounts in asked {
                if mounts {
                    tmpfs(&at)
                } else {
                    unmount(&at)
                }
                done.send(()).unwrap();
            }
        });
        let tell = |mounts| {
            ask.send(mounts).unwrap();
            answered.recv().unwrap();
        };
        own_mounts();
        let line = |(): &()| vec![format!("mount of process 1 at {} (tmpfs*", place.dir.display())];
        place.tells(|| tell(true), line, |()| tell(false));
        drop(ask);
        outside.join().unwrap();
    });
}

#[test]
fn links_addresses_routes_and_sockets_are_told() {
    apart("world::links_addresses_routes_and_sockets_are_told", &["root"], || {
        namespace::unshare(libc::CLONE_NEWNET as u64).unwrap();
        let (connection, own) = (Connection::new().unwrap(), File::open("/proc/thread-self/ns/net").unwrap());
        let mut stage = Stage::new("network");
        stage.scope.thorough = true;
        stage.scope.links.push("isolab".to_owned());
        let before = stage.take();
        match connection.add_veth(c"isolab0", c"other0", own.as_fd()) {
            Err(Errno::EOPNOTSUPP) => return assert!(isolab_core::need::met(&["veth"])),
            made => made.unwrap(),
        }
        for name in [c"isolab0", c"other0"] {
            let index = connection.link(name).unwrap().index;
            connection.set_up(index).unwrap();
            let last = if name == c"other0" { 77 } else { 1 };
            connection.add_address(index, &Address::v4(Ipv4Addr::new(198, 18, 0, last), 24)).unwrap();
        }
        let left = stage.left(&before);
        for expected in [
            "link isolab0 is left, number ",
            "address 198.18.0.1/24 of isolab0",
            "route to 198.18.0.0/24 in table 254 by isolab0",
        ] {
            assert!(left.iter().any(|line| line.starts_with(expected)), "{expected} not in {left:#?}");
        }
        assert!(
            !left.iter().any(|line| line.contains("other0") || line.contains("198.18.0.77")),
            "{left:#?}"
        );
        connection.remove_link(connection.link(c"isolab0").unwrap().index).unwrap();
        assert_eq!(stage.left(&before), [""; 0]);
        // A link that no software made is the host's own, whatever its name.
        isolab_core::sys::link::loopback_up().unwrap();
        let left = stage.left(&before);
        assert!(left.iter().any(|line| line.starts_with("link lo has changed from")), "{left:#?}");
    });
}

#[test]
fn abstract_sockets_are_told_by_the_token() {
    apart("world::abstract_sockets_are_told_by_the_token", &[], || {
        let mut stage = Stage::new("sockets");
        stage.scope.own = false;
        let bind =
            |name: &str| UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap();
        let other = format!("isolab-other-{}", std::process::id());
        let make = || (bind(&format!("x-{}", stage.scope.token)), bind(&other));
        stage.tells(make, |_| vec![format!("socket @x-{} (*) is left", stage.scope.token)], drop);
    });
}

#[test]
fn settings_are_told() {
    apart("world::settings_are_told", &["root"], || {
        namespace::unshare(libc::CLONE_NEWUTS as u64).unwrap();
        let stage = Stage::new("settings");
        sys::fs::umask(0o022).unwrap();
        sys::process::set_rlimit(libc::RLIMIT_CORE, 0, 4096).unwrap();
        let adjustment = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        std::env::set_current_dir(&stage.dir).unwrap();
        let change = || {
            sys::fs::umask(0o123).unwrap();
            sys::process::set_rlimit(libc::RLIMIT_CORE, 4096, 4096).unwrap();
            fs::write("/proc/self/oom_score_adj", "77").unwrap();
            namespace::sethostname(b"isolab-box").unwrap();
            std::env::set_current_dir("/").unwrap();
            sys::signal::block(&[libc::SIGUSR2]).unwrap()
        };
        let lines = |_: &sys::signal::Mask| {
            ["own Umask", "own RLIMIT_CORE", "own oom_score_adj", "hostname", "own cwd", "own SigBlk"]
                .map(|what| format!("{what} has changed from *"))
                .to_vec()
        };
        stage.tells(change, lines, |mask| {
            sys::fs::umask(0o022).unwrap();
            sys::process::set_rlimit(libc::RLIMIT_CORE, 0, 4096).unwrap();
            fs::write("/proc/self/oom_score_adj", adjustment.trim()).unwrap();
            namespace::sethostname(name.trim().as_bytes()).unwrap();
            std::env::set_current_dir(&stage.dir).unwrap();
            sys::signal::restore(mask).unwrap();
        });
    });
}

#[test]
fn kernel_parameters_are_told_and_stay_as_they_are() {
    apart("world::kernel_parameters_are_told_and_stay_as_they_are", &["root"], || {
        namespace::unshare(libc::CLONE_NEWNET as u64).unwrap();
        let mut stage = Stage::new("parameters");
        stage.scope.parameters = true;
        let file = "/proc/sys/net/ipv4/ip_default_ttl";
        let old = fs::read_to_string(file).unwrap();
        stage.tells(
            || fs::write(file, "77").unwrap(),
            |()| vec![format!("{file} has changed from \"64\" to \"77\"")],
            |()| fs::write(file, &old).unwrap(),
        );
    });
}
