//! How far an open run has come.

use super::journal::Journal;
use super::record::State;
use crate::report::text::step_text;

impl Journal {
    /// The last step that was announced and is not done, in words; none where no run is open, or none of
    /// its steps.
    pub fn step_at_work(&self) -> Option<String> {
        let State::Open(direction) = self.state() else { return None };
        let is_open =
            |number: usize| self.was_begun(direction, number) && !self.is_done(direction, number);
        let steps = self.saved.steps.iter().enumerate();
        let (_, step) = steps.rev().find(|(number, _)| is_open(*number))?;
        Some(step_text(step, direction))
    }
}
