//! Text of others (names of files, tools' words, tokens of files) on one line, without anything that a
//! terminal, or a viewer of a log, would obey.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character acts instead of being shown: C0 and C1 controls, Unicode's two line ends, and
/// what turns the direction of writing, so that a line reads otherwise than it is (UAX #9).
pub fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// The text on one line: what acts is shown as `\x1b` or `\u{202e}`. A tab stays, and so do all letters.
pub fn line(text: &str) -> Cow<'_, str> {
    let is_shown = |character: char| character == '\t' || !acts(character);
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_shown(character) {
            shown.push(character);
        } else {
            push(&mut shown, character);
        }
    }
    Cow::Owned(shown)
}

/// Adds a character's number in place of the character.
pub fn push(text: &mut String, character: char) {
    let number = u32::from(character);
    // Writing to a string cannot fail.
    let _ = if number < 0x100 {
        write!(text, "\\x{number:02x}")
    } else {
        write!(text, "\\u{{{number:x}}}")
    };
}

/// `1 file`, `2 files`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_shown_and_letters_stay() {
        assert_eq!(line("/etc/a\x1b[2J\nb\u{9b}2J"), "/etc/a\\x1b[2J\\x0ab\\x9b2J");
        assert_eq!(line("a\u{202e}b\u{2066}c\u{2028}"), "a\\u{202e}b\\u{2066}c\\u{2028}");
        assert_eq!(line("\u{7f}\r"), "\\x7f\\x0d");
        assert!(matches!(line("größe\t日本 …"), Cow::Borrowed(_)));
    }
}
