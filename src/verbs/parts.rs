//! The parts of a plan, and warnings about them.

use crate::change::{Change, Changes};
use crate::plan::Warning;

/// What a verb has found so far.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) changes: Changes,
    pub(super) warnings: Vec<Warning>,
}

impl Parts {
    /// Adds a change, if there is one, and warnings about it.
    pub(super) fn add(&mut self, (found, told): (Option<impl Change + 'static>, Vec<Warning>)) {
        self.changes.0.extend(found.map(|found| Box::new(found) as Box<dyn Change>));
        self.warnings.extend(told);
    }
}
