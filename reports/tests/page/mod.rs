//! What every page is held against.

use serde_json::Value;

/// What a workload could print to take over a page or a terminal.
pub(crate) const HOSTILE: &str =
    "\"'><script>alert(1)</script><img src=x onerror=y>&{{7*7}}\u{1b}[2J\u{1b}]0;x\u{7}\u{202e}";

/// Puts [`HOSTILE`] at the end of every text, but those that are words of the format.
pub(crate) fn spoil(value: &mut Value, words: &[&str]) {
    match value {
        Value::String(text) if !words.contains(&text.as_str()) => text.push_str(HOSTILE),
        Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, words)),
        Value::Object(fields) => {
            fields.iter_mut().filter(|(name, _)| *name != "is").for_each(|(_, v)| spoil(v, words))
        }
        _ => {}
    }
}

/// The values of an attribute.
pub(crate) fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    page.split(&start).skip(1).map(|rest| rest.split_once('"').map_or(rest, |(value, _)| value)).collect()
}

/// Holds tags against each other; returns what is wrong.
pub(crate) fn unbalanced(page: &str) -> Option<String> {
    const VOID: [&str; 5] = ["meta", "link", "br", "!doctype", "img"];
    let mut open: Vec<&str> = Vec::new();
    for piece in page.split('<').skip(1) {
        let (tag, _) = piece.split_once('>')?;
        let name = tag.split([' ', '\n']).next()?.trim_end_matches('/');
        if let Some(name) = tag.strip_prefix('/') {
            let innermost = open.pop();
            if innermost != Some(name) {
                return Some(format!("</{name}> closes {innermost:?}"));
            }
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    open.last().map(|name| format!("<{name}> stays open"))
}

/// Asserts that a page makes no request.
pub(crate) fn assert_no_request(page: &str) {
    for request in
        ["http:", "https:", "url(", "@import", "<script", " src=", "srcset", "<iframe", "<object", "<embed"]
    {
        assert!(!page.contains(request), "{request}");
    }
    assert!(page.contains("default-src 'none'"));
}

/// Asserts that a page makes no request, and that its links lead somewhere within it.
pub(crate) fn assert_self_contained(page: &str) {
    assert_no_request(page);
    let places = attributes(page, "id");
    let links: Vec<&str> = attributes(page, "href").into_iter().filter(|link| *link != "data:,").collect();
    assert!(links.len() > 4, "{links:?}");
    for link in links {
        assert!(link.strip_prefix('#').is_some_and(|id| places.contains(&id)), "{link}");
    }
}
