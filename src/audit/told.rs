//! Describes a search result in words.

use super::finding::{Finding, Part, SearchResult};
use crate::printable;

/// At most so many warnings of one kind on stderr. The rest is only counted.
const WARNINGS: usize = 50;

/// What a rename leaves, one line per file, and what it means.
pub fn left_lines(old: &str, found: &SearchResult) -> Vec<String> {
    let mut lines = Vec::new();
    let mut list = found.list.as_slice();
    while let [first, rest @ ..] = list {
        let same = rest.iter().take_while(|next| is_same_file(first, next)).count();
        let more = if same > 0 { format!(" (and {same} more there)") } else { String::new() };
        lines.push(format!(
            "Still names {old}: {}: {}{more}: {}",
            first.severity.word(),
            place(first),
            visible(&first.advice)
        ));
        list = &rest[same..];
    }
    if found.counts.boot > 0 {
        lines.push(format!("The next boot may find {old} there: fix that before you reboot."));
    }
    lines
}

/// What the search at the end of a rename says about the next boot, in addition to the proof. None if it
/// says nothing. `found` is none if the search failed.
pub fn of_next_boot(old: &str, found: Option<&SearchResult>) -> Option<String> {
    let Some(found) = found else { return Some(format!("it is not known what else names {old}")) };
    let named = match found.counts.boot {
        0 => None,
        1 => Some(format!("1 place that the next boot may read names {old}")),
        places => Some(format!("{places} places that the next boot may read name {old}")),
    };
    let ended = found.incomplete.then(|| format!("the search for {old} is not complete"));
    let told: Vec<String> = named.into_iter().chain(ended).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// Warns about what could not be read.
pub fn say_unreadable(found: &SearchResult) {
    for each in found.unreadable.iter().take(WARNINGS) {
        log::warn!("could not read `{}`: {}", visible(&each.path), visible(&each.why));
    }
    if found.unreadable.len() > WARNINGS {
        let more = found.unreadable.len() - WARNINGS;
        log::warn!("could not read {more} more: use --format json for all of them");
    }
}

/// Whether two findings have the same file, severity and advice.
pub fn is_same_file(one: &Finding, other: &Finding) -> bool {
    (&one.path, one.severity, &one.advice) == (&other.path, other.severity, &other.advice)
}

/// The place of a finding: `path:line:column`, `image(file inside):line:column`, `path:byte N`.
pub fn place(finding: &Finding) -> String {
    let mut text = visible(&finding.path);
    if let Some(inside) = &finding.inside {
        text = format!("{text}({})", visible(inside));
    }
    match (finding.part, finding.line, finding.column) {
        (Part::FileName, _, _) => text + " (its name)",
        (Part::LinkTarget, _, _) => text + " (its target)",
        (Part::Content, Some(line), Some(column)) => format!("{text}:{line}:{column}"),
        _ => format!("{text}:byte {}", finding.offset),
    }
}

/// Text from a file as one line. Control characters are made visible.
pub(crate) fn visible(text: &str) -> String {
    printable::line(text).into_owned()
}
