//! When a search ends before it is through.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::interrupt;

/// A search's end before its time, and how far it is.
#[derive(Debug)]
pub(super) struct Stop {
    deadline: Option<Instant>,
    files: Arc<AtomicU64>,
}

impl Stop {
    /// Never, or after that time; and where a signal came that is heeded.
    pub(super) fn after(limit: Option<Duration>) -> Self {
        let deadline = limit.map(|limit| Instant::now() + limit);
        Self { deadline, files: Arc::default() }
    }

    /// Whether it is time.
    pub(super) fn is_due(&self) -> bool {
        interrupt::caught().is_some()
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Counts files that were searched, for the line of progress.
    pub(super) fn count(&self, files: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
    }

    /// How many were counted, for another thread to read.
    pub(super) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.files)
    }
}
