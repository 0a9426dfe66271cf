//! One place that is looked at: its path, its reader, and what becomes of what is found.

use std::path::Path;

use super::{Rewrite, free_text, text};
use crate::copies::is_copy;
use crate::severity::Severity;

/// Where a format lives.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Path below the root, without a leading slash. One `*` a component stands for any text that
    /// does not start with a dot; a component `**` for any directories, none included.
    pub pattern: &'static str,
    /// The format's name in reports.
    pub kind: &'static str,
    /// What reads it.
    pub rewrite: Rewrite,
    /// What a stale name in it costs.
    pub severity: Severity,
    /// What becomes of what is found.
    pub treatment: Treatment,
}

/// What becomes of the names that are found in a place. In advice, `{old}` and `{new}` stand for the
/// group's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// The file changes.
    Rewritten,
    /// The file changes, and its owner keeps a copy until it is told.
    Then(&'static str),
    /// The file is another program's state, or cannot be replaced: what to do by hand is said.
    Reported(&'static str),
}

impl Place {
    /// Whether a file is an old copy that the place's reader passes over: systemd takes a file for a unit
    /// or a drop-in by its suffix (systemd.unit(5)).
    pub fn passes_over(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.kind.starts_with("systemd-") && is_copy(name.as_bytes())
    }

    /// Whether the run must not go on without having read the place.
    pub fn is_vital(&self) -> bool {
        self.severity == Severity::Boot && !matches!(self.treatment, Treatment::Reported(_))
    }

    pub(super) const fn then(self, advice: &'static str) -> Self {
        Self { treatment: Treatment::Then(advice), ..self }
    }

    pub(super) const fn reported(self, advice: &'static str) -> Self {
        Self { treatment: Treatment::Reported(advice), ..self }
    }
}

pub(super) const fn boot(pattern: &'static str, kind: &'static str, rewrite: Rewrite) -> Place {
    Place { pattern, kind, rewrite, severity: Severity::Boot, treatment: Treatment::Rewritten }
}

pub(super) const fn service(pattern: &'static str, kind: &'static str, rewrite: Rewrite) -> Place {
    Place { severity: Severity::Error, ..boot(pattern, kind, rewrite) }
}

/// Settings in which device paths alone can name the group.
pub(super) const fn paths(pattern: &'static str, kind: &'static str) -> Place {
    service(pattern, kind, text::device_paths)
}

/// Scripts, commands, and settings without a grammar of their own.
pub(super) const fn free(pattern: &'static str, kind: &'static str) -> Place {
    service(pattern, kind, free_text::rewrite)
}

/// A file that the user names.
pub const ALSO: Place = free("", "also");

/// A script that no row of the table is about, for the audit.
pub const SCRIPT: Place = free("", "script").reported("edit it");

/// What a kernel command line is made of, as a shell reads it.
pub(super) const fn settings(pattern: &'static str, kind: &'static str) -> Place {
    boot(pattern, kind, text::boot_settings)
}

/// A kernel command line, or a loader's file that holds some.
pub(super) const fn loader(pattern: &'static str, kind: &'static str) -> Place {
    boot(pattern, kind, text::kernel_command_line)
}
