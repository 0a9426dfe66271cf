//! Filters in lvm.conf(5): regular expressions that LVM compares with device paths.
//!
//! `a|…|` accepts and `r|…|` rejects. Any other byte may replace the bars, and brackets close as they open
//! (lvm2 lib/filters/filter-regex.c). The expressions are those of libdm (device_mapper/regex/parse_rx.c).
//! They are not anchored, and have `. * + ? | ( ) [ ] ^ $` and a backslash that protects the next byte.

use std::ops::Range;

use super::edit::{Findings, Left};
use super::lvm_tokens::{Item, Quote};
use super::matcher::{Hit, Matcher, Verdict};
use super::scan::record;
use crate::names::is_name_byte;

/// A byte of an expression, whether it stands for itself, and where it is in the file.
type Piece = (u8, bool, Range<usize>);

/// Reported with a name that is not in a whole path.
const BARE: &str = "may mean the group in a part of a path, but only a person can judge that,";

/// Rewrites the paths in one expression. A path may be whole, or end where the expression leaves the
/// volume open (`/dev/mapper/vg-.*`, `/dev/vg/`). Other names of the group in the expression are shown.
pub(super) fn rewrite(matcher: &Matcher, text: &[u8], item: &Item<'_>, findings: &mut Findings) {
    let is_action = item.key.ends_with(b"filter");
    let pieces = pieces(text, item, is_action);
    let mut at = 0;
    while at < pieces.len() {
        let end = at + pieces[at..].iter().take_while(|piece| may_name(piece)).count();
        if end == at {
            at += 1;
            continue;
        }
        let (run, next) = (&pieces[at..end], pieces.get(end));
        let is_open = next.is_none_or(|piece| !piece.1 && piece.0 != b'$');
        at = end;
        path(matcher, text, run, is_open, findings);
    }
}

/// One run of bytes that may be a path.
fn path(matcher: &Matcher, text: &[u8], run: &[Piece], is_open: bool, findings: &mut Findings) {
    let bytes: Vec<u8> = run.iter().map(|piece| piece.0).collect();
    let token = run[0].2.start..run[run.len() - 1].2.end;
    if !bytes.starts_with(b"/dev/") {
        let word = bytes.strip_suffix(b"/").unwrap_or(&bytes);
        if matcher.may_name(word) || matcher.is_doubled(word) {
            findings.left.push(Left { token, why: BARE });
        }
        return;
    }
    let mut verdict = matcher.path(&bytes);
    if !matches!(verdict, Verdict::Ours(_)) && is_open {
        verdict = matcher.path_beginning(&bytes);
    }
    if let Verdict::Ours(hit) = verdict {
        let old = &run[hit.name.clone()];
        let name = old[0].2.start..old[old.len() - 1].2.end;
        let new = escaped(&hit.new, &text[name.clone()]);
        let name = name.start - token.start..name.end - token.start;
        verdict = Verdict::Ours(Hit { name, new, ..hit });
    }
    record(findings, verdict, token);
}

/// A name as an expression. `+` would repeat the byte before it, so it gets a backslash. A full stop fits
/// itself, and gets a backslash only if the old name's full stops have one.
fn escaped(new: &str, old: &[u8]) -> String {
    let has = |part: &[u8]| old.windows(part.len()).any(|window| window == part);
    let backslash = if has(br"\\") { r"\\" } else { r"\" };
    let new = new.replace('+', &format!("{backslash}+"));
    if has(br"\.") { new.replace('.', &format!("{backslash}.")) } else { new }
}

/// Whether a byte may be part of a name. A full stop that fits any byte may also be part of a name, unless
/// an operator repeats it.
fn may_name(piece: &Piece) -> bool {
    match piece {
        (byte, true, _) => is_name_byte(*byte) || *byte == b'/',
        (byte, false, _) => *byte == b'.',
    }
}

/// The bytes of the expression, without its action and separators.
fn pieces(text: &[u8], item: &Item<'_>, is_action: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = item.inside.start;
    while at < item.inside.end {
        let rest = &text[at..item.inside.end];
        // In double quotes, a backslash protects a quote or a backslash (libdm_unescape_double_quotes).
        let (byte, length) = match rest {
            [b'\\', next @ (b'"' | b'\\'), ..] if item.quote == Quote::Double => (*next, 2),
            _ => (rest[0], 1),
        };
        pieces.push((byte, true, at..at + length));
        at += length;
    }
    if is_action {
        pieces.pop();
        pieces.drain(..2.min(pieces.len()));
    }
    unescaped(pieces)
}

fn unescaped(written: Vec<Piece>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::with_capacity(written.len());
    let mut in_set = false;
    let mut written = written.into_iter().peekable();
    while let Some((byte, _, range)) = written.next() {
        match byte {
            b'\\' => {
                let Some((next, _, behind)) = written.next() else { break };
                // `\n`, `\r` and `\t` mean control characters, which no name has.
                let is_itself = !in_set && !matches!(next, b'n' | b'r' | b't');
                pieces.push((next, is_itself, range.start..behind.end));
            }
            b'[' if !in_set => {
                in_set = true;
                pieces.push((byte, false, range));
            }
            b']' if in_set => {
                in_set = false;
                pieces.push((byte, false, range));
            }
            // The inside of a set is not part of a name. A colon replaces each of its bytes.
            _ if in_set => pieces.push((b':', false, range)),
            b'*' | b'+' | b'?' => {
                // The operator repeats the byte before it, so that byte is not part of a name.
                if let Some(last) = pieces.last_mut() {
                    last.1 = false;
                    if last.0 == b'.' {
                        last.0 = b':';
                    }
                }
                pieces.push((byte, false, range));
            }
            b'.' | b'|' | b'(' | b')' | b'^' | b'$' => pieces.push((byte, false, range)),
            _ => pieces.push((byte, true, range)),
        }
    }
    pieces
}
