//! One place: its path, the function that reads it, and what happens to the names in it.

use super::names::HostNames;
use crate::rewrite::Treatment;
use crate::rewrite::edit::Findings;
use crate::severity::Severity;

/// Finds what to change in a file's bytes.
pub type Rewrite = fn(&HostNames, &[u8]) -> Findings;

/// What is reported about a name that another program manages.
const REPORTED: &str = "is not changed by postclone";

/// Where files of a format are.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The path below the root, without a leading slash, as in [`crate::rewrite::Place`].
    pub pattern: &'static str,
    /// The format's name in reports.
    pub kind: &'static str,
    /// The function that reads it.
    pub rewrite: Rewrite,
    /// What a stale name in it causes.
    pub severity: Severity,
    /// What happens to the names in it. In advice, `{old}` and `{new}` stand for the host's names.
    pub treatment: Treatment,
}

impl Place {
    /// What changes in the file, and what is shown. If the place is only reported, nothing changes.
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

/// A place where a stale name makes a service or a tool fail.
pub(super) const fn error(pattern: &'static str, kind: &'static str, rewrite: Rewrite) -> Place {
    Place { pattern, kind, rewrite, severity: Severity::Error, treatment: Treatment::Rewritten }
}

/// A place where a stale name is only seen, and nothing fails.
pub(super) const fn seen(pattern: &'static str, kind: &'static str, rewrite: Rewrite) -> Place {
    Place { severity: Severity::Cosmetic, ..error(pattern, kind, rewrite) }
}
