//! One place that is looked at: its path, its reader, and what becomes of what is found.

use super::names::HostNames;
use crate::rewrite::Treatment;
use crate::rewrite::edit::Findings;
use crate::severity::Severity;

/// Finds what to change in a file's bytes.
pub type Rewrite = fn(&HostNames, &[u8]) -> Findings;

/// What is reported of a name where the place is another program's.
const REPORTED: &str = "is not changed by postclone";

/// Where a format lives.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Path below the root, without a leading slash, as in [`crate::rewrite::Place`].
    pub pattern: &'static str,
    /// The format's name in reports.
    pub kind: &'static str,
    /// What reads it.
    pub rewrite: Rewrite,
    /// What a stale name in it costs.
    pub severity: Severity,
    /// What becomes of what is found. In advice, `{old}` and `{new}` stand for the host's names.
    pub treatment: Treatment,
}

impl Place {
    /// What changes in the file and what is shown of it: nothing changes where the place is reported.
    pub fn find(&self, names: &HostNames, text: &[u8]) -> Findings {
        let mut findings = (self.rewrite)(names, text);
        if matches!(self.treatment, Treatment::Reported(_)) {
            findings.leave(REPORTED, |_| true);
        }
        findings
    }

    pub(super) const fn then(self, advice: &'static str) -> Self {
        Self { treatment: Treatment::Then(advice), ..self }
    }

    pub(super) const fn reported(self, advice: &'static str) -> Self {
        Self { treatment: Treatment::Reported(advice), ..self }
    }
}

/// A place in which a stale name makes a service or a tool fail.
pub(super) const fn error(pattern: &'static str, kind: &'static str, rewrite: Rewrite) -> Place {
    Place { pattern, kind, rewrite, severity: Severity::Error, treatment: Treatment::Rewritten }
}

/// A place in which a stale name is seen, and nothing fails.
pub(super) const fn seen(pattern: &'static str, kind: &'static str, rewrite: Rewrite) -> Place {
    Place { severity: Severity::Cosmetic, ..error(pattern, kind, rewrite) }
}
