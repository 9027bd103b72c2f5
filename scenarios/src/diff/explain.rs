//! What the spec says of what launchers do differently.

use serde::Deserialize;

const CATALOG: &str = include_str!("../../catalog/diff.toml");

/// One explanation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Explanation {
    /// A fact, or the beginning of several and a `*`.
    fact: String,
    pub(super) says: String,
    pub(super) source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalog {
    difference: Vec<Explanation>,
}

pub(super) fn read() -> Result<Vec<Explanation>, crate::schema::Error> {
    Ok(crate::schema::parse::<Catalog>("diff.toml", CATALOG)?.difference)
}

/// The first that fits.
pub(super) fn find<'e>(all: &'e [Explanation], fact: &str) -> Option<&'e Explanation> {
    all.iter().find(|one| match one.fact.strip_suffix('*') {
        Some(beginning) => fact.starts_with(beginning),
        None => fact == one.fact,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_fits_is_taken() {
        let all = read().unwrap();
        assert!(find(&all, "mount /proc/keys").unwrap().says.contains("masked"));
        assert!(find(&all, "mount /").unwrap().says.contains("root"));
        assert!(find(&all, "nothing of the kind").is_none());
    }
}
