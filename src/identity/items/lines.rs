//! Lines of settings, in forms that several programs share.

use std::path::Path;

use crate::copies::is_copy;
use crate::identity::View;

/// One setting: `KEY=VALUE` below `[SECTION]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting<'a> {
    /// The section. Empty before the first one.
    pub section: &'a str,
    /// The key.
    pub key: &'a str,
    /// The value without quotes around it.
    pub value: &'a str,
}

/// The settings of an ini file (systemd's, NetworkManager's) or of assignments in a shell's form. Lines that begin
/// with `#` or `;` are comments. Settings without a value are left out.
pub(super) fn settings(text: &str) -> impl Iterator<Item = Setting<'_>> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            return None;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
            return None;
        }
        let (key, value) = line.split_once('=')?;
        let value = unquoted(value);
        (!value.is_empty()).then_some(Setting { section, key: key.trim(), value })
    })
}

/// A value without quotes around it, and without what follows the second quote.
pub(super) fn unquoted(value: &str) -> &str {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default().trim();
        }
    }
    value
}

/// A line without its comment. A `#` begins a comment at the beginning of the line or of a word.
pub(super) fn uncommented(line: &str) -> &str {
    let begins = |at: &usize| line[..*at].chars().next_back().is_none_or(char::is_whitespace);
    let end = line.match_indices('#').map(|(at, _)| at).find(begins);
    &line[..end.unwrap_or(line.len())]
}

/// Text files that match any of the patterns, with their paths, in the order of the patterns. Copies of files are
/// left out.
pub(super) fn files(view: &View<'_>, patterns: &[&str]) -> Vec<(String, String)> {
    let all = patterns.iter().flat_map(|pattern| view.glob(pattern));
    let live = all.filter(|path| !is_copy(name_of(path).as_bytes()));
    live.filter_map(|path| Some((path.display().to_string(), view.text(&path)?))).collect()
}

/// A path's last component.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The same values without repetitions.
pub(super) fn distinct(values: impl IntoIterator<Item = String>) -> Vec<Vec<u8>> {
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for value in values.into_iter().map(String::into_bytes) {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_sections_and_lose_their_quotes() {
        let text = "A=1\n[Match]\n # B=2\n;C=3\nMACAddress = x y \n[Link]\nD=\"4 5\" # why\nE=\nF='6'\nno\n";
        let found: Vec<_> = settings(text).map(|one| (one.section, one.key, one.value)).collect();
        let wanted = [
            ("", "A", "1"),
            ("Match", "MACAddress", "x y"),
            ("Link", "D", "4 5"),
            ("Link", "F", "6"),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_comment_begins_with_a_word() {
        assert_eq!(uncommented("a: b # c"), "a: b ");
        assert_eq!(uncommented("a#b é#c"), "a#b é#c");
        assert_eq!(uncommented("# all"), "");
    }
}
