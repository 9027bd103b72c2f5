//! Id maps of a user namespace, by the number of their extents.
//!
//! Up to 5 extents are in the namespace itself and are searched one by one; more are in an array of their own, are sorted when
//! they are written, and are searched by halves (`kernel/user_namespace.c`). 340 is the most, since Linux 4.15, and a map must
//! be written at once in less than a page (`user_namespaces(7)`), so its numbers are short. More than one's own id takes
//! `CAP_SETUID` in the parent namespace.

use serde_json::{Value, json};

use super::super::ladder::Ladder;
use super::{alone, namespace, rung, set};
use crate::edit::Edit;

/// Id of the cost in the record.
pub const ID: &str = "user-namespace-maps";
/// The kernel's `UID_GID_MAP_MAX_EXTENTS`.
const MOST: u32 = 340;

/// No user namespace; one's own id; a range; and extents that do not touch each other.
#[must_use]
pub fn ladder() -> Ladder {
    let own = |id: &str| json!([{"containerID": 0, "hostID": id, "size": 1}]);
    let range = json!([{"containerID": 0, "hostID": 0, "size": 65536}]);
    let rungs = vec![
        rung("no user namespace", Vec::new()),
        rung("own id alone", mapped(own("{uid}"), own("{gid}"))),
        rung("1 extent of 65536 ids", mapped(range.clone(), range)),
        rung("5 extents", mapped(extents(5), extents(5))),
        rung("6 extents", mapped(extents(6), extents(6))),
        rung(format!("{MOST} extents"), mapped(extents(MOST), extents(MOST))),
    ];
    alone(ID, "Launch, run a program that only exits, remove: id maps by the number of extents", rungs)
}

fn mapped(uids: Value, gids: Value) -> Vec<Edit> {
    let maps = [set(["linux", "uidMappings"], uids), set(["linux", "gidMappings"], gids)];
    std::iter::once(namespace("user")).chain(maps).collect()
}

/// Every second id, onto itself.
fn extents(count: u32) -> Value {
    let extent = |number: u32| json!({"containerID": number * 2, "hostID": number * 2, "size": 1});
    (0..count).map(extent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_map_fits_into_a_write() {
        let lines = extents(MOST).as_array().unwrap().iter().fold(String::new(), |text, extent| {
            text + &format!("{} {} 1\n", extent["containerID"], extent["hostID"])
        });
        assert_eq!(lines.lines().count(), 340);
        assert!(lines.len() < 4096, "{}", lines.len());
    }
}
