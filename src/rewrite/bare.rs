//! Bare names in free text: shown, never changed.
//!
//! A word that is spelled like the group may also be a host, a user or a title. Only a person can tell.

use std::ops::Range;

use super::edit::{Findings, Left};
use super::lines::lines;
use super::matcher::Matcher;
use crate::names::is_name_byte;

/// Reported with each such word.
const BARE: &str = "may be the group's name, but only a person can judge that,";

/// Adds the words of a span that may name the group. It leaves out comments, host names, groups of users
/// (`%name` in sudoers(5)), variables and parts of paths.
pub fn words(matcher: &Matcher, text: &[u8], span: Range<usize>, findings: &mut Findings) {
    let known = Tokens::of(findings);
    for line in lines(&text[span.clone()]) {
        let line = span.start + line.start..span.start + line.end;
        words_of(matcher, text, without_comment(text, line), &known, findings);
    }
    findings.left.sort_by_key(|left| left.token.start);
}

/// Like [`words`], for a text without comments.
pub fn words_of_binary(matcher: &Matcher, text: &[u8], findings: &mut Findings) {
    let known = Tokens::of(findings);
    words_of(matcher, text, 0..text.len(), &known, findings);
    findings.left.sort_by_key(|left| left.token.start);
}

/// Adds the words of one line. It leaves out those that meet a token in `known`.
fn words_of(
    matcher: &Matcher,
    text: &[u8],
    line: Range<usize>,
    known: &Tokens,
    findings: &mut Findings,
) {
    let mut at = line.start;
    while at < line.end {
        // In `${1:-vg}`, the hyphen belongs to the shell.
        let is_shells = text[at] == b'-' && at > line.start && text[at - 1] == b':';
        if is_shells || !is_word_byte(text[at]) {
            at += 1;
            continue;
        }
        let rest = &text[at..line.end];
        let end = rest.iter().position(|byte| !is_word_byte(*byte));
        let end = end.map_or(line.end, |length| at + length);
        let word = at..trimmed(text, at..end);
        if matcher.may_name(&text[word.clone()])
            && may_stand_for_itself(text, line.start, at, end)
            && !known.meet(&word)
        {
            findings.left.push(Left { token: word.clone(), why: BARE });
        }
        match pattern(matcher, text, &word, end) {
            Some(pattern) if !known.meet(&pattern) => {
                findings.left.push(Left { token: pattern, why: BARE });
            }
            _ => {}
        }
        at = end;
    }
}

/// The name in a word that awk or sed encloses in slashes (`/vg-root/`, `\/mapper\/vg-root`), or that a
/// shell expands (`/dev/mapper/vg*`, `vg-*`). The word's bytes end at `end`.
fn pattern(
    matcher: &Matcher,
    text: &[u8],
    word: &Range<usize>,
    end: usize,
) -> Option<Range<usize>> {
    if text[word.start] == b'/' {
        let inner = &text[word.start + 1..end];
        let length = inner.iter().position(|byte| *byte == b'/').unwrap_or(inner.len());
        let inner = word.start + 1..word.start + 1 + length;
        if matcher.is_dm_name(&text[inner.clone()]) {
            return Some(inner);
        }
    }
    let slash = text[word.start..end].iter().rposition(|byte| *byte == b'/');
    let last = slash.map_or(word.start, |slash| word.start + slash + 1)..end;
    let below_dev = text[word.start..end].starts_with(b"/dev/");
    let is_alone = slash.is_none() && text[last.clone()].ends_with(b"-");
    (matches!(text.get(end), Some(b'*' | b'?' | b'['))
        && (below_dev || is_alone)
        && matcher.is_dm_beginning(&text[last.clone()]))
    .then_some(last)
}

/// Adds the group's name where it directly follows a key. The next byte of a record may be any byte, so
/// the search ignores what follows the name.
pub fn behind(matcher: &Matcher, text: &[u8], key: &[u8], findings: &mut Findings) {
    let Some(name) = matcher.old_name() else { return };
    let length = name.len();
    let known = Tokens::of(findings);
    let keys = text.windows(key.len()).enumerate().filter(|(_, part)| *part == key);
    for (at, _) in keys {
        let word = at + key.len()..at + key.len() + length;
        if text.get(word.clone()) == Some(name.as_bytes()) && !known.meet(&word) {
            findings.left.push(Left { token: word, why: BARE });
        }
    }
    findings.left.sort_by_key(|left| left.token.start);
}

/// A name's bytes, and the slash of `VG/LV`.
fn is_word_byte(byte: u8) -> bool {
    is_name_byte(byte) || byte == b'/'
}

/// The word's end, without the full stop of a sentence or the slash of a directory.
fn trimmed(text: &[u8], word: Range<usize>) -> usize {
    let kept = text[word.clone()].iter().rposition(|byte| !matches!(byte, b'.' | b'/'));
    kept.map_or(word.end, |last| word.start + last + 1)
}

/// The line up to its comment. A comment begins with `#` or `;` at the start of the line, or with ` #`
/// later.
fn without_comment(text: &[u8], line: Range<usize>) -> Range<usize> {
    let bytes = &text[line.clone()];
    if matches!(bytes.trim_ascii_start().first(), Some(b'#' | b';')) {
        return line.start..line.start;
    }
    let comment = bytes.windows(2).position(|pair| matches!(pair, [b' ' | b'\t', b'#']));
    line.start..comment.map_or(line.end, |at| line.start + at)
}

/// Whether the text around the word leaves open that it is a name. `user@` or `host:/`, for example, do
/// not.
fn may_stand_for_itself(text: &[u8], line: usize, start: usize, end: usize) -> bool {
    let before = &text[line..start];
    let after = text.get(end);
    if matches!(before.last(), Some(b'@' | b'%' | b'$' | b'\\' | b'~')) || before.ends_with(b"${") {
        return false;
    }
    if matches!(after, Some(b'@')) || text[end..].starts_with(b":/") {
        return false;
    }
    let mut words = before
        .rsplit(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-'))
        .filter(|word| !word.is_empty());
    let key = words.next().unwrap_or_default().to_ascii_lowercase();
    ![&b"host"[..], b"hostname", b"host_name", b"server", b"servername"]
        .iter()
        .any(|word| key.ends_with(word))
}

/// Where the tokens are that were found by their form.
struct Tokens {
    /// Each token's start, in ascending order, with the furthest end of this token and all tokens before
    /// it.
    reach: Vec<(usize, usize)>,
}

impl Tokens {
    fn of(findings: &Findings) -> Self {
        let edits = findings.edits.iter().map(|edit| &edit.token);
        let tokens = edits.chain(findings.left.iter().map(|left| &left.token));
        let mut reach: Vec<_> = tokens.map(|token| (token.start, token.end)).collect();
        reach.sort_unstable();
        let mut furthest = 0;
        for (_, end) in &mut reach {
            furthest = furthest.max(*end);
            *end = furthest;
        }
        Self { reach }
    }

    /// Whether the word overlaps one of the tokens.
    fn meet(&self, word: &Range<usize>) -> bool {
        let before = self.reach.partition_point(|(start, _)| *start < word.end);
        before > 0 && word.start < self.reach[before - 1].1
    }
}
