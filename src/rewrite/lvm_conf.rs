//! LVM's own configuration (lvm.conf(5)): volume lists by name, filters by device path.

use std::ops::Range;

use anyhow::Result;

use super::edit::{Findings, Form};
use super::lines::lines;
use super::matcher::{Matcher, Verdict};
use super::scan::{PATHS, record, scan};

/// Lists that name groups and volumes, exact and raw. A list without the group's new name leaves it
/// inactive at the next boot, and says nothing.
const LISTS: &[&[u8]] = &[b"volume_list", b"auto_activation_volume_list", b"read_only_volume_list"];

/// Items of the volume lists (`"VG"`, `"VG/LV"`), device paths in every other value (filters).
/// Tags (`"@VG"`) and comments stay.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut in_list = false;
    for line in lines(text) {
        let mut at = line.start;
        while at < line.end {
            match text[at] {
                b'#' => break,
                b'"' => {
                    let value = string(text, at + 1..line.end);
                    at = value.end + 1;
                    if in_list {
                        list_item(matcher, text, value, &mut findings);
                    } else {
                        scan(matcher, text, value, PATHS, &mut findings);
                    }
                    continue;
                }
                b']' | b'{' | b'}' => in_list = false,
                b'=' => in_list = LISTS.contains(&key_before(text, line.start..at)),
                _ => {}
            }
            at += 1;
        }
    }
    Ok(findings)
}

/// The inside of a string; a backslash protects the next character.
fn string(text: &[u8], rest: Range<usize>) -> Range<usize> {
    let mut at = rest.start;
    while at < rest.end && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    rest.start..at.min(rest.end)
}

/// The key's last part: `activation/volume_list = …` and `volume_list = …` inside a section are one.
fn key_before(text: &[u8], span: Range<usize>) -> &[u8] {
    let before = text[span].trim_ascii();
    let start = before.iter().rposition(|byte| matches!(byte, b'/' | b' ' | b'\t' | b'{'));
    &before[start.map_or(0, |at| at + 1)..]
}

fn list_item(matcher: &Matcher, text: &[u8], value: Range<usize>, findings: &mut Findings) {
    let item = &text[value.clone()];
    let verdict = match matcher.group(item) {
        Verdict::Foreign => matcher.slash_pair(item, Form::VgLv),
        group => group,
    };
    record(findings, verdict, value);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::VgName;
    use crate::rewrite::edit::apply;
    use crate::rewrite::matcher::Volumes;

    #[test]
    fn lists_over_several_lines_and_sections_on_one() {
        let name = |name| VgName::new(name).unwrap();
        let matcher = Matcher::new(name("a"), name("b"), Volumes::ByForm, BTreeSet::new());
        let text = b"activation { volume_list = [ \"a\", # \"a\"\n \"a/root\", \"@a\",\"a-b\" ]\n mode = \"a\" }\n\
                     devices/filter=[ \"r|/dev/a/x|\" ]\nactivation/auto_activation_volume_list=\"a\"";
        let edits = rewrite(&matcher, text).unwrap().edits;
        let after = String::from_utf8(apply(text, &edits)).unwrap();
        assert_eq!(
            after,
            "activation { volume_list = [ \"b\", # \"a\"\n \"b/root\", \"@a\",\"a-b\" ]\n mode = \"a\" }\n\
             devices/filter=[ \"r|/dev/b/x|\" ]\nactivation/auto_activation_volume_list=\"b\""
        );
    }
}
