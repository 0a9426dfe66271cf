//! A place that names the group.

use std::fmt::Write as _;

use serde::Serialize;

use crate::rewrite::edit;
use crate::severity::Severity;

/// How a place spells the group: the forms that rewriters know, and those that only the audit knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Form {
    /// A form that a rewriter knows.
    Known(edit::Form),
    /// A form that only the audit knows.
    Own(Own),
}

/// Forms in files that postclone does not rewrite, and forms that it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Own {
    /// `VG-LV` without a directory before it
    DmName,
    /// The group's part of a dm name before a wildcard or a variable
    Pattern,
    /// Fits the group, but the group has no such volume
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

    /// Whether it can mean only the group or one of its volumes.
    pub fn is_sure(self) -> bool {
        !matches!(self, Self::Own(Own::UnknownVolume | Own::Name))
    }
}

/// Which part of a file names the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The name of the file, directory or link.
    FileName,
    /// The target of the link.
    LinkTarget,
    /// The content.
    Content,
}

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// How bad a stale name is there.
    pub severity: Severity,
    /// Absolute path inside the root. Bytes that are not UTF-8 are shown as `\xNN`.
    pub path: String,
    /// The file in the image at `path`, or a section of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// Name, link or content.
    pub part: Part,
    /// Line, from 1, if the content is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Byte in the line, from 1, if the content is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// Byte in the content, from 0.
    pub offset: u64,
    /// How the place spells the group.
    pub form: Form,
    /// The line around it, shortened. Bytes that are not UTF-8 are shown as `\xNN`. After
    /// [`SearchResult::withhold`], it is only the name if the file is private.
    pub excerpt: String,
    /// Only the name, in the spelling of that place.
    #[serde(skip)]
    pub token: String,
    /// Whether the line is not readable for everybody.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// What to do.
    pub advice: String,
    /// How many more findings of this form the file has that are not listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The number of findings of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The next boot may fail.
    pub boot: u64,
    /// Something else fails.
    pub error: u64,
    /// Nothing fails.
    pub cosmetic: u64,
    /// Records of the past.
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

    /// The number of findings of this severity or a worse one.
    pub fn at_least(mut self, severity: Severity) -> u64 {
        let all = [Severity::Boot, Severity::Error, Severity::Cosmetic, Severity::History];
        all.into_iter().filter(|each| *each <= severity).map(|each| *self.slot(each)).sum()
    }
}

/// At most so many are listed of each form in one file. The rest is only counted.
const LISTED_NAMES: usize = 3;
const LISTED_FORMS: usize = 20;

/// At most so many are listed of each severity. A hostile tree must not fill the memory.
const LISTED_IN_ALL: usize = 10_000;

/// A file or directory that could not be checked, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Obstacle {
    /// Absolute path inside the root. Bytes that are not UTF-8 are shown as `\xNN`.
    pub path: String,
    /// The reason, in words.
    pub why: String,
}

/// Everything that a search finds.
#[derive(Debug, Default)]
pub struct SearchResult {
    /// The findings. [`SearchResult::sort`] puts the worst first and sorts the rest by path and place.
    pub list: Vec<Finding>,
    /// How many there are, with those that are not listed.
    pub counts: Counts,
    /// What could not be read.
    pub unreadable: Vec<Obstacle>,
    /// What the search left out on purpose, and why.
    pub passed_over: Vec<Obstacle>,
    /// Files that were searched.
    pub files: u64,
    /// Bytes that were searched, with those of unpacked images.
    pub bytes: u64,
    /// Whether the search ended early.
    pub incomplete: bool,
    listed: Counts,
}

impl SearchResult {
    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        *self.counts.slot(finding.severity) += 1;
        let limit = if finding.form == Form::Own(Own::Name) { LISTED_NAMES } else { LISTED_FORMS };
        // Findings of one file are added one after another.
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

    /// Reduces lines that are not readable for everybody to the name.
    pub fn withhold(&mut self) {
        for finding in self.list.iter_mut().filter(|finding| finding.private) {
            finding.excerpt.clone_from(&finding.token);
        }
    }

    /// Adds a file that could not be checked.
    pub fn could_not(&mut self, obstacle: Obstacle) {
        if self.unreadable.len() < LISTED_IN_ALL {
            self.unreadable.push(obstacle);
        }
    }

    /// Adds the result of another search.
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

    /// Sorts the findings, the worst first.
    pub fn sort(&mut self) {
        self.list.sort_by(|a, b| {
            let key = |f: &Finding| (f.severity, f.part, f.offset);
            (a.severity, &a.path, &a.inside, key(a)).cmp(&(b.severity, &b.path, &b.inside, key(b)))
        });
        self.unreadable.sort();
        self.passed_over.sort();
    }
}

/// Text for a path's bytes. Bytes that are not UTF-8 become `\xNN`.
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

/// A path as text for people.
pub fn shown_path(path: &std::path::Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    shown(path.as_os_str().as_bytes())
}

/// A path relative to the root, as text for people.
pub fn rooted(path: &[u8]) -> String {
    format!("/{}", shown(path))
}

/// An obstacle at a path that is relative to the root.
pub fn obstacle(path: &[u8], why: impl std::fmt::Display) -> Obstacle {
    Obstacle { path: rooted(path), why: why.to_string() }
}
