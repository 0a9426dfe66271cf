//! Which steps of a run are due, forward or backward.

use crate::plan::Step;
use crate::transaction::files::Side;
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;

/// How the files are when a run has gone this way.
pub fn last_side(direction: Direction) -> Side {
    match direction {
        Direction::Forward => Side::After,
        Direction::Backward => Side::Before,
    }
}

/// Whether a run that goes this way still has to put files on that side.
pub fn puts(journal: &Journal, direction: Direction, side: Side) -> bool {
    journal.saved.steps.iter().enumerate().any(|(number, step)| {
        let of_this_side = match step {
            Step::BridgeFiles { .. } => side == Side::Bridge,
            Step::ReplaceFiles { .. } => side != Side::Bridge,
            _ => false,
        };
        of_this_side && is_due(journal, step, number, direction)
    })
}

/// Whether a step is not done yet and has something to do in this direction.
pub fn is_due(journal: &Journal, step: &Step, number: usize, direction: Direction) -> bool {
    !journal.is_done(direction, number) && concerns(journal, step, number, direction)
}

/// Whether such a step of the run was ever begun on its way forward.
pub fn was_begun(journal: &Journal, is: fn(&Step) -> bool) -> bool {
    let steps = journal.saved.steps.iter().enumerate();
    steps
        .filter(|(_, step)| is(step))
        .any(|(number, _)| journal.was_begun(Direction::Forward, number))
}

/// Back there is only what was begun.
fn concerns(journal: &Journal, step: &Step, number: usize, direction: Direction) -> bool {
    if direction == Direction::Forward {
        return true;
    }
    let begun = |is| was_begun(journal, is);
    match step {
        Step::Verify => true,
        // The bridge is for the time in which the group's name changes back.
        Step::BridgeFiles { .. } => begun(|step| matches!(step, Step::RenameGroup { .. })),
        Step::ReplaceFiles { .. } => {
            begun(|step| matches!(step, Step::BridgeFiles { .. } | Step::ReplaceFiles { .. }))
        }
        step if step.is_bridge_image() => begun(|step| matches!(step, Step::RenameGroup { .. })),
        step if step.is_image() => {
            begun(Step::is_bridge_image) || journal.was_begun(Direction::Forward, number)
        }
        // After a cut and a boot the running system may bear the new name, whatever was begun before.
        step if step.is_live() => {
            begun(|step| matches!(step, Step::RenameGroup { .. }))
                || journal.was_begun(Direction::Forward, number)
        }
        _ => journal.was_begun(Direction::Forward, number),
    }
}
