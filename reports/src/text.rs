//! Text that came from a record, made fit to show.
//!
//! Evidence holds what a hostile workload chose to print. A record may also be long, or not from here at all.

/// Longest text that a page shows of one fact, in characters; what is beyond stays in the record.
const LONGEST: usize = 600;

/// The text with control and direction characters spelled out, cut at [`LONGEST`] characters.
///
/// Escape sequences would otherwise reach the terminal, and direction overrides reorder the words around them.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    for c in text.chars().take(LONGEST) {
        if c == '\n' || c == '\t' {
            shown.push(' ');
        } else if c.is_control() || is_format(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    let cut = text.chars().count().saturating_sub(LONGEST);
    if cut > 0 {
        shown.push_str(&format!(" … ({cut} more characters in the record)"));
    }
    shown
}

/// The same of a text of several lines, such as a config, which is not cut: [`visible`] of each line.
pub(crate) fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// Characters that show nothing of their own and change how others show (Unicode 16, UAX #9 and category Cf), and those that are none
/// and that XML does not take.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// Breaks text at spaces, but not at no-break spaces, into lines of at most `width` characters; longer words are
/// broken too.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + word.len() > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        while word.len() > width {
            lines.push(word.drain(..width).collect());
        }
        used += word.len();
        line.extend(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_overrides_are_spelled_out() {
        assert_eq!(visible("a\u{1b}[2Jb\u{202e}c\nd\u{0}"), r"a\u{1b}[2Jb\u{202e}c d\u{0}");
    }

    #[test]
    fn long_text_says_how_much_is_missing() {
        let shown = visible(&"x".repeat(LONGEST + 7));
        assert!(shown.ends_with("… (7 more characters in the record)"), "{shown}");
    }

    #[test]
    fn wrapping_keeps_every_word_and_the_width() {
        let text = "the quick brown fox jumps over /a/very/long/path/without/any/space/in/it at once";
        let lines = wrap(text, 16);
        assert!(lines.iter().all(|line| line.chars().count() <= 16), "{lines:?}");
        let joined: String = lines.concat().split_whitespace().collect();
        assert_eq!(joined, text.split_whitespace().collect::<String>());
        assert_eq!(wrap("", 10), [""]);
    }
}
