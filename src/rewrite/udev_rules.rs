//! udev rules (udev(7)): `KEY{attribute}=="pattern|pattern"`, `KEY+="value"`, `e"…"` with escapes.

use std::ops::Range;

use anyhow::Result;

use super::bare;
use super::commands;
use super::decoded::{backslashes, plain, record_decoded, scan_decoded};
use super::edit::Findings;
use super::fields::comment;
use super::lines::lines;
use super::matcher::{Matcher, Verdict};
use super::scan::{PATHS, UNITS, WORDS, scan};
use crate::names::unit::Decoded;

/// Keys that hold the raw name of a group: lvm2 udev/11-dm-lvm.rules.in, udev/69-dm-lvm.rules.in.
const GROUP: &[&str] = &["ENV{DM_VG_NAME}", "ENV{LVM_VG_NAME_COMPLETE}"];

/// Keys that hold a dm name: lvm2 udev/10-dm.rules.in, and the attribute of the kernel.
const DEVICE: &[&str] = &["ENV{DM_NAME}", "ATTR{dm/name}", "ATTRS{dm/name}"];

/// Keys that hold links, relative to /dev.
const LINKS: &[&str] = &["SYMLINK", "NAME"];

/// Rewrites the whole values of known keys, and each alternative of a pattern separately. In other values,
/// it rewrites device paths and units. Bare names in commands are shown.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    for line in lines(text) {
        if text[line.clone()].trim_ascii_start().starts_with(b"#") {
            comment(matcher, text, line, &mut findings);
            continue;
        }
        let mut at = line.start;
        while let Some(quote) = text[at..line.end].iter().position(|byte| *byte == b'"') {
            let (key, escapes) = key_before(text, line.start..at + quote);
            let inside = string(text, at + quote + 1..line.end);
            value(matcher, text, key, inside.clone(), escapes, &mut findings);
            at = (inside.end + 1).min(line.end);
        }
    }
    Ok(findings)
}

/// The key of the value that follows, and whether the value is an `e"…"`.
fn key_before(text: &[u8], span: Range<usize>) -> (&str, bool) {
    let before = &text[span];
    let (before, escapes) = match before {
        [rest @ .., b'e'] if rest.ends_with(b"=") => (rest, true),
        [rest @ .., b'i'] if rest.ends_with(b"=") => (rest, false),
        _ => (before, false),
    };
    let is_operator = |byte: &u8| matches!(byte, b'=' | b'!' | b'+' | b'-' | b':' | b' ' | b'\t');
    let end = before.iter().rposition(|byte| !is_operator(byte)).map_or(0, |last| last + 1);
    let start = before[..end].iter().rposition(|byte| matches!(byte, b',' | b' ' | b'\t' | b'"'));
    let key = &before[start.map_or(0, |start| start + 1)..end];
    (std::str::from_utf8(key).unwrap_or_default(), escapes)
}

fn string(text: &[u8], rest: Range<usize>) -> Range<usize> {
    let mut at = rest.start;
    while at < rest.end && text[at] != b'"' {
        at += if text[at..rest.end].starts_with(b"\\\"") { 2 } else { 1 };
    }
    rest.start..at.min(rest.end)
}

fn value(
    matcher: &Matcher,
    text: &[u8],
    key: &str,
    span: Range<usize>,
    escapes: bool,
    findings: &mut Findings,
) {
    let decoded = if escapes { backslashes(text, span.clone()) } else { plain(text, span.clone()) };
    if GROUP.contains(&key) {
        for pattern in parts(&decoded, |byte| byte == b'|') {
            record_decoded(text, &pattern, |name| matcher.group(name), findings);
        }
    } else if DEVICE.contains(&key) {
        for pattern in parts(&decoded, |byte| byte == b'|') {
            record_decoded(text, &pattern, |name| matcher.dm_pattern(name), findings);
        }
    } else if LINKS.contains(&key) {
        for link in parts(&decoded, |byte| matches!(byte, b' ' | b'|')) {
            record_decoded(text, &link, |name| volume_link(matcher, name), findings);
        }
    } else if ["RUN", "PROGRAM", "IMPORT{program}"].iter().any(|command| key.starts_with(command)) {
        scan(matcher, text, span.clone(), WORDS, findings);
        commands::arguments(matcher, text, span.clone(), findings);
        bare::words(matcher, text, span, findings);
    } else if key.contains("SYSTEMD_") && key.contains("WANTS") && !escapes {
        scan(matcher, text, span, UNITS, findings);
    } else {
        scan_decoded(matcher, text, &decoded, PATHS, findings);
    }
}

/// A link `VG/LV` or `mapper/VG-LV`. A link with the group's name belongs to the rule.
fn volume_link(matcher: &Matcher, name: &[u8]) -> Verdict {
    match matcher.below_dev(name) {
        Verdict::UnknownVolume => Verdict::Foreign,
        verdict => verdict,
    }
}

fn parts(decoded: &Decoded, ends: impl Fn(u8) -> bool) -> Vec<Decoded> {
    decoded.split(|(byte, _)| ends(*byte)).map(<[_]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::{LvName, VgName};
    use crate::rewrite::edit::apply;
    use crate::rewrite::matcher::Volumes;

    #[test]
    fn keys_patterns_and_escapes() {
        let name = |name| VgName::new(name).unwrap();
        let known = BTreeSet::from(["home", "x"].map(|lv| LvName::new(lv).unwrap()));
        let matcher = Matcher::new(name("a-b"), name("c"), Volumes::Known(known), BTreeSet::new());
        for (before, after, left) in [
            (
                r#"ENV{DM_VG_NAME}=="x|a-b|a-b-c", GROUP="a-b""#,
                r#"ENV{DM_VG_NAME}=="x|c|a-b-c", GROUP="a-b""#,
                0,
            ),
            (
                r#"ENV{DM_NAME} != "a--b-home", NAME="a""#,
                r#"ENV{DM_NAME} != "c-home", NAME="a""#,
                0,
            ),
            (
                r#"ENV{DM_NAME}=="a--b-*|a--b--c-*|a--b-nosuch""#,
                r#"ENV{DM_NAME}=="c-*|a--b--c-*|a--b-nosuch""#,
                1,
            ),
            (r#"ATTR{dm/name}==e"a\x2d\x2db-x""#, r#"ATTR{dm/name}==e"c-x""#, 0),
            (
                r#"SYMLINK+="a-b a-b/home mapper/a--b-x a-b-home""#,
                r#"SYMLINK+="a-b c/home mapper/c-x a-b-home""#,
                0,
            ),
            (r#"RUN+="/bin/x \"a-b\" /dev/a-b/x""#, r#"RUN+="/bin/x \"a-b\" /dev/c/x""#, 1),
            (
                r#"ENV{SYSTEMD_WANTS}+="dev-a\x2db-home.device""#,
                r#"ENV{SYSTEMD_WANTS}+="dev-c-home.device""#,
                0,
            ),
            (
                r#"TEST=="/dev/a-b/x", ENV{ID_FS_LABEL}=="a-b""#,
                r#"TEST=="/dev/c/x", ENV{ID_FS_LABEL}=="a-b""#,
                0,
            ),
            ("# a-b /dev/a-b/x", "# a-b /dev/c/x", 0),
        ] {
            let findings = rewrite(&matcher, before.as_bytes()).unwrap();
            let text = String::from_utf8(apply(before.as_bytes(), &findings.edits)).unwrap();
            assert_eq!((text.as_str(), findings.left.len()), (after, left), "{before}");
        }
    }
}
