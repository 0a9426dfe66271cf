//! Files from which other files are made later: kernel command lines for the next kernel, settings of GRUB
//! and of image tools, lists of LVM. The devices in them must exist, too. Otherwise, the next kernel
//! update brings the old name back.

use super::{Facts, Maker, Row, View};
use crate::rewrite::PLACES;
use crate::rewrite::lines::LineIndex;

/// Formats without rows of their own.
const KINDS: &[&str] = &[
    "default-grub",
    "grub-script",
    "kernel-command-line",
    "lvm-conf",
    "initramfs-conf",
    "dracut-conf",
];

/// Adds a row for every name of the group in these files, except in comments.
pub(super) fn rows(view: &View, facts: &Facts, rows: &mut Vec<Row>) {
    for kind in KINDS {
        let Some(place) = PLACES.iter().find(|place| place.kind == *kind) else { continue };
        for file in view.places(&[*kind], rows) {
            let index = LineIndex::new(&file.text);
            let maker = Maker::of(&file.path);
            for token in facts.tokens(place.rewrite, &file.text) {
                let (number, _) = index.position(token.range.start);
                let line = index.range(number - 1);
                let before = String::from_utf8_lossy(&file.text[line.start..token.range.start]);
                if before.trim_start().starts_with('#') {
                    continue;
                }
                let value = String::from_utf8_lossy(&file.text[token.range]).into_owned();
                rows.push(maker.row(Some(number), item(&before), value, token.finding));
            }
        }
    }
}

/// The argument or setting that a name belongs to: the last word before the name that has a `=`.
fn item(before: &str) -> String {
    let words =
        before.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '[' | ',' | '('));
    let keys = words.filter_map(|word| word.split_once('='));
    let key = keys.map(|(key, _)| key).rfind(|key| !key.is_empty());
    key.map_or_else(|| "name".to_owned(), |key| format!("{key}="))
}
