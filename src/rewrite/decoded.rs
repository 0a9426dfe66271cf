//! Texts in which an escape may stand for a character: XML, JSON, quoted strings.

use std::ops::Range;

use super::edit::{Edit, Findings, Left};
use super::matcher::{Hit, Matcher, Verdict};
use super::scan::{self, Forms, scan};
use crate::names::unit::Decoded;

/// The bytes of a span in a text without escapes.
pub fn plain(text: &[u8], span: Range<usize>) -> Decoded {
    span.map(|at| (text[at], at..at + 1)).collect()
}

/// The inside of a string with the backslash escapes of C and JSON: `\"`, `\/`, `\x2d`, `\u002d` (udev(7)
/// `e"…"`, RFC 8259). The escape of a character beyond ASCII becomes a byte that no name has.
pub fn backslashes(text: &[u8], span: Range<usize>) -> Decoded {
    let mut decoded = Decoded::new();
    let mut at = span.start;
    while at < span.end {
        let rest = &text[at..span.end];
        let (byte, length) = match rest {
            [b'\\', b'x', ..] => hex(rest, 2),
            [b'\\', b'u', ..] => hex(rest, 4),
            [b'\\', b'n' | b't' | b'r', ..] => (b' ', 2),
            [b'\\', next, ..] => (*next, 2),
            [byte, ..] => (*byte, 1),
            [] => break,
        };
        decoded.push((byte, at..at + length));
        at += length;
    }
    decoded
}

/// Decodes `\x` or `\u` and that many digits. Without the digits, it takes the two bytes as no name's
/// byte.
fn hex(rest: &[u8], digits: usize) -> (u8, usize) {
    let code = rest
        .get(2..2 + digits)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match code {
        Some(code) => (u8::try_from(code).unwrap_or(0xff), 2 + digits),
        None => (0xff, 2),
    }
}

/// Finds tokens in the decoded text. The findings have the ranges of the original text.
pub fn scan_decoded(
    matcher: &Matcher,
    text: &[u8],
    decoded: &Decoded,
    forms: Forms,
    findings: &mut Findings,
) {
    let bytes: Vec<u8> = decoded.iter().map(|(byte, _)| *byte).collect();
    let mut found = Findings::default();
    scan(matcher, &bytes, 0..bytes.len(), forms, &mut found);
    let written = |range: Range<usize>| written(decoded, range);
    findings.edits.extend(found.edits.into_iter().map(|edit| {
        let range = written(edit.range);
        let new = spelled(&edit.new, text, &range);
        Edit { range, new, token: written(edit.token), ..edit }
    }));
    let left = found.left.into_iter();
    findings.left.extend(left.map(|left| Left { token: written(left.token), ..left }));
}

/// Records what `compare` says about the whole decoded value.
pub fn record_decoded(
    text: &[u8],
    decoded: &Decoded,
    compare: impl Fn(&[u8]) -> Verdict,
    findings: &mut Findings,
) {
    let bytes: Vec<u8> = decoded.iter().map(|(byte, _)| *byte).collect();
    let Some((_, last)) = decoded.last() else { return };
    let token = decoded[0].1.start..last.end;
    let verdict = match compare(&bytes) {
        Verdict::Ours(hit) => {
            let name = written(decoded, hit.name);
            let new = spelled(hit.new.as_bytes(), text, &name);
            let new = String::from_utf8_lossy(&new).into_owned();
            let name = name.start - token.start..name.end - token.start;
            Verdict::Ours(Hit { name, new, ..hit })
        }
        other => other,
    };
    scan::record(findings, verdict, token);
}

/// The bytes of the original text that a range of decoded bytes comes from.
fn written(decoded: &Decoded, range: Range<usize>) -> Range<usize> {
    if range.is_empty() {
        let at = decoded.get(range.start).map_or(0, |(_, written)| written.start);
        return at..at;
    }
    decoded[range.start].1.start..decoded[range.end - 1].1.end
}

/// The new name. Its hyphens are escaped like those of the old name, if the old name has escaped ones
/// only.
fn spelled(new: &[u8], text: &[u8], old: &Range<usize>) -> Vec<u8> {
    let old = &text[old.clone()];
    if old.contains(&b'-') {
        return new.to_vec();
    }
    let escapes: [&[u8]; 6] = [b"&#45;", b"&#x2d;", b"&#x2D;", br"\u002d", br"\u002D", br"\x2d"];
    let used = escapes.iter().find(|escape| old.windows(escape.len()).any(|part| part == **escape));
    let Some(used) = used else { return new.to_vec() };
    let parts: Vec<&[u8]> = new.split(|byte| *byte == b'-').collect();
    parts.join(*used)
}
