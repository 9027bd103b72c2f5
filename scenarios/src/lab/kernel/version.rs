//! Versions of Debian's packages, compared as deb-version(7) says.

use std::cmp::Ordering;

/// Compares two versions.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (epoch_a, upstream_a, revision_a) = split(a);
    let (epoch_b, upstream_b, revision_b) = split(b);
    part(epoch_a, epoch_b)
        .then_with(|| part(upstream_a, upstream_b))
        .then_with(|| part(revision_a, revision_b))
}

/// The kernel's own version: `6.12.95` of `6.12.95-1~bpo12+1`.
pub(super) fn upstream(version: &str) -> &str {
    split(version).1
}

/// Whether a kernel's version begins with `prefix`, number by number: `6.1` is no beginning of `6.12`.
pub(super) fn begins(version: &str, prefix: &str) -> bool {
    upstream(version)
        .strip_prefix(prefix)
        .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

/// Epoch, upstream version, revision.
fn split(version: &str) -> (&str, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

/// Texts and numbers take turns: texts by [`weight`], numbers by value.
fn part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let (text_a, text_b) = (take(&mut a, false), take(&mut b, false));
        for at in 0..text_a.len().max(text_b.len()) {
            let order = weight(text_a.get(at)).cmp(&weight(text_b.get(at)));
            if order.is_ne() {
                return order;
            }
        }
        let (number_a, number_b) = (value(take(&mut a, true)), value(take(&mut b, true)));
        // Without leading zeros, the longer number is the greater.
        let order = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Takes the digits, or what is no digit, from the front.
fn take<'t>(text: &mut &'t [u8], digits: bool) -> &'t [u8] {
    let end = text.iter().position(|byte| byte.is_ascii_digit() != digits).unwrap_or(text.len());
    let (taken, rest) = text.split_at(end);
    *text = rest;
    taken
}

fn value(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    &digits[zeros..]
}

/// A tilde comes before the end, which comes before letters, which come before the rest.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Debian's kernels, ascending. With dpkg it is asked too whether it agrees.
    const ASCENDING: [&str; 12] = [
        "5.10.223-1",
        "5.10.262-1",
        "6.1.176-1",
        "6.1.180-1~deb11u1",
        "6.1.192-2",
        "6.12.9-1",
        "6.12.95-1~bpo12+1",
        "6.12.95-1",
        "6.12.107-1",
        "7.3~rc5-1~exp1",
        "7.3.4-1~bpo13+1",
        "1:2.0-1",
    ];

    #[test]
    fn versions_have_dpkgs_order() {
        for (at, a) in ASCENDING.iter().enumerate() {
            for (other, b) in ASCENDING.iter().enumerate() {
                assert_eq!(compare(a, b), at.cmp(&other), "{a} and {b}");
            }
        }
        assert_eq!(compare("1.0-1", "1.00-01"), Ordering::Equal);
        if !isolab_core::need::met(&["dpkg"]) {
            return;
        }
        for pair in ASCENDING.windows(2) {
            let agrees = std::process::Command::new("dpkg")
                .args(["--compare-versions", pair[0], "lt", pair[1]])
                .status();
            assert!(agrees.unwrap().success(), "{pair:?}");
        }
    }

    #[test]
    fn a_prefix_ends_between_numbers() {
        assert!(begins("6.1.192-2", "6.1"));
        assert!(begins("6.12.107-1", "6.12.107"));
        assert!(begins("7.3~rc5-1~exp1", "7.3"));
        assert!(!begins("6.12.107-1", "6.1"));
        assert!(!begins("6.12.107-1", "6.12.10"));
        assert!(!begins("6.1.192-2", "6.1.192.1"));
    }
}
