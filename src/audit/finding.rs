//! One place that names the group.

use std::fmt::Write as _;

use serde::Serialize;

use crate::rewrite::edit;
use crate::severity::Severity;

/// How a place spells the group: the forms that are rewritten, and those that only the audit knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Form {
    /// One that a rewriter knows.
    Known(edit::Form),
    /// One of the audit's own.
    Own(Own),
}

/// Forms that stand in files which postclone does not rewrite, or that it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Own {
    /// `VG-LV` without a directory before it
    DmName,
    /// The group's part of a dm name before a wildcard or a variable
    Pattern,
    /// Fits the group, which has no such volume
    UnknownVolume,
    /// The bare name
    Name,
}

impl Form {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Known(form) => form.word(),
            Self::Own(Own::DmName) => "dm-name",
            Self::Own(Own::Pattern) => "pattern",
            Self::Own(Own::UnknownVolume) => "unknown-volume",
            Self::Own(Own::Name) => "name",
        }
    }

    /// Whether it can mean nothing but the group or one of its volumes.
    pub fn is_sure(self) -> bool {
        !matches!(self, Self::Own(Own::UnknownVolume | Own::Name))
    }
}

/// Where in a file's surroundings the name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// In the name of the file, directory or link.
    FileName,
    /// In what the link points to.
    LinkTarget,
    /// In the content.
    Content,
}

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What a stale name costs there.
    pub severity: Severity,
    /// Absolute inside the root; bytes that are no UTF-8 as `\xNN`.
    pub path: String,
    /// The file inside the image at `path`, or a section of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// Name, link or content.
    pub part: Part,
    /// Line from 1, of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Byte of the line from 1, of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// Byte of the content from 0.
    pub offset: u64,
    /// How the group is spelled.
    pub form: Form,
    /// The line around it, shortened; bytes that are no UTF-8 as `\xNN`. Of a private file the name
    /// alone, unless [`SearchResult::withhold`] was not asked.
    pub excerpt: String,
    /// The name alone, as it is spelled there.
    #[serde(skip)]
    pub token: String,
    /// Whether not everybody may read the line.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// What to do.
    pub advice: String,
    /// How many more of this form the file has, where they are not listed one by one.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How often each severity was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The next boot may fail.
    pub boot: u64,
    /// Something else fails.
    pub error: u64,
    /// Nothing fails.
    pub cosmetic: u64,
    /// Records of what was.
    pub history: u64,
}

impl Counts {
    fn slot(&mut self, severity: Severity) -> &mut u64 {
        match severity {
            Severity::Boot => &mut self.boot,
            Severity::Error => &mut self.error,
            Severity::Cosmetic => &mut self.cosmetic,
            Severity::History => &mut self.history,
        }
    }

    /// How many there are of a severity or a worse one.
    pub fn at_least(mut self, severity: Severity) -> u64 {
        let all = [Severity::Boot, Severity::Error, Severity::Cosmetic, Severity::History];
        all.into_iter().filter(|each| *each <= severity).map(|each| *self.slot(each)).sum()
    }
}

/// Listed of each form in one file; the rest is counted.
const LISTED_NAMES: usize = 3;
const LISTED_FORMS: usize = 20;

/// Listed of each severity in all; a hostile tree must not fill the memory.
const LISTED_IN_ALL: usize = 10_000;

/// Files and directories that could not be checked, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Obstacle {
    /// Absolute inside the root; bytes that are no UTF-8 as `\xNN`.
    pub path: String,
    /// What was met, in words.
    pub why: String,
}

/// Everything that a search finds.
#[derive(Debug, Default)]
pub struct SearchResult {
    /// The worst first, then by path and place; [`SearchResult::sort`] brings them in order.
    pub list: Vec<Finding>,
    /// How many there are, listed or not.
    pub counts: Counts,
    /// What could not be read.
    pub unreadable: Vec<Obstacle>,
    /// What was not searched on purpose, and why.
    pub passed_over: Vec<Obstacle>,
    /// Files that were searched.
    pub files: u64,
    /// Bytes that were searched, unpacked images included.
    pub bytes: u64,
    /// Set where the search was ended before its time.
    pub incomplete: bool,
    listed: Counts,
}

impl SearchResult {
    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        *self.counts.slot(finding.severity) += 1;
        let limit = if finding.form == Form::Own(Own::Name) { LISTED_NAMES } else { LISTED_FORMS };
        // A file's findings come one after another.
        let same = |other: &&mut Finding| {
            other.path == finding.path
                && other.inside == finding.inside
                && other.severity == finding.severity
                && other.form == finding.form
        };
        let mut last: Vec<&mut Finding> =
            self.list.iter_mut().rev().take(LISTED_FORMS * 4).filter(same).take(limit).collect();
        if last.len() == limit {
            last[0].more += 1;
            return;
        }
        let listed = self.listed.slot(finding.severity);
        if usize::try_from(*listed).is_ok_and(|listed| listed < LISTED_IN_ALL) {
            *listed += 1;
            self.list.push(finding);
        }
    }

    /// Leaves of lines that not everybody may read the name alone.
    pub fn withhold(&mut self) {
        for finding in self.list.iter_mut().filter(|finding| finding.private) {
            finding.excerpt.clone_from(&finding.token);
        }
    }

    /// Adds something that could not be checked.
    pub fn could_not(&mut self, obstacle: Obstacle) {
        if self.unreadable.len() < LISTED_IN_ALL {
            self.unreadable.push(obstacle);
        }
    }

    /// Adds what another search found.
    pub fn merge(&mut self, other: Self) {
        for (severity, count) in [
            (Severity::Boot, other.counts.boot),
            (Severity::Error, other.counts.error),
            (Severity::Cosmetic, other.counts.cosmetic),
            (Severity::History, other.counts.history),
        ] {
            *self.counts.slot(severity) += count;
        }
        self.list.extend(other.list);
        self.unreadable.extend(other.unreadable);
        self.passed_over.extend(other.passed_over);
        self.files += other.files;
        self.bytes += other.bytes;
        self.incomplete |= other.incomplete;
    }

    /// The worst first.
    pub fn sort(&mut self) {
        self.list.sort_by(|a, b| {
            let key = |f: &Finding| (f.severity, f.part, f.offset);
            (a.severity, &a.path, &a.inside, key(a)).cmp(&(b.severity, &b.path, &b.inside, key(b)))
        });
        self.unreadable.sort();
        self.passed_over.sort();
    }
}

/// A path's bytes with those that are no UTF-8 as `\xNN`.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// A path as it is shown.
pub fn shown_path(path: &std::path::Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    shown(path.as_os_str().as_bytes())
}

/// A path below the root as it is shown.
pub fn rooted(path: &[u8]) -> String {
    format!("/{}", shown(path))
}

/// Something at a path below the root that was not checked.
pub fn obstacle(path: &[u8], why: impl std::fmt::Display) -> Obstacle {
    Obstacle { path: rooted(path), why: why.to_string() }
}
