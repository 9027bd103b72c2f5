//! Whether to colour, and how.

use std::ffi::OsStr;
use std::io::IsTerminal;

/// How a page may dress its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// No escape sequences: for pipes and files.
    pub const PLAIN: Style = Style { colour: false };
    /// Colour, whoever reads it.
    pub const COLOUR: Style = Style { colour: true };

    /// The style for what this process writes to `stream`: colour only on a terminal that can show it, and never when
    /// `NO_COLOR` is set to anything (no-color.org).
    pub fn detect(stream: &impl IsTerminal) -> Style {
        let (no_color, term) = (std::env::var_os("NO_COLOR"), std::env::var_os("TERM"));
        Style::decide(stream.is_terminal(), no_color.as_deref(), term.as_deref())
    }

    fn decide(terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> Style {
        let refused = no_color.is_some_and(|value| !value.is_empty());
        let able = term.is_some_and(|term| term != "dumb");
        Style { colour: terminal && able && !refused }
    }

    /// The text in its colour, or as it is.
    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        match paint.code() {
            Some(code) if self.colour && !text.is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.to_string(),
        }
    }
}

/// What a piece of text is. Never the only sign of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Strong,
    Quiet,
    Good,
    Bad,
    Wary,
}

impl Paint {
    /// The parameters of SGR (ECMA-48, 8.3.117); the 16 colours follow the reader's own theme.
    fn code(self) -> Option<&'static str> {
        match self {
            Paint::Plain => None,
            Paint::Strong => Some("1"),
            Paint::Quiet => Some("2"),
            Paint::Good => Some("32"),
            Paint::Bad => Some("1;31"),
            Paint::Wary => Some("33"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_only_on_a_terminal_that_wants_it() {
        let os = |text: &'static str| Some(OsStr::new(text));
        assert_eq!(Style::decide(true, None, os("xterm")), Style::COLOUR);
        assert_eq!(Style::decide(true, os(""), os("xterm")), Style::COLOUR);
        for (terminal, no_color, term) in [
            (false, None, os("xterm")),
            (true, os("1"), os("xterm")),
            (true, os("0"), os("xterm")),
            (true, None, os("dumb")),
            (true, None, None),
        ] {
            assert_eq!(
                Style::decide(terminal, no_color, term),
                Style::PLAIN,
                "{terminal} {no_color:?} {term:?}"
            );
        }
    }

    #[test]
    fn paint_adds_nothing_to_plain_text() {
        assert_eq!(Style::PLAIN.paint(Paint::Bad, "x"), "x");
        assert_eq!(Style::COLOUR.paint(Paint::Bad, "x"), "\u{1b}[1;31mx\u{1b}[0m");
        assert_eq!(Style::COLOUR.paint(Paint::Bad, ""), "");
    }
}
