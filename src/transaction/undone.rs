//! A run that undoes an earlier one, and what happens to the earlier run's journal.

use std::path::Path;

use anyhow::Result;

use super::STATE;
use super::journal::Journal;
use super::record::{Direction, Saved, State};
use crate::guest::root::Root;

impl Journal {
    /// The name of the journal's directory under [`STATE`].
    pub fn name(&self) -> String {
        self.dir().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether the run undid an earlier one and was then undone itself. The earlier run counts again in that case.
    pub(super) fn came_to_nothing(&self) -> bool {
        self.saved.undoes.is_some() && self.state() == State::Undone
    }

    /// If a finished run undoes an earlier one, closes the journal of the earlier run.
    pub fn close_undone(root: &Root, saved: &Saved) -> Result<()> {
        let Some(name) = &saved.undoes else { return Ok(()) };
        let Some(dir) = root.resolve(&Path::new(STATE).join(name))? else { return Ok(()) };
        match Self::open(root, &root.outer(&dir))? {
            Some(mut earlier) if earlier.state() == State::Done => {
                earlier.close(Direction::Backward)
            }
            _ => Ok(()),
        }
    }
}
