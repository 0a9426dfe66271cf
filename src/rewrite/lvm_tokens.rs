//! LVM's configuration as tokens: the strings that are values, each with its key.
//!
//! The grammar is that of lvm2 device_mapper/libdm-config.c. It has single quotes, double quotes with
//! backslashes, values without quotes, strings over several lines, and arrays with or without commas. A
//! `#` comment may be wherever a blank may be.

use std::ops::Range;

/// How a string is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    /// `"…"`, in which a backslash protects the next byte.
    Double,
    /// `'…'`, without escapes.
    Single,
    /// No quotes. It ends at a blank, `#`, `=`, `{` or `}`. Commas and brackets are part of it.
    Bare,
}

/// A string that is a value or an item of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// The last part of its key: `volume_list` of `activation/volume_list`.
    pub key: &'a [u8],
    /// Its bytes between the quotes.
    pub inside: Range<usize>,
    /// Its bytes with the quotes.
    pub whole: Range<usize>,
    /// How it is written.
    pub quote: Quote,
    /// Whether it is an item of an array.
    pub in_array: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Text(Quote),
    Identifier,
    Equals,
    ArrayStart,
    ArrayEnd,
    Comma,
    Other,
}

#[derive(Clone, Copy, PartialEq)]
enum Due {
    Key,
    Value,
    Items,
}

/// Every string of a file that is a value. LVM refuses a file that does not fit the grammar. This function
/// still returns the strings that it can recognize in such a file.
pub(super) fn items(text: &[u8]) -> Vec<Item<'_>> {
    // LVM takes a NUL byte for the end of the file.
    let text = &text[..memchr::memchr(0, text).unwrap_or(text.len())];
    let mut items = Vec::new();
    let (mut due, mut previous, mut at) = (Due::Key, Token::Other, 0);
    let (mut name, mut key): (&[u8], &[u8]) = (b"", b"");
    while let Some((token, whole)) = next(text, at, previous) {
        at = whole.end;
        match token {
            Token::Equals => (due, key) = (Due::Value, last_part(name)),
            Token::ArrayStart if due == Due::Value => due = Due::Items,
            Token::ArrayEnd => due = Due::Key,
            Token::Text(quote) => {
                let inside = inside(text, &whole, quote);
                if due == Due::Key {
                    name = &text[inside];
                } else {
                    let in_array = due == Due::Items;
                    items.push(Item { key, inside, whole, quote, in_array });
                }
                if due == Due::Value {
                    due = Due::Key;
                }
            }
            Token::Identifier => name = &text[whole],
            Token::Other if due == Due::Value => due = Due::Key,
            Token::ArrayStart | Token::Comma | Token::Other => {}
        }
        previous = token;
    }
    items
}

/// The token at or after `at`. The kind of a word depends on the token before it.
fn next(text: &[u8], at: usize, previous: Token) -> Option<(Token, Range<usize>)> {
    let at = behind_blanks(text, at);
    let value_is_due = matches!(previous, Token::Equals | Token::ArrayStart | Token::Comma);
    let token = match text.get(at)? {
        b'=' => Token::Equals,
        b'[' => Token::ArrayStart,
        b']' => Token::ArrayEnd,
        b',' => Token::Comma,
        b'{' | b'}' => Token::Other,
        b'"' => {
            let end = end_of_escaped(text, at + 1);
            return Some((Token::Text(Quote::Double), at..end));
        }
        b'\'' => {
            let end = memchr::memchr(b'\'', &text[at + 1..]).map_or(text.len(), |n| at + n + 2);
            return Some((Token::Text(Quote::Single), at..end));
        }
        b'.' | b'0'..=b'9' | b'+' | b'-' if value_is_due => {
            let rest = &text[at + 1..];
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.');
            return Some((Token::Other, at..at + 1 + digits.count()));
        }
        _ => {
            let ends = |byte: &u8| is_blank(*byte) || matches!(byte, b'#' | b'=' | b'{' | b'}');
            // A word has at least one byte, so that the reader always goes on.
            let end = text[at..].iter().position(ends).map_or(text.len(), |n| at + n.max(1));
            let token = if value_is_due { Token::Text(Quote::Bare) } else { Token::Identifier };
            return Some((token, at..end));
        }
    };
    Some((token, at..at + 1))
}

fn behind_blanks(text: &[u8], mut at: usize) -> usize {
    while let Some(byte) = text.get(at) {
        if *byte == b'#' {
            at = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |n| at + n);
        } else if is_blank(*byte) {
            at += 1;
        } else {
            break;
        }
    }
    at
}

/// isspace(3) in the C locale.
fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn end_of_escaped(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn inside(text: &[u8], whole: &Range<usize>, quote: Quote) -> Range<usize> {
    let closing = match quote {
        Quote::Bare => return whole.clone(),
        Quote::Double => b'"',
        Quote::Single => b'\'',
    };
    let is_closed = whole.len() > 1 && text[whole.end - 1] == closing;
    whole.start + 1..whole.end - usize::from(is_closed)
}

/// `activation/volume_list = …` means the same as `volume_list = …` inside a section.
fn last_part(key: &[u8]) -> &[u8] {
    key.rsplit(|byte| *byte == b'/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let shown = items(text.as_bytes()).into_iter().map(|item| {
            let key = String::from_utf8_lossy(item.key);
            format!("{key}{}{}", if item.in_array { ":" } else { "=" }, &text[item.inside])
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    /// As `lvmconfig activation/volume_list` of lvm2 2.03.31 reads them.
    #[test]
    fn what_lvmconfig_reads() {
        for (text, said) in [
            ("activation/volume_list=[ rhel ]", "volume_list:rhel"),
            ("activation/volume_list=rhel", "volume_list=rhel"),
            (
                "activation{volume_list=['rhel''rhel/root'\"x\"]}",
                "volume_list:rhel volume_list:rhel/root volume_list:x",
            ),
            ("\"activation/volume_list\"=[\"rhel\"]", "volume_list:rhel"),
            ("'activation' { volume_list=['rhel']}", "volume_list:rhel"),
            ("activation { /volume_list=[\"rhel\"]}", "volume_list:rhel"),
            (
                "activation { \"volume_list\"\n=\n[ #x\n\"a\nb\"#]\n,\nc ] }",
                "volume_list:a\nb volume_list:c",
            ),
            ("a=1 b=+2.5 c=\"x\\\"=\" d='\\' e=''", "c=x\\\"= d=\\ e="),
            ("a=[] b=[1,2,\"x\"] c { }", "b:x"),
            ("a=\"x", "a=x"),
            ("a=\"x\"\0b=\"y\"", "a=x"),
        ] {
            assert_eq!(read(text), said, "{text}");
        }
    }

    /// LVM refuses this: the bracket is part of the word. The reader continues after the word.
    #[test]
    fn a_file_that_lvm_refuses() {
        assert_eq!(read("a/volume_list=[x]\nb=\"y\""), "volume_list:x] b=y");
    }
}
