//! What a plan leaves: names of the group that a boot or service may read, but that no rewriter changes.

use std::path::Path;

use serde::Serialize;

use super::file::IN_PLACE;
use super::finding::{Finding, Part, SearchResult};
use super::told::place;
use crate::printable;
use crate::rewrite::{PLACES, is_at};
use crate::severity::Severity;

/// Reported for a form that a rewriter found but left.
const BY_HAND: &str = "edit it: postclone does not change it in this form";

/// How many places a sentence lists.
const NAMED: usize = 5;

/// Places that still name the group after a run, the worst first.
#[derive(Debug, Default, Serialize)]
pub struct NotRewritten {
    /// Whether the search was complete.
    pub complete: bool,
    /// How many files could not be read.
    pub unreadable: usize,
    /// How many places there are that the next boot may read, with those that are not listed.
    pub boot: u64,
    /// How many places there are by which something else may fail.
    pub error: u64,
    /// Files that the user could add with `--also`.
    pub also: Vec<String>,
    /// The places.
    pub findings: Vec<Finding>,
}

impl NotRewritten {
    /// The findings of a search, without the names and links that the plan changes.
    pub fn of(found: SearchResult, is_changed: impl Fn(&Path) -> bool) -> Self {
        let changed = |finding: &Finding| {
            finding.part != Part::Content && is_changed(Path::new(&finding.path))
        };
        let mut findings: Vec<Finding> =
            found.list.into_iter().filter(|finding| !changed(finding)).collect();
        for finding in findings.iter_mut().filter(|finding| finding.advice == IN_PLACE) {
            BY_HAND.clone_into(&mut finding.advice);
        }
        let count = |severity| {
            let of = findings.iter().filter(|finding| finding.severity == severity);
            of.map(|finding| 1 + finding.more).sum()
        };
        let mut also: Vec<String> =
            findings.iter().filter(|f| is_for_also(f)).map(|f| f.path.clone()).collect();
        also.dedup();
        Self {
            complete: !found.incomplete,
            unreadable: found.unreadable.len(),
            boot: count(Severity::Boot),
            error: count(Severity::Error),
            also,
            findings,
        }
    }

    /// The places that the next boot may read, as the object of a sentence. None if there are none.
    pub fn boot_places(&self) -> Option<String> {
        let boot = self.findings.iter().filter(|finding| finding.severity == Severity::Boot);
        let named: Vec<String> = boot
            .take(NAMED)
            .map(|finding| {
                let (token, advice) = (&finding.token, &finding.advice);
                format!(
                    "`{}` ({}): {}",
                    place(finding),
                    printable::line(token),
                    printable::line(advice)
                )
            })
            .collect();
        let more = self.boot - named.len() as u64;
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        (self.boot > 0).then(|| named.join("; ") + &more)
    }
}

/// Whether a finding is in a text that no row of the table of places covers. The state of a program is not
/// such a text: it has tools of its own.
fn is_for_also(finding: &Finding) -> bool {
    let path = finding.path.trim_start_matches('/');
    finding.part == Part::Content
        && finding.line.is_some()
        && finding.inside.is_none()
        && !PLACES.iter().any(|place| is_at(place, path))
}
