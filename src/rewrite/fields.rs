//! What fstab and crypttab share: lines of fields, separated by blanks, with octal escapes.

use std::ops::Range;

use super::edit::Findings;
use super::matcher::{Matcher, Verdict};
use super::scan::{self, PATHS, match_decoded, record, scan};
use super::unit_name;
use crate::names::unit::Decoded;

/// The fields of a line, as ranges in the text.
pub fn fields(text: &[u8], line: Range<usize>) -> Vec<Range<usize>> {
    let blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r');
    let mut fields = Vec::new();
    let mut at = line.start;
    while at < line.end {
        if blank(text[at]) {
            at += 1;
            continue;
        }
        let end =
            text[at..line.end].iter().position(|byte| blank(*byte)).map_or(line.end, |n| at + n);
        fields.push(at..end);
        at = end;
    }
    fields
}

/// libmount decodes `\` and three octal digits, whatever character they mean (util-linux lib/mangle.c).
fn decode_octal(text: &[u8], field: Range<usize>) -> Decoded {
    let mut decoded = Decoded::new();
    let mut at = field.start;
    while at < field.end {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] = &text[at..field.end]
        {
            decoded.push(((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'), at..at + 4));
            at += 4;
        } else {
            decoded.push((text[at], at..at + 1));
            at += 1;
        }
    }
    decoded
}

/// Records a field whose whole content is a device path. It may contain octal escapes.
///
/// If all hyphens of the old name are written as `\055`, those of the new name are, too.
pub fn path_field(matcher: &Matcher, text: &[u8], field: Range<usize>, findings: &mut Findings) {
    let decoded = decode_octal(text, field.clone());
    let mut verdict = match_decoded(matcher, &decoded, str::to_owned).device();
    if let Verdict::Ours(hit) = &mut verdict {
        let raw = &text[hit.name.clone()];
        if raw.windows(4).any(|escape| escape == br"\055") && !raw.contains(&b'-') {
            hit.new = hit.new.replace('-', r"\055");
        }
        hit.name = hit.name.start - field.start..hit.name.end - field.start;
    }
    record(findings, verdict, field);
}

/// Records comma-separated options whose whole value is a device path or a unit name.
pub fn option_field(matcher: &Matcher, text: &[u8], field: Range<usize>, findings: &mut Findings) {
    let mut at = field.start;
    while at < field.end {
        let end =
            text[at..field.end].iter().position(|byte| *byte == b',').map_or(field.end, |n| at + n);
        if let Some(equals) = text[at..end].iter().position(|byte| *byte == b'=') {
            let (key, value) = (&text[at..at + equals], at + equals + 1..end);
            if !DIRECTORY_OPTIONS.contains(&key) {
                option_value(matcher, text, value, findings);
            }
        }
        at = end + 1;
    }
}

/// overlayfs takes directories (Documentation/filesystems/overlayfs.rst); systemd.mount(5) takes mount
/// points.
const DIRECTORY_OPTIONS: &[&[u8]] = &[
    b"lowerdir",
    b"upperdir",
    b"workdir",
    b"x-systemd.requires-mounts-for",
    b"x-systemd.wants-mounts-for",
];

fn option_value(matcher: &Matcher, text: &[u8], value: Range<usize>, findings: &mut Findings) {
    if text[value.clone()].starts_with(b"dev-")
        && unit_name::record(matcher, text, value.clone(), false, findings)
    {
        return;
    }
    // crypttab has `header=/path:/dev/…`: a path may also follow a colon.
    if text[value.clone()].contains(&b':') {
        scan(matcher, text, value, PATHS, findings);
    } else {
        path_field(matcher, text, value, findings);
    }
}

/// A comment's text: device paths only.
pub fn comment(matcher: &Matcher, text: &[u8], span: Range<usize>, findings: &mut Findings) {
    scan::scan(matcher, text, span, PATHS, findings);
}
