//! Statements that end with a semicolon or a brace, with words, strings and `#` comments: nginx, dhclient.

use std::ops::Range;

/// A word, or a string without its quotes.
#[derive(Debug, Clone)]
pub(super) struct Word {
    /// Where it is in the text.
    pub(super) range: Range<usize>,
    /// Whether it is in quotes.
    pub(super) is_quoted: bool,
}

/// The words of each statement.
pub(super) fn statements(text: &[u8]) -> Vec<Vec<Word>> {
    let mut all = Vec::new();
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'#' => at = until(text, at, |byte| byte == b'\n'),
            b';' | b'{' | b'}' => {
                all.push(std::mem::take(&mut words));
                at += 1;
            }
            b'"' | b'\'' => {
                let end = string_end(text, at);
                words.push(Word { range: at + 1..end, is_quoted: true });
                at = end + 1;
            }
            byte if byte.is_ascii_whitespace() => at += 1,
            _ => {
                let end = until(text, at, |byte| {
                    byte.is_ascii_whitespace() || matches!(byte, b';' | b'{' | b'}')
                });
                words.push(Word { range: at..end, is_quoted: false });
                at = end;
            }
        }
    }
    all
}

fn until(text: &[u8], from: usize, is_end: impl Fn(u8) -> bool) -> usize {
    text[from..].iter().position(|byte| is_end(*byte)).map_or(text.len(), |length| from + length)
}

/// The position of the quote that ends a string.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() && text[at] != text[start] {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
}
