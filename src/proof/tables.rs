//! Lines of fstab and crypttab: the device, and devices in the options.

use std::ops::Range;

use super::facts::Token;
use super::{Facts, Finding, Maker, Row, View};
use crate::rewrite::fields::fields;
use crate::rewrite::lines::lines;
use crate::rewrite::{Rewrite, crypttab, fstab};

/// Adds a row for every line that names a block device, and for every option that names a volume.
pub(super) fn rows(view: &View, facts: &Facts, rows: &mut Vec<Row>) {
    for (kind, device, title, rewrite) in [
        ("fstab", 0, 1, fstab::rewrite as Rewrite),
        ("crypttab", 1, 0, crypttab::rewrite as Rewrite),
    ] {
        for file in view.places(&[kind], rows) {
            let table = Table { text: &file.text, tokens: facts.tokens(rewrite, &file.text) };
            let maker = Maker::of(&file.path);
            for (number, line) in lines(&file.text).enumerate() {
                let fields = fields(&file.text, line);
                let Some(first) = fields.first().filter(|first| file.text[first.start] != b'#')
                else {
                    continue;
                };
                let Some(source) = fields.get(device) else { continue };
                let mut title = table.field(fields.get(title).unwrap_or(first));
                // A swap area is not mounted anywhere.
                if kind == "fstab" && matches!(title.as_str(), "none" | "swap") {
                    "swap".clone_into(&mut title);
                }
                let options = fields.get(3).map_or_else(String::new, |field| table.field(field));
                let waited_for =
                    !options.split(',').any(|option| matches!(option, "noauto" | "nofail"));
                let mut push = |item: String, value: String, finding: Finding| {
                    let finding = if waited_for { finding } else { finding.tolerated() };
                    rows.push(maker.row(Some(number + 1), item, value, finding));
                };
                let value = table.field(source);
                if let Some(finding) = table.device(view, facts, source, &value) {
                    push(title.clone(), value, finding);
                }
                // A comment after the fields of a line is prose.
                let end = fields.iter().skip(4).find(|field| file.text[field.start] == b'#');
                let end = end.or(fields.last()).map_or(source.end, |field| field.end);
                for token in table.tokens_in(source.end..end) {
                    let value = table.field(&token.range);
                    let is_key = kind == "crypttab"
                        && fields.get(2).is_some_and(|key| token.range.end <= key.end);
                    let part = if is_key { "key" } else { "option" };
                    push(format!("{title}, {part}"), value, token.finding.clone());
                }
            }
        }
    }
}

struct Table<'a> {
    text: &'a [u8],
    tokens: Vec<Token>,
}

impl Table<'_> {
    fn field(&self, field: &Range<usize>) -> String {
        String::from_utf8_lossy(&self.text[field.clone()]).into_owned()
    }

    fn tokens_in(&self, span: Range<usize>) -> impl Iterator<Item = &Token> {
        let first = self.tokens.partition_point(|token| token.range.start < span.start);
        self.tokens[first..].iter().take_while(move |token| token.range.end <= span.end)
    }

    /// The finding about a line's device. None if it is not a block device (tmpfs, NFS, a bind mount).
    fn device(
        &self,
        view: &View,
        facts: &Facts,
        field: &Range<usize>,
        value: &str,
    ) -> Option<Finding> {
        if let Some(token) = self.tokens_in(field.clone()).next() {
            return Some(token.finding.clone());
        }
        let is_device = value.starts_with("/dev/")
            || ["UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="]
                .iter()
                .any(|tag| value.starts_with(tag));
        if !is_device {
            return None;
        }
        let finding = facts.device(value);
        // On the running system, the device node itself can be checked.
        let seen = view.is_live() && value.starts_with('/') && view.exists(value);
        Some(if seen && finding.verdict == super::Judgement::Unknown {
            Finding::holds()
        } else {
            finding
        })
    }
}
