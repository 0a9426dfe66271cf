//! Command lines of shells, cron, sudoers and systemd: where a command begins, and which words it has.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::lines::trimmed;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its bytes, without quotes that enclose the whole word.
    pub inside: Range<usize>,
}

/// Where a command begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    /// The quote that encloses the whole command.
    pub(super) quote: Option<u8>,
}

/// Words that may precede a command.
const BEFORE: &[&[u8]] = &[
    b"!", b"\\!", b"{", b"then", b"do", b"else", b"elif", b"if", b"while", b"until", b"exec",
    b"sudo", b"doas", b"nice", b"ionice", b"chrt", b"env", b"command", b"eval", b"time",
    b"timeout", b"nohup", b"setsid", b"chroot", b"busybox", b"sh", b"bash", b"dash", b"run",
    b"xargs", b"watch",
];

/// The time, and the user, at the start of a crontab line (crontab(5)).
static SCHEDULE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)\A[ \t]*(?:@[a-z]+|[-0-9*/,]+(?:[ \t]+[-0-9*/,]+)(?:[ \t]+[-0-9A-Za-z*/,]+){3})(?:[ \t]+[a-z_][-a-z0-9_]*)?[ \t]*\z",
    )
    .expect("the pattern is a constant")
});

/// Whether the word at `verb` is a program that is run, and how its command starts.
pub(super) fn is_command(text: &[u8], span: &Range<usize>, verb: &Range<usize>) -> Option<Start> {
    let ends = text.get(verb.end).filter(|_| verb.end < span.end);
    let ends =
        ends.is_none_or(|byte| byte.is_ascii_whitespace() || b";|&()<>\"'`\\,".contains(byte));
    if !ends || is_comment(text, span.start, verb.start) {
        return None;
    }
    let line = line_start(text, span.start, verb.start);
    let before = &text[line..verb.start];
    let is_path = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./+-".contains(byte);
    let dir = before.iter().rev().take_while(|byte| is_path(byte)).count();
    let (before, dir) = before.split_at(before.len() - dir);
    let quote = before.last().copied().filter(|byte| matches!(byte, b'"' | b'\''));
    // systemd's prefixes may precede the path (systemd.service(5)).
    let dir = dir.iter().position(|byte| *byte == b'/').map_or(dir, |at| &dir[at..]);
    if dir.starts_with(b"/") && dir.ends_with(b"/") {
        return Some(Start { quote });
    }
    (dir.is_empty() && begins_command(before)).then_some(Start { quote })
}

fn begins_command(before: &[u8]) -> bool {
    if matches!(before.last(), Some(b'$' | b'}' | b'\\' | b'*' | b'~' | b'%')) {
        return false;
    }
    let trimmed = before.trim_ascii_end();
    match trimmed.last() {
        None => return true,
        Some(byte) if b";|&({`\"'=:,[".contains(byte) => return true,
        _ => {}
    }
    if SCHEDULE.is_match(before) {
        return true;
    }
    for word in trimmed.rsplit(|byte| b" \t;|&(`\"'".contains(byte)) {
        let is_passed_over = word.is_empty()
            || word.starts_with(b"-")
            || word.contains(&b'=')
            || word[0].is_ascii_digit();
        if !is_passed_over {
            return BEFORE.contains(&word);
        }
    }
    true
}

/// Whether a byte is in a comment. A comment begins with `#` or `;` at the start of the line, or with ` #`
/// later.
pub(super) fn is_comment(text: &[u8], from: usize, at: usize) -> bool {
    let before = &text[line_start(text, from, at)..at];
    matches!(before.trim_ascii_start().first(), Some(b'#' | b';'))
        || before.windows(2).any(|pair| matches!(pair, [b' ' | b'\t', b'#']))
}

fn line_start(text: &[u8], from: usize, at: usize) -> usize {
    memchr::memrchr(b'\n', &text[from..at]).map_or(from, |end| from + end + 1)
}

/// The words up to the end of the command. Redirections and their files do not count.
pub(super) fn words(text: &[u8], span: Range<usize>, quote: Option<u8>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = span.start;
    let mut is_file = false;
    while at < span.end {
        let byte = text[at];
        if byte == b'\\' && matches!(text.get(at + 1), Some(b'\n' | b'\r')) {
            at += 2;
        } else if byte == b' ' || byte == b'\t' {
            at += 1;
        } else if byte == b'<' || byte == b'>' {
            at += text[at..span.end].iter().take_while(|byte| b"<>&|".contains(byte)).count();
            is_file = true;
        } else if quote == Some(byte) || byte == b'#' || ends_command(byte) {
            break;
        } else {
            let end = word_end(text, at..span.end, quote);
            let (inside, is_last) = inside(text, at..end);
            let is_number = text[inside.clone()].iter().all(u8::is_ascii_digit);
            if !(std::mem::take(&mut is_file) || is_number && matches!(text.get(end), Some(b'>'))) {
                words.push(Word { inside });
            }
            if is_last {
                break;
            }
            at = end.max(at + 1);
        }
    }
    words
}

fn ends_command(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | b';' | b'|' | b'&' | b'(' | b')' | b'`')
}

fn word_end(text: &[u8], span: Range<usize>, outer: Option<u8>) -> usize {
    let mut at = span.start;
    while at < span.end {
        let byte = text[at];
        if Some(byte) == outer || ends_command(byte) || matches!(byte, b' ' | b'\t' | b'<' | b'>') {
            break;
        }
        if matches!(byte, b'"' | b'\'') {
            let rest = &text[at + 1..span.end];
            let line = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let Some(length) = memchr::memchr(byte, &rest[..line]) else { return at };
            at += length + 2;
        } else {
            at += 1;
        }
    }
    at
}

/// The word without its quotes, and without the comma that ends a command in sudoers(5).
fn inside(text: &[u8], word: Range<usize>) -> (Range<usize>, bool) {
    let mut word = trimmed(text, word);
    let is_last = word.len() > 1 && text[word.end - 1] == b',';
    if is_last {
        word.end -= 1;
    }
    match &text[word.clone()] {
        [first @ (b'"' | b'\''), inner @ .., last] if first == last && !inner.contains(first) => {
            (word.start + 1..word.end - 1, is_last)
        }
        _ => (word, is_last),
    }
}
