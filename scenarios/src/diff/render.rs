//! A comparison as text, and as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Comparison, Difference};

/// Values that are the same in several facts, such as decisions on calls, are told once.
fn grouped(differences: &[Difference]) -> Vec<(Vec<&str>, &Difference)> {
    let mut groups: Vec<(Vec<&str>, &Difference)> = Vec::new();
    let mut places: BTreeMap<(&str, &Vec<Option<String>>), usize> = BTreeMap::new();
    for one in differences {
        let kind = one.fact.split(' ').next().unwrap_or_default();
        // Facts of the same kind with the same values, where the kind has many.
        let key = if kind == "seccomp" { (kind, &one.values) } else { (one.fact.as_str(), &one.values) };
        match places.get(&key) {
            Some(&at) => groups[at].0.push(one.fact.as_str()),
            None => {
                places.insert(key, groups.len());
                groups.push((vec![one.fact.as_str()], one));
            }
        }
    }
    groups
}

fn named(facts: &[&str]) -> String {
    const MOST: usize = 8;
    let short = |fact: &&str| fact.strip_prefix("seccomp ").unwrap_or(fact).to_owned();
    match facts {
        [one] => (*one).to_owned(),
        many => {
            let first: Vec<String> = many.iter().take(MOST).map(short).collect();
            let more = many.len().saturating_sub(MOST);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("seccomp {}{more}", first.join(", "))
        }
    }
}

/// For a terminal.
#[must_use]
pub fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    let names = comparison.launchers.join(", ");
    line(
        &mut text,
        format_args!(
            "{names}: {} facts are the same, {} differ",
            comparison.same,
            comparison.differences.len()
        ),
    );
    for (launcher, problem) in &comparison.refused {
        line(&mut text, format_args!("{launcher} did not start it: {problem}"));
    }
    let width = comparison.launchers.iter().map(String::len).max().unwrap_or(0);
    for (facts, difference) in grouped(&comparison.differences) {
        line(&mut text, format_args!("\n{}", named(&facts)));
        for (launcher, value) in comparison.launchers.iter().zip(&difference.values) {
            line(
                &mut text,
                format_args!("  {launcher:<width$}  {}", value.as_deref().unwrap_or("(not there)")),
            );
        }
        match (&difference.says, &difference.source) {
            (Some(says), Some(source)) => line(&mut text, format_args!("  spec: {says} [{source}]")),
            _ => line(&mut text, format_args!("  spec: nothing is known of this difference")),
        }
    }
    text
}

/// For an issue.
#[must_use]
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = format!(
        "{} facts are the same, {} differ.\n\n| fact |",
        comparison.same,
        comparison.differences.len()
    );
    comparison.launchers.iter().for_each(|name| text.push_str(&format!(" {name} |")));
    text.push_str(" what the spec says |\n| --- |");
    comparison.launchers.iter().for_each(|_| text.push_str(" --- |"));
    text.push_str(" --- |\n");
    for (facts, difference) in grouped(&comparison.differences) {
        text.push_str(&format!("| {} |", cell(&named(&facts))));
        for value in &difference.values {
            text.push_str(&format!(" {} |", cell(value.as_deref().unwrap_or("(not there)"))));
        }
        let says = difference.says.as_deref().unwrap_or("nothing is known of this difference");
        line(&mut text, format_args!(" {} |", cell(says)));
    }
    for (launcher, problem) in &comparison.refused {
        line(&mut text, format_args!("\n{launcher} did not start it: {}", cell(problem)));
    }
    text
}

fn cell(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|").replace(['`', '\n'], " "))
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    if writeln!(text, "{line}").is_err() {
        unreachable!("a string takes all text");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_decisions_are_told_once() {
        let one = |fact: &str, values: [&str; 2]| Difference {
            fact: fact.into(),
            values: values.map(|value| Some(value.to_owned())).into(),
            says: None,
            source: None,
        };
        let differences = vec![
            one("seccomp a", ["EPERM", "ENOSYS"]),
            one("seccomp b", ["EPERM", "ENOSYS"]),
            one("umask", ["0022", "0077"]),
        ];
        let comparison = Comparison {
            launchers: vec!["x".into(), "yy".into()],
            refused: BTreeMap::new(),
            same: 3,
            differences,
        };
        let text = text(&comparison);
        assert!(text.contains("\nseccomp a, b\n  x   EPERM\n  yy  ENOSYS\n"), "{text}");
        assert!(markdown(&comparison).contains("| `umask` | `0022` | `0077` |"));
    }
}
