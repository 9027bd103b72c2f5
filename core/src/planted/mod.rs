//! Mistakes that the fuzz targets must find, one at a time: a target that finds none of its own is dead, and nobody would know.
//!
//! They stand where such mistakes are made, behind the feature `planted`; without it none is compiled in. With it, the one that
//! `ISOLAB_PLANTED` names is made, and `fuzz/canaries` sees how long each takes to be found. No plain input shows one: it
//! takes a boundary, or several things together. None leads out of the container, or lifts a limit.

mod list;

pub use list::ALL;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mistake {
    /// The fuzz target that must find it.
    pub target: &'static str,
    /// Its name, unique among all.
    pub name: &'static str,
    /// What is wrong with it made, and by which rule.
    pub what: &'static str,
}

/// Whether this mistake is to be made.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn planted(_: &str) -> bool {
    false
}

/// Whether this mistake is to be made.
///
/// # Panics
/// When there is no such mistake among [`ALL`].
#[cfg(feature = "planted")]
#[must_use]
pub fn planted(name: &str) -> bool {
    debug_assert!(ALL.iter().any(|mistake| mistake.name == name), "{name} is not listed");
    chosen() == Some(name)
}

/// Looks which one is to be made, before a child that may not allocate has to know.
#[cfg(feature = "launch")]
pub(crate) fn look() {
    #[cfg(feature = "planted")]
    chosen();
}

#[cfg(feature = "planted")]
fn chosen() -> Option<&'static str> {
    use std::sync::OnceLock;
    static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("ISOLAB_PLANTED").ok()).as_deref()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "this is test code")]

    use super::*;
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    fn read(dir: &Path, text: &mut String) {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn each_is_made_in_one_place() {
        let mut text = String::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for package in ["core", "reports", "scenarios"] {
            read(&root.join(package).join("src"), &mut text);
        }
        let called = "planted(\"";
        for mistake in ALL {
            let places = text.matches(&format!("{called}{}\")", mistake.name)).count();
            assert_eq!(places, 1, "{}", mistake.name);
        }
        assert_eq!(text.matches(called).count(), ALL.len());
    }

    #[test]
    fn each_target_has_three_at_least() {
        let mut targets: BTreeMap<&str, usize> = BTreeMap::new();
        for mistake in ALL {
            *targets.entry(mistake.target).or_default() += 1;
        }
        assert!(targets.values().all(|count| *count >= 3), "{targets:?}");
    }
}
