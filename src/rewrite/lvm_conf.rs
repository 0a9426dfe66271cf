//! LVM's configuration (lvm.conf(5)): volume lists by name, filters by device path.

use std::ops::Range;

use anyhow::Result;

use super::bare;
use super::edit::{Edit, Findings, Form, apply};
use super::lvm_filter;
use super::lvm_tokens::{Quote, items};
use super::matcher::{Matcher, Verdict};
use super::scan::{PATHS, record, scan};

/// Lists that name groups and volumes exactly, with raw names. If a list has not got the group's new name,
/// LVM leaves the group inactive at the next boot without a message.
const LISTS: &[&[u8]] = &[b"volume_list", b"auto_activation_volume_list", b"read_only_volume_list"];

/// Lists of regular expressions that LVM compares with device paths.
const EXPRESSIONS: &[&[u8]] = &[b"filter", b"global_filter", b"preferred_names"];

/// Rewrites the items of volume lists (`"VG"`, `"VG/LV"`), the expressions of filters, and device paths in
/// all other values. Tags (`"@VG"`) and comments stay.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    for item in items(text) {
        if LISTS.contains(&item.key) {
            let name = &text[item.inside.clone()];
            let verdict = match matcher.group(name) {
                Verdict::Foreign => matcher.slash_pair(name, Form::VgLv),
                group => group,
            };
            record(&mut findings, verdict, item.inside);
        } else if EXPRESSIONS.contains(&item.key) {
            lvm_filter::rewrite(matcher, text, &item, &mut findings);
        } else {
            let is_command = item.key.ends_with(b"_command");
            scan(matcher, text, item.inside.clone(), PATHS, &mut findings);
            if is_command {
                bare::words(matcher, text, item.inside, &mut findings);
            }
        }
    }
    Ok(findings)
}

