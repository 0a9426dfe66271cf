//! Names that are ordinary words, like `data` and `system`: where they can mean the group.

use std::ops::Range;

use super::around::{MAX_LINE, line_around};
use crate::names::is_name_byte;

/// Says quickly whether a word may name the group. Words must be given in the text's order. At the ends of
/// the text, it cannot know and says yes. Words that it lets through get the exact check.
pub(super) struct Sieve<'a> {
    text: &'a [u8],
    /// The last mention of LVM before the words seen so far, and the first one after it.
    last: Option<usize>,
    next: Option<usize>,
}

impl<'a> Sieve<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, last: None, next: mention(text, 0) }
    }

    pub(super) fn lets_through(&mut self, word: &Range<usize>) -> bool {
        let before = word.start.checked_sub(1).map(|at| self.text[at]);
        let (Some(before), Some(&after)) = (before, self.text.get(word.end)) else { return true };
        let joint = |byte: u8| matches!(byte, b'/' | b'-' | b'\\');
        if joint(before) || joint(after) {
            return true;
        }
        let alone = !is_name_byte(before) && (!is_name_byte(after) || after == b'.');
        alone && self.is_near(word) && is_about_lvm(&self.text[line_around(self.text, word)])
    }

    /// Whether LVM is mentioned so near that it may be in the same line.
    fn is_near(&mut self, word: &Range<usize>) -> bool {
        while let Some(next) = self.next.filter(|next| *next < word.start) {
            self.last = Some(next);
            self.next = mention(self.text, next + 1);
        }
        self.last.is_some_and(|last| word.start - last <= MAX_LINE)
            || self.next.is_some_and(|next| next - word.start <= MAX_LINE + word.len())
    }
}

/// Whether a line is about LVM.
pub(super) fn is_about_lvm(line: &[u8]) -> bool {
    mention(line, 0).is_some()
}

/// The first mention of LVM at or after `from`: `lvm`, `volume group`, or a word with `lv`, `vg` or `pv`
/// at its start, like LVM's commands and settings. The result is the position of the `v`. A regular
/// expression would be too slow: for a name like `system`, much of all text is searched.
fn mention(text: &[u8], from: usize) -> Option<usize> {
    let at =
        |place: Option<usize>| place.and_then(|place| text.get(place)).copied().unwrap_or(b' ');
    let in_word = |byte: u8| byte.is_ascii_alphanumeric();
    let places = memchr::memchr2_iter(b'v', b'V', text.get(from..)?).map(|v| from + v);
    places.into_iter().find(|v| {
        let before = at(v.checked_sub(1)).to_ascii_lowercase();
        let after = at(Some(v + 1)).to_ascii_lowercase();
        match (before, after) {
            (b'l', b'm') => true,
            (b'l' | b'p', _) => !in_word(at(v.checked_sub(2))),
            (_, b'g') => !in_word(before),
            (_, b'o') => is_volume_group(&text[*v..]),
            _ => false,
        }
    })
}

fn is_volume_group(text: &[u8]) -> bool {
    let is = |from: usize, word: &[u8]| {
        text.get(from..from + word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word))
    };
    is(0, b"volume") && (is(6, b"group") || is(7, b"group"))
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

    #[test]
    fn the_sieve_is_as_fine_as_lines_are() {
        let text = b"x data y\nlvs data y\n/data data z\ndata, VG\nmy-data data\n";
        let mut sieve = Sieve::new(text);
        let through: Vec<bool> = memchr::memmem::find_iter(text, b"data")
            .map(|at| sieve.lets_through(&(at..at + 4)))
            .collect();
        assert_eq!(through, [false, true, true, false, true, true, false]);
    }
}
