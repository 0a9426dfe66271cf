//! Every spelling of a group's name, and the search for all of them at once.

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem::Finder;

use crate::names::{VgName, unit};

/// A shorter core occurs too often to be useful.
const SHORTEST_CORE: usize = 3;

/// Finds the spellings of one name.
///
/// If all spellings share a piece without a hyphen (`svlmon2` of `svlmon2-vg`), the search looks for that
/// piece and compares the text around it. That is one search instead of many.
#[derive(Debug)]
pub(super) struct Spellings {
    /// Each spelling, longest first, with the position of the core in it.
    literals: Vec<(Vec<u8>, usize)>,
    core: Option<Finder<'static>>,
    all: AhoCorasick,
    wide: Vec<Finder<'static>>,
    longest: usize,
}

impl Spellings {
    pub(super) fn of(name: &VgName) -> Self {
        let raw = name.as_str();
        let doubled = name.doubled();
        let texts = texts(raw, &doubled);
        let core = core(raw);
        let place = |text: &[u8]| memchr::memmem::find(text, core.as_bytes());
        let shared = core.len() >= SHORTEST_CORE && texts.iter().all(|text| place(text).is_some());
        let mut literals: Vec<(Vec<u8>, usize)> =
            texts.iter().map(|text| (text.clone(), place(text).unwrap_or(0))).collect();
        literals.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        let longest = literals[0].0.len();
        let all = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(literals.iter().map(|(text, _)| text))
            .expect("a dozen short literals fit any automaton");
        let wide = BTreeSet::from([widen(raw), widen(&doubled)]);
        let wide = wide.into_iter().map(|text| Finder::new(&text).into_owned()).collect();
        let core = shared.then(|| Finder::new(core.as_bytes()).into_owned());
        Self { literals, core, all, wide, longest }
    }

    /// The number of bytes of the longest spelling.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// The first spelling at or after `from`. If several start there, the longest one.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        let Some(core) = &self.core else {
            return self.all.find(&text[from..]).map(|m| from + m.start()..from + m.end());
        };
        let mut at = from;
        while let Some(found) = core.find(&text[at..]) {
            let found = at + found;
            for (literal, place) in &self.literals {
                let Some(start) = found.checked_sub(*place).filter(|start| *start >= from) else {
                    continue;
                };
                if text[start..].starts_with(literal) {
                    return Some(start..start + literal.len());
                }
            }
            at = found + 1;
        }
        None
    }

    /// Whether a spelling occurs in UTF-16, as in the firmware's variables.
    pub(super) fn is_in_wide(&self, text: &[u8]) -> bool {
        self.wide.iter().any(|finder| finder.find(text).is_some())
    }

    /// The spellings, with which a person or another program can search.
    pub(super) fn literals(&self) -> impl Iterator<Item = &[u8]> {
        self.literals.iter().map(|(text, _)| text.as_slice())
    }
}

/// The spellings as bytes: the raw name, the name in dm names, the name in unit names (also with the
/// doubled backslash that ExecStart= needs), the name with fstab's octal escapes, and the name in URLs.
fn texts(raw: &str, doubled: &str) -> BTreeSet<Vec<u8>> {
    let mut texts = BTreeSet::new();
    for name in [raw, doubled] {
        let escaped = unit::escape(name);
        texts.insert(name.to_owned());
        texts.insert(escaped.replace('\\', r"\\"));
        texts.insert(escaped);
        texts.insert(name.replace('-', r"\055"));
        texts.insert(name.replace('+', "%2B"));
        texts.insert(name.replace('+', "%2b"));
    }
    texts.into_iter().map(String::into_bytes).collect()
}

/// The longest run of bytes that no spelling changes.
fn core(name: &str) -> &str {
    let pieces = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    pieces.max_by_key(|piece| piece.len()).unwrap_or(name)
}

fn widen(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// UTF-16 as narrow text, one byte per unit. A unit that is not Latin-1 becomes a newline, so that
/// positions can be converted back and a token ends there. `shift` is 0 or 1 and says where the units
/// begin.
pub(super) fn narrow(text: &[u8], shift: usize) -> Vec<u8> {
    let units = text.get(shift..).unwrap_or_default().chunks_exact(2);
    units.map(|unit| if unit[1] == 0 { unit[0] } else { b'\n' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, text: &[u8]) -> Vec<String> {
        let spellings = Spellings::of(&VgName::new(name).unwrap());
        let (mut all, mut from) = (Vec::new(), 0);
        while let Some(range) = spellings.find(text, from) {
            from = range.end;
            all.push(String::from_utf8(text[range].to_vec()).unwrap());
        }
        all
    }

    const TEXT: &[u8] = br"a-b a--b a\x2db a\x2d\x2db a\\x2db a\055b a\055\055b ab a_b a---b";

    #[test]
    fn every_spelling_is_found_with_a_core_and_without() {
        let expected =
            ["a-b", "a--b", r"a\x2db", r"a\x2d\x2db", r"a\\x2db", r"a\055b", r"a\055\055b"];
        assert_eq!(found("a-b", TEXT), expected);
        let long = String::from_utf8(TEXT.to_vec()).unwrap().replace('a', "svlmon2");
        let long_expected: Vec<String> =
            expected.iter().map(|text| text.replace('a', "svlmon2")).collect();
        assert_eq!(found("svlmon2-b", long.as_bytes()), long_expected);
    }

    #[test]
    fn a_core_that_comes_twice_is_found_at_its_first_place() {
        assert_eq!(found("web-web", b"web web-web-web web--web"), ["web-web", "web--web"]);
        assert_eq!(found("x+y.z", br"x+y.z x\x2by.z x%2by.z"), ["x+y.z", r"x\x2by.z", "x%2by.z"]);
    }

    #[test]
    fn utf_16_is_found_and_narrowed() {
        let wide = widen("root=/dev/mapper/a--b-root");
        let spellings = Spellings::of(&VgName::new("a-b").unwrap());
        assert!(spellings.is_in_wide(&wide) && spellings.find(&wide, 0).is_none());
        assert_eq!(narrow(&wide, 0), b"root=/dev/mapper/a--b-root");
    }
}