/// The file with both names: each item that names the group is followed by the same item with the new
/// name. In a volume list, one of the two names the group. In a filter, the first expression that fits
/// counts, and each of the two fits only its own name.
///
/// # Errors
/// Why there is no such file: another value names the group.
pub fn with_both_names(text: &[u8], edits: &[Edit]) -> Result<Vec<Edit>, String> {
    let mut both = Vec::new();
    for item in items(text) {
        let own = edits.iter().filter(|edit| item.inside.contains(&edit.range.start));
        let own: Vec<Edit> = own.cloned().collect();
        let Some(first) = own.first() else { continue };
        if !LISTS.contains(&item.key) && !EXPRESSIONS.contains(&item.key) {
            let key = String::from_utf8_lossy(item.key);
            return Err(format!("`{key}` in lvm.conf names a volume"));
        }
        let within =
            |range: &Range<usize>| range.start - item.whole.start..range.end - item.whole.start;
        let moved = own.iter().map(|edit| Edit { range: within(&edit.range), ..edit.clone() });
        let old = &text[item.whole.clone()];
        let new = apply(old, &moved.collect::<Vec<_>>());
        // In a string without quotes, a comma would be part of the string.
        let (quote, comma): (&[u8], &[u8]) =
            if item.quote == Quote::Bare { (b"\"", b"\", \"") } else { (b"", b", ") };
        let pair = [quote, old, comma, &new, quote].concat();
        let new = if item.in_array { pair } else { [b"[", &pair[..], b"]"].concat() };
        both.push(Edit { range: item.whole.clone(), token: item.whole, new, ..first.clone() });
    }
    Ok(both)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::{LvName, VgName};
    use crate::rewrite::matcher::Volumes;

    fn matcher(old: &str, new: &str) -> Matcher {
        let name = |name| VgName::new(name).unwrap();
        let known = BTreeSet::from(["root", "x"].map(|lv| LvName::new(lv).unwrap()));
        Matcher::new(name(old), name(new), Volumes::Known(known), BTreeSet::new())
    }

    #[track_caller]
    fn becomes(matcher: &Matcher, before: &str, after: &str, left: usize) {
        let findings = rewrite(matcher, before.as_bytes()).unwrap();
        let text = String::from_utf8(apply(before.as_bytes(), &findings.edits)).unwrap();
        assert_eq!((text.as_str(), findings.left.len()), (after, left), "{:?}", findings.left);
    }

    #[test]
    fn every_kind_of_string() {
        let matcher = matcher("a", "b");
        for (before, after) in [
            (
                "activation/volume_list=['a','a/root' a/x]",
                "activation/volume_list=['b','b/root' a/x]",
            ),
            (
                "activation/volume_list = [ a , a/root , @a ]",
                "activation/volume_list = [ b , b/root , @a ]",
            ),
            ("activation/volume_list=a\n", "activation/volume_list=b\n"),
            (
                "'activation' {\n\"volume_list\"\n=\n[ # 'a'\n'a'\n]}",
                "'activation' {\n\"volume_list\"\n=\n[ # 'a'\n'b'\n]}",
            ),
            ("tags { a { } } local/system_id = a", "tags { a { } } local/system_id = a"),
        ] {
            becomes(&matcher, before, after, 0);
        }
    }

    #[test]
    fn expressions_of_filters() {
        let matcher = matcher("a-b", "c+d-e");
        for (before, after, left) in [
            ("r|/dev/mapper/a--b-.*|", "r|/dev/mapper/c\\+d--e-.*|", 0),
            ("a|^/dev/(a-b|x)/root$|", "a|^/dev/(a-b|x)/root$|", 1),
            ("r|^/dev/mapper/(a--b|x)-|", "r|^/dev/mapper/(a--b|x)-|", 1),
            ("r|/dev/a-b/.*|", "r|/dev/c\\+d-e/.*|", 0),
            ("r|/dev/a-b/|", "r|/dev/c\\+d-e/|", 0),
            ("r//dev/mapper/a--b-root$/", "r//dev/mapper/c\\+d--e-root$/", 0),
            ("r(/dev/mapper/a--b-vm--[0-9]+--disk)", "r(/dev/mapper/c\\+d--e-vm--[0-9]+--disk)", 0),
            (
                "r|/dev/mapper/a--b-x|/dev/mapper/a--b-root$|",
                "r|/dev/mapper/c\\+d--e-x|/dev/mapper/c\\+d--e-root$|",
                0,
            ),
            ("r|^/dev/mapper/a--b-nosuch$|", "r|^/dev/mapper/a--b-nosuch$|", 1),
            (
                "r|/dev/mapper/a--b--c-.*|/dev/mapper/xa--b-|/dev/[a-b]/|",
                "r|/dev/mapper/a--b--c-.*|/dev/mapper/xa--b-|/dev/[a-b]/|",
                0,
            ),
            ("r|.*|", "r|.*|", 0),
            ("a", "a", 0),
            ("", "", 0),
        ] {
            let file = |item: &str| format!("devices {{ global_filter = [ '{item}' ] }}");
            becomes(&matcher, &file(before), &file(after), left);
        }
        let dotted = self::matcher("a.1", "b.2");
        for (before, after) in [
            (r"r|/dev/mapper/a\.1-.*|", r"r|/dev/mapper/b\.2-.*|"),
            ("r|/dev/a.1/x|", "r|/dev/b.2/x|"),
        ] {
            let file = |item: &str| format!("filter=\"{}\"", item.replace('\\', r"\\"));
            becomes(&dotted, &file(before), &file(after), 0);
            becomes(&dotted, &format!("filter='{before}'"), &format!("filter='{after}'"), 0);
        }
        becomes(
            &matcher,
            "preferred_names=['^/dev/mapper/a--b-']",
            r"preferred_names=['^/dev/mapper/c\+d--e-']",
            0,
        );
    }

    #[test]
    fn lists_over_several_lines_and_sections_on_one() {
        let matcher = matcher("a", "b");
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
