//! Files of `/proc` from bytes: read by every reader, none of which may panic, and what one reads is within what there was.

use isolab_core::observe;

use crate::target::{Target, text};

/// See above.
pub const TARGET: Target = Target { name: "observe_bytes", holds: observe_bytes, show: text, live: false };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn observe_bytes(bytes: &[u8]) {
    let text = text(bytes);
    let lines = text.split('\n').count();
    assert!(observe::mountinfo(&text).len() <= lines);
    assert!(observe::cgroup_lines(&text).len() <= lines);
    assert!(observe::id_map(&text).len() <= lines);
    assert!(observe::limits(&text).len() <= 16);
    assert!(observe::time_offsets(&text).len() <= lines);
    let status = observe::status(&text);
    assert!(status.name.len() <= text.len());
    if let Some(stat) = observe::stat(&text) {
        assert!(text.contains(&format!("({})", stat.name)));
    }
    // Each line by itself is read as it is among the others.
    let each: Vec<_> = text.split('\n').flat_map(observe::mountinfo).collect();
    assert_eq!(observe::mountinfo(&text), each);
    let each: Vec<_> = text.split('\n').flat_map(observe::cgroup_lines).collect();
    assert_eq!(observe::cgroup_lines(&text), each);
}
