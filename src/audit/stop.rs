//! When a search ends early.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::interrupt;

/// The time limit of a search, and its progress.
#[derive(Debug)]
pub(super) struct Stop {
    deadline: Option<Instant>,
    files: Arc<AtomicU64>,
}

impl Stop {
    /// Ends after `limit`, or never if there is none. A caught signal ends the search in any case.
    pub(super) fn after(limit: Option<Duration>) -> Self {
        let deadline = limit.map(|limit| Instant::now() + limit);
        Self { deadline, files: Arc::default() }
    }

    /// Whether the search must end now.
    pub(super) fn is_due(&self) -> bool {
        interrupt::caught().is_some()
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Counts searched files for the progress line.
    pub(super) fn count(&self, files: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
    }

    /// The counter, which another thread may read.
    pub(super) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.files)
    }
}
