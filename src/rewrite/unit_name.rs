//! systemd unit names that stand for device paths, anywhere in a text (systemd.unit(5)).

use std::ops::Range;

use super::edit::{Findings, Form, Left};
use super::matcher::{Matcher, Verdict};
use super::scan::{self, match_decoded};
use crate::names::unit::{Decoded, escape, unescape};

/// Units that are named after a path.
const OF_PATHS: [&[u8]; 4] = [b".device", b".swap", b".mount", b".automount"];

/// Units that may have a path as the instance of a template: `systemd-fsck@dev-….service`.
const OF_INSTANCES: [&[u8]; 5] = [b".service", b".socket", b".target", b".timer", b".path"];

/// Reported with a name that has no backslash but would need one.
const NEEDS_ESCAPE: &str =
    "would need backslashes, and their number depends on the quotes around it,";

/// Records a whole unit name, with its suffix, by the path that it stands for. False if the token is not
/// such a name.
///
/// `quoted` says that the text has quoting rules of its own, as command lines have. There, a backslash may
/// be written twice, and a name without one gets none.
pub fn record(
    matcher: &Matcher,
    text: &[u8],
    token: Range<usize>,
    quoted: bool,
    findings: &mut Findings,
) -> bool {
    let name = &text[token.clone()];
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else { return false };
    let is_instance = token.start > 0 && text[token.start - 1] == b'@';
    let suffix = &name[dot..];
    if !(OF_PATHS.contains(&suffix) || is_instance && OF_INSTANCES.contains(&suffix)) {
        return false;
    }
    let twice = quoted && name.windows(2).any(|pair| pair == br"\\");
    let decoded = if twice { unescape_twice(&name[..dot]) } else { unescape(&name[..dot]) };
    let Some(decoded) = decoded else { return false };
    let spell = |name: &str| if twice { escape(name).replace('\\', r"\\") } else { escape(name) };
    let mut verdict = match_decoded(matcher, &decoded, spell);
    if let Verdict::Ours(hit) = &mut verdict {
        if quoted && !name.contains(&b'\\') && hit.new.contains('\\') {
            findings.left.push(Left { token, why: NEEDS_ESCAPE });
            return true;
        }
        hit.form = Form::UnitName;
    }
    scan::record(findings, verdict, token);
    true
}

/// The path of a name in which each backslash is written twice.
fn unescape_twice(name: &[u8]) -> Option<Decoded> {
    let mut once = Vec::with_capacity(name.len());
    let mut at = 0;
    while at < name.len() {
        let length = if name[at..].starts_with(br"\\") { 2 } else { 1 };
        if length == 1 && name[at] == b'\\' {
            return None;
        }
        once.push((name[at], at..at + length));
        at += length;
    }
    let bytes: Vec<u8> = once.iter().map(|(byte, _)| *byte).collect();
    let decoded = unescape(&bytes)?.into_iter().map(|(byte, range)| {
        let range = match range.len() {
            0 => 0..0,
            _ => once[range.start].1.start..once[range.end - 1].1.end,
        };
        (byte, range)
    });
    Some(decoded.collect())
}
