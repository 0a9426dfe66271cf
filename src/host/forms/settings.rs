//! Settings of the form `key = value`, `key: value`, `key value` and `key "value"`, with or without a `[section]`
//! above them.

use std::ops::Range;

use crate::host::found::Found;
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;
use crate::rewrite::keyed;
use crate::rewrite::lines::lines;

/// The keys whose value is the host's name in a format. Upper and lower case do not matter, because no program reads
/// a key in the wrong case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Sections that contain the keys. Empty if the format has no sections.
    pub(super) sections: &'static [&'static str],
    /// The keys.
    pub(super) keys: &'static [&'static str],
    /// How to read the value.
    pub(super) value: Value,
}

/// How to read a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// One name.
    Name,
    /// Names up to the end of the line or of the quotes, with commas, colons or semicolons between them.
    List,
}

/// Characters between the names of a list, and around it.
const BETWEEN: &[u8] = b",:;\"'";

/// The values of the keys.
pub(super) fn rewrite(names: &HostNames, text: &[u8], known: &Known) -> Findings {
    let mut found = Found::new(names, text);
    let mut is_inside = known.sections.is_empty();
    for line in lines(text) {
        if let Some(section) = section(&text[line.clone()]) {
            is_inside = known.sections.is_empty() || is_one_of(section, known.sections);
            continue;
        }
        let Some((key, value)) = keyed::setting(text, line.clone()).filter(|_| is_inside) else {
            continue;
        };
        if !is_one_of(key.as_bytes(), known.keys) {
            continue;
        }
        match known.value {
            Value::Name => found.token(value),
            Value::List => found.words(list(text, value, line.end), BETWEEN),
        }
    }
    found.done()
}

/// A list in quotes as it is. Any other list up to the end of the line, or to a comment.
fn list(text: &[u8], value: Range<usize>, end: usize) -> Range<usize> {
    if matches!(text[value.start - 1], b'"' | b'\'') {
        return value;
    }
    let rest = &text[value.start..end];
    let comment = rest.windows(2).position(|pair| matches!(pair, [b' ' | b'\t', b'#']));
    value.start..comment.map_or(end, |at| value.start + at)
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other.as_bytes()))
}

/// The name of the section that begins on a line.
fn section(line: &[u8]) -> Option<&[u8]> {
    let rest = line.trim_ascii_start().strip_prefix(b"[")?;
    let end = rest.iter().position(|byte| *byte == b']')?;
    Some(rest[..end].trim_ascii())
}
