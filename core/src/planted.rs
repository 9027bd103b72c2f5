//! Mistakes that the fuzz targets must find, one at a time: a target that finds none of its own is dead, and nobody would know.
//!
//! They stand where such mistakes are made, behind the feature `planted`; without it none is compiled in. With it, the one that
//! `ISOLAB_PLANTED` names is made, and `fuzz/canaries` sees how long each takes to be found.

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mistake {
    /// The fuzz target that must find it.
    pub target: &'static str,
    /// Its name, unique among all.
    pub name: &'static str,
    /// What is wrong with it made.
    pub what: &'static str,
}

/// All of them.
pub const ALL: &[Mistake] = &[];

/// Whether this mistake is to be made.
#[cfg(not(feature = "planted"))]
#[must_use]
pub(crate) const fn planted(_: &str) -> bool {
    false
}

/// Whether this mistake is to be made.
///
/// # Panics
/// When there is no such mistake among [`ALL`].
#[cfg(feature = "planted")]
#[must_use]
pub(crate) fn planted(name: &str) -> bool {
    use std::sync::OnceLock;
    static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
    debug_assert!(ALL.iter().any(|mistake| mistake.name == name), "{name} is not listed");
    CHOSEN.get_or_init(|| std::env::var("ISOLAB_PLANTED").ok()).as_deref() == Some(name)
}
