//! The commit that a record belongs to.

use std::process::{Command, Stdio};

/// Names the commit where git does not know it: a container without a checkout, a release build under test.
const NAMED: &str = "ISOLAB_REVISION";

/// `$ISOLAB_REVISION`, or the commit of the checkout that this process works in, with a `+` when something tracked was changed.
/// `None` without either, and without git.
pub(crate) fn of_here() -> Option<String> {
    if let Some(named) = std::env::var(NAMED).ok().filter(|named| !named.is_empty()) {
        return Some(named);
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}+") })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_has_a_commit() {
        let revision = of_here();
        // A source archive has none.
        if git(&["rev-parse", "HEAD"]).is_some() {
            let revision = revision.unwrap();
            assert!(revision.trim_end_matches('+').len() >= 7, "{revision}");
        } else {
            assert_eq!(revision, std::env::var(NAMED).ok());
        }
    }
}
