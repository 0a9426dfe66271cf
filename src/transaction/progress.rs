//! How far an open run has got.

use super::journal::Journal;
use super::record::{Direction, State};
use crate::plan::Step;

impl Journal {
    /// The last step that was announced and is not done, and its direction. `None` if no run is open, or no step is
    /// unfinished.
    pub fn step_at_work(&self) -> Option<(&Step, Direction)> {
        let State::Open(direction) = self.state() else { return None };
        let is_open =
            |number: usize| self.was_begun(direction, number) && !self.is_done(direction, number);
        let steps = self.saved.steps.iter().enumerate();
        let (_, step) = steps.rev().find(|(number, _)| is_open(*number))?;
        Some((step, direction))
    }
}
