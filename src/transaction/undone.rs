//! A run that takes an earlier one back, and what becomes of that one's journal.

use std::path::Path;

use anyhow::Result;

use super::STATE;
use super::journal::Journal;
use super::record::{Direction, Saved, State};
use crate::guest::root::Root;

impl Journal {
    /// The name of its directory under [`STATE`].
    pub fn name(&self) -> String {
        self.dir().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether it took an earlier run back and was itself taken back: then the earlier one stands again.
    pub(super) fn came_to_nothing(&self) -> bool {
        self.saved.undoes.is_some() && self.state() == State::Undone
    }

    /// Closes the journal of the run that a finished one undoes, where there is one.
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
