//! Settings that a shell reads, in which a known variable holds groups: site.conf and local.conf of ReaR,
//! docker-storage-setup.

use std::ops::Range;

use anyhow::Result;

use super::bare;
use super::commands;
use super::edit::{Findings, Form};
use super::lines::lines;
use super::matcher::{Matcher, Verdict};
use super::scan::{WORDS, record, scan};
use crate::names::is_name_byte;

/// Variables whose words are groups, as `VG` or `/dev/VG`: ReaR usr/share/rear/conf/default.conf,
/// container-storage-setup(1).
const GROUPS: &[&[u8]] =
    &[b"EXCLUDE_VG", b"ONLY_INCLUDE_VG", b"INCLUDE_VG", b"EXCLUDE_COMPONENTS", b"VG"];

/// Rewrites the words of the variables in `GROUPS`, also over several lines while a bracket is open.
/// Other lines are read like those of a script.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut in_list = false;
    for line in lines(text) {
        let bytes = &text[line.clone()];
        let value =
            if in_list { Some(line.start) } else { list_start(bytes).map(|at| line.start + at) };
        let is_comment = bytes.trim_ascii_start().starts_with(b"#");
        let Some(start) = value.filter(|_| !is_comment) else {
            scan(matcher, text, line.clone(), WORDS, &mut findings);
            commands::arguments(matcher, text, line.clone(), &mut findings);
            bare::words(matcher, text, line, &mut findings);
            continue;
        };
        let comment =
            text[start..line.end].windows(2).position(|pair| matches!(pair, [b' ' | b'\t', b'#']));
        let end = comment.map_or(line.end, |at| start + at);
        in_list =
            (in_list || text[start..end].starts_with(b"(")) && !text[start..end].contains(&b')');
        words(matcher, text, start..end, &mut findings);
        scan(matcher, text, end..line.end, WORDS, &mut findings);
    }
    Ok(findings)
}

/// Where the value of an assignment to one of the variables begins.
fn list_start(line: &[u8]) -> Option<usize> {
    let equals = line.iter().position(|byte| *byte == b'=')?;
    let name = line[..equals].strip_suffix(b"+").unwrap_or(&line[..equals]).trim_ascii_start();
    let name = name.strip_prefix(b"export ").unwrap_or(name);
    GROUPS.contains(&name).then_some(equals + 1)
}

/// Records each whole word of the span as a group or a path.
fn words(matcher: &Matcher, text: &[u8], span: Range<usize>, findings: &mut Findings) {
    let mut at = span.start;
    while at < span.end {
        let length =
            text[at..span.end].iter().position(|byte| !(is_name_byte(*byte) || *byte == b'/'));
        let end = length.map_or(span.end, |length| at + length);
        let stands_alone = at == span.start
            || text[at - 1].is_ascii_whitespace()
            || matches!(text[at - 1], b'(' | b'"' | b'\'');
        if stands_alone && end > at {
            let word = &text[at..end];
            let verdict = match matcher.group(word) {
                Verdict::Foreign => matcher.path(word),
                group => group,
            };
            let verdict = match verdict {
                Verdict::Foreign => matcher.slash_pair(word, Form::VgLv),
                verdict => verdict,
            };
            record(findings, verdict, at..end);
        }
        at = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::VgName;
    use crate::rewrite::edit::apply;
    use crate::rewrite::matcher::Volumes;

    #[test]
    fn lists_of_groups() {
        let name = |name| VgName::new(name).unwrap();
        let matcher = Matcher::new(name("a-b"), name("c"), Volumes::ByForm, BTreeSet::new());
        let text = b"EXCLUDE_VG+=( 'a-b' a-b-c ) # a-b\nONLY_INCLUDE_VG=(\n  \"a-b\"\n# a-b /dev/a-b/x\n)\nEXCLUDE_COMPONENTS=( /dev/a-b fs:/a-b )\nVG=a-b\nOUTPUT=a-b\nX_VG=/dev/a-b/x";
        let findings = rewrite(&matcher, text).unwrap();
        let after = String::from_utf8(apply(text, &findings.edits)).unwrap();
        assert_eq!(
            after,
            "EXCLUDE_VG+=( 'c' a-b-c ) # a-b\nONLY_INCLUDE_VG=(\n  \"c\"\n# a-b /dev/c/x\n)\nEXCLUDE_COMPONENTS=( /dev/c fs:/a-b )\nVG=c\nOUTPUT=a-b\nX_VG=/dev/c/x"
        );
        assert_eq!(findings.left.len(), 1, "OUTPUT=a-b is shown");
    }
}
