//! Whether a text is well-formed XML, by the productions of XML 1.0 (fifth edition) that JUnit has a use for.

/// Holds a document against them; what has a document type is none of JUnit's.
///
/// # Panics
/// When it is not well formed.
pub fn well_formed(text: &str) {
    if let Some(c) = text.chars().find(|c| !is_char(*c)) {
        panic!("{c:?} is no character of XML (production 2)");
    }
    let mut rest = text;
    if let Some(declared) = rest.strip_prefix("<?xml ") {
        rest = declared.split_once("?>").unwrap_or_else(|| panic!("the declaration has no end")).1;
    }
    let mut open: Vec<&str> = Vec::new();
    let mut roots = 0;
    while let Some((before, tag)) = rest.split_once('<') {
        content(before, open.is_empty());
        rest = if let Some(comment) = tag.strip_prefix("!--") {
            let (comment, rest) = until(comment, "-->");
            assert!(!comment.contains("--"), "a comment holds -- (production 15): {comment}");
            rest
        } else if let Some(data) = tag.strip_prefix("![CDATA[") {
            assert!(!open.is_empty(), "a section outside of the root");
            until(data, "]]>").1
        } else if let Some(end) = tag.strip_prefix('/') {
            let (name, rest) = until(end, ">");
            assert_eq!(open.pop(), Some(name.trim_end()), "what is closed was opened last (production 39)");
            rest
        } else {
            roots += usize::from(open.is_empty());
            element(tag, &mut open)
        };
    }
    content(rest, open.is_empty());
    assert!(open.is_empty(), "{open:?} stay open");
    assert_eq!(roots, 1, "a document has one root (production 1)");
}

fn until<'t>(text: &'t str, end: &str) -> (&'t str, &'t str) {
    text.split_once(end).unwrap_or_else(|| panic!("there is no {end} in {text:.80}"))
}

/// A start tag or an empty element; returns what follows it.
fn element<'t>(tag: &'t str, open: &mut Vec<&'t str>) -> &'t str {
    let (name, mut rest) = name(tag);
    let mut known = Vec::new();
    loop {
        let trimmed = rest.trim_start_matches(is_space);
        if let Some(rest) = trimmed.strip_prefix("/>") {
            return rest;
        }
        if let Some(rest) = trimmed.strip_prefix('>') {
            open.push(name);
            return rest;
        }
        assert!(trimmed.len() < rest.len(), "no space before an attribute (production 40): {rest:.80}");
        let (attribute, after) = self::name(trimmed);
        assert!(!known.contains(&attribute), "{attribute} stands there twice");
        known.push(attribute);
        let quoted = after.strip_prefix('=').unwrap_or_else(|| panic!("{attribute} has no value"));
        let quote = quoted.chars().next().filter(|c| ['"', '\''].contains(c));
        let quote = quote.unwrap_or_else(|| panic!("the value of {attribute} is not quoted"));
        let (value, after) = until(&quoted[1..], &quote.to_string());
        assert!(!value.contains('<'), "a value holds < (production 10): {value}");
        references(value);
        rest = after;
    }
}

/// Names as JUnit has them: letters, digits, and these signs.
fn name(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && !['-', '_', '.', ':'].contains(&c))
        .unwrap_or(text.len());
    assert!(text.starts_with(|c: char| c.is_ascii_alphabetic()), "no name (production 5): {text:.80}");
    text.split_at(end)
}

fn content(text: &str, outside: bool) {
    assert!(!outside || text.chars().all(is_space), "text outside of the root: {text:.80}");
    assert!(!text.contains("]]>"), "text holds ]]> (production 14): {text:.80}");
    references(text);
}

fn references(text: &str) {
    for reference in text.split('&').skip(1) {
        let (name, _) = until(reference, ";");
        let number = match (name.strip_prefix("#x"), name.strip_prefix('#')) {
            (Some(hexadecimal), _) => u32::from_str_radix(hexadecimal, 16).ok(),
            (None, Some(decimal)) => decimal.parse().ok(),
            (None, None) => {
                assert!(["amp", "lt", "gt", "quot", "apos"].contains(&name), "&{name}; is nothing");
                continue;
            }
        };
        let c = number.and_then(char::from_u32);
        assert!(c.is_some_and(is_char), "&{name}; is no character (production 66)");
    }
}

fn is_space(c: char) -> bool {
    [' ', '\t', '\r', '\n'].contains(&c)
}

/// Production 2; surrogates are no `char`.
fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_seen() {
        well_formed("<?xml version=\"1.0\"?>\n<a b='&lt;&#x9;'>x<!-- - --><c/><![CDATA[<]]></a>\n");
        let wrong = [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "x<a/>",
            "<a b=c/>",
            "<a b='<'/>",
            "<a b='1' b='2'/>",
            "<a>&nbsp;</a>",
            "<a>&</a>",
            "<a>]]></a>",
            "<a>\u{1}</a>",
            "<a>&#1;</a>",
            "<a>\u{ffff}</a>",
            "<a b='1'c='2'/>",
            "<!-- -- --><a/>",
        ];
        for text in wrong {
            assert!(std::panic::catch_unwind(|| well_formed(text)).is_err(), "{text}");
        }
    }
}
