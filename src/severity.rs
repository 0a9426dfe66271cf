//! How bad it is if the old name is left somewhere.

use clap::ValueEnum;
use serde::Serialize;

/// What a stale name causes, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The next boot, or one after the next kernel update, may hang or fail.
    Boot,
    /// A service, a tool or a scheduled job fails.
    Error,
    /// Nothing fails: prose, comments, documents.
    Cosmetic,
    /// A record of what was: logs, LVM's archive, shell history. To be left.
    History,
}

impl Severity {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Error => "error",
            Self::Cosmetic => "cosmetic",
            Self::History => "history",
        }
    }
}
