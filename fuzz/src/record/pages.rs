//! What pages may hold, whatever a record holds: their own markup, and text.

use isolab_reports::trackers::{bencher, github_benchmark, openmetrics};
use isolab_reports::{Record, Style, html, junit, markdown as summary, terminal as screen};
use quick_junit::Report;
use serde_json::Value;

use super::xml;

/// GitHub takes summaries up to this (docs.github.com, "Adding a job summary").
const MOST: usize = 1 << 20;

/// The pages of a record.
///
/// # Panics
/// When they hold what they may not.
pub fn of(record: &Record) {
    page(&html::render(record).unwrap_or_else(|error| panic!("{error}")));
    markdown(&summary::render(record));
    for style in [Style::PLAIN, Style::COLOUR] {
        terminal(&screen::render(record, &style, 80, None), style);
    }
    let text = junit::render(record).unwrap_or_else(|error| panic!("{error}"));
    xml::well_formed(&text);
    let report = Report::deserialize_from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    cases(record, &report);
}

/// What trackers read.
///
/// # Panics
/// When they could not read it.
pub fn trackers(record: &Record) {
    for text in [bencher::render(record), github_benchmark::render(record)] {
        let text = text.unwrap_or_else(|error| panic!("{error}"));
        if let Err(error) = serde_json::from_str::<Value>(&text) {
            panic!("{error}\n{text}");
        }
    }
    let text = openmetrics::render(record);
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert_eq!(text.matches("# EOF\n").count(), 1, "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        metric(line);
    }
}

/// A sample of OpenMetrics: `name{label="value",…} number`.
fn metric(line: &str) {
    let (name, mut rest) =
        line.split_at(line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line:?}")));
    assert!(
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte)),
        "{line:?}"
    );
    if let Some(labels) = rest.strip_prefix('{') {
        let (mut quoted, mut escaped) = (false, false);
        let end = labels.find(|c: char| {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                '}' => return !quoted,
                _ => {}
            }
            false
        });
        rest = &labels[end.unwrap_or_else(|| panic!("labels have no end: {line:?}")) + 1..];
    }
    let value = rest.trim_start().split(' ').next().unwrap_or_default();
    assert!(value.parse::<f64>().is_ok(), "{value:?} is no number: {line:?}");
}

/// A case for each guarantee and launcher.
fn cases(record: &Record, report: &Report) {
    let suites = report.test_suites.iter().filter(|suite| suite.name.as_str().starts_with("guarantees on "));
    let cases: usize = suites.map(|suite| suite.test_cases.len()).sum();
    let key = |one: &isolab_reports::record::Guarantee| {
        [one.primitive.clone(), one.id.clone(), one.launcher.clone()]
    };
    let mut keys: Vec<_> = record.guarantees.iter().map(key).collect();
    // Texts that differ in what cannot be shown are shown alike.
    let shown = |text: &String| text.len() < 600 && text.chars().all(|c| c.is_ascii() && !c.is_control());
    if keys.iter().flatten().all(shown) {
        keys.sort();
        keys.dedup();
        assert_eq!(cases, keys.len(), "{keys:?}");
    } else {
        assert!(cases <= keys.len() && (cases > 0) != keys.is_empty());
    }
}

/// The elements that templates have.
const ELEMENTS: &[&str] = &[
    "!doctype",
    "html",
    "head",
    "meta",
    "title",
    "link",
    "style",
    "body",
    "main",
    "header",
    "nav",
    "section",
    "article",
    "div",
    "span",
    "p",
    "small",
    "strong",
    "em",
    "b",
    "i",
    "a",
    "br",
    "code",
    "pre",
    "h1",
    "h2",
    "h3",
    "h4",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "details",
    "summary",
    "figure",
    "figcaption",
    "svg",
    "line",
    "polyline",
    "path",
    "rect",
    "g",
    "text",
    "circle",
    "caption",
    "footer",
    "time",
    "abbr",
    "sup",
    "sub",
];

/// Elements that have no end.
const VOID: &[&str] = &["meta", "link", "br", "!doctype"];

/// A page has its own elements, in order, that ask for nothing.
fn page(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in text.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("a tag has no end: <{piece:.80}"));
        let name = tag.split([' ', '\n']).next().unwrap_or_default().trim_end_matches('/');
        let plain = name.trim_start_matches('/').to_ascii_lowercase();
        assert!(ELEMENTS.contains(&plain.as_str()), "<{tag:.200}> is none of the templates' elements");
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "closed is what was opened last");
            continue;
        }
        for word in [" on", " src", " action", " ping"] {
            assert!(!outside_quotes(tag).contains(word), "<{tag:.200}> has an attribute that acts");
        }
        if !tag.ends_with('/') && !VOID.contains(&plain.as_str()) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stay open");
    let odd = text.chars().find(|c| c.is_control() && !['\n', '\t'].contains(c));
    assert_eq!(odd, None, "a page has no control characters");
    let links = text.split(" href=\"").skip(1);
    for link in links.filter_map(|rest| rest.split('"').next()) {
        assert!(link.starts_with('#') || link == "data:,", "a link leads elsewhere: {link:.200}");
    }
}

/// A tag without the values of its attributes.
fn outside_quotes(tag: &str) -> String {
    tag.split('"').step_by(2).collect::<Vec<_>>().join("\"")
}

/// A summary has room, no elements but those that fold, and tables whose rows are as wide as their heads.
pub(super) fn markdown(text: &str) {
    assert!(text.len() < MOST, "{} bytes", text.len());
    let (mut width, mut folded) = (None, 0);
    for line in text.split('\n') {
        let odd = line.chars().find(|c| c.is_control());
        assert_eq!(odd, None, "a summary has no control characters: {line:?}");
        let plain = outside_code(line);
        folded += plain.matches("<details>").count();
        folded =
            folded.checked_sub(plain.matches("</details>").count()).unwrap_or_else(|| panic!("{line:.400}"));
        let mut rest = plain.as_str();
        while let Some((_, tag)) = rest.split_once('<') {
            let known = ["details>", "/details>", "summary>", "/summary>", "br>"];
            assert!(known.iter().any(|known| tag.starts_with(known)), "an element in a summary: {line:.400}");
            rest = tag;
        }
        let bars = line.starts_with('|').then(|| unescaped_bars(line));
        if let (Some(head), Some(bars)) = (width, bars) {
            assert_eq!(bars, head, "a row of another width: {line:.400}");
        }
        width = bars;
    }
    assert_eq!(folded, 0, "what is folded ends");
}

/// A line without its spans of code.
fn outside_code(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    assert!(parts.len() % 2 == 1, "a span of code has no end: {line:.400}");
    parts.into_iter().step_by(2).collect::<Vec<_>>().join(" ")
}

/// The bars that part cells, also within code (GitHub Flavored Markdown, 4.10).
fn unescaped_bars(line: &str) -> usize {
    let mut escaped = false;
    let bar = |c: char| {
        let counts = c == '|' && !escaped;
        escaped = c == '\\' && !escaped;
        counts
    };
    line.chars().map(bar).filter(|counts| *counts).count()
}

/// A terminal gets text and colours.
pub(super) fn terminal(text: &str, style: Style) {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\n') {
        let colour = rest[at..].strip_prefix("\u{1b}[").filter(|_| style == Style::COLOUR);
        let end = colour.and_then(|colour| colour.find(|c: char| !c.is_ascii_digit() && c != ';'));
        let after = colour.zip(end).and_then(|(colour, end)| colour[end..].strip_prefix('m'));
        rest = after.unwrap_or_else(|| panic!("{:?} reaches the terminal", rest[at..].chars().next()));
    }
}
