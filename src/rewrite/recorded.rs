//! Turns the matcher's verdict on a token into findings of a text.

use std::ops::Range;

use super::edit::{Edit, Findings, Left};
use super::matcher::{Hit, Matcher, Verdict};
use super::scan::UNKNOWN_VOLUME;

/// Records the matcher's verdict on the token at `token`.
pub fn record(findings: &mut Findings, verdict: Verdict, token: Range<usize>) {
    match verdict {
        Verdict::Foreign => {}
        Verdict::UnknownVolume => findings.left.push(Left { token, why: UNKNOWN_VOLUME }),
        Verdict::Ours(Hit { name, new, form, volume }) => findings.edits.push(Edit {
            range: token.start + name.start..token.start + name.end,
            new: new.into_bytes(),
            token,
            form,
            volume,
        }),
    }
}

/// Asks the matcher about a path that is escaped in the file. The hit has the range of the escaped text,
/// and `encode` spells its new name.
pub fn match_decoded(
    matcher: &Matcher,
    decoded: &[(u8, Range<usize>)],
    encode: impl Fn(&str) -> String,
) -> Verdict {
    let path: Vec<u8> = decoded.iter().map(|(byte, _)| *byte).collect();
    match matcher.path(&path) {
        Verdict::Ours(hit) => Verdict::Ours(Hit {
            name: decoded[hit.name.start].1.start..decoded[hit.name.end - 1].1.end,
            new: encode(&hit.new),
            ..hit
        }),
        other => other,
    }
}
