//! One place that postclone reads: its path, its reader, and how its names are treated.

use std::path::Path;

use super::{Rewrite, free_text, text};
use crate::copies::is_copy;
use crate::severity::Severity;

/// Where files of a format are.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Path relative to the root, without a leading slash. A component may have one `*`, which stands for
    /// any text that does not start with a dot. The component `**` stands for any number of directories,
    /// also for none.
    pub pattern: &'static str,
    /// The format's name in reports.
    pub kind: &'static str,
    /// The function that reads it.
    pub rewrite: Rewrite,
    /// How bad a stale name in it is.
    pub severity: Severity,
    /// How the names in it are treated.
    pub treatment: Treatment,
}

/// How the names in a place are treated. In advice, `{old}` and `{new}` stand for the group's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// The file changes.
    Rewritten,
    /// The file changes, but its program keeps a copy. The advice says how to update that copy.
    Then(&'static str),
    /// The file is another program's state, or cannot be replaced. The advice says what to do by hand.
    Reported(&'static str),
}

impl Place {
    /// Whether a file is an old copy that the place's reader ignores. systemd recognizes units and
    /// drop-ins by their suffix (systemd.unit(5)).
    pub fn passes_over(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.kind.starts_with("systemd-") && is_copy(name.as_bytes())
    }

    /// Whether a run must stop if it cannot read the place.
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

/// Settings in which only device paths can name the group.
pub(super) const fn paths(pattern: &'static str, kind: &'static str) -> Place {
    service(pattern, kind, text::device_paths)
}

/// Scripts, commands, and settings without a grammar of their own.
pub(super) const fn free(pattern: &'static str, kind: &'static str) -> Place {
    service(pattern, kind, free_text::rewrite)
}

/// A file that the user names on the command line.
pub const ALSO: Place = free("", "also");

/// For the audit: a script for which the table has no row.
pub const SCRIPT: Place = free("", "script").reported("edit it");

/// Shell settings from which a kernel command line is made.
pub(super) const fn settings(pattern: &'static str, kind: &'static str) -> Place {
    boot(pattern, kind, text::boot_settings)
}

/// A kernel command line, or a file of a boot loader that contains some.
pub(super) const fn loader(pattern: &'static str, kind: &'static str) -> Place {
    boot(pattern, kind, text::kernel_command_line)
}
