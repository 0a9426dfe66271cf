//! Exit status, and the errors that choose one.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::logger::ITEM;

/// The statuses with which postclone ends (postclone(8), EXIT STATUS).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Refused or failed; nothing was changed.
    Refused = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// Failed. Everything that had been changed was restored, and that was checked.
    Restored = 3,
    /// Failed, and not everything could be restored.
    NotRestored = 4,
    /// A look found something that is still the template's.
    Template = 5,
}

/// How far this process has changed the machine. It decides the exit status of every error after the first step: the
/// status says what is true, not where the error happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No step has begun.
    Untouched,
    /// A step has begun, and the run has not ended.
    Begun,
    /// The run is complete, and its journal is closed.
    Complete,
}

static STANDING: AtomicU8 = AtomicU8::new(0);

impl Standing {
    /// Notes how far the process has gone.
    pub fn note(self) {
        STANDING.store(self as u8, Ordering::SeqCst);
    }

    fn now() -> Self {
        match STANDING.load(Ordering::SeqCst) {
            0 => Self::Untouched,
            1 => Self::Begun,
            _ => Self::Complete,
        }
    }
}

/// An error that carries its exit status. Errors without one get theirs from [`Standing`].
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    source: anyhow::Error,
    items: Vec<String>,
}

impl Exit {
    /// The status of an audit that found something: 1, like grep(1) and diff(1).
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

/// An error after which nothing was changed.
pub fn refuse(source: anyhow::Error) -> anyhow::Error {
    fail(Exit::Refused, source)
}

/// An error with several reasons, after which nothing was changed. Each reason gets a line of its own below `head`.
pub fn refuse_for(head: impl fmt::Display, items: Vec<String>) -> anyhow::Error {
    Failure { exit: Exit::Refused, source: anyhow::anyhow!("{head}"), items }.into()
}

/// The lines that belong under an error's own.
fn items(error: &anyhow::Error) -> &[String] {
    error.downcast_ref::<Failure>().map_or(&[], |failure| &failure.items)
}

/// An error for a command line that makes no sense.
pub fn usage(message: impl fmt::Display) -> anyhow::Error {
    fail(Exit::Usage, anyhow::anyhow!("{message}"))
}

/// The exit status after an error. It is the status that the error carries, unless that says that nothing was changed
/// and a step has begun.
pub fn status(error: &anyhow::Error) -> Exit {
    let asked = error.downcast_ref::<Failure>().map(|failure| failure.exit);
    match asked {
        Some(exit) if exit != Exit::Refused => exit,
        _ => match Standing::now() {
            Standing::Untouched => Exit::Refused,
            Standing::Begun => Exit::NotRestored,
            Standing::Complete => Exit::Done,
        },
    }
}

/// Prints an error, and returns the exit status. If the error alone would mislead, it also prints what is true of the
/// machine.
pub fn report(error: &anyhow::Error) -> Exit {
    let status = status(error);
    match status {
        Exit::Done => log::error!("{error:#}; the run itself is complete: see `postclone status`"),
        Exit::NotRestored if error.downcast_ref::<Failure>().is_none() => log::error!(
            "{error:#}; the run is not finished: see `postclone status` for what to do next"
        ),
        _ => log::error!("{error:#}"),
    }
    for item in items(error) {
        log::error!(target: ITEM, "{item}");
    }
    status
}
