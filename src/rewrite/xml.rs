//! A small XML reader, as far as names need it: elements with their attributes, text and comments, each
//! with its place in the file. It resolves nothing from outside and ignores what is not XML.

use std::ops::Range;

use crate::names::unit::Decoded;

/// A piece of a document.
#[derive(Debug)]
pub enum Piece<'a> {
    /// A start tag: the element and its attributes, with the ranges of their values.
    Element(&'a [u8], Vec<(&'a [u8], Range<usize>)>),
    /// Text between tags.
    Text(Range<usize>),
    /// The inside of a comment.
    Comment(Range<usize>),
}

/// Walks over the document. `visit` gets the piece and the names of the open elements around it, outermost
/// first.
pub fn walk<'a>(text: &'a [u8], mut visit: impl FnMut(&[&'a [u8]], Piece<'a>)) {
    let mut open: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'<' {
            let end = find(text, at, b"<");
            visit(&open, Piece::Text(at..end));
            at = end;
        } else if text[at..].starts_with(b"<!--") {
            let end = find(text, at + 4, b"-->");
            visit(&open, Piece::Comment(at + 4..end));
            at = (end + 3).min(text.len());
        } else if text[at..].starts_with(b"<![CDATA[") {
            let end = find(text, at + 9, b"]]>");
            visit(&open, Piece::Text(at + 9..end));
            at = (end + 3).min(text.len());
        } else if matches!(text.get(at + 1), Some(b'!' | b'?')) {
            at = (find(text, at, b">") + 1).min(text.len());
        } else if text.get(at + 1) == Some(&b'/') {
            open.pop();
            at = (find(text, at, b">") + 1).min(text.len());
        } else {
            let tag = tag(text, at + 1);
            let name = tag.name;
            visit(&open, Piece::Element(name, tag.attributes));
            if !tag.closed {
                open.push(name);
            }
            at = tag.end;
        }
    }
}

struct Tag<'a> {
    name: &'a [u8],
    attributes: Vec<(&'a [u8], Range<usize>)>,
    closed: bool,
    end: usize,
}

fn tag(text: &[u8], start: usize) -> Tag<'_> {
    let ends_name =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/' | b'=' | b'<');
    let word =
        |from: usize| from + text[from..].iter().position(ends_name).unwrap_or(text.len() - from);
    let mut at = word(start);
    let mut tag = Tag { name: &text[start..at], attributes: Vec::new(), closed: false, end: at };
    while at < text.len() {
        match text[at] {
            b'>' | b'<' => break,
            b'/' => tag.closed = text.get(at + 1) == Some(&b'>'),
            byte if byte.is_ascii_whitespace() || byte == b'=' => {}
            _ => {
                let end = word(at).max(at + 1);
                let name = &text[at..end];
                let blanks = text[end..].iter().take_while(|byte| byte.is_ascii_whitespace());
                let mut equals = end + blanks.count();
                if text.get(equals) == Some(&b'=') {
                    equals += 1;
                    let blanks = text[equals..].iter().take_while(|b| b.is_ascii_whitespace());
                    let quote = equals + blanks.count();
                    if let Some(mark @ (b'"' | b'\'')) = text.get(quote) {
                        let close = find(text, quote + 1, &[*mark]);
                        tag.attributes.push((name, quote + 1..close));
                        at = (close + 1).min(text.len());
                        continue;
                    }
                }
                at = end;
                continue;
            }
        }
        at += 1;
    }
    tag.end = if text.get(at) == Some(&b'>') { at + 1 } else { at };
    tag
}

/// Where `what` first begins at or after `from`, or the end of the text.
fn find(text: &[u8], from: usize, what: &[u8]) -> usize {
    let from = from.min(text.len());
    let found = text[from..].windows(what.len()).position(|part| part == what);
    found.map_or(text.len(), |at| from + at)
}

/// The characters of a text or a value, with references resolved (XML 1.0, 4.1 and 4.6).
pub fn decode(text: &[u8], span: Range<usize>) -> Decoded {
    let mut decoded = Decoded::new();
    let mut at = span.start;
    while at < span.end {
        let (byte, length) = match text[at] {
            b'&' => reference(&text[at..span.end]),
            byte => (byte, 1),
        };
        decoded.push((byte, at..at + length));
        at += length;
    }
    decoded
}

/// A reference and its length. An ampersand that begins no reference stands for itself.
fn reference(rest: &[u8]) -> (u8, usize) {
    let Some(end) = rest.iter().take(12).position(|byte| *byte == b';') else { return (b'&', 1) };
    let byte = match &rest[1..end] {
        b"amp" => Some(b'&'),
        b"lt" => Some(b'<'),
        b"gt" => Some(b'>'),
        b"quot" => Some(b'"'),
        b"apos" => Some(b'\''),
        [b'#', b'x', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => None,
    };
    byte.map_or((b'&', 1), |byte| (byte, end + 1))
}

/// No name has a character beyond ASCII, so one byte stands for it.
fn number(digits: &[u8], radix: u32) -> Option<u8> {
    let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
    Some(u8::try_from(code).unwrap_or(0xff))
}
