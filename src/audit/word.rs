//! Names that may be any word, like `data` and `system`: where such a one can mean the group.

use std::ops::Range;

use super::text::line_around;
use crate::names::is_name_byte;

/// Whether a word may name the group, by its surroundings: quick, and true at the text's ends, where it
/// cannot know. What it lets through is looked at closely.
pub(super) fn may_count(text: &[u8], word: &Range<usize>) -> bool {
    let before = word.start.checked_sub(1).map(|at| text[at]);
    let (Some(before), Some(&after)) = (before, text.get(word.end)) else { return true };
    let joint = |byte: u8| matches!(byte, b'/' | b'-' | b'\\');
    if joint(before) || joint(after) {
        return true;
    }
    let alone = !is_name_byte(before) && (!is_name_byte(after) || after == b'.');
    alone && is_about_lvm(&text[line_around(text, word)])
}

/// Whether a line speaks of LVM: of `lvm`, `volume group`, or of something that begins with `lv`,
/// `vg` or `pv` as its commands and settings do. Not by a regular expression: for a name like `system`
/// it is asked of a good part of all lines.
pub(super) fn is_about_lvm(line: &[u8]) -> bool {
    let at =
        |place: Option<usize>| place.and_then(|place| line.get(place)).copied().unwrap_or(b' ');
    let in_word = |byte: u8| byte.is_ascii_alphanumeric();
    memchr::memchr2_iter(b'v', b'V', line).any(|v| {
        let before = at(v.checked_sub(1)).to_ascii_lowercase();
        let after = at(Some(v + 1)).to_ascii_lowercase();
        let begins = matches!(before, b'l' | b'p') && !in_word(at(v.checked_sub(2)));
        let rest = &line[v..];
        begins
            || (before == b'l' && after == b'm')
            || (after == b'g' && !in_word(before))
            || (rest.len() >= 11
                && rest[..6].eq_ignore_ascii_case(b"volume")
                && [6, 7].iter().any(|from| {
                    rest[*from..].get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"group"))
                }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_lvm_are_known() {
        for line in
            ["lvs x", "my_vg = x", "use LVM", "a Volume Group", "volume_group: x", "vg", "PV x"]
        {
            assert!(is_about_lvm(line.as_bytes()), "{line}");
        }
        for line in ["", "server value", "svg halves", "volume of groups", "v", "solve elv", "avg"]
        {
            assert!(!is_about_lvm(line.as_bytes()), "{line}");
        }
    }
}
