//! Pieces of GitHub's Markdown. Whatever came from a container or a host stands in code spans, where neither markup nor a
//! mention is one.

/// The beginning of a part that is folded away; ends with `</details>`.
pub(crate) fn fold(summary: &str) -> String {
    format!("<details><summary>{}</summary>", html(summary).replace('@', "@\u{2060}"))
}

/// A code span that nothing ends early, also within a table.
pub(crate) fn code(text: &str) -> String {
    if text.trim().is_empty() {
        return "–".to_string();
    }
    // In a table the bar after two backslashes parts cells, also within a span (GitHub Flavored Markdown, 4.10): a word joiner goes
    // between the one that is there and the one that escapes.
    let text = text.replace('`', "'").replace("\\|", "\\\u{2060}|");
    format!("`{}`", text.replace('|', "\\|"))
}

/// Text without markup, HTML and mentions.
pub(crate) fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '`' => words.push('\''),
            '\\' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => words.extend(['\\', c]),
            // A word joiner parts the sign from the name, so that nobody is called.
            '@' => words.push_str("@\u{2060}"),
            _ => words.push_str(&html(c.encode_utf8(&mut [0; 4]))),
        }
    }
    words
}

/// Text that is no HTML.
pub(crate) fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
