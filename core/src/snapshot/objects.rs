//! What the kernel keeps elsewhere: in a thorough look loop devices on the scope's files, and keys that have its token in
//! their description.
//!
//! BPF programs and maps, and terminals, live as long as a descriptor, a group or a file that leads to them, and are told with
//! these. By themselves they have no owner: their numbers count where nobody else is at work.

use super::Kind;
use super::look::Look;
use crate::sys::{Errno, bpf};

pub(super) fn look(look: &mut Look<'_>) {
    if look.scope.thorough {
        loop_devices(look);
        keys(look);
    }
    if look.scope.alone {
        bpf(look, "program", bpf::next_program);
        bpf(look, "map", bpf::next_map);
        for name in look.names("/dev/pts").into_iter().filter(|name| name != "ptmx") {
            look.saw(Kind::Objects, format!("terminal /dev/pts/{name}"), "");
        }
    }
}

fn loop_devices(look: &mut Look<'_>) {
    for device in look.names("/sys/block").into_iter().filter(|name| name.starts_with("loop")) {
        // Only a device in use has this file.
        let Some(file) = look.read(format!("/sys/block/{device}/loop/backing_file")) else { continue };
        if look.scope.concerns(&file) {
            look.saw(Kind::Objects, format!("loop device {device}"), format!("on {}", file.trim_end()));
        }
    }
}

/// Lines of `proc_keys(5)`: number, flags, uses, expiry, permissions, owner, group, type, description and summary.
fn keys(look: &mut Look<'_>) {
    let text = look.read("/proc/keys").unwrap_or_default();
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(number), Some(named)) = (fields.first(), fields.get(7..)) else { continue };
        let named = named.join(" ");
        if look.scope.concerns(&named) {
            // The summary counts what is in a ring.
            look.saw(Kind::Objects, format!("key {number}"), named);
        }
    }
}

fn bpf(look: &mut Look<'_>, what: &str, next: fn(u32) -> Result<u32, Errno>) {
    let mut id = 0;
    loop {
        match next(id) {
            Ok(found) => {
                look.saw(Kind::Objects, format!("BPF {what} {found}"), "");
                id = found;
            }
            Err(Errno::ENOENT) => return,
            Err(errno) => return look.unseen(format!("BPF {what}s"), errno),
        }
    }
}
