//! Colours and visible control characters for terminals.

use std::borrow::Cow;
use std::io::IsTerminal;

use crate::cli::Colour;
use crate::printable;

/// The style of the output.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether to use ANSI colours.
    pub colour: bool,
    /// Whether to show control characters as `\x1b`, so that text from a file cannot control the terminal.
    /// Never for programs: a patch must keep its bytes.
    pub escape: bool,
    /// Whether to show text from files that are not readable for everybody: to a person at a terminal, or
    /// on request. The output of a pipe may end in a log that others can read.
    pub private: bool,
}

/// What an ANSI sequence marks.
#[derive(Debug, Clone, Copy)]
pub enum Mark {
    /// File headers.
    Header,
    /// Hunk headers.
    Hunk,
    /// Removed lines.
    Removed,
    /// Added lines.
    Added,
    /// Warnings.
    Warning,
}

impl Style {
    /// No colours and no escapes, for files and pipes.
    pub const PLAIN: Self = Self { colour: false, escape: false, private: false };

    /// The style for a terminal if stdout is one, otherwise the plain style.
    pub fn of_stdout(colour: Colour) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        Self { colour: colour.on_stdout(), escape: is_terminal, private: is_terminal }
    }

    /// The same style. If `asked`, it shows the text of private files everywhere.
    #[must_use]
    pub fn showing_private(self, asked: bool) -> Self {
        Self { private: self.private || asked, ..self }
    }

    /// The sequences before and after a marked piece.
    pub fn paint(self, mark: Mark) -> (&'static str, &'static str) {
        if !self.colour {
            return ("", "");
        }
        let start = match mark {
            Mark::Header => "\x1b[1m",
            Mark::Hunk => "\x1b[36m",
            Mark::Removed => "\x1b[31m",
            Mark::Added => "\x1b[32m",
            Mark::Warning => "\x1b[33m",
        };
        (start, "\x1b[0m")
    }

    /// A line's bytes in this style. Tabs and the final newline stay.
    pub fn shown(self, line: &[u8]) -> Cow<'_, [u8]> {
        let harmless =
            |byte: &u8| (*byte >= b' ' && *byte != 0x7f) || matches!(byte, b'\t' | b'\n');
        if !self.escape
            || (line.iter().all(harmless) && std::str::from_utf8(line).is_ok_and(is_harmless))
        {
            return Cow::Borrowed(line);
        }
        let mut shown = Vec::with_capacity(line.len() + 16);
        let mut escape = String::new();
        for chunk in line.utf8_chunks() {
            for character in chunk.valid().chars() {
                if printable::acts(character) && !matches!(character, '\t' | '\n') {
                    printable::push(&mut escape, character);
                    shown.extend_from_slice(escape.as_bytes());
                    escape.clear();
                } else {
                    shown.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            for byte in chunk.invalid() {
                shown.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
            }
        }
        Cow::Owned(shown)
    }
}

fn is_harmless(text: &str) -> bool {
    !text.chars().any(|character| printable::acts(character) && !matches!(character, '\t' | '\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_never_sees_a_files_control_characters() {
        let terminal = Style { colour: true, escape: true, private: true };
        assert_eq!(*terminal.shown(b"a\x1b[2Jb\tc\r\n"), *b"a\\x1b[2Jb\tc\\x0d\n");
        assert_eq!(*terminal.shown("ä\u{9b}2J".as_bytes()), *"ä\\x9b2J".as_bytes());
        assert_eq!(*terminal.shown(b"\xff"), *b"\\xff");
        assert_eq!(*Style::PLAIN.shown(b"a\x1b[2J"), *b"a\x1b[2J");
    }
}
