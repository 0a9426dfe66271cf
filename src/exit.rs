//! Exit status, and the errors that choose one.

use std::fmt;

/// The statuses with which postclone ends (postclone(8), EXIT STATUS).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Refused or failed; nothing was changed.
    Refused = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// Failed; everything that had been changed was restored, and seen to be.
    Restored = 3,
    /// Failed, and not everything could be restored.
    NotRestored = 4,
}

/// An error that carries its exit status. Errors without one are [`Exit::Refused`].
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    source: anyhow::Error,
    items: Vec<String>,
}

impl Exit {
    /// The status of an audit that found something; 1, as grep(1) and diff(1) have it.
    pub const FOUND: Self = Self::Refused;
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.source)
    }
}

impl std::error::Error for Failure {}

/// Marks an error with the status to end with.
pub fn fail(exit: Exit, source: anyhow::Error) -> anyhow::Error {
    Failure { exit, source, items: Vec::new() }.into()
}

/// Nothing was changed.
pub fn refuse(source: anyhow::Error) -> anyhow::Error {
    fail(Exit::Refused, source)
}

/// Nothing was changed, for several reasons: each gets a line of its own under `head`.
pub fn refuse_for(head: impl fmt::Display, items: Vec<String>) -> anyhow::Error {
    Failure { exit: Exit::Refused, source: anyhow::anyhow!("{head}"), items }.into()
}

/// The lines that belong under an error's own.
pub fn items(error: &anyhow::Error) -> &[String] {
    error.downcast_ref::<Failure>().map_or(&[], |failure| &failure.items)
}

/// The command line makes no sense.
pub fn usage(message: impl fmt::Display) -> anyhow::Error {
    fail(Exit::Usage, anyhow::anyhow!("{message}"))
}

/// The status that an error asks for.
pub fn status(error: &anyhow::Error) -> Exit {
    error.downcast_ref::<Failure>().map_or(Exit::Refused, |failure| failure.exit)
}
