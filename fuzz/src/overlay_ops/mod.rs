//! Operations in a mounted overlay: each says what a file system in memory says, the whole is then the same, the lower layers are
//! what they were, and another mount of the same shows the same.

mod input;
mod known;
mod layer;
mod model;
mod mounted;
mod options;
mod perform;

pub use input::Input;

use std::collections::BTreeMap;

use crate::seen::{self, Kind, List};
use crate::target::{Target, draw, drawn};
use crate::tmpfs;
use model::{Model, Node, What};
use mounted::Mounted;

/// See above.
pub const TARGET: Target =
    Target { name: "overlay_ops", holds: overlay_ops, show: drawn::<Input>, live: true };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn overlay_ops(bytes: &[u8]) {
    if let (Some(input), Some(_)) = (draw::<Input>(bytes), tmpfs::place()) {
        holds(&input);
    }
}

/// How many operations there were, and how many of them succeeded; nothing when the options cannot be mounted.
///
/// # Panics
/// When the property does not hold, or there is no tmpfs.
pub fn holds(input: &Input) -> Option<(usize, usize)> {
    let place = tmpfs::place().unwrap_or_else(|| panic!("no tmpfs"));
    let mut mounted = Mounted::new(place, input);
    let before = mounted.lower();
    let overlay = mounted.compose();
    let done = mounted.mount(&overlay);
    if !options::can_be(input) {
        assert_eq!(
            done,
            Err(libc::EINVAL),
            "the kernel takes options that contradict each other: {input:#?}"
        );
        return None;
    }
    assert_eq!(done, Ok(()), "mount {overlay}: {input:#?}");
    let ((mount, all), (must, must_all)) = (mounted.options(), options::shown(input));
    let missing = must.iter().find(|word| !mount.iter().any(|shown| shown == *word));
    let missing = missing.or(must_all.iter().find(|word| !all.iter().any(|shown| shown == *word)));
    assert_eq!(missing, None, "not shown among {mount:?} {all:?}: {input:#?}");
    let mut model = Model::new(input, options::redirects());
    assert_same(&mounted.show(), &model, "at first", input);
    let mut succeeded = 0;
    for (nth, op) in input.ops.iter().enumerate() {
        let (said, known) = (perform::perform(&mounted.at(), op), model.apply(op));
        assert!(said == known, "operation {nth}, {op:?}, says {said:?}, must say {known:?}: {input:#?}");
        succeeded += usize::from(said.is_ok());
    }
    assert_same(&mounted.show(), &model, "after all", input);
    mounted.unmount();
    if input.options.volatile && input.upper.is_some() {
        // Nobody may use again what may have been lost (overlayfs.rst, "volatile mount").
        assert_eq!(mounted.mount(&overlay), Err(libc::EINVAL), "volatile: {input:#?}");
        mounted.forget_volatile();
    }
    assert_eq!(mounted.mount(&overlay), Ok(()), "once more {overlay}: {input:#?}");
    assert_same(&mounted.show(), &model, "mounted again", input);
    mounted.unmount();
    for (nth, (now, before)) in mounted.lower().iter().zip(&before).enumerate() {
        seen::same(now, before, &format!("lower layer {nth} of {input:#?}"));
    }
    Some((input.ops.len(), succeeded))
}

fn assert_same(found: &List, model: &Model, when: &str, input: &Input) {
    let found: BTreeMap<String, (Node, String)> = found
        .iter()
        .map(|(path, seen)| {
            let what = match &seen.kind {
                Kind::Directory => What::Directory { names: BTreeMap::new(), lower: false },
                Kind::File(data) => What::File(data.clone()),
                Kind::Symlink(to) => What::Symlink(text(to)),
                other => panic!("{}, {when}, is {other:?}: {input:#?}", text(path)),
            };
            // Where the marks are user attributes, which a symbolic link cannot have, an overlay forgets which are one.
            let first = if matches!(what, What::Symlink(_)) { path } else { &seen.first };
            let node = Node { what, mode: seen.mode, xattrs: seen.xattrs.clone() };
            (text(path), (node, text(first)))
        })
        .collect();
    let wanted = model.show();
    for path in found.keys().chain(wanted.keys()) {
        let (found, wanted) = (found.get(path), wanted.get(path));
        assert!(found == wanted, "{path:?}, {when}:\n is      {found:?}\n must be {wanted:?}\nof {input:#?}");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
