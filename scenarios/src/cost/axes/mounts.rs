//! Mounts of a container, by number: file systems of their own (tmpfs) and bind mounts of a directory.
//!
//! What is made at the launch also ends with the container, so both ends of each mount are in a sample.

use serde_json::json;

use super::super::ladder::{Ladder, Rung};
use super::{alone, append, namespace, rung};
use crate::edit::Edit;

/// Id of the cost in the record.
pub const ID: &str = "mounts-by-number";
/// How many.
const COUNTS: [u32; 4] = [1, 10, 100, 300];

/// A mount namespace with the root alone, and with more mounts.
#[must_use]
pub fn ladder() -> Ladder {
    let tmpfs = COUNTS.map(|count| rung(format!("{count} tmpfs"), edits(count, tmpfs)));
    let binds = COUNTS.map(|count| rung(format!("{count} bind"), edits(count, bind)));
    let first = rung("0 mounts", vec![namespace("mount")]);
    let rungs: Vec<Rung> = std::iter::once(first).chain(tmpfs).chain(binds).collect();
    alone(ID, "Launch, run a program that only exits, remove: mounts in the container by number", rungs)
}

fn edits(count: u32, mount: fn(u32) -> Edit) -> Vec<Edit> {
    (0..count).map(mount).collect()
}

fn tmpfs(number: u32) -> Edit {
    let options = ["nosuid", "nodev", "noexec"];
    let mount = json!({"destination": place(number), "type": "tmpfs", "source": "tmpfs", "options": options});
    append(["mounts"], mount)
}

/// Of a directory that every bundle has. A relative source is the bundle's.
fn bind(number: u32) -> Edit {
    let mount =
        json!({"destination": place(number), "type": "bind", "source": "rootfs/etc", "options": ["bind"]});
    append(["mounts"], mount)
}

fn place(number: u32) -> String {
    format!("/mnt/{number}")
}
